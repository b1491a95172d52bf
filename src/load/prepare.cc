// From a file's bytes to its plan and its columns' values.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/quantity.h"
#include "base/workers.h"
#include "clickhouse/names.h"
#include "load/load.h"
#include "qvd/rows.h"
#include "schema/cast.h"
#include "schema/drift.h"
#include "schema/field_view.h"
#include "schema/fit.h"
#include "schema/names.h"
#include "schema/own_columns.h"
#include "schema/protection.h"
#include "schema/row_filter.h"
#include "schema/section_access.h"
#include "schema/upsert.h"

namespace qvdhouse::load {
namespace {

ColumnValues cast_column(const PreparedFile& file, const schema::ColumnPlan& column,
                         const std::stop_token& stop) {
  using Codes = ColumnValues::Codes;
  switch (column.part) {
    case schema::Part::kRescued: {
      clickhouse::Dictionary values(column.type);
      values.add_null();
      values.add_text("");
      return {column.name, schema::kNoField, std::move(values), Codes::kFixed, 1};
    }
    case schema::Part::kConstant:
      return {column.name, schema::kNoField, schema::cast_constant(column), Codes::kFixed, 1};
    case schema::Part::kMissing:
      return {column.name, schema::kNoField, schema::cast_constant(column), Codes::kFixed, 0};
    case schema::Part::kRowNumber:
      return {column.name, schema::kNoField, clickhouse::Dictionary(column.type), Codes::kNone, 0};
    case schema::Part::kOrder:
    case schema::Part::kDeleted: {
      static const qvd::SymbolTable kNone;
      const bool is_fixed = column.field_index == schema::kNoField;
      const qvd::SymbolTable& symbols = is_fixed ? kNone : file.symbols[column.field_index];
      return {column.name, column.field_index,
              column.part == schema::Part::kOrder ? schema::cast_order(symbols, column, stop)
                                                  : schema::cast_deleted(symbols, column, stop),
              is_fixed ? Codes::kFixed : Codes::kOfField, 0};
    }
    default:
      return {column.name, column.field_index,
              schema::cast_symbols(file.symbols[column.field_index], column, stop), Codes::kOfField,
              0};
  }
}

// Reads the symbols of the fields that become columns. All that looks at the values as they are in
// the file is here; behind it there are only those that the settings let through.
class SymbolReader {
 public:
  SymbolReader(const base::ByteSource& source, const Options& options, const Target& target,
               const std::stop_token& stop, PreparedFile& file)
      : source_(source), options_(options), stop_(stop), file_(file) {
    std::vector<std::string> fields;
    for (const qvd::FieldHeader& field : file.header.fields) fields.push_back(field.name);
    columns_ = schema::column_names(fields, options.policy);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      protections_.push_back(schema::protection_of(options.policy, fields[i], columns_[i]));
    }
    // A file of keys that are gone has no other fields, and more of them do no harm.
    conditions_ = by_field(target.rules.is_deletes ? "" : target.rules.row_filter);
    chosen_ = by_field(target.chosen_rows);
  }

  void read_all() {
    const auto access = schema::section_access_field(file_.header);
    file_.symbols.resize(columns_.size());
    std::vector<FilteredField> filtered(columns_.size());
    std::vector<FilteredField> not_chosen(columns_.size());
    std::vector<std::string> notes(columns_.size());
    std::string section_access;
    base::for_each_index(columns_.size(), options_.streams, [&](std::size_t i) {
      const bool is_judged = !conditions_[i].empty() || !chosen_[i].empty();
      if (columns_[i].empty() && !is_judged && access != i) return;  // left out
      qvd::SymbolTable symbols =
          qvd::read_symbols(source_, file_.header, i, options_.invalid_utf8, stop_);
      if (access == i) section_access = section_access_warning(symbols);
      filtered[i] = {.field_index = i, .is_out = filtered_codes(i, symbols, conditions_[i])};
      not_chosen[i] = {.field_index = i, .is_out = filtered_codes(i, symbols, chosen_[i])};
      if (columns_[i].empty()) return;
      if (protections_[i].changes_values()) notes[i] = protect(i, symbols);
      file_.symbols[i] = std::move(symbols);
    });
    const auto takes_rows_out = [](const FilteredField& field) { return !field.is_out.empty(); };
    std::ranges::copy_if(filtered, std::back_inserter(file_.filtered), takes_rows_out);
    std::ranges::copy_if(not_chosen, std::back_inserter(file_.not_chosen), takes_rows_out);
    note_idle_protections();
    for (std::string& note : notes) {
      if (!note.empty()) file_.alerts.push_back(std::move(note));
    }
    if (!section_access.empty()) file_.alerts.push_back(std::move(section_access));
  }

 private:
  const qvd::FieldHeader& field(std::size_t i) const { return file_.header.fields[i]; }
  const std::vector<std::string>& null_texts(std::size_t i) const {
    return schema::null_texts_of(options_.policy, field(i).name, columns_[i]);
  }

