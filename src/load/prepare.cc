// From a file's bytes to its plan and its columns' values.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/workers.h"
#include "clickhouse/names.h"
#include "load/load.h"
#include "qvd/rows.h"
#include "schema/cast.h"
#include "schema/drift.h"
#include "schema/fit.h"
#include "schema/names.h"
#include "schema/own_columns.h"

namespace qvdhouse::load {
namespace {

ColumnValues cast_column(const PreparedFile& file, const schema::ColumnPlan& column,
                         const std::stop_token& stop) {
  using Codes = ColumnValues::Codes;
  switch (column.part) {
    case schema::Part::kConstant:
      return {column.name, schema::kNoField, schema::cast_constant(column), Codes::kFixed, 1};
    case schema::Part::kMissing:
      return {column.name, schema::kNoField, schema::cast_constant(column), Codes::kFixed, 0};
    case schema::Part::kRowNumber:
      return {column.name, schema::kNoField, clickhouse::Dictionary(column.type), Codes::kNone, 0};
    default:
      return {column.name, column.field_index,
              schema::cast_symbols(file.symbols[column.field_index], column, stop), Codes::kOfField,
              0};
  }
}

// Symbols of the fields that become columns.
void read_symbols(const base::ByteSource& source, const Options& options,
                  const std::stop_token& stop, PreparedFile& file) {
  std::vector<std::string> fields;
  for (const qvd::FieldHeader& field : file.header.fields) fields.push_back(field.name);
  const std::vector<std::string> columns = schema::column_names(fields, options.policy);
  file.symbols.resize(fields.size());
  base::for_each_index(file.symbols.size(), options.streams, [&](std::size_t i) {
    if (columns[i].empty()) return;  // left out
    file.symbols[i] = qvd::read_symbols(source, file.header, i, options.invalid_utf8, stop);
  });
}

// A file without rows has no cell that could not be in the table, though its fields say nothing of
// their types.
void without_cells(const schema::Shape& shape, schema::TablePlan& plan) {
  std::vector<schema::ColumnPlan> columns;
  for (const schema::ShapeColumn& column : shape) {
    columns.push_back({.name = column.name,
                       .field_index = schema::kNoField,
                       .part = schema::Part::kMissing,
                       .type = column.type,
                       .reason = "The table has it; the file has no rows.",
                       .text_style = column.text_style});
  }
  std::ranges::copy_if(plan.columns, std::back_inserter(columns), [](const auto& column) {
    return column.field_index == schema::kNoField && schema::is_own_column(column.name);
  });
  plan.columns = std::move(columns);
  if (!plan.is_order_set) plan.order_by.clear();
}

// What the file makes of the columns of the table whose place it takes; `own`: its plan by itself.
std::vector<schema::ColumnChange> column_changes(const schema::Shape& replaced,
                                                 const schema::TablePlan& own,
                                                 const schema::TablePlan& plan) {
  std::vector<schema::ColumnChange> changes =
      schema::find_changes(replaced, schema::shape_of(plan));
  for (schema::ColumnChange& change : changes) {
    const auto by_itself = std::ranges::find(own.columns, change.column, &schema::ColumnPlan::name);
    change.reason =
        by_itself == own.columns.end() ? "The file lacks the column." : by_itself->reason;
  }
  return changes;
}

// Plans for the table whose place the file takes: no row stays that could be in the way of a
// change.
void fit_to_replaced(const Target& target, unsigned threads, const std::stop_token& stop,
                     PreparedFile& file) {
  schema::Key key;
  if (file.plan.is_order_set) key.columns = file.plan.order_by;
  schema::Drift drift = schema::find_drift(*target.shape, {schema::shape_of(file.plan)},
                                           target.rules.drift, key, /*rows_stay=*/false);
  for (const schema::Change& change : drift.changes) {
    if (change.kind != schema::Change::Kind::kIgnored) continue;
    file.header.warnings.push_back(schema::said_of(change));
  }
  file.plan = schema::fit_plan(file.plan, drift.shape, file.symbols, threads, stop);
  file.changes = std::move(drift.changes);
}

// `why`: what is wrong with the column's name. `name`: one that would do.
[[noreturn]] void refuse_name(const PreparedFile& file, const schema::ColumnPlan& column,
                              const std::string& why, const std::string& name) {
  if (column.field_index == schema::kNoField) {
    throw base::SchemaError(fmt::format(
        "the part {{{0}}} of the file's name would be the column \"{0}\", {1}: name the "
        "part otherwise in the pattern",
        column.name, why));
  }
  throw base::SchemaError(fmt::format(
      "field \"{0}\" would be the column \"{1}\", {2}: give the column another name, such as by "
      "rename = {{ \"{0}\" = \"{3}\" }} in the table's settings ([[table]] or [table.NAME]), or "
      "leave the field out by exclude = [\"{0}\"] there",
      file.header.fields[column.field_index].name, column.name, why, name));
}

// Columns that ClickHouse would take for its own, or has no room for the names of.
void check_names(const PreparedFile& file, const Options& options, const Target& target) {
  const auto is_present = [&](const std::string& name) {
    return schema::is_own_column(name) || options.present_columns.contains(name) ||
           (target.replaced &&
            std::ranges::find(*target.replaced, name, &schema::ShapeColumn::name) !=
                target.replaced->end());
  };
  const clickhouse::Dialect& dialect = options.policy.dialect;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    const std::string& name = column.name;
    if (is_present(name)) continue;
    const std::size_t length = clickhouse::stored_length(name);
    const std::size_t longest = clickhouse::longest_column_name(dialect, column.type);
    if (length > longest) {
      refuse_name(
          file, column,
          fmt::format("whose name takes {} bytes in the names of ClickHouse's files; "
                      "expected at most {} on ClickHouse {} (each byte that is not an ASCII "
                      "letter, a digit or _ takes three)",
                      length, longest, dialect.version()),
          fmt::format("field_{}", column.field_index + 1));
    }
    if (options.reserved == nullptr || !options.reserved->contains(name)) continue;
    refuse_name(file, column, "a name that ClickHouse keeps for itself in every table",
                name.substr(std::min(name.size(), name.find_first_not_of('_'))));
  }
}

}  // namespace

