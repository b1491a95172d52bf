#include "source/glob.h"

#include <fmt/format.h>
#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <cstdint>
#include <string>

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

namespace {

constexpr std::size_t kMaxAlternatives = 1'000;

// Position of the '}' that closes the '{' at `open`, and of the commas between; a backslash takes
// the next character with it.
struct Braces {
  std::size_t open;
  std::size_t close;
  std::vector<std::size_t> commas;
};

Braces find_close(std::string_view pattern, std::size_t open) {
  Braces braces{.open = open, .close = std::string_view::npos, .commas = {}};
  int depth = 0;
  for (std::size_t i = open; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (c == '{') {
      ++depth;
    } else if (c == ',' && depth == 1) {
      braces.commas.push_back(i);
    } else if (c == '}' && --depth == 0) {
      braces.close = i;
      return braces;
    }
  }
  throw base::ConfigError(fmt::format(
      "expected a '}}' for the '{{' at byte {}, found the end of the pattern; close it, "
      "or write \\{{ for the character itself",
      open + 1));
}

std::size_t find_unescaped(std::string_view text, std::string_view wanted) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (wanted.find(text[i]) != std::string_view::npos) {
      return i;
    }
  }
  return std::string_view::npos;
}

// Works on a list of half-expanded patterns rather than by recursion: the pattern may be as deep as
// its writer likes.
std::vector<std::string> expand_braces(std::string_view pattern) {
  std::vector<std::string> open_ones{std::string(pattern)};
  std::vector<std::string> done;
  while (!open_ones.empty()) {
    const std::string text = std::move(open_ones.back());
    open_ones.pop_back();
    const std::size_t open = find_unescaped(text, "{");
    if (open == std::string::npos) {
      done.push_back(text);
    } else {
      Braces braces = find_close(text, open);
      braces.commas.push_back(braces.close);
      std::size_t start = open + 1;
      for (const std::size_t end : braces.commas) {
        open_ones.push_back(text.substr(0, open) + text.substr(start, end - start) +
                            text.substr(braces.close + 1));
        start = end + 1;
      }
    }
    if (open_ones.size() + done.size() > kMaxAlternatives) {
      throw base::ConfigError(
          fmt::format("expected at most {} alternatives, found more; use a wildcard instead of "
                      "some of the braces",
                      kMaxAlternatives));
    }
  }
  return done;
}

std::vector<std::string_view> split_parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

bool is_hidden(std::string_view name) { return name.starts_with('.'); }

}  // namespace

bool has_wildcards(std::string_view text) {
  return find_unescaped(text, "*?[{") != std::string_view::npos;
}

Glob::Glob(std::string_view pattern) {
  try {
    for (const std::string& text : expand_braces(pattern)) {
      if (text.starts_with('/')) {
        throw base::ConfigError(
            "expected a pattern below the source, found an absolute one; give "
            "the folder as source");
      }
      std::vector<Part> parts;
      for (const std::string_view part : split_parts(text)) {
        if (part == "..") {
          throw base::ConfigError(
              "expected a pattern below the source, found a part \"..\"; give "
              "the folder above as source");
        }
        parts.push_back({.any_folders = part == "**", .name = NamePattern(part)});
      }
      if (parts.empty()) throw base::ConfigError("expected a pattern such as *.qvd, found none");
      parts.back().name.ignore_extension_case();
      alternatives_.push_back(std::move(parts));
    }
  } catch (const base::ConfigError& error) {
    throw base::ConfigError(fmt::format("file pattern \"{}\": {}", pattern, error.what()));
  }
}

// `**` may stand for no folder at all, so its successor is reached together with it.
void Glob::add(State& state, Position position) const {
  const std::vector<Part>& parts = alternatives_[position.alternative];
  state.push_back(position);
  while (parts[position.part].any_folders && position.part + 1 < parts.size()) {
    ++position.part;
    state.push_back(position);
  }
}

Glob::State Glob::start() const {
  State state;
  for (std::uint32_t i = 0; i < alternatives_.size(); ++i) add(state, {i, 0});
  std::ranges::sort(state);
  return state;
}

Glob::State Glob::advance(const State& state, std::string_view folder_name, bool dots_too) const {
  State next;
  for (const Position position : state) {
    const std::vector<Part>& parts = alternatives_[position.alternative];
    const Part& part = parts[position.part];
    if (!dots_too && is_hidden(folder_name) && (part.any_folders || !part.name.names_hidden())) {
      continue;
    }
    if (part.any_folders) {
      add(next, position);
    } else if (position.part + 1 < parts.size() && part.name.matches(folder_name)) {
      add(next, {position.alternative, position.part + 1});
    }
  }
  std::ranges::sort(next);
  next.erase(std::unique(next.begin(), next.end()), next.end());
  return next;
}

Glob::State Glob::enter(const State& state, std::string_view folder_name) const {
  return advance(state, folder_name, false);
}

bool Glob::leaves_hidden(const State& state, std::string_view folder_name) const {
  return is_hidden(folder_name) && enter(state, folder_name).empty() &&
         !advance(state, folder_name, true).empty();
}

bool Glob::takes(const State& state, std::string_view file_name, bool dots_too) const {
  return std::ranges::any_of(state, [&](const Position position) {
    const std::vector<Part>& parts = alternatives_[position.alternative];
    const Part& part = parts[position.part];
    if (position.part + 1 < parts.size()) return false;
    if (!dots_too && is_hidden(file_name) && !part.name.names_hidden()) return false;
    return part.any_folders || part.name.matches(file_name);
  });
}

Glob::Match Glob::takes(const State& state, std::string_view file_name) const {
  if (takes(state, file_name, false)) return Match::kYes;
  return takes(state, file_name, true) ? Match::kHidden : Match::kNo;
}

bool Glob::matches(std::string_view path) const {
  std::vector<std::string_view> parts = split_parts(path);
  if (parts.empty()) return false;
  State state = start();
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) state = advance(state, parts[i], true);
  return takes(state, parts.back(), true);
}

}  // namespace qvdhouse::source
