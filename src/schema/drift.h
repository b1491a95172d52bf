// A table against the files that are to go into it: the columns that hold both without losing
// anything (docs/type-mapping.md, "A set of files that share a table"), and what has to be changed.
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clickhouse/column_type.h"
#include "schema/plan.h"
#include "schema/table_rules.h"

namespace qvdhouse::schema {

struct ShapeColumn {
  std::string name;
  clickhouse::ColumnType type;
  bool operator==(const ShapeColumn&) const = default;
};
// The columns of a table in their order.
using Shape = std::vector<ShapeColumn>;

// The narrowest type that holds every value of both; `is_exact` false: only where the values say so
// (whole numbers beyond 2^53 as Float64), which has to be asked of the data.
struct Join {
  clickhouse::ColumnType type;
  bool is_exact = true;
};
Join join_types(const clickhouse::ColumnType& a, const clickhouse::ColumnType& b);

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
  std::string reason;                          // a sentence
};

struct Drift {
  Shape shape;  // what the table is to be: the live columns in their order, then new ones
  std::vector<Change> changes;
};

// `live`: what the table is (empty: it is not there); `wanted`: what each file would be by itself;
// `key`: columns of ORDER BY and partition key, which may never become Nullable. Throws SchemaError
// when the policy forbids a change, naming column, both types and the fix.
Drift find_drift(const Shape& live, const std::vector<Shape>& wanted, DriftPolicy policy,
                 const std::vector<std::string>& key);

Shape shape_of(const TablePlan& plan);

// Sentences of a plan, one a change: "ALTER TABLE … ADD COLUMN …", "MODIFY COLUMN …".
std::vector<std::string> alter_sql(const Drift& drift, const std::string& quoted_table,
                                   const clickhouse::TableDefinition& definition);

}  // namespace qvdhouse::schema
