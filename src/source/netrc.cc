#include "source/netrc.h"

#include <algorithm>

#include "base/text_file.h"
#include "source/name_pattern.h"
#include "source/remote_families.h"

namespace qvdhouse::source {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

// "a word", with backslashes before what is meant as it is.
std::string take_quoted(std::string_view& text) {
  std::string word;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
    word += text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
  return word;
}

// The next word, which a '#' in front makes a comment up to the line's end. Empty: there is none.
std::string take_word(std::string_view& text, bool may_be_comment) {
  skip_blanks(text);
  while (may_be_comment && text.starts_with('#')) {
    text.remove_prefix(std::min(text.find('\n'), text.size()));
    skip_blanks(text);
  }
  if (text.starts_with('"')) return take_quoted(text);
  std::size_t size = 0;
  while (size < text.size() && !is_blank(text[size])) ++size;
  std::string word(text.substr(0, size));
  text.remove_prefix(size);
  return word;
}

// A macro ends with an empty line.
void skip_macro(std::string_view& text) {
  const std::size_t end = text.find("\n\n");
  text.remove_prefix(std::min(end, text.size()));
}

}  // namespace

std::optional<NetrcLogin> login_in_netrc(std::string_view text, std::string_view host) {
  std::optional<NetrcLogin> found;
  bool is_wanted = false;
  while (true) {
    const std::string word = take_word(text, true);
    if (word.empty()) return found;
    const bool is_default = word == "default";
    if (word == "machine" || is_default) {
      if (found) return found;
      is_wanted = is_default || fold_case(take_word(text, false)) == fold_case(host);
      if (is_wanted) found.emplace();
    } else if (word == "macdef") {
      skip_macro(text);
    } else if (word == "login" || word == "password" || word == "account") {
      const std::string value = take_word(text, false);
      if (is_wanted && word == "login") found->user = value;
      if (is_wanted && word == "password") found->password = value;
    }
  }
}

std::optional<NetrcLogin> netrc_login(const Environment& environment, std::string_view host) {
  std::string path = value_of(environment, "NETRC");
  if (path.empty()) path = value_of(environment, "HOME") + "/.netrc";
  return login_in_netrc(base::read_text(path).value_or(""), host);
}

}  // namespace qvdhouse::source
