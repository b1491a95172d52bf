// Drift as SQL.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "clickhouse/quote.h"
#include "schema/drift.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::quote_identifier;
using clickhouse::TypeKind;

// The column's declaration, with the codec that fits its new type.
std::string declaration(const Change& change, const clickhouse::TableDefinition& definition) {
  std::string sql = fmt::format("{} {}", quote_identifier(change.column), change.to->name());
  const auto column =
      std::ranges::find(definition.columns, change.column, &clickhouse::ColumnDefinition::name);
  if (column == definition.columns.end()) return sql;
  if (!column->comment.empty()) sql += " COMMENT " + clickhouse::quote_literal(column->comment);
  if (!column->codec.empty()) sql += fmt::format(" CODEC({})", column->codec);
  return sql;
}

// " AFTER `x`": behind the other columns of fields, not behind the table's own ones. `x` is there
// by then, since columns are added in their order.
std::string place(const Shape& shape, const std::string& name) {
  const auto column = std::ranges::find(shape, name, &ShapeColumn::name);
  if (column == shape.end() || column == shape.begin()) return {};
  return " AFTER " + quote_identifier(std::prev(column)->name);
}

// Fills the number column while its text column still holds numbers.
std::string move_numbers(const Change& change, const Shape& shape,
                         const std::string& quoted_table) {
  const auto numbers = std::ranges::find(shape, change.numbers_to, &ShapeColumn::name);
  const std::string name = quote_identifier(change.numbers_to);
  return fmt::format("ALTER TABLE {} UPDATE {} = CAST({}, {}) WHERE isNull({})", quoted_table, name,
                     quote_identifier(change.column),
                     clickhouse::quote_literal(numbers->type.name()), name);
}

// A condition that is true of values which the new type does not hold.
std::string misfit(const std::string& column, const ColumnType& from, const ColumnType& to) {
  // Nanoseconds since 1970 end in 2262.
  if (to.kind == TypeKind::kDateTime64) return fmt::format("toYear({}) > 2261", column);
  switch (from.kind) {
    case TypeKind::kInt64:
      // The largest Float64 below 2^63: what lies above it is not an Int64 and must not be cast
      // back.
      return fmt::format("{0} > 9223372036854774784 OR toInt64(toFloat64({0})) != {0}", column);
    case TypeKind::kUInt64:
      return fmt::format("{0} > 18446744073709549568 OR toUInt64(toFloat64({0})) != {0}", column);
    default:
      // A decimal is a Float64 when the shortest text of that Float64 is the decimal. Numbers that
      // round up to one digit more do not fit, and reading them back would overflow.
      return fmt::format(
          "toDecimal128(if(abs(toFloat64({0})) < 1e{1}, toString(toFloat64({0})), '0'), {2}) != "
          "{0}",
          column, from.precision - from.scale, from.scale);
  }
}

}  // namespace

std::vector<std::string> alter_sql(const Drift& drift, const std::string& quoted_table,
                                   const clickhouse::TableDefinition& definition) {
  std::vector<std::string> adds, widenings, moves, texts;
  for (const Change& change : drift.changes) {
    if (change.kind == Change::Kind::kAdd) {
      adds.push_back(fmt::format("ALTER TABLE {} ADD COLUMN {}{}", quoted_table,
                                 declaration(change, definition),
                                 place(drift.shape, change.column)));
    }
    if (change.kind != Change::Kind::kWiden) continue;
    if (!change.numbers_to.empty()) {
      moves.push_back(move_numbers(change, drift.shape, quoted_table));
    }
    if (change.needs_rebuild) continue;
    (change.numbers_to.empty() ? widenings : texts)
        .push_back(fmt::format("ALTER TABLE {} MODIFY COLUMN {}", quoted_table,
                               declaration(change, definition)));
  }
  std::vector<std::string> statements;
  for (auto* group : {&adds, &widenings, &moves, &texts}) {
    std::ranges::move(*group, std::back_inserter(statements));
  }
  return statements;
}

std::string check_sql(const Change& change, const std::string& quoted_table) {
  const std::string column = quote_identifier(change.column);
  std::string condition = misfit(column, *change.from, *change.to);
  if (change.from->nullable) {
    condition = fmt::format("isNotNull({}) AND ({})", column,
                            misfit("assumeNotNull(" + column + ")", *change.from, *change.to));
  }
  return fmt::format("SELECT countIf({}) FROM {}", condition, quoted_table);
}

}  // namespace qvdhouse::schema
