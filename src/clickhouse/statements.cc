#include "clickhouse/statements.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/ascii.h"

namespace qvdhouse::clickhouse {
namespace {

bool is_word_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Behind `end`, looked for from `from` on; the end of the text when it is not there.
std::size_t behind(std::string_view text, std::string_view end, std::size_t from) {
  const std::size_t found = text.find(end, from);
  return found == std::string_view::npos ? text.size() : found + end.size();
}

// Behind the quotes that begin at `at`; one of them within is doubled or behind a backslash.
std::size_t behind_quotes(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote && text.substr(i + 1).starts_with(quote)) {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    }
  }
  return text.size();
}

// Behind the comment that begins at `at`; `at` where none does.
std::size_t behind_comment(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("--") || rest.starts_with("# ") || rest.starts_with("#!")) {
    return behind(text, "\n", at);
  }
  return rest.starts_with("/*") ? behind(text, "*/", at + 2) : at;
}

// Behind the heredoc ($tag$ … $tag$) that begins at `at`; `at` where none does.
std::size_t behind_heredoc(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && is_word_letter(text[end])) ++end;
  if (end >= text.size() || text[end] != '$') return at;
  const std::string_view tag = text.substr(at, end + 1 - at);
  const std::size_t closing = text.find(tag, end + 1);
  return closing == std::string_view::npos ? at : closing + tag.size();
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
    const char c = text_[at];
    if (is_blank(c)) return at + 1;
    if (const std::size_t end = behind_comment(text_, at); end != at) return end;
    has_token_ = true;
    if (c == '\'' || c == '"' || c == '`') return behind_quotes(text_, at);
    if (c == '$') return std::max(behind_heredoc(text_, at), at + 1);
    if (c == '(') ++depth_;
    if (c == ')') --depth_;
    if (!is_word_letter(c)) return at + 1;
    std::size_t end = at;
    while (end < text_.size() && is_word_letter(text_[end])) ++end;
    has_rows_ = !take_word(text_.substr(at, end - at));
    return has_rows_ ? text_.size() : end;
  }

  // False where the rest of the text is rows of this statement.
  bool take_word(std::string_view word) {
    if (is_first_word_) is_insert_ = base::equal_ignoring_case(word, "INSERT");
    is_first_word_ = false;
    if (!is_insert_ || depth_ != 0) return true;
    if (base::equal_ignoring_case(word, "SELECT")) is_insert_ = false;
    return !base::equal_ignoring_case(word, "FORMAT");
  }

  void finish(std::size_t end) {
    const std::string_view whole = text_.substr(begin_, end - begin_);
    const auto first = std::ranges::find_if_not(whole, is_blank);
    const auto start = begin_ + static_cast<std::size_t>(first - whole.begin());
    line_ += static_cast<std::size_t>(
        std::ranges::count(text_.substr(counted_, start - counted_), '\n'));
    counted_ = start;
    const std::string_view text(first, whole.end());
    if (has_token_) found_.push_back({has_rows_ ? text : base::trimmed(text), line_});
    has_token_ = has_rows_ = false;
    is_first_word_ = true;
    is_insert_ = false;
    depth_ = 0;
  }

  std::string_view text_;
  std::vector<Statement> found_;
  std::size_t begin_ = 0;    // of the statement
  std::size_t counted_ = 0;  // up to where lines are counted
  std::size_t line_ = 1;
  bool has_token_ = false;
  bool is_first_word_ = true;
  bool is_insert_ = false;  // whose rows may follow
  bool has_rows_ = false;   // behind it, to the end of the text
  int depth_ = 0;           // of parentheses
};

}  // namespace

std::vector<Statement> split_statements(std::string_view text) { return Splitter(text).split(); }

bool may_call(std::string_view statement, std::string_view name) {
  bool is_behind_dot = false;
  for (std::size_t at = 0; at < statement.size();) {
    const char c = statement[at];
    const std::size_t comment_end = behind_comment(statement, at);
    if (is_blank(c) || comment_end != at) {
      at = std::max(comment_end, at + 1);
      continue;
    }
    std::size_t end = at + 1;
    std::string_view word;
    if (c == '\'' || c == '"' || c == '`') {
      end = behind_quotes(statement, at);
      if (c != '\'') word = statement.substr(at + 1, end - at - 2);
      if (word.find("\\x") != std::string_view::npos) return true;
    } else if (c == '$') {
      end = std::max(behind_heredoc(statement, at), end);
    } else if (is_word_letter(c)) {
      while (end < statement.size() && is_word_letter(statement[end])) ++end;
      word = statement.substr(at, end - at);
    }
    if (word == name && !is_behind_dot) return true;
    is_behind_dot = c == '.';
    at = end;
  }
  return false;
}

}  // namespace qvdhouse::clickhouse
