// One name against one pattern: `*`, `?`, `[a-z]`, `[!a-z]` and `\` before a character that is
// meant as itself. Characters are those of base/characters.h. Time is linear in
// practice and at worst name length × pattern length.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::source {

class NamePattern {
 public:
  // Throws ConfigError for a `[` that is never closed.
  explicit NamePattern(std::string_view text);

  bool matches(std::string_view name) const;
  // A name that begins with a dot is hidden unless the pattern spells the dot out.
  bool names_hidden() const;
  // From here on a literal ".qvd" at the end matches in any case.
  void ignore_extension_case();

 private:
  struct Range {
    char32_t first;
    char32_t last;
  };
  struct Token {
    enum class Kind { kLiteral, kAnyOne, kAnyRun, kClass } kind;
    char32_t literal = 0;
    bool any_case = false;  // kLiteral, an ASCII letter
    bool negated = false;   // kClass
    std::vector<Range> ranges;
    bool accepts(char32_t character) const;
  };
  static Token parse_class(std::u32string_view pattern, std::size_t& at);
  std::vector<Token> tokens_;
};

// Lower case of all of Unicode, for comparing names in any case; other bytes stay as they are.
std::string fold_case(std::string_view text);

// Which paths below a folder a pattern takes: NamePattern's wildcards within one path part, `{a,b}`
// for alternatives (may be nested and may hold `/`), and a part `**` for any number of folders,
// none included. ".qvd" at the end matches in any case.
//
// A walk carries a State from folder to folder, so that a folder below which nothing can match is
// never read and nothing is ever matched twice.
class Glob {
 public:
  // Throws ConfigError, quoting the pattern, when it is empty, absolute, has a `..` part, an
  // unclosed bracket, or more than 1,000 alternatives.
  explicit Glob(std::string_view pattern);

  struct Position {
    std::uint32_t alternative;
    std::uint32_t part;  // the next one to be matched
    auto operator<=>(const Position&) const = default;
  };
  using State = std::vector<Position>;  // sorted, without duplicates; empty: nothing can match

  enum class Match { kNo, kHidden, kYes };  // kHidden: only the leading dot is not spelled out

  State start() const;
  State enter(const State& state, std::string_view folder_name) const;
  // Whether the folder would be entered if its name did not begin with a dot.
  bool leaves_hidden(const State& state, std::string_view folder_name) const;
  Match takes(const State& state, std::string_view file_name) const;

  // The same for a whole path relative to the start, hidden names included.
  bool matches(std::string_view path) const;

 private:
  struct Part {
    bool any_folders;  // `**`
    NamePattern name;
  };
  State advance(const State& state, std::string_view folder_name, bool dots_too) const;
  bool takes(const State& state, std::string_view file_name, bool dots_too) const;
  void add(State& state, Position position) const;
  std::vector<std::vector<Part>> alternatives_;
};

// Whether `text` holds a wildcard that is not escaped.
bool has_wildcards(std::string_view text);

}  // namespace qvdhouse::source
