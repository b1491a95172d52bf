// A table against the files that are to go into it: the columns that hold both without losing
// anything (docs/type-mapping.md, "A set of files that share a table"), and what has to be changed.
// Pure functions.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"
#include "clickhouse/column_type.h"
#include "schema/plan.h"
#include "schema/table_rules.h"

namespace qvdhouse::schema {

struct ShapeColumn {
  std::string name;
  clickhouse::ColumnType type;
  bool is_empty = false;     // the file has no value for it, only NULL: any type that may be NULL
  bool fits_float64 = true;  // each value is exactly a Float64 (else they become text beside one)
  bool is_outside = false;   // it holds what the column of dates before it cannot
  TextStyle text_style = TextStyle::kOld;  // kString

  // Two tables are alike when names and types are.
  bool operator==(const ShapeColumn& other) const {
    return name == other.name && type == other.type;
  }
};
// The columns of a table in their order: those of fields and of name parts. Own columns (`_file`,
// `_version`, `_row`, `_loaded_at`, `_run_id`) are never in it.
using Shape = std::vector<ShapeColumn>;

// The narrowest type that holds every value of both; `is_exact` false: only where the values say so
// (whole numbers beyond 2^53 as Float64), which has to be asked of the data. Commutative and
// associative, so that the order of files does not matter.
struct Join {
  clickhouse::ColumnType type;
  bool is_exact = true;
};
Join join_types(const clickhouse::ColumnType& a, const clickhouse::ColumnType& b);

// A column of a table in use that is another from a load on: the event that the summary, the
// history, metrics and alerts tell.
struct ColumnChange {
  enum class Kind {
    kAdded,
    kRemoved,
    kNullable,  // only that: the same values, and NULL
    kWidened,   // every value of the type before is one of the new one
    kText,      // another type before
    kRetyped,   // in any other way
  };
  Kind kind() const;
  // Whether the column loses what its type said of its values: dates, stamps and times that become
  // anything else, and numbers that become text.
  bool gives_up() const;

  std::string column;
  std::optional<clickhouse::ColumnType> from;  // absent: the table lacked the column
  std::optional<clickhouse::ColumnType> to;    // absent: the table lacks it from now on
  std::string reason{};                        // why the file's own values have that type
};
constexpr auto words(ColumnChange::Kind) {
  return std::to_array<std::string_view>(
      {"added", "removed", "nullable", "widened", "text", "retyped"});
}
std::string said_of(const ColumnChange& change);

// What changes where a table with the columns `before` gets those of `after`: in the order of
// `before`, then new ones; without reasons. Whether texts are LowCardinality is no change.
std::vector<ColumnChange> find_changes(const Shape& before, const Shape& after);

struct Change {
  enum class Kind {
    kAdd,      // the table gets the column
    kWiden,    // its type changes
    kMissing,  // the files lack it: NULL in their rows (its type may have to become Nullable:
               // kWiden)
    kIgnored,  // kDiscard: the files' column is left out
  };
  Kind kind;
  std::string column;
  std::optional<clickhouse::ColumnType> from;  // kWiden, kMissing
  std::optional<clickhouse::ColumnType> to;    // kAdd, kWiden
  bool needs_check = false;                    // kWiden: exact only if the table's values allow it
  bool needs_rebuild = false;                  // kWiden: of a key column, which no ALTER can change
  // kWiden of numbers to text that has a number column beside it: that one, which gets the numbers
  // of the rows that are there.
  std::string numbers_to;
  std::string reason;  // a sentence
};

// What a file's load has to say of a column that is left out (kIgnored).
std::string said_of(const Change& change);

struct Key {
  std::vector<std::string> columns;
  bool is_given = true;  // by order_by or partition_by
};

struct Drift {
  Shape shape;  // what the table is to be: the live columns in their order, then new ones
  std::vector<Change> changes;
};

// `live`: what the table is (empty: it is not there, and nothing changes); `wanted`: what each file
// would be by itself; `key`: columns of ORDER BY and partition key, which are never Nullable: a
// column that has to be leaves a key that was chosen by rule, and is refused in one that was set.
// `rows_stay`: the table keeps rows, so that new columns are NULL in them; false where
// its only file is replaced. Throws SchemaError when the policy forbids a change, naming column,
// both types and the fix.
Drift find_drift(const Shape& live, const std::vector<Shape>& wanted, DriftPolicy policy,
                 const Key& key, bool rows_stay = true);

Shape shape_of(const TablePlan& plan);

// Whether it is one of kOwnColumns.
bool is_own_column(std::string_view name);
// The same of a column of a file, whose fields may have such names.
bool is_own_column(const ColumnPlan& column);

// Statements that make the table what it is to be, one a change: "ALTER TABLE … ADD COLUMN …",
// "MODIFY COLUMN …" with codec and comment as `definition` has them, and an "UPDATE …" where
// numbers move (Change::numbers_to). Each has to be done before the next; all of them may be done
// again. Changes that need a rebuild are left out, since no ALTER can make them: it comes after
// these.
std::vector<std::string> alter_sql(const Drift& drift, const std::string& quoted_table,
                                   const clickhouse::TableDefinition& definition);

// For a change that needs a check: a query of one number, the rows of the table whose value the new
// type does not hold. When there are any, the column has to become text: find_drift again with
// one more wanted shape that says so.
std::string check_sql(const Change& change, const std::string& quoted_table);

}  // namespace qvdhouse::schema
