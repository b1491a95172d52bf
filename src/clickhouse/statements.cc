#include "clickhouse/statements.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/ascii.h"

namespace qvdhouse::clickhouse {
namespace {

bool is_word_letter(char c) {
  return base::is_lower(c) || base::is_upper(c) || base::is_digit(c) || c == '_';
}

// How many bytes of a blank stand there, as ClickHouse knows blanks; 0 where none stands.
std::size_t blank_size(std::string_view text) {
  constexpr std::string_view kAscii = " \t\n\r\f\v";
  constexpr std::array<std::string_view, 24> kOthers = {
      "\u0085", "\u00A0", "\u180E", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
      "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u200B", "\u200C",
      "\u200D", "\u2028", "\u2029", "\u202F", "\u205F", "\u2060", "\u3000", "\uFEFF"};
  if (text.empty()) return 0;
  if (kAscii.find(text[0]) != std::string_view::npos) return 1;
  if (static_cast<unsigned char>(text[0]) < 0x80) return 0;
  for (const std::string_view blank : kOthers) {
    if (text.starts_with(blank)) return blank.size();
  }
  return 0;
}

// Behind `end`, looked for from `from` on; the end of the text when it is not there.
std::size_t behind(std::string_view text, std::string_view end, std::size_t from) {
  const std::size_t found = text.find(end, from);
  return found == std::string_view::npos ? text.size() : found + end.size();
}

// Behind the quotes that begin at `at`; one of them within is doubled or behind a backslash.
std::size_t behind_ascii_quotes(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    const bool is_doubled = text[i] == quote && text.substr(i + 1).starts_with(quote);
    if (text[i] == '\\' || is_doubled) {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    }
  }
  return text.size();
}

// Behind the quotes that begin at `at`; `at` where none do. Typographic ones know no escapes.
std::size_t behind_quotes(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest[0] == '\'' || rest[0] == '"' || rest[0] == '`') return behind_ascii_quotes(text, at);
  if (rest.starts_with("\u2018")) return behind(text, "\u2019", at);
  return rest.starts_with("\u201C") ? behind(text, "\u201D", at) : at;
}

// Behind the comment that begins at `at`; `at` where none does. Those in /* */ nest.
std::size_t behind_comment(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  for (const std::string_view opening : {"--", "//", "# ", "#!"}) {
    if (rest.starts_with(opening)) return behind(text, "\n", at);
  }
  if (!rest.starts_with("/*")) return at;
  std::size_t end = at + 2;
  for (std::size_t depth = 1; depth != 0;) {
    end = text.find_first_of("/*", end);
    if (end == std::string_view::npos) return text.size();
    const std::string_view two = text.substr(end, 2);
    if (two == "/*") ++depth;
    if (two == "*/") --depth;
    end += two == "/*" || two == "*/" ? 2U : 1U;
  }
  return end;
}

// Behind the heredoc ($tag$ … $tag$) that begins at `at`; `at` where none does.
std::size_t behind_heredoc(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && is_word_letter(text[end])) ++end;
  if (text[at] != '$' || end >= text.size() || text[end] != '$') return at;
  const std::string_view tag = text.substr(at, end + 1 - at);
  const std::size_t closing = text.find(tag, end + 1);
  return closing == std::string_view::npos ? at : closing + tag.size();
}

// Behind the word or number that begins at `at`; `at` where none does. A word may hold a $.
std::size_t behind_word(std::string_view text, std::size_t at) {
  const bool is_number = base::is_digit(text[at]);
  std::size_t end = at;
  while (end < text.size() && (is_word_letter(text[end]) || (text[end] == '$' && !is_number))) {
    ++end;
  }
  return end;
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<Statement> split() {
    std::size_t at = 0;
    while (at < text_.size()) {
      if (text_[at] == ';') {
        finish(at);
        begin_ = ++at;
      } else {
        at = step(at);
      }
    }
    finish(text_.size());
    return std::move(found_);
  }

 private:
  // Behind the token at `at`, which is no semicolon.
  std::size_t step(std::size_t at) {
    if (const std::size_t size = blank_size(text_.substr(at)); size != 0) return at + size;
    if (const std::size_t end = behind_comment(text_, at); end != at) return end;
    has_token_ = true;
    if (const std::size_t end = behind_quotes(text_, at); end != at) return end;
    if (const std::size_t end = behind_heredoc(text_, at); end != at) return end;
    if (text_[at] == '(') ++depth_;
    if (text_[at] == ')') --depth_;
    const std::size_t end = behind_word(text_, at);
    if (end == at) return at + 1;
    has_rows_ = !take_word(text_.substr(at, end - at));
    return has_rows_ ? text_.size() : end;
  }

  // False where the rest of the text is rows of this statement.
  bool take_word(std::string_view word) {
    if (first_word_.empty()) {
      first_word_ = word;
      is_insert_ = base::equal_ignoring_case(word, "INSERT");
    }
    if (!is_insert_ || depth_ != 0) return true;
    if (base::equal_ignoring_case(word, "SELECT")) is_insert_ = false;
    return !base::equal_ignoring_case(word, "FORMAT");
  }

  void finish(std::size_t end) {
    std::size_t start = begin_;
    for (std::size_t size = 1; start < end && size != 0; start += size) {
      size = blank_size(text_.substr(start, end - start));
    }
    line_ += static_cast<std::size_t>(
        std::ranges::count(text_.substr(counted_, start - counted_), '\n'));
    counted_ = start;
    const std::string_view text = text_.substr(start, end - start);
    const bool is_alone = begin_ == 0 && end == text_.size();
    if (has_token_) {
      found_.push_back({.text = is_alone    ? text_
                                : has_rows_ ? text
                                            : base::trimmed(text),
                        .line = line_,
                        .first_word = first_word_});
    }
    has_token_ = has_rows_ = is_insert_ = false;
    first_word_ = {};
    depth_ = 0;
  }

  std::string_view text_;
  std::vector<Statement> found_;
  std::size_t begin_ = 0;    // of the statement
  std::size_t counted_ = 0;  // up to where lines are counted
  std::size_t line_ = 1;
  std::string_view first_word_;
  bool has_token_ = false;
  bool is_insert_ = false;  // whose rows may follow
  bool has_rows_ = false;   // behind it, to the end of the text
  int depth_ = 0;           // of parentheses
};

}  // namespace

std::vector<Statement> split_statements(std::string_view text) { return Splitter(text).split(); }

bool may_name(std::string_view statement, std::string_view function) {
  return statement.find_first_of("\\{") != std::string_view::npos ||
         base::to_lower(statement).find(base::to_lower(function)) != std::string::npos;
}

bool shows_no_call(std::string_view tree, std::string_view function) {
  constexpr std::array<std::string_view, 6> kWhole = {
      "SelectWithUnionQuery", "DescribeQuery", "Explain ",
      "ShowCreate",           "Exists",        "SelectIntersectExceptQuery"};
  if (std::ranges::none_of(kWhole, [&](std::string_view root) { return tree.starts_with(root); })) {
    return false;
  }
  const std::string lower = base::to_lower(tree);
  if (lower.find("columnsapplytransformer") != std::string::npos) return false;
  for (const std::string_view node : {" function ", " identifier "}) {
    const std::string call = std::string(node) + base::to_lower(function);
    for (std::size_t at = lower.find(call); at != std::string::npos;
         at = lower.find(call, at + 1)) {
      const std::size_t end = at + call.size();
      if (end == lower.size() || lower[end] == ' ' || lower[end] == '\n') return false;
    }
  }
  return true;
}

}  // namespace qvdhouse::clickhouse
