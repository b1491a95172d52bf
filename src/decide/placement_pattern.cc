#include "decide/placement_pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/characters.h"
#include "base/encoding.h"
#include "base/error.h"
#include "source/url.h"

namespace qvdhouse::decide {
namespace {

constexpr std::string_view kExtension = ".qvd";

bool has_extension(std::string_view name) {
  return name.size() >= kExtension.size() &&
         base::equal_ignoring_case(name.substr(name.size() - kExtension.size()), kExtension);
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

// Bytes of the name from one character to the next: base::decode_characters() has one character
// a byte that is not UTF-8, beyond the last code point.
std::size_t utf8_bytes(char32_t character) {
  if (character < 0x80 || character >= 0x110000) return 1;
  return character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

bool can_be_part_name(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9') ||
         c == U'_' || (c >= 0x80 && c < 0x110000);
}

// What stands between the braces; `what` is "pattern" or "name".
std::string part_name(std::string_view text, std::string_view what) {
  const std::u32string characters = base::decode_characters(text);
  if (!characters.empty() && std::all_of(characters.begin(), characters.end(), can_be_part_name)) {
    return std::string(text);
  }
  throw base::ConfigError(fmt::format(
      "expected the name of a part between the braces of \"{{{}}}\": letters, digits and _; write "
      "\\{{ for the character itself{}",
      text, what == "pattern" ? ", and alternatives as a list of patterns" : ""));
}

// Behind the ']' that closes the '[' at `open`, by the rules of source::NamePattern; the end when
// there is none, which NamePattern then says.
std::size_t class_end(std::string_view text, std::size_t open) {
  std::size_t at = open + 1;
  if (at < text.size() && (text[at] == '!' || text[at] == '^')) ++at;
  for (bool first = true; at < text.size(); ++at, first = false) {
    if (text[at] == ']' && !first) return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

[[noreturn]] void throw_open_brace(std::size_t byte) {
  throw base::ConfigError(
      fmt::format("expected a '}}' for the '{{' at byte {}, found none; close it, or write \\{{ "
                  "for the character itself",
                  byte + 1));
}

}  // namespace

std::vector<std::string> path_parts(std::string_view path) {
  const std::size_t scheme_end = path.find("://");
  const bool is_encoded =
      scheme_end != std::string_view::npos && source::has_encoded_path(path.substr(0, scheme_end));
  std::vector<std::string> parts;
  for (const std::string_view part : split(path)) {
    parts.push_back(is_encoded ? base::decode_percent(part) : std::string(part));
  }
  return parts;
}

// --- Patterns ---

PlacementPattern::PlacementPattern(std::string_view text) {
  if (text.starts_with('/') || text.find("://") != std::string_view::npos) {
    throw base::ConfigError(
        "expected the end of a path, such as \"Sales_*.qvd\" or \"eu/Sales_*.qvd\", found a whole "
        "one");
  }
  std::vector<std::string_view> parts = split(text);
  // Folders above are any in any case.
  while (!parts.empty() && parts.front() == "**") parts.erase(parts.begin());
  if (parts.empty() || text.ends_with('/')) {
    throw base::ConfigError("expected a pattern such as \"Sales_*.qvd\", found no file name in it");
  }
  std::string_view name = parts.back();
  const std::size_t stem = name.size() - std::min(name.size(), kExtension.size());
  has_extension_ = has_extension(name) && (stem == 0 || name[stem - 1] != '\\');
  if (has_extension_) name = name.substr(0, stem);
  for (const std::string_view& part : parts) {
    if (part == "**" || part == "." || part == "..") {
      throw base::ConfigError(
          fmt::format("expected a folder's name or a pattern for one, found \"{}\"", part));
    }
    names_.push_back(parse(&part == &parts.back() ? name : part));
  }
}

PlacementPattern::Tokens PlacementPattern::parse(std::string_view text) {
  Tokens tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '*') {
      has_wildcards_ = true;
      ++at;
      tokens.push_back({.kind = Token::Kind::kAnyRun, .one_of = {}, .part = {}});
    } else if (c == '{') {
      const std::size_t close = text.find('}', at);
      if (close == std::string_view::npos) throw_open_brace(at);
      std::string name = part_name(text.substr(at + 1, close - at - 1), "pattern");
      if (std::count(part_names_.begin(), part_names_.end(), name) > 0) {
        throw base::ConfigError(fmt::format(
            "expected each part once, found {{{}}} twice; give one another name", name));
      }
      part_names_.push_back(name);
      at = close + 1;
      tokens.push_back({.kind = Token::Kind::kPart, .one_of = {}, .part = std::move(name)});
    } else if (c == '?' || c == '[') {
      has_wildcards_ = true;
      const std::size_t end = c == '?' ? at + 1 : class_end(text, at);
      tokens.push_back({.kind = Token::Kind::kOneOf,
                        .one_of = source::NamePattern(text.substr(at, end - at)),
                        .part = {}});
      at = end;
    } else {
      if (c == '\\' && at + 1 < text.size()) ++at;
      const std::u32string rest = base::decode_characters(text.substr(at, 4));
      tokens.push_back(
          {.kind = Token::Kind::kLiteral, .literal = rest[0], .one_of = {}, .part = {}});
      at += utf8_bytes(rest[0]);
    }
  }
  return tokens;
}

namespace {

// Which rest of the name the tokens from one on match, for all of both: linear in their product.
class MatchTable {
 public:
  MatchTable(std::size_t tokens, std::size_t characters)
      : width_(characters + 1), can_((tokens + 1) * width_, false) {
    can_.back() = true;
  }
  bool operator()(std::size_t token, std::size_t at) const { return can_[token * width_ + at]; }
  void set(std::size_t token, std::size_t at, bool can) { can_[token * width_ + at] = can; }

 private:
  std::size_t width_;
  std::vector<bool> can_;
};

}  // namespace

bool PlacementPattern::match_name(const Tokens& tokens, std::string_view name,
                                  std::vector<schema::NamePart>& parts) {
  const std::u32string characters = base::decode_characters(name);
  std::vector<std::size_t> offsets{0};
  for (const char32_t character : characters) {
    offsets.push_back(offsets.back() + utf8_bytes(character));
  }
  const auto text = [&](std::size_t from, std::size_t to) {
    return name.substr(offsets[from], offsets[to] - offsets[from]);
  };
  const std::size_t end = characters.size();
  MatchTable matches(tokens.size(), end);
  for (std::size_t t = tokens.size(); t-- > 0;) {
    const Token& token = tokens[t];
    for (std::size_t at = end + 1; at-- > 0;) {
      const bool has_more = at < end;
      bool can = false;
      if (token.kind == Token::Kind::kAnyRun) {
        can = matches(t + 1, at) || (has_more && matches(t, at + 1));
      } else if (token.kind == Token::Kind::kPart) {
        can = has_more && (matches(t + 1, at + 1) || matches(t, at + 1));
      } else if (has_more && matches(t + 1, at + 1)) {
        can = token.kind == Token::Kind::kLiteral ? characters[at] == token.literal
                                                  : token.one_of->matches(text(at, at + 1));
      }
      matches.set(t, at, can);
    }
  }
  if (!matches(0, 0)) return false;

  std::size_t at = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const Token& token = tokens[t];
    const std::size_t start = at;
    if (token.kind == Token::Kind::kAnyRun || token.kind == Token::Kind::kPart) {
      for (at = end; !matches(t + 1, at);) --at;
    } else {
      ++at;
    }
    if (token.kind == Token::Kind::kPart) parts.emplace_back(token.part, text(start, at));
  }
  return true;
}

std::optional<std::vector<schema::NamePart>> PlacementPattern::match(
    const std::vector<std::string>& path) const {
  if (path.size() < names_.size()) return std::nullopt;
  const std::size_t above = path.size() - names_.size();
  std::vector<schema::NamePart> parts;
  for (std::size_t i = 0; i + 1 < names_.size(); ++i) {
    if (!match_name(names_[i], path[above + i], parts)) return std::nullopt;
  }
  const std::string_view name = path.back();
  const bool is_qvd = has_extension(name);
  const std::string_view stem = is_qvd ? name.substr(0, name.size() - kExtension.size()) : name;
  const bool matches = has_extension_ ? is_qvd && match_name(names_.back(), stem, parts)
                                      : match_name(names_.back(), stem, parts) ||
                                            match_name(names_.back(), name, parts);
  if (!matches) return std::nullopt;
  return parts;
}

// --- Names ---

NameTemplate::NameTemplate(std::string_view text) {
  const auto literal = [&](char c) {
    if (pieces_.empty() || pieces_.back().is_part) pieces_.push_back({false, ""});
    pieces_.back().text += c;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') {
      const std::size_t close = text.find('}', at);
      if (close == std::string_view::npos) throw_open_brace(at);
      pieces_.push_back({true, part_name(text.substr(at + 1, close - at - 1), "name")});
      at = close;
    } else {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      literal(text[at]);
    }
  }
}

std::string NameTemplate::expand(const std::vector<schema::NamePart>& parts) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const schema::NamePart& known) {
      return piece.is_part && known.first == piece.text;
    });
    name += part == parts.end() ? piece.text : part->second;
  }
  return name;
}

std::vector<std::string> NameTemplate::part_names() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.is_part) names.push_back(piece.text);
  }
  return names;
}

}  // namespace qvdhouse::decide
