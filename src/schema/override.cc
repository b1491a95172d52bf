#include "schema/override.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "schema/cast.h"
#include "schema/fallback.h"
#include "schema/field_view.h"
#include "schema/names.h"
#include "schema/plan.h"
#include "schema/rendering.h"
#include "schema/temporal_type.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::TypeKind;

bool is_number_column(const FieldView& field, const std::string& column_name) {
  return column_name != field.name;
}

const std::string* find_override(const FieldView& field, const std::string& column_name) {
  const auto& overrides = field.policy.overrides;
  if (is_number_column(field, column_name)) return find_setting(overrides, column_name);
  const auto exact = overrides.find(column_name);
  if (exact != overrides.end()) return &exact->second;
  const std::string* of_field = find_setting(overrides, field.header.name);
  return of_field != nullptr ? of_field : find_setting(overrides, column_name);
}

void note_losses(const FieldView& field, ColumnPlan& column) {
  const DisplayTexts texts = classify_texts(field.symbols, field.header.number_format, field.stop);
  if (texts.not_plain_count == 0) return;
  column.warnings.push_back(fmt::format("duals of which only the {} is kept: {} (such as {})",
                                        column.part == Part::kText ? "text" : "number",
                                        texts.not_plain_count,
                                        show_symbol(field.symbols, texts.first_not_plain)));
}

// Numbers of a QVD are doubles; whole ones and decimals out of texts may need more digits.
bool fits_float64(const FieldView& field, const ColumnPlan& column) {
  if (field.profile.text_count == 0 || column.part != Part::kNumber) return true;
  ColumnPlan as_float = column;
  as_float.leaves_misfits = false;
  as_float.type = {.kind = TypeKind::kFloat64, .nullable = column.type.nullable};
  try {
    cast_symbols(field.symbols, as_float, field.stop);
  } catch (const base::SchemaError&) {
    return false;
  }
  return true;
}

}  // namespace

Part part_for(TypeKind kind) {
  switch (kind) {
    case TypeKind::kString:
      return Part::kText;
    case TypeKind::kDate:
    case TypeKind::kDate32:
      return Part::kDate;
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64:
      return Part::kDateTime;
    case TypeKind::kTime64:
      return Part::kTime;
    default:
      return Part::kNumber;
  }
}

bool has_override(const FieldView& field, const std::string& column_name) {
  return find_override(field, column_name) != nullptr;
}

ColumnPlan plan_override(const FieldView& field, const std::string& column_name) {
  const std::string& wanted = *find_override(field, column_name);
  const auto type = clickhouse::parse_column_type(wanted);
  if (!type) {
    throw base::SchemaError(fmt::format(
        "field \"{}\": types.\"{}\" = \"{}\" is not a type that qvdhouse makes; expected "
        "Int8…Int64, "
        "UInt8…UInt64, Float64, Bool, String, LowCardinality(String), Decimal(P, S), Date, Date32, "
        "DateTime('zone'), DateTime64(P, 'zone') or Time64(P), also in Nullable(…)",
        field.header.name, column_name, wanted));
  }
  ColumnPlan column{
      .name = column_name,
      .field_index = field.index,
      .part = part_for(type->kind),
      .type = *type,
      .reason = fmt::format("the setting types.\"{}\" = \"{}\"", column_name, wanted)};
  if (column.part == Part::kNumber && is_number_column(field, column_name) &&
      field.profile.text_count > field.profile.blank_text_count) {
    column.part = Part::kNumberOrNull;
    column.type.nullable = true;
  }
  column.null_texts = field.null_texts;
  column.leaves_misfits =
      std::ranges::any_of(field.policy.leaves_misfits, [&](const std::string& pattern) {
        return matches_pattern(field.header.name, pattern) || matches_pattern(column_name, pattern);
      });
  const std::uint64_t blank_count = field.profile.blank_text_count - field.null_text_count;
  const bool blank_to_null = column.part != Part::kText && blank_count > 0;
  column.type.nullable = column.type.nullable || field.may_be_null || blank_to_null;
  const bool is_stamp = type->kind == TypeKind::kDateTime || type->kind == TypeKind::kDateTime64;
  if (is_stamp && type->timezone.empty()) {
    column.type.timezone = field.policy.timezone.empty() ? "UTC" : field.policy.timezone;
  }
  if (blank_to_null) {
    column.warnings.push_back(
        fmt::format("blank texts (empty or spaces) that become NULL: {}", blank_count));
  }
  if (column.part == Part::kDate && are_compact_days(field.symbols, field.stop)) {
    column.has_compact_dates = true;
    column.reason += "; its numbers are days, written as 20240131";
  } else if (!column.leaves_misfits &&
             (column.part == Part::kDate || column.part == Part::kDateTime)) {
    const OutsiderPolicy policy = outsider_policy(field);
    const Outsiders outsiders = find_outsiders(field, column.part);
    const bool is_admitted = outsiders.count() > 0 &&
                             (outsiders.text_count == 0 || outsiders.are_few()) &&
                             (policy == OutsiderPolicy::kClamp || policy == OutsiderPolicy::kNull);
    if (is_admitted) admit_outsiders(outsiders, policy, column);
  }
  column.reason += fall_back(field, column);
  if (column.type.nullable && !type->nullable) {
    column.reason += "; Nullable since cells may be NULL";
  }
  note_losses(field, column);
  cast_symbols(field.symbols, column, field.stop);
  column.fits_float64 = fits_float64(field, column);
  return column;
}

}  // namespace qvdhouse::schema
