// One name against one pattern: `*`, `?`, `[a-z]`, `[!a-z]` and `\` before a character that is
// meant as itself. Characters are those of base/characters.h. Time is linear in
// practice and at worst name length × pattern length.
#pragma once

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

}  // namespace qvdhouse::source
