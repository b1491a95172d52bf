// From a plan and the table's rules to what CREATE TABLE says.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "schema/patterns.h"
#include "schema/plan.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::quote_identifier;
using clickhouse::TypeKind;

bool gains_from_delta(TypeKind kind) {
  return kind != TypeKind::kString && kind != TypeKind::kFloat64 && kind != TypeKind::kBool &&
         kind != TypeKind::kDecimal;
}

// Delta where neighbours in the table are likely to be neighbours in value: the first sort key, and
// values that rose in the order of the file.
std::string codec(const ColumnPlan& column, const TablePlan& plan, const TableRules& rules) {
  if (const std::string* wanted = find_setting(rules.codecs, column.name)) return *wanted;
  const bool is_first_key = !plan.order_by.empty() && plan.order_by.front() == column.name;
  const bool is_sorted = column.ascending || is_first_key || column.part == Part::kRowNumber;
  return is_sorted && gains_from_delta(column.type.kind) ? "Delta, ZSTD(1)" : "ZSTD(1)";
}

std::string column_comment(const ColumnPlan& column, const qvd::TableHeader& header) {
  if (column.field_index == kNoField) return {};
  const qvd::FieldHeader& field = header.fields[column.field_index];
  if (field.tags.empty()) return field.comment;
  return fmt::format("{}{}tags: {}", field.comment, field.comment.empty() ? "" : "; ",
                     fmt::join(field.tags, ", "));
}

// A table of many files is made by the first of them.
std::string table_comment(const TablePlan& plan, const TableRules& rules, LoadMode mode) {
  if (mode == LoadMode::kReplace || rules.match.empty()) return plan.comment;
  std::string_view of_file = plan.comment;
  if (of_file.starts_with(kTableCommentPrefix)) of_file.remove_prefix(kTableCommentPrefix.size());
  return fmt::format("{}{}, such as {}", kTableCommentPrefix, rules.match, of_file);
}

// A partition a file, so that its rows can be replaced by one statement.
std::string partition_by(const TableRules& rules, LoadMode mode, bool by_file) {
  if (mode == LoadMode::kReplace || !by_file) return rules.partition_by;
  std::vector<std::string> key = {quote_identifier(kFileColumn)};
  if (mode == LoadMode::kAppend) key.push_back(quote_identifier(kVersionColumn));
  if (!rules.partition_by.empty()) key.push_back(rules.partition_by);
  return key.size() == 1 ? key.front() : fmt::format("({})", fmt::join(key, ", "));
}

void check_order(const TablePlan& plan) {
  for (const std::string& wanted : plan.order_by) {
    const auto found = std::ranges::find(plan.columns, wanted, &ColumnPlan::name);
    if (found == plan.columns.end()) {
      throw base::SchemaError(fmt::format(
          "order_by names \"{}\", which is neither a field of this file nor a column of its "
          "table; fields "
          "are written as `qvdhouse inspect` shows them",
          wanted));
    }
    if (found->type.nullable) {
      throw base::SchemaError(fmt::format(
          "order_by names \"{}\", whose type {} may be NULL: ClickHouse sorts by columns that are "
          "never NULL; choose another field",
          wanted, found->type.name()));
    }
  }
}

}  // namespace

clickhouse::TableDefinition table_definition(const TablePlan& plan, const qvd::TableHeader& header,
                                             std::string_view database, const TableRules& rules,
                                             LoadMode mode, bool by_file) {
  check_order(plan);
  clickhouse::TableDefinition table{
      .database = std::string(database),
      .name = plan.table,
      .columns = {},
      .order_by = plan.order_by,
      .partition_by = partition_by(rules, mode, by_file),
      .engine = rules.engine.empty() ? "MergeTree" : rules.engine,
      .ttl = rules.ttl,
      .settings = rules.settings,
      .comment = table_comment(plan, rules, mode),
  };
  for (const ColumnPlan& column : plan.columns) {
    table.columns.push_back({.name = column.name,
                             .type = column.type.name(),
                             .codec = codec(column, plan, rules),
                             .comment = column_comment(column, header)});
  }
  return table;
}

}  // namespace qvdhouse::schema
