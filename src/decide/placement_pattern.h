// The two small languages of a table's rule: the pattern that files match, and the table's name.
// In both `{part}` names a piece of the path, and `\` takes the next character as itself. In a
// pattern a part may be bound, `{part:BOUND}`, where BOUND is one of
//
//   digits, letters, characters     one or more of them
//   6 digits, 2-4 letters           that many
//   date                            a day, 20171130 or 2017-11-30; its value is 2017-11-30
//   /REGEX/                         what the regular expression (RE2's syntax) matches as a whole
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/table_rules.h"
#include "source/glob.h"

namespace qvdhouse::decide {

// The parts of a path between its slashes; a URL's are decoded where its scheme encodes them.
std::vector<std::string> path_parts(std::string_view path);

// What a part may stand for.
class PartBound {
 public:
  PartBound() = default;  // one or more characters
  // `text` as above. Throws ConfigError for one that cannot be understood.
  explicit PartBound(std::string_view text);
  ~PartBound();
  PartBound(PartBound&&) noexcept;
  PartBound& operator=(PartBound&&) noexcept;

  bool is_bound() const { return kind_ != Kind::kAny; }
  bool is_date() const { return kind_ == Kind::kDate; }
  // As it was written; empty when it is none.
  const std::string& text() const { return text_; }

  // Whether a piece of a name, of so many characters, is one of these.
  bool holds(std::string_view piece, std::size_t character_count) const;
  // The piece as the column has it.
  std::string value_of(std::string_view piece) const;

 private:
  enum class Kind { kAny, kDigits, kLetters, kCharacters, kDate, kRegex };
  struct Regex;
  Kind kind_ = Kind::kAny;
  std::size_t fewest_ = 1;
  std::size_t most_ = ~std::size_t{0};
  std::unique_ptr<Regex> regex_;
  std::string text_;
};

// A file's name without its ".qvd".
std::string_view stem_of(std::string_view name);

// A pattern for the end of a path (placement.h). Where several ways to match exist, what stands
// further left takes as much as it can: of "A_B_1.qvd", "{table}_{n}.qvd" makes "A_B" and "1".
class PlacementPattern {
 public:
  // Throws ConfigError for one that can match nothing or that cannot be understood.
  explicit PlacementPattern(std::string_view text);

  // The parts in the pattern's order; nothing when it does not match. A file name is also matched
  // without its ".qvd" when the pattern has none, and with it in any case when it has. Of `path`
  // the last `below` components lie below the source; what is above them is matched by plain names
  // only, not by parts and wildcards.
  std::optional<std::vector<schema::NamePart>> match(const std::vector<std::string>& path,
                                                     std::size_t below = ~std::size_t{0}) const;

  // For a path that does not match: the parts as they would be if none were bound, of those that
  // are not what their bound says ("{month:6 digits}", "Budget"). Empty: it does not match then
  // either.
  std::vector<schema::NamePart> near_misses(const std::vector<std::string>& path,
                                            std::size_t below = ~std::size_t{0}) const;

  const std::vector<std::string>& part_names() const { return part_names_; }
  // Whether a part may be anything.
  bool takes_anything(std::string_view part) const;
  // Parts whose values are dates.
  std::vector<std::string> date_parts() const;
  // Whether it holds a `*`, `?` or `[…]`: what they stand for is in no part.
  bool has_wildcards() const { return has_wildcards_; }

 private:
  struct Token {
    enum class Kind { kLiteral, kOneOf, kAnyRun, kPart } kind;
    char32_t literal = 0;
    std::optional<source::NamePattern> one_of;  // kOneOf: matches one character
    std::string part;                           // kPart
    PartBound bound;                            // of it
  };
  using Tokens = std::vector<Token>;
  class Matcher;
  // A part as it was found, with its token.
  struct Found {
    const Token* token;
    std::string piece;
  };
  Tokens parse(std::string_view text);
  std::size_t parse_part(std::string_view text, std::size_t open, Tokens& tokens);
  std::optional<std::vector<Found>> find_parts(const std::vector<std::string>& path,
                                               std::size_t below, bool is_bound) const;

  std::vector<Tokens> names_;  // of folders; of the file, without ".qvd", last
  bool has_extension_ = false;
  bool has_wildcards_ = false;
  bool has_bounds_ = false;
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