PreparedFile prepare(const base::ByteSource& source, const std::string& file_name,
                     const Options& options, const Target& target, const std::stop_token& stop) {
  return prepare(source, qvd::read_header(source), file_name, options, target, stop);
}

PreparedFile prepare(const base::ByteSource& source, qvd::TableHeader header,
                     const std::string& file_name, const Options& options, const Target& target,
                     const std::stop_token& stop) {
  PreparedFile file;
  file.header = std::move(header);
  qvd::check_complete(file.header);
  const qvd::RowDecoder decoder(file.header);
  read_symbols(source, options, stop, file);
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    file.may_be_null.push_back(decoder.may_be_null(i));
  }
  file.plan = schema::plan_table(file.header, file_name, file.symbols, file.may_be_null,
                                 options.policy, options.streams, stop);
  if (!target.table.empty()) file.plan.table = target.table;
  schema::add_own_columns(
      file.plan,
      schema::own_columns(target.rules, target.mode, target.file_key, target.version,
                          target.loaded_at_us, target.name_parts),
      target.rules, options.policy.dialect);
  check_names(file, options, target);
  const schema::TablePlan own = target.replaced ? file.plan : schema::TablePlan();
  if (target.shape && target.is_set()) {
    fit_file(file, *target.shape, options.streams, stop);
  } else if (target.shape) {
    fit_to_replaced(target, options.streams, stop, file);
  }
  if (target.replaced) file.column_changes = column_changes(*target.replaced, own, file.plan);
  return file;
}

void fit_file(PreparedFile& file, const schema::Shape& shape, unsigned threads,
              const std::stop_token& stop) {
  if (file.header.record_count == 0) {
    without_cells(shape, file.plan);
  } else {
    file.plan = schema::fit_plan(file.plan, shape, file.symbols, threads, stop);
  }
}

std::vector<ColumnValues> cast_columns(PreparedFile& file, unsigned threads,
                                       const std::stop_token& stop) {
  std::vector<std::optional<ColumnValues>> cast(file.plan.columns.size());
  base::for_each_index(cast.size(), threads, [&](std::size_t i) {
    cast[i] = cast_column(file, file.plan.columns[i], stop);
  });
  file.symbols.clear();
  std::vector<ColumnValues> columns;
  for (auto& column : cast) columns.push_back(std::move(*column));
  return columns;
}

}  // namespace qvdhouse::load
