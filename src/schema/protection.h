// Values that are not to be in a table as they are in the file (docs/privacy.md). What protects
// them works on the symbols of a field, before anything is planned: nothing behind it sees another
// value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "qvd/header.h"
#include "qvd/symbols.h"

namespace qvdhouse::schema {

struct Policy;

struct Protection {
  enum class Kind {
    kNone,      // the values as they are
    kMask,      // stars, and the last `characters` of longer texts
    kHash,      // an HMAC of the text
    kTruncate,  // the first `characters` of the text
    kYear,      // of dates the first day of their year …
    kMonth,     // … or month
    kDrop,      // the column does not exist
  };
  Kind kind = Kind::kNone;
  std::size_t characters = 0;

  bool operator==(const Protection&) const = default;
  // Whether values are others than those of the file.
  bool changes_values() const { return kind != Kind::kNone && kind != Kind::kDrop; }
  // Whether two values may become one.
  bool merges_values() const { return changes_values() && kind != Kind::kHash; }
  // Whether all that is left is text.
  bool makes_text() const {
    return kind == Kind::kMask || kind == Kind::kHash || kind == Kind::kTruncate;
  }
};

// Field or column name, or a pattern → what protects it.
using Protections = std::map<std::string, Protection>;

// What settings may say, as the end of "expected …".
inline constexpr std::string_view kProtectionForms =
    "one of mask, mask(4), hash, truncate(3), truncate(year), truncate(month), drop, none";
// "mask(4)" and back; empty: it is none of kProtectionForms.
std::optional<Protection> parse_protection(std::string_view text);
std::string text_of(const Protection& protection);
// "masked", "hashed", "truncated".
std::string_view participle_of(const Protection& protection);

// What `protections` say of a field by its own name or its column's; null: nothing. The entry with
// just that name counts, else the longest pattern that matches; capitals (of ASCII) do not count.
const Protection* find_protection(const Protections& protections, std::string_view field,
                                  std::string_view column);
// The same of a policy: what the table says comes before what is said of all tables.
Protection protection_of(const Policy& policy, std::string_view field, std::string_view column);

// The symbols of a field as the protection makes them: as many, in the same order. Texts that mean
// a missing value (blank ones and `null_texts`) stay.
struct ProtectedSymbols {
  qvd::SymbolTable symbols;
  std::uint64_t lost_count = 0;  // kYear, kMonth: values that are no dates, and became empty texts
};
// Throws Cancelled when a stop is asked for.
ProtectedSymbols protect(const qvd::SymbolTable& symbols, const qvd::FieldHeader& field,
                         const Protection& protection, std::string_view key,
                         const std::vector<std::string>& null_texts,
                         const std::stop_token& stop = {});

// A name for a key by which nobody learns the key: another key has another one. Empty without one.
std::string key_id(std::string_view key);

}  // namespace qvdhouse::schema
