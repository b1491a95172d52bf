// Rules for the values of a table's columns (docs/validation.md): what a user says of them, and
// which distinct values of a file break them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/dictionary.h"
#include "qvd/symbols.h"

namespace qvdhouse::schema {

struct ColumnPlan;

// What becomes of a row that breaks a rule. The later, the stricter: of a row that breaks several,
// the strictest counts.
enum class RuleAction {
  kWarn,        // it is loaded, and counted in a warning
  kDrop,        // it is left out, and counted
  kQuarantine,  // it goes to the quarantine table
  kError,       // its file fails
};
constexpr auto words(RuleAction) {
  return std::to_array<std::string_view>({"warn", "drop", "quarantine", "error"});
}

// What is said of the columns of one name or pattern; all of it has to hold.
struct ColumnRule {
  std::string columns;  // field or column name, or a pattern
  bool not_null = false;
  std::optional<std::string> min;  // a number or a date, as number_or_serial() reads it
  std::optional<std::string> max;
  std::optional<std::string> matches;  // RE2, of the whole text
  std::vector<std::string> in;         // empty: any value
  bool unique = false;
  bool fits_type = false;  // each value is exactly one of the column's named type
  RuleAction action = RuleAction::kError;
};

// What is wrong with the rule, as the end of "expected …"; empty: nothing.
std::string wrong_in(const ColumnRule& rule);

// One condition of a rule, held against the distinct values of a column.
struct ColumnCheck {
  std::string rule;  // "min = 0"
  RuleAction action = RuleAction::kError;
  // A value must not be in two rows: which values are is for whoever has counted the rows.
  bool is_unique = false;
  // By code (qvd/rows.h): 1 where a row with it breaks the rule; empty: none does.
  std::vector<std::uint8_t> broken;

  bool has_broken() const { return !broken.empty(); }
  std::uint64_t broken_count() const;  // distinct values, NULL as one of them
};

// `may_be_null`: cells of the field may; `dictionary`: the symbols, cast to the column. NULL breaks
// not_null alone; a value that does not fit its type breaks fits_type alone. Throws Cancelled when
// a stop is asked for.
std::vector<ColumnCheck> check_values(const ColumnRule& rule, const qvd::SymbolTable& symbols,
                                      bool may_be_null, const ColumnPlan& column,
                                      const clickhouse::Dictionary& dictionary,
                                      const std::stop_token& stop = {});

}  // namespace qvdhouse::schema
