// What a user may decide about types and names (docs/type-mapping.md). Plain values; the defaults
// lose nothing.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/dialect.h"
#include "schema/protection.h"

namespace qvdhouse::schema {

enum class DualPolicy { kAuto, kNumber, kText, kBoth };
enum class MixedPolicy { kString, kSplit, kError };
enum class DecimalPolicy {
  kFormat,  // of fields that the header calls MONEY or FIX
  kAuto,    // also of fields all of whose numbers have few digits
  kNever,
};
enum class IntegerPolicy { kWide, kNarrow };
enum class DatePolicy { kExact, kFloor };
// What becomes of the few values that a column of dates cannot hold.
enum class OutsiderPolicy {
  kClamp,   // a number is stored as the nearest end of the range, a text as NULL; both exactly in a
            // column beside
  kNull,    // stored as NULL; exactly in a column beside
  kSerial,  // the field is not taken for dates
  kError,   // the file fails
};
// How columns and the tables of files are named.
enum class NamingPolicy {
  kSource,    // the field's name; the words of the file's, inner capitals kept
  kSnake,     // snake_case; tables as with kSource
  kOriginal,  // the field's name; tables as the Python pipeline named them
};

struct Policy {
  DualPolicy dual = DualPolicy::kAuto;
  MixedPolicy mixed = MixedPolicy::kString;
  IntegerPolicy integers = IntegerPolicy::kWide;
  DecimalPolicy decimals = DecimalPolicy::kFormat;
  DatePolicy dates = DatePolicy::kExact;
  // Columns that a table has as numbers, or as texts with numbers beside: their fields are planned
  // by the rules of version 0.1 (no outsiders among dates, a time of day ends before 24:00), so
  // that an upgrade changes no table.
  std::set<std::string> as_in_0_1;
  OutsiderPolicy outsiders = OutsiderPolicy::kClamp;
  std::map<std::string, OutsiderPolicy> outsiders_of;  // field or column name, or pattern → its own
  NamingPolicy naming = NamingPolicy::kSource;
  // Texts that mean a missing value, as whole texts: they are NULL. Field or column name, or
  // pattern → its own in place of those.
  std::vector<std::string> null_texts;
  std::map<std::string, std::vector<std::string>> null_texts_of;
  std::uint64_t low_cardinality_limit = 10'000;  // symbols
  std::string timezone;                          // empty: stamps read the same, as UTC
  clickhouse::Dialect dialect;                   // of the server: types that it lacks are not used
  std::string table_prefix = "Qvd";
  // Field name (as in the file) or column name → ClickHouse type.
  std::map<std::string, std::string> overrides;
  // Field or column names, or patterns: a value that does not fit the column's named type is left
  // to the rules of its table (ColumnRule::fits_type) and is no error by itself.
  std::vector<std::string> leaves_misfits;
  // Which fields become columns, and their names: patterns with * for any characters, capitals as
  // the file has them; see TableRules.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  // Narrows them to the fields that somebody asked for; empty: all.
  std::vector<std::string> only;
  std::vector<std::pair<std::string, std::string>> rename;
  // What protects values, of all tables and of this one, and the key of hashes.
  Protections protections;
  Protections protections_of_table;
  std::string privacy_key;
  // Field names for ORDER BY; empty: chosen by rule.
  std::vector<std::string> order_by;
};

}  // namespace qvdhouse::schema
