#include "schema/fallback.h"

#include <fmt/format.h>

#include "base/error.h"
#include "schema/cast.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::TypeKind;

// "Date32", without parameters and wrappers.
std::string bare_name(const ColumnType& type) {
  const std::string name = ColumnType{.kind = type.kind}.name();
  return name.substr(0, name.find('('));
}

bool holds_all(const FieldView& field, ColumnPlan column, const ColumnType& type) {
  column.type = type;
  column.type.nullable = true;
  try {
    cast_symbols(field.symbols, column, field.stop);
  } catch (const base::SchemaError&) {
    return false;
  }
  return true;
}

}  // namespace

std::string fall_back(const FieldView& field, ColumnPlan& column) {
  const clickhouse::Dialect& dialect = field.policy.dialect;
  if (dialect.has_type(column.type)) return {};
  const ColumnType lacking = column.type;
  const std::string since =
      fmt::format(" since ClickHouse {} has no {}", dialect.version(), bare_name(lacking));
  const auto use = [&](ColumnType type) {
    type.nullable = lacking.nullable;
    column.type = type;
    return fmt::format(", as {}{}", type.kind == TypeKind::kString ? "text" : bare_name(type),
                       since);
  };
  ColumnType next = text_type(field);
  switch (lacking.kind) {
    case TypeKind::kBool:
      column.is_truth = true;
      return use({.kind = TypeKind::kUInt8});
    case TypeKind::kDate32:
      next = {.kind = TypeKind::kDate};
      break;
    case TypeKind::kDateTime64:
      next = {.kind = TypeKind::kDateTime, .timezone = lacking.timezone};
      break;
    default:
      break;
  }
  if (next.kind == TypeKind::kString || holds_all(field, column, next)) return use(next);
  return use(text_type(field)) +
         fmt::format(" and its {} ({}1970-01-01…2037-12-31) does not hold every value",
                     bare_name(next), next.kind == TypeKind::kDate ? "" : "whole seconds, ");
}

}  // namespace qvdhouse::schema
