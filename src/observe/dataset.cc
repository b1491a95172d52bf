#include "observe/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"
#include "source/url.h"

namespace qvdhouse::observe {
namespace {

template <std::size_t Count>
bool is_one_of(std::string_view text, const std::array<std::string_view, Count>& list) {
  return std::ranges::find(list, text) != list.end();
}

// An object's key has no slash in front.
std::string key_of(const source::Url& url) {
  return url.path.starts_with('/') ? url.path.substr(1) : url.path;
}

std::string host_of(const source::Url& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + url.host + "]" : url.host;
  return url.port == 0 ? host : fmt::format("{}:{}", host, url.port);
}

Dataset dataset_of_url(const source::Url& url) {
  constexpr std::array<std::string_view, 3> kS3 = {"s3", "s3a", "s3n"};
  constexpr std::array<std::string_view, 2> kGoogle = {"gs", "gcs"};
  constexpr std::array<std::string_view, 5> kAzure = {"az", "abfs", "abfss", "wasb", "wasbs"};
  if (is_one_of(url.scheme, kS3)) return {"s3://" + url.host, key_of(url)};
  if (is_one_of(url.scheme, kGoogle)) return {"gs://" + url.host, key_of(url)};
  if (is_one_of(url.scheme, kAzure)) {
    const std::string container = url.user.empty() ? "" : url.user + "@";
    return {fmt::format("{}://{}{}", url.scheme, container, host_of(url)), key_of(url)};
  }
  if (url.scheme == "file") return {"file", url.path};
  return {fmt::format("{}://{}", url.scheme, host_of(url)), url.path};
}

// A word, a name in quotes, a text, or one other character.
struct Token {
  enum class Kind { kWord, kQuoted, kText, kOther } kind = Kind::kOther;
  std::string text;
};

bool is_word_letter(char c) {
  return base::is_digit(c) || base::is_lower(c) || base::is_upper(c) || c == '_' || c == '#' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The place behind what is quoted from `open` on; npos when it does not end.
std::size_t end_of_quoted(std::string_view sql, std::size_t open) {
  const char close = sql[open] == '[' ? ']' : sql[open];
  const std::size_t end = sql.find(close, open + 1);
  return end == sql.npos ? end : end + 1;
}

// Empty for what is not read here: comments, variables of scripts, quotes that do not end.
std::vector<Token> tokens_of(std::string_view sql) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    const std::string_view two = sql.substr(at, 2);
    if (two == "--" || two == "/*" || two == "//" || two == "$(") return {};
    if (std::string_view(" \t\r\n").find(c) != std::string_view::npos) {
      ++at;
    } else if (is_word_letter(c)) {
      std::size_t end = at;
      while (end < sql.size() && is_word_letter(sql[end])) ++end;
      tokens.push_back({Token::Kind::kWord, std::string(sql.substr(at, end - at))});
      at = end;
    } else if (std::string_view("\"`['").find(c) != std::string_view::npos) {
      const std::size_t end = end_of_quoted(sql, at);
      if (end == sql.npos) return {};
      tokens.push_back({c == '\'' ? Token::Kind::kText : Token::Kind::kQuoted,
                        std::string(sql.substr(at + 1, end - at - 2))});
      at = end;
    } else {
      tokens.push_back({Token::Kind::kOther, std::string(1, c)});
      ++at;
    }
  }
  return tokens;
}

bool is_word(const Token& token, std::string_view word) {
  return token.kind == Token::Kind::kWord && base::equal_ignoring_case(token.text, word);
}

// Whether what follows a table's name, up to the end of the FROM, leaves it the only table.
bool is_only_table(std::vector<Token>::const_iterator next,
                   std::vector<Token>::const_iterator end) {
  constexpr std::array<std::string_view, 6> kClauses = {"where",  "group", "order",
                                                        "having", "limit", "fetch"};
  const auto is_clause = [&](const Token& token) {
    return std::ranges::any_of(kClauses,
                               [&](std::string_view clause) { return is_word(token, clause); });
  };
  for (; next != end && !is_clause(*next); ++next) {
    // An alias may stand here, and the end of the statement.
    if (next->kind == Token::Kind::kOther && next->text != ";") return false;
  }
  return true;
}

}  // namespace

Dataset dataset_of_file(const std::string& path) {
  try {
    if (const auto url = source::parse_url(path)) return dataset_of_url(*url);
  } catch (const base::ConfigError&) {
    return {"file", path};
  }
  return {"file", path};
}

std::optional<std::string> table_of_select(std::string_view statement) {
  constexpr std::size_t kMostBytes = 64 << 10;
  constexpr std::array<std::string_view, 6> kMoreTables = {"join",   "union", "intersect",
                                                           "except", "apply", "with"};
  if (statement.size() > kMostBytes) return std::nullopt;
  std::vector<Token> tokens = tokens_of(statement);
  // As scripts have it.
  if (!tokens.empty() && is_word(tokens.front(), "sql")) tokens.erase(tokens.begin());
  if (tokens.empty() || !is_word(tokens.front(), "select")) return std::nullopt;
  const auto count = [&](std::string_view word) {
    return std::ranges::count_if(tokens, [&](const Token& t) { return is_word(t, word); });
  };
  const bool has_more =
      std::ranges::any_of(kMoreTables, [&](std::string_view word) { return count(word) > 0; });
  if (has_more || count("select") != 1 || count("from") != 1) return std::nullopt;
  auto next = std::ranges::find_if(tokens, [](const Token& t) { return is_word(t, "from"); });
  std::string name;
  for (++next; next != tokens.end(); ++next) {
    const bool is_name = next->kind == Token::Kind::kWord || next->kind == Token::Kind::kQuoted;
    if (!is_name || next->text.empty()) return std::nullopt;
    name += next->text;
    if (++next == tokens.end() || next->text != "." || next->kind != Token::Kind::kOther) break;
    name += '.';
  }
  if (name.empty() || name.ends_with('.')) return std::nullopt;
  if (!is_only_table(next, tokens.cend())) return std::nullopt;
  return name;
}

}  // namespace qvdhouse::observe
