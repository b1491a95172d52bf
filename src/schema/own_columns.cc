#include "schema/own_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "schema/cast.h"
#include "schema/drift.h"
#include "schema/names.h"
#include "schema/temporal.h"
#include "schema/upsert.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::TypeKind;

void append(TablePlan& plan, ColumnPlan column) {
  const auto owner = std::ranges::find(plan.columns, column.name, &ColumnPlan::name);
  if (owner != plan.columns.end()) {
    throw base::SchemaError(fmt::format(
        "column \"{0}\" is claimed twice: by {1} and by {2}; rename the {2}, such as by rename = "
        "{{ \"{0}\" = \"{0}_2\" }}",
        column.name,
        is_own_column(column.name) ? "the table's own column of that name"
                                   : "a part of the file's name",
        owner->field_index == kNoField ? "part of the file's name" : "field"));
  }
  plan.columns.push_back(std::move(column));
}

void append_constant(TablePlan& plan, std::string name, ColumnType type, std::string value,
                     std::string reason) {
  append(plan, {.name = std::move(name),
                .field_index = kNoField,
                .part = Part::kConstant,
                .type = std::move(type),
                .reason = std::move(reason),
                .constant = std::move(value)});
}

void append_name_part(TablePlan& plan, const NamePart& part, const TableRules& rules) {
  const std::string* wanted = find_setting(rules.types, part.first);
  ColumnType type{.kind = TypeKind::kString, .low_cardinality = true};
  if (wanted != nullptr) {
    const auto parsed = clickhouse::parse_column_type(*wanted);
    if (!parsed) {
      throw base::SchemaError(fmt::format(
          "types.\"{}\" = \"{}\" is not a type that qvdhouse makes, for a part of the file's name",
          part.first, *wanted));
    }
    type = *parsed;
  }
  append_constant(
      plan, part.first, type, part.second,
      fmt::format("The part {{{}}} of the file's name, here '{}'.", part.first, part.second));
  // Says now whether the value has the type.
  cast_constant(plan.columns.back());
}

std::string utc_text(std::int64_t microseconds) {
  constexpr std::int64_t kPerDay = kSecondsPerDay * 1'000'000;
  std::int64_t day = microseconds / kPerDay;
  if (microseconds % kPerDay < 0) --day;
  const std::int64_t time = microseconds - day * kPerDay;
  return fmt::format("{} {}", iso_date(day), clock_text(time));
}

}  // namespace

OwnColumns own_columns(const TableRules& rules, LoadMode mode, std::string file_key,
                       std::uint64_t version, std::int64_t loaded_at_us,
                       std::vector<NamePart> name_parts, std::string run_id) {
  OwnColumns own{.name_parts = std::move(name_parts), .row = rules.with_row};
  if (rules.with_file || mode != LoadMode::kReplace) own.file = std::move(file_key);
  if (mode == LoadMode::kAppend) own.version = version;
  if (rules.with_loaded_at) own.loaded_at_us = loaded_at_us;
  if (rules.with_run_id) own.run_id = std::move(run_id);
  own.rescued = rules.drift == DriftPolicy::kRescue;
  if (mode == LoadMode::kUpsert) own.file_time = version;
  return own;
}

void add_own_columns(TablePlan& plan, const qvd::TableHeader& header, const OwnColumns& own,
                     const TableRules& rules, const clickhouse::Dialect& dialect) {
  for (const NamePart& part : own.name_parts) append_name_part(plan, part, rules);
  if (own.file) {
    append_constant(plan, kFileColumn, {.kind = TypeKind::kString, .low_cardinality = true},
                    *own.file, "The file that the row comes from.");
  }
  if (own.version) {
    append_constant(plan, kVersionColumn, {.kind = TypeKind::kUInt64},
                    fmt::format("{}", *own.version), "The version of the file.");
  }
  if (own.row) {
    ColumnPlan row{.name = kRowColumn, .field_index = kNoField, .part = Part::kRowNumber};
    row.type.kind = TypeKind::kUInt64;
    row.reason = "The row's number in its file, from 0.";
    append(plan, std::move(row));
  }
  if (own.loaded_at_us) {
    ColumnType type{.kind = TypeKind::kDateTime64, .scale = kMicrosecondScale, .timezone = "UTC"};
    std::int64_t at = *own.loaded_at_us;
    if (!dialect.has_type(type)) {
      type = {.kind = TypeKind::kDateTime, .timezone = "UTC"};
      at -= at % 1'000'000;
    }
    append_constant(plan, kLoadedAtColumn, std::move(type), utc_text(at),
                    "When the load of the row began.");
  }
  if (own.run_id) {
    append_constant(plan, kRunIdColumn, {.kind = TypeKind::kString, .low_cardinality = true},
                    *own.run_id, "The run that loaded the row.");
  }
  if (own.rescued) {
    append(plan, {.name = kRescuedColumn,
                  .field_index = kNoField,
                  .part = Part::kRescued,
                  .type = {.kind = TypeKind::kString},
                  .reason = "The cells of fields that the table has no columns for, as JSON."});
  }
  if (!own.file_time) return;
  append(plan, order_column(plan, header, rules, *own.file_time));
  append(plan, deleted_column(plan, header, rules));
}

}  // namespace qvdhouse::schema
