#include "source/name_pattern.h"

#include <fmt/format.h>
#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <cstdint>

#include "base/characters.h"
#include "base/error.h"

namespace qvdhouse::source {
namespace {

char32_t ascii_lower(char32_t character) {
  return character >= U'A' && character <= U'Z' ? character + 32 : character;
}

// The C library's Unicode tables, whatever locale the process runs in.
char32_t unicode_lower(char32_t character) {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (character >= base::kStrayByte || locale == nullptr) return ascii_lower(character);
  return static_cast<char32_t>(towlower_l(static_cast<wint_t>(character), locale));
}

}  // namespace

std::string fold_case(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  for (const char32_t character : base::decode_characters(text)) {
    base::append_character(unicode_lower(character), folded);
  }
  return folded;
}

bool NamePattern::Token::accepts(char32_t character) const {
  switch (kind) {
    case Kind::kLiteral:
      return any_case ? ascii_lower(character) == ascii_lower(literal) : character == literal;
    case Kind::kClass:
      return negated != std::ranges::any_of(ranges, [&](const Range& range) {
               return range.first <= character && character <= range.last;
             });
    case Kind::kAnyOne:
    case Kind::kAnyRun:
      break;
  }
  return true;
}

// `at` stands on the character after '['; afterwards on the closing ']'.
NamePattern::Token NamePattern::parse_class(std::u32string_view pattern, std::size_t& at) {
  Token token{.kind = Token::Kind::kClass, .ranges = {}};
  const std::size_t open = at;
  if (at < pattern.size() && (pattern[at] == U'!' || pattern[at] == U'^')) {
    token.negated = true;
    ++at;
  }
  // A ']' that comes first is a member, as in every shell.
  for (bool first = true; at < pattern.size() && (first || pattern[at] != U']'); first = false) {
    const auto member = [&] {
      if (pattern[at] == U'\\' && at + 1 < pattern.size()) ++at;
      return pattern[at++];
    };
    Range range{};
    range.first = range.last = member();
    if (at + 1 < pattern.size() && pattern[at] == U'-' && pattern[at + 1] != U']') {
      ++at;
      range.last = member();
    }
    token.ranges.push_back(range);
  }
  if (at >= pattern.size()) {
    throw base::ConfigError(
        fmt::format("expected a ']' for the '[' at character {}, found the end of the pattern; "
                    "close it, or write \\[ for the character itself",
                    open));
  }
  return token;
}

NamePattern::NamePattern(std::string_view text) {
  const std::u32string pattern = base::decode_characters(text);
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    char32_t character = pattern[at];
    if (character == U'*') {
      const bool repeated = !tokens_.empty() && tokens_.back().kind == Token::Kind::kAnyRun;
      if (!repeated) tokens_.push_back({.kind = Token::Kind::kAnyRun, .ranges = {}});
    } else if (character == U'?') {
      tokens_.push_back({.kind = Token::Kind::kAnyOne, .ranges = {}});
    } else if (character == U'[') {
      tokens_.push_back(parse_class(pattern, ++at));
    } else {
      if (character == U'\\' && at + 1 < pattern.size()) character = pattern[++at];
      tokens_.push_back({.kind = Token::Kind::kLiteral, .literal = character, .ranges = {}});
    }
  }
}

bool NamePattern::names_hidden() const {
  return !tokens_.empty() && tokens_.front().kind == Token::Kind::kLiteral &&
         tokens_.front().literal == U'.';
}

void NamePattern::ignore_extension_case() {
  constexpr std::u32string_view kExtension = U".qvd";
  if (tokens_.size() < kExtension.size()) return;
  const std::size_t start = tokens_.size() - kExtension.size();
  for (std::size_t i = 0; i < kExtension.size(); ++i) {
    const Token& token = tokens_[start + i];
    if (token.kind != Token::Kind::kLiteral || ascii_lower(token.literal) != kExtension[i]) return;
  }
  for (std::size_t i = start; i < tokens_.size(); ++i) tokens_[i].any_case = true;
}

// After a mismatch only the latest `*` needs to take one character more: what earlier ones took can
// stay, because everything between two stars was matched at its first possible place.
bool NamePattern::matches(std::string_view name) const {
  const std::u32string characters = base::decode_characters(name);
  constexpr std::size_t kNone = std::string::npos;
  std::size_t token = 0;
  std::size_t at = 0;
  std::size_t star = kNone;
  std::size_t star_at = 0;
  while (at < characters.size()) {
    if (token < tokens_.size() && tokens_[token].kind == Token::Kind::kAnyRun) {
      star = token++;
      star_at = at;
    } else if (token < tokens_.size() && tokens_[token].accepts(characters[at])) {
      ++token;
      ++at;
    } else if (star != kNone) {
      token = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (token < tokens_.size() && tokens_[token].kind == Token::Kind::kAnyRun) ++token;
  return token == tokens_.size();
}

}  // namespace qvdhouse::source
