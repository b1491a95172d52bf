#include "render/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/quantity.h"
#include "load/doubtful_rows.h"
#include "qvd/header.h"
#include "schema/names.h"
#include "schema/protection.h"
#include "schema/row_filter.h"

namespace qvdhouse::render {
namespace {

// "*" stands for the columns that the tables have, so that only a pattern with its underscore is of
// `column`, which they may not have.
bool asks_for(const Request& request, std::string_view column) {
  return std::ranges::any_of(request.columns, [&](const std::string& pattern) {
    return pattern.starts_with('_') && schema::matches_pattern(column, pattern);
  });
}

std::vector<std::string> field_names(const qvd::TableHeader& header) {
  std::vector<std::string> names;
  for (const qvd::FieldHeader& field : header.fields) names.push_back(field.name);
  return names;
}

// Without what is of the table and not of its rows, and what only a load knows.
void keep_rows_only(const Request& request, File& file) {
  schema::TableRules& rules = file.target.rules;
  if (rules.is_deletes) rules.row_filter.clear();  // a load does not look at it
  if (file.target.is_set()) file.target.mode = schema::LoadMode::kReplaceByFile;
  file.target.shape.reset();
  file.target.replaced.reset();
  file.options.policy.order_by.clear();
  rules.order_by.clear();
  rules.key.clear();
  rules.is_deletes = false;
  rules.drift = schema::DriftPolicy::kEvolve;
  rules.with_loaded_at = false;
  rules.with_run_id = false;
  file.target.chosen_rows = request.where;
}

// The columns of the tables themselves: all files have those of any.
void join_own_columns(const Request& request, std::vector<File>& files) {
  bool with_file = asks_for(request, schema::kFileColumn);
  bool with_row = asks_for(request, schema::kRowColumn);
  for (const File& file : files) {
    with_file = with_file || file.target.rules.with_file || file.target.is_set();
    with_row = with_row || file.target.rules.with_row;
  }
  for (File& file : files) {
    file.target.rules.with_file = with_file;
    file.target.rules.with_row = with_row;
  }
}

// Narrows what is read to the fields of the columns that are asked for, and those whose values the
// table's rules judge.
void keep_columns_only(const Request& request, const qvd::TableHeader& header, const File& file,
                       schema::Policy& policy) {
  if (request.columns.empty()) return;
  const std::vector<std::string> fields = field_names(header);
  policy.only = request.columns;
  for (const schema::ColumnRule& rule : file.target.rules.column_rules) {
    policy.only.push_back(rule.columns);
  }
  const auto has_one = [&] {
    return std::ranges::any_of(schema::column_names(fields, policy),
                               [](const std::string& name) { return !name.empty(); });
  };
  if (has_one()) return;
  // The columns come from no field, or other files have them: rows need a field all the same.
  policy.only.clear();
  for (const std::string& name : schema::column_names(fields, policy)) {
    if (name.empty()) continue;
    policy.only = {name};
    return;
  }
}

}  // namespace

Files::Files(std::vector<File> files, Request request, std::stop_token stop)
    : files_(std::move(files)),
      request_(std::move(request)),
      stop_(std::move(stop)),
      of_fields_(request_.columns.size()) {
  if (!request_.where.empty()) {
    const std::string wrong = schema::parse_row_filter(request_.where, where_);
    if (!wrong.empty()) throw base::SchemaError(fmt::format("where: expected {}", wrong));
  }
  for (File& file : files_) keep_rows_only(request_, file);
  join_own_columns(request_, files_);
  std::vector<schema::Shape> with_rows;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    OpenFile opened = naming(i, [&] { return prepare(i); });
    note_columns(opened.prepared);
    record_count_ += opened.prepared.header.record_count;
    if (files_.size() == 1 && request_.beside == nullptr) {
      only_ = std::move(opened);
      break;
    }
    own_shapes_.push_back(schema::shape_of(opened.prepared.plan));
    if (opened.prepared.header.record_count > 0) with_rows.push_back(own_shapes_.back());
  }
  if (!only_) join_shapes(std::move(with_rows));
  check_columns();
}

void Files::join_shapes(std::vector<schema::Shape> with_rows) {
  if (request_.beside != nullptr) {
    own_shapes_.push_back(*request_.beside);
    with_rows.push_back(*request_.beside);
    for (const schema::ShapeColumn& column : *request_.beside) columns_.insert(column.name);
  }
  shape_ = schema::find_drift({}, with_rows.empty() ? own_shapes_ : with_rows,
                              schema::DriftPolicy::kEvolve, {})
               .shape;
  forget_columns_without_rows();
}

OpenFile Files::prepare(std::size_t index) const {
  const File& file = files_[index];
  OpenFile opened{.bytes = file.open(), .prepared = {}};
  qvd::TableHeader header = qvd::read_header(*opened.bytes);
  check_where(file.options, header);
  load::Options options = file.options;
  keep_columns_only(request_, header, file, options.policy);
  check_size(options, file.target, header);
  opened.prepared =
      load::prepare(*opened.bytes, std::move(header), file.name, options, file.target, stop_);
  std::string doubt = load::check_written(*opened.bytes, opened.prepared.header, options.zero_tail,
                                          "written", stop_);
  if (!doubt.empty()) opened.prepared.alerts.push_back(std::move(doubt));
  return opened;
}