  // The conditions of a filter, which was read before, by the field that they are of.
  std::vector<schema::RowConditions> by_field(const std::string& filter) const {
    std::vector<schema::RowConditions> conditions_of(columns_.size());
    if (filter.empty()) return conditions_of;
    schema::RowConditions conditions;
    schema::parse_row_filter(filter, conditions);
    for (schema::RowCondition& condition : conditions) {
      conditions_of[schema::field_of(condition, file_.header)].push_back(std::move(condition));
    }
    return conditions_of;
  }

  std::vector<std::uint8_t> filtered_codes(std::size_t i, const qvd::SymbolTable& symbols,
                                           const schema::RowConditions& conditions) const {
    std::vector<std::uint8_t> is_out;
    for (const schema::RowCondition& condition : conditions) {
      const std::vector<std::uint8_t> codes = schema::filtered_codes(
          condition, symbols, field(i), file_.may_be_null[i], null_texts(i), stop_);
      if (is_out.empty()) is_out.resize(codes.size());
      for (std::size_t code = 0; code < codes.size(); ++code) is_out[code] |= codes[code];
    }
    return is_out;
  }

  // Returns what is to be said of it. Throws ConfigError where the key is missing, which is said
  // with the settings, before anything is read.
  std::string protect(std::size_t i, qvd::SymbolTable& symbols) const {
    const bool is_hashed = protections_[i].kind == schema::Protection::Kind::kHash;
    if (is_hashed && options_.policy.privacy_key.empty()) {
      throw base::ConfigError(
          fmt::format("field \"{}\" is to be hashed, and there is no privacy_key", field(i).name));
    }
    schema::ProtectedSymbols made = schema::protect(
        symbols, field(i), protections_[i], options_.policy.privacy_key, null_texts(i), stop_);
    symbols = std::move(made.symbols);
    if (made.lost_count == 0) return {};
    return fmt::format(
        "field \"{}\" is {} by {}: {} of its {} are no dates of 1900 to 2299, and "
        "became empty texts",
        field(i).name, schema::participle_of(protections_[i]), schema::text_of(protections_[i]),
        base::format_count(made.lost_count), base::format_quantity(symbols.size(), "value"));
  }

  // A slip in a name leaves values as they are.
  void note_idle_protections() const {
    if (file_.header.fields.empty()) return;
    std::vector<std::string> names;
    for (const qvd::FieldHeader& header : file_.header.fields) names.push_back(header.name);
    // A column that is not asked for has its name all the same.
    std::vector<std::string> columns = columns_;
    schema::Policy whole = options_.policy;
    whole.only.clear();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].empty()) columns[i] = schema::column_names({names[i]}, whole).front();
    }
    for (const auto& [name, protection] : options_.policy.protections_of_table) {
      const schema::Protections one = {{name, protection}};
      bool is_of_any = false;
      for (std::size_t i = 0; i < names.size(); ++i) {
        is_of_any = is_of_any || schema::find_protection(one, names[i], columns[i]) != nullptr;
      }
      if (is_of_any) continue;
      file_.alerts.push_back(fmt::format(
          "protect names \"{}\", which is no field or column of this file{}: it protects "
          "nothing here",
          name, base::did_you_mean(name, names)));
    }
  }

  std::string section_access_warning(const qvd::SymbolTable& access) const {
    std::vector<bool> is_clear;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      is_clear.push_back(!columns_[i].empty() && !protections_[i].changes_values());
    }
    return schema::section_access_warning(file_.header, access, is_clear);
  }

  const base::ByteSource& source_;
  const Options& options_;
  const std::stop_token& stop_;
  PreparedFile& file_;
  std::vector<std::string> columns_;  // empty: the field is left out
  std::vector<schema::Protection> protections_;
  std::vector<schema::RowConditions> conditions_;  // of the table's filter, by field
  std::vector<schema::RowConditions> chosen_;      // of Target::chosen_rows, likewise
};

// Settings that look at values which they could not tell apart any more.
void check_protected(const schema::TablePlan& plan, const Target& target) {
  if (target.mode != schema::LoadMode::kUpsert) return;
  const auto protection_of_field = [&](std::size_t field) {
    const auto column = std::ranges::find(plan.columns, field, &schema::ColumnPlan::field_index);
    return column == plan.columns.end() ? schema::Protection() : column->protection;
  };
  const auto refuse = [](std::string_view setting, const schema::Protection& protection,
                         std::string_view why) {
    throw base::SchemaError(fmt::format(
        "{} names a field that is {} by the settings ({}): {}; choose another field, or protect it "
        "otherwise{}",
        setting, schema::participle_of(protection), schema::text_of(protection), why,
        setting == "key" ? ", such as by hash" : ""));
  };
  for (const schema::ColumnPlan& column : plan.columns) {
    if (column.field_index == schema::kNoField) continue;
    if (column.part == schema::Part::kOrder || column.part == schema::Part::kDeleted) {
      const schema::Protection protection = protection_of_field(column.field_index);
      if (!protection.changes_values()) continue;
      refuse(column.part == schema::Part::kOrder ? "version" : "deleted", protection,
             "what it says is lost");
    }
    if (column.protection.merges_values() &&
        std::ranges::find(plan.order_by, column.name) != plan.order_by.end()) {
      refuse("key", column.protection, "rows of several keys would be one");
    }
  }
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
  std::ranges::copy_if(plan.columns, std::back_inserter(columns),
                       [](const auto& column) { return schema::is_own_column(column); });
  plan.columns = std::move(columns);
  if (!plan.is_order_set) plan.order_by.clear();
}

