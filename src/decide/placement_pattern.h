// The two small languages of a table's rule: the pattern that files match, and the table's name.
// In both `{part}` names a piece of the path, and `\` takes the next character as itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/table_rules.h"
#include "source/glob.h"

namespace qvdhouse::decide {

// The parts of a path between its slashes; a URL's are decoded where its scheme encodes them.
std::vector<std::string> path_parts(std::string_view path);

// A pattern for the end of a path (placement.h). Where several ways to match exist, what stands
// further left takes as much as it can: of "A_B_1.qvd", "{table}_{n}.qvd" makes "A_B" and "1".
class PlacementPattern {
 public:
  // Throws ConfigError for one that can match nothing or that cannot be understood.
  explicit PlacementPattern(std::string_view text);

  // The parts in the pattern's order; nothing when it does not match. A file name is also matched
  // without its ".qvd" when the pattern has none, and with it in any case when it has.
  std::optional<std::vector<schema::NamePart>> match(const std::vector<std::string>& path) const;

  const std::vector<std::string>& part_names() const { return part_names_; }
  // Whether it holds a `*`, `?` or `[…]`: what they stand for is in no part.
  bool has_wildcards() const { return has_wildcards_; }

 private:
  struct Token {
    enum class Kind { kLiteral, kOneOf, kAnyRun, kPart } kind;
    char32_t literal = 0;
    std::optional<source::NamePattern> one_of;  // kOneOf: matches one character
    std::string part;                           // kPart
  };
  using Tokens = std::vector<Token>;
  Tokens parse(std::string_view text);
  static bool match_name(const Tokens& tokens, std::string_view name,
                         std::vector<schema::NamePart>& parts);

  std::vector<Tokens> names_;  // of folders; of the file, without ".qvd", last
  bool has_extension_ = false;
  bool has_wildcards_ = false;
  std::vector<std::string> part_names_;
};

// A table's name with {parts}.
class NameTemplate {
 public:
  // Throws ConfigError for braces that are not closed, or hold nothing.
  explicit NameTemplate(std::string_view text);

  // Every part that it names must be among `parts`.
  std::string expand(const std::vector<schema::NamePart>& parts) const;
  std::vector<std::string> part_names() const;

 private:
  struct Piece {
    bool is_part;
    std::string text;
  };
  std::vector<Piece> pieces_;
};

}  // namespace qvdhouse::decide
