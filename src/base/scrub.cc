#include "base/scrub.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/ascii.h"

namespace qvdhouse::base {
namespace {

constexpr std::string_view kStars = "***";

// Ends of names whose values are secrets, without blanks, - and _, in lower case.
constexpr std::array<std::string_view, 16> kSecretNames = {
    "password",  "passwd", "pwd", "secret",   "token",     "apikey", "accesskey",  "accountkey",
    "sharedkey", "userid", "uid", "username", "signature", "sig",    "credential", "authorization"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Whether the name that ends the text is that of a secret. "User ID" is one name, so blanks within
// are passed over, one at a time.
bool ends_in_secret_name(std::string_view text) {
  std::string name;
  constexpr std::size_t kLongest = 24;
  bool after_blank = false;
  for (std::size_t i = text.size(); i > 0 && name.size() < kLongest; --i) {
    const char c = text[i - 1];
    const bool is_joint = c == '_' || c == '-' || c == ' ';
    if (!is_word(c) && !is_joint) break;
    if (c == ' ' && after_blank) break;
    after_blank = c == ' ';
    if (is_joint) continue;
    name.insert(name.begin(), to_lower(c));
    if (std::ranges::any_of(kSecretNames, [&](std::string_view s) { return name == s; })) {
      return true;
    }
  }
  // "XPassword", "awsSecretAccessKey": a word of which the name is the end.
  return std::ranges::any_of(kSecretNames,
                             [&](std::string_view s) { return s.size() > 3 && name.ends_with(s); });
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

// Where the value begins that is set from `at` on ("=", ":", "is"); npos: none is.
std::size_t value_begin(std::string_view text, std::size_t at) {
  const std::size_t sign = skip_blanks(text, at);
  if (sign >= text.size()) return std::string_view::npos;
  if (text[sign] == '=' || text[sign] == ':') return skip_blanks(text, sign + 1);
  const bool is_is = sign > at && sign + 2 < text.size() &&
                     equal_ignoring_case(text.substr(sign, 2), "is") && is_blank(text[sign + 2]);
  return is_is ? skip_blanks(text, sign + 3) : std::string_view::npos;
}

// Whether the name that ends the text is one of a connection string: up to three words ("Jet
// OLEDB:Database Password") at the beginning, in quotes or brackets, or behind a semicolon.
bool ends_in_key(std::string_view text) {
  constexpr int kMostWords = 3;
  int words = 0;
  std::size_t at = text.size();
  for (; at > 0; --at) {
    const char c = text[at - 1];
    if (!is_word(c) && !is_blank(c) && std::string_view("_-:.").find(c) == std::string_view::npos) {
      break;
    }
    const bool begins_word = !is_blank(c) && (at == 1 || is_blank(text[at - 2]));
    if (begins_word && ++words > kMostWords) return false;
  }
  return at == 0 || std::string_view(";\"'[{").find(text[at - 1]) != std::string_view::npos;
}

// A quoted value ends with its quote, one of a connection string before the next semicolon, any
// other before what parts values. "Bearer x" is one value.
std::size_t value_end(std::string_view text, std::size_t begin, bool is_of_key) {
  if (begin < text.size() && (text[begin] == '"' || text[begin] == '\'' || text[begin] == '{')) {
    const std::size_t end = text.find(text[begin] == '{' ? '}' : text[begin], begin + 1);
    return end == std::string_view::npos ? text.size() : end + 1;
  }
  if (is_of_key) return std::min(text.find_first_of(";\"'\r\n", begin), text.size());
  std::size_t end = begin;
  while (end < text.size() &&
         std::string_view(";,&)]\"'\r\n\t").find(text[end]) == std::string_view::npos) {
    if (text[end] == ' ') {
      const std::string_view before = text.substr(begin, end - begin);
      if (before != "Bearer" && before != "Basic") break;
    }
    ++end;
  }
  return end;
}

std::string without_assigned_secrets(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    out += text[at++];
    const bool ends_word = is_word(text[at - 1]) && (at == text.size() || !is_word(text[at]));
    if (!ends_word) continue;
    // A quoted name, as in JSON, is followed by its quote.
    const bool is_quoted = at < text.size() && (text[at] == '"' || text[at] == '\'');
    const std::size_t begin = value_begin(text, is_quoted ? at + 1 : at);
    if (begin == std::string_view::npos || !ends_in_secret_name(text.substr(0, at))) continue;
    const bool is_of_key =
        !is_quoted && text[skip_blanks(text, at)] == '=' && ends_in_key(text.substr(0, at));
    const std::size_t end = value_end(text, begin, is_of_key);
    if (end == begin) continue;
    out += text.substr(at, begin - at);
    out += kStars;
    at = end;
  }
  return out;
}

// "scheme://user:password@host" → "scheme://***@host".
std::string without_user_info(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t scheme = text.find("://", at);
    if (scheme == std::string::npos) return out + text.substr(at);
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(text.find_first_of("/?# \t\r\n\"'<>", begin), text.size());
    const std::size_t sign = std::string_view(text).substr(begin, end - begin).rfind('@');
    out += text.substr(at, begin - at);
    at = begin;
    if (sign != std::string_view::npos) {
      out += kStars;
      at = begin + sign;
    }
  }
}

}  // namespace

std::string scrubbed(std::string_view text) {
  return without_user_info(without_assigned_secrets(text));
}

}  // namespace qvdhouse::base