void Files::check_size(const load::Options& options, const load::Target& target,
                       const qvd::TableHeader& header) const {
  if (!request_.most_symbol_bytes) return;
  const std::vector<std::string> columns =
      schema::column_names(field_names(header), options.policy);
  std::set<std::size_t> read;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].empty()) read.insert(i);
  }
  schema::RowConditions of_table;
  const std::string& filter = target.rules.row_filter;
  if (!filter.empty()) schema::parse_row_filter(filter, of_table);
  for (const schema::RowConditions* conditions : {&where_, &std::as_const(of_table)}) {
    for (const schema::RowCondition& condition : *conditions) {
      read.insert(schema::field_of(condition, header));
    }
  }
  std::uint64_t bytes = 0;
  for (const std::size_t field : read) bytes += header.fields[field].length;
  if (bytes <= *request_.most_symbol_bytes) return;
  throw TooLarge(fmt::format(
      "the distinct values of the columns take {} in the file, more than the {} that are read "
      "here; "
      "name fewer columns, or use qvdhouse cat, which has no such limit",
      base::format_quantity(bytes, "byte"), base::format_count(*request_.most_symbol_bytes)));
}

OpenFile Files::open(std::size_t index) {
  if (only_) return *std::exchange(only_, std::nullopt);
  return naming(index, [&] {
    OpenFile opened = prepare(index);
    load::fit_file(opened.prepared, shape_, files_[index].options.streams, stop_);
    return opened;
  });
}

void Files::check_where(const load::Options& options, const qvd::TableHeader& header) const {
  if (where_.empty()) return;
  const std::vector<std::string> fields = field_names(header);
  const std::vector<std::string> columns = schema::column_names(fields, options.policy);
  for (const schema::RowCondition& condition : where_) {
    const std::size_t field = schema::field_of(condition, header);
    if (columns[field].empty()) {
      throw base::SchemaError(fmt::format(
          "where names \"{}\", a field that the settings leave out; name one that is a column",
          fields[field]));
    }
    const schema::Protection protection =
        schema::protection_of(options.policy, fields[field], columns[field]);
    if (!protection.changes_values()) continue;
    throw base::SchemaError(fmt::format(
        "where names \"{}\", a field that is {} by the settings ({}): a condition on it "
        "would tell what they hide; name another field",
        fields[field], schema::participle_of(protection), schema::text_of(protection)));
  }
}

void Files::note_columns(const load::PreparedFile& prepared) {
  for (const schema::ColumnPlan& column : prepared.plan.columns) {
    columns_.insert(column.name);
    if (column.field_index == schema::kNoField) continue;
    const std::string& field = prepared.header.fields[column.field_index].name;
    for (std::size_t i = 0; i < request_.columns.size(); ++i) {
      if (schema::matches_pattern(field, request_.columns[i])) of_fields_[i].insert(column.name);
    }
  }
}

// The common columns are those of the files that have rows, unless none has any.
void Files::forget_columns_without_rows() {
  const auto is_gone = [&](const std::string& column) {
    return !schema::is_own_column(column) &&
           std::ranges::find(shape_, column, &schema::ShapeColumn::name) == shape_.end();
  };
  std::erase_if(columns_, is_gone);
  for (std::set<std::string>& columns : of_fields_) std::erase_if(columns, is_gone);
}

void Files::check_columns() const {
  for (std::size_t i = 0; i < request_.columns.size(); ++i) {
    const std::string& wanted = request_.columns[i];
    const bool is_there =
        !of_fields_[i].empty() || std::ranges::any_of(columns_, [&](const std::string& column) {
          return schema::matches_pattern(column, wanted);
        });
    if (is_there) continue;
    // The fields that were not asked for were not looked at.
    std::vector<std::string> known;
    if (only_) known = field_names(only_->prepared.header);
    throw base::SchemaError(fmt::format("columns names \"{}\", which is no column or field of {}{}",
                                        wanted,
                                        only_ ? "the file" : "those of these files that have rows",
                                        base::did_you_mean(wanted, known)));
  }
}

std::vector<std::size_t> Files::chosen(const schema::TablePlan& plan) const {
  std::vector<std::string> names;
  for (const schema::ColumnPlan& column : plan.columns) names.push_back(column.name);
  return chosen(names);
}

std::vector<std::size_t> Files::chosen(const std::vector<std::string>& columns) const {
  std::vector<std::size_t> chosen;
  std::vector<bool> is_chosen(columns.size());
  const auto choose = [&](const auto& is_wanted) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (is_chosen[i] || !is_wanted(columns[i])) continue;
      is_chosen[i] = true;
      chosen.push_back(i);
    }
  };
  if (request_.columns.empty()) choose([](const std::string&) { return true; });
  for (std::size_t wanted = 0; wanted < request_.columns.size(); ++wanted) {
    const std::string& pattern = request_.columns[wanted];
    const auto is_called = [&](const std::string& column) {
      return schema::matches_pattern(column, pattern);
    };
    if (std::ranges::any_of(columns_, is_called)) {
      choose(is_called);
    } else {
      choose([&](const std::string& column) { return of_fields_[wanted].contains(column); });
    }
  }
  return chosen;
}

}  // namespace qvdhouse::render