// Notes which columns of `own`, its plan by itself, the table's plan leaves to kRescuedColumn.
void note_rescued(std::vector<schema::ColumnPlan> own, PreparedFile& file) {
  const auto& columns = file.plan.columns;
  if (std::ranges::find(columns, schema::Part::kRescued, &schema::ColumnPlan::part) ==
      columns.end()) {
    return;
  }
  std::vector<bool> are_there = fields_in_table(file);
  for (schema::ColumnPlan& column : own) {
    if (column.field_index == schema::kNoField || are_there[column.field_index]) continue;
    are_there[column.field_index] = true;  // a field may have two
    file.rescued.push_back(std::move(column));
  }
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

// Without columns that the table has no more, or that are NULL in rows of today's file.
void keep_order(const std::vector<std::string>& sorted_by, schema::TablePlan& plan) {
  plan.order_by.clear();
  for (const std::string& name : sorted_by) {
    const auto column = std::ranges::find(plan.columns, name, &schema::ColumnPlan::name);
    if (column != plan.columns.end() && !column->type.nullable) plan.order_by.push_back(name);
  }
  plan.order_by_reason =
      "As the table is sorted already: order_by or sync --full sorts it otherwise.";
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
  std::vector<schema::ColumnPlan> own = file.plan.columns;
  file.plan = schema::fit_plan(file.plan, drift.shape, file.symbols, threads, stop);
  file.changes = std::move(drift.changes);
  note_rescued(std::move(own), file);
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
    if (!schema::is_own_column(column) &&
        (name == schema::kOrderColumn || name == schema::kDeletedColumn)) {
      refuse_name(file, column, "a name that qvdhouse keeps for columns of its own",
                  name.substr(1));
    }
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
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    file.may_be_null.push_back(decoder.may_be_null(i));
  }
  SymbolReader(source, options, target, stop, file).read_all();
  file.plan = schema::plan_table(file.header, file_name, file.symbols, file.may_be_null,
                                 options.policy, options.streams, stop);
  if (!target.table.empty()) file.plan.table = target.table;
  file.plan.has_keys_only = target.rules.is_deletes;
  schema::add_own_columns(
      file.plan, file.header,
      schema::own_columns(target.rules, target.mode, target.file_key, target.version,
                          target.loaded_at_us, target.name_parts, options.run_id),
      target.rules, options.policy.dialect);
  check_protected(file.plan, target);
  check_names(file, options, target);
  const schema::TablePlan own = target.replaced ? file.plan : schema::TablePlan();
  if (target.shape && target.is_set()) {
    fit_file(file, *target.shape, options.streams, stop);
  } else if (target.shape) {
    fit_to_replaced(target, options.streams, stop, file);
  }
  if (target.sorted_by && !file.plan.is_order_set) keep_order(*target.sorted_by, file.plan);
  if (target.replaced) file.column_changes = column_changes(*target.replaced, own, file.plan);
  return file;
}

std::vector<bool> fields_in_table(const PreparedFile& file) {
  std::vector<bool> are_in(file.header.fields.size());
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index != schema::kNoField) are_in[column.field_index] = true;
  }
  return are_in;
}

void fit_file(PreparedFile& file, const schema::Shape& shape, unsigned threads,
              const std::stop_token& stop) {
  if (file.header.record_count == 0) return without_cells(shape, file.plan);
  std::vector<schema::ColumnPlan> own = file.plan.columns;
  file.plan = schema::fit_plan(file.plan, shape, file.symbols, threads, stop);
  note_rescued(std::move(own), file);
}

std::vector<ColumnValues> cast_columns(PreparedFile& file, unsigned threads,
                                       const std::stop_token& stop, bool keeps_symbols) {
  std::vector<std::optional<ColumnValues>> cast(file.plan.columns.size());
  base::for_each_index(cast.size(), threads, [&](std::size_t i) {
    cast[i] = cast_column(file, file.plan.columns[i], stop);
  });
  if (!keeps_symbols) file.symbols.clear();
  std::vector<ColumnValues> columns;
  for (auto& column : cast) columns.push_back(std::move(*column));
  return columns;
}

}  // namespace qvdhouse::load
