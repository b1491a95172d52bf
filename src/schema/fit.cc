#include "schema/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/workers.h"
#include "schema/cast.h"
#include "schema/override.h"
#include "schema/plan.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::TypeKind;

using ColumnsByName = std::unordered_map<std::string_view, const ColumnPlan*>;

// Where the table has text beside numbers and the file numbers alone, these are the numbers.
const ColumnPlan* numbers_for(std::string_view name, const ColumnsByName& columns) {
  const bool is_outside = name.ends_with(kOutsideSuffix);
  if (is_outside) name.remove_suffix(kOutsideSuffix.size());
  if (!name.ends_with(kNumberSuffix)) return nullptr;
  name.remove_suffix(kNumberSuffix.size());
  const auto found = columns.find(name);
  if (found == columns.end() || found->second->type.kind == TypeKind::kString) return nullptr;
  if (!is_outside) return found->second;
  const auto beside = columns.find(std::string(name) + std::string(kOutsideSuffix));
  return beside == columns.end() ? nullptr : beside->second;
}

ColumnPlan missing_column(const ShapeColumn& wanted, bool has_keys_only) {
  if (!wanted.type.nullable && !has_keys_only) {
    throw base::SchemaError(
        fmt::format("column \"{}\" is {} in the table and the file lacks it; with drift = "
                    "\"evolve\" the column "
                    "becomes Nullable, which a column of the table's key cannot",
                    wanted.name, wanted.type.name()));
  }
  return {.name = wanted.name,
          .field_index = kNoField,
          .part = Part::kMissing,
          .type = wanted.type,
          .reason = has_keys_only ? "The file has keys only." : "The file lacks the column: NULL.",
          .text_style = wanted.text_style};
}

// Which value of the symbols the column takes when its type is the table's.
void take_type(const ColumnType& type, ColumnPlan& column) {
  const bool was_text = column.type.kind == TypeKind::kString;
  const bool is_text = type.kind == TypeKind::kString;
  if (column.field_index != kNoField) {
    if (is_text && !was_text && column.text_style == TextStyle::kFile) {
      column.part = Part::kText;
      column.outside = Outside::kNone;
    } else if (is_text && !was_text) {
      column.text_of = column.type;
    } else if (!is_text && column.part != Part::kNumberOrNull) {
      column.part = part_for(type.kind);
    }
  }
  column.type = type;
}

// `own` as the table's column.
ColumnPlan fit_column(const ColumnPlan& own, const ShapeColumn& wanted,
                      std::span<const qvd::SymbolTable> symbols, const std::stop_token& stop) {
  ColumnPlan column = own;
  column.name = wanted.name;
  column.text_style = wanted.text_style;
  if (own.type == wanted.type) return column;
  take_type(wanted.type, column);
  column.reason = fmt::format("The table has {}; by itself the file would have {}. {}",
                              wanted.type.name(), own.type.name(), own.reason);
  if (own.type.nullable && !wanted.type.nullable) {
    throw base::SchemaError(fmt::format(
        "column \"{}\" is {} in the table and cells of the file may be NULL ({}); with drift = "
        "\"evolve\" the column becomes Nullable, which a column of the table's key cannot",
        wanted.name, wanted.type.name(), own.type.name()));
  }
  if (own.field_index == kNoField) {
    if (own.part == Part::kConstant) cast_constant(column);
    return column;
  }
  const Join join = join_types(own.type, wanted.type);
  const bool holds_all = join.is_exact && join.type == wanted.type;
  if (!holds_all && !own.is_empty) cast_symbols(symbols[own.field_index], column, stop);
  return column;
}

// Text holds what dates cannot, unless the table has a column for it.
ColumnPlan with_table_outsiders(const ColumnPlan& own, const ShapeColumn& wanted,
                                const Shape& shape) {
  ColumnPlan column = own;
  const bool is_text = wanted.type.kind == TypeKind::kString;
  if (!is_text || own.outside == Outside::kNone || own.outside == Outside::kOnly) return column;
  const std::string beside = wanted.name + std::string(kOutsideSuffix);
  if (std::ranges::find(shape, beside, &ShapeColumn::name) == shape.end()) {
    column.outside = Outside::kText;
  }
  return column;
}

void drop_nullable_keys(TablePlan& plan) {
  const std::size_t dropped_count = std::erase_if(plan.order_by, [&](const std::string& name) {
    const auto column = std::ranges::find(plan.columns, name, &ColumnPlan::name);
    return column == plan.columns.end() || column->type.nullable;
  });
  if (dropped_count > 0) {
    plan.order_by_reason += fmt::format(
        " Without columns that are NULL in other rows of the table: {}.", dropped_count);
  }
}

}  // namespace

TablePlan fit_plan(const TablePlan& own, const Shape& shape,
                   std::span<const qvd::SymbolTable> symbols, unsigned threads,
                   const std::stop_token& stop) {
  ColumnsByName columns;
  for (const ColumnPlan& column : own.columns) columns.emplace(column.name, &column);
  TablePlan plan = own;
  plan.columns.assign(shape.size(), {});
  base::for_each_index(shape.size(), threads, [&](std::size_t i) {
    const ShapeColumn& wanted = shape[i];
    const auto found = columns.find(wanted.name);
    const ColumnPlan* source =
        found != columns.end() ? found->second : numbers_for(wanted.name, columns);
    plan.columns[i] = source != nullptr ? fit_column(with_table_outsiders(*source, wanted, shape),
                                                     wanted, symbols, stop)
                                        : missing_column(wanted, own.has_keys_only);
  });
  for (const ColumnPlan& column : own.columns) {
    if (is_own_column(column)) plan.columns.push_back(column);
  }
  if (!plan.is_order_set) drop_nullable_keys(plan);
  return plan;
}

}  // namespace qvdhouse::schema
