// The plan of a whole file: all fields, ORDER BY and comment.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "base/workers.h"
#include "schema/field_plan.h"
#include "schema/names.h"
#include "schema/patterns.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::TypeKind;

constexpr std::size_t kMostChosenKeys = 3;

// A column that may lead ORDER BY, with the number of its distinct values.
struct KeyCandidate {
  const ColumnPlan* column;
  std::uint64_t distinct_count;
  bool is_tagged;  // $key, or named %…
};

bool is_key_field(const qvd::FieldHeader& field) {
  return field.name.starts_with('%') ||
         std::find(field.tags.begin(), field.tags.end(), "$key") != field.tags.end();
}

// The main column of each field that could be sorted by, fewest distinct values first.
std::vector<KeyCandidate> key_candidates(const std::vector<ColumnPlan>& columns,
                                         const qvd::TableHeader& header,
                                         std::span<const qvd::SymbolTable> symbols) {
  std::vector<KeyCandidate> candidates;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnPlan& column = columns[i];
    const bool is_main = i == 0 || columns[i - 1].field_index != column.field_index;
    const std::uint64_t distinct_count = symbols[column.field_index].size();
    if (!is_main || column.type.nullable || column.type.kind == TypeKind::kFloat64 ||
        distinct_count < 2) {
      continue;
    }
    candidates.push_back(
        {&column, distinct_count, is_key_field(header.fields[column.field_index])});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.distinct_count < b.distinct_count;
  });
  return candidates;
}

// A name that is not a field here may be a column of the table's own: table_definition() looks at
// that.
void order_by_setting(const qvd::TableHeader& header, const Policy& policy, TablePlan& plan) {
  for (const std::string& wanted : policy.order_by) {
    const auto found = std::ranges::find_if(plan.columns, [&](const ColumnPlan& column) {
      return header.fields[column.field_index].name == wanted || column.name == wanted;
    });
    plan.order_by.push_back(found == plan.columns.end() ? wanted : found->name);
  }
  plan.is_order_set = true;
  plan.order_by_reason = "The setting order_by.";
}

void choose_order_by(const qvd::TableHeader& header, std::span<const qvd::SymbolTable> symbols,
                     const Policy& policy, TablePlan& plan) {
  if (!policy.order_by.empty()) return order_by_setting(header, policy, plan);
  std::vector<KeyCandidate> keys = key_candidates(plan.columns, header, symbols);
  const bool has_tagged =
      std::any_of(keys.begin(), keys.end(), [](const auto& key) { return key.is_tagged; });
  if (has_tagged) {
    std::erase_if(keys, [](const auto& key) { return !key.is_tagged; });
  } else if (keys.size() > kMostChosenKeys) {
    keys.resize(kMostChosenKeys);
  }
  std::vector<std::string> counts;
  for (const KeyCandidate& key : keys) {
    plan.order_by.push_back(key.column->name);
    counts.push_back(fmt::format("{}", key.distinct_count));
  }
  if (keys.empty()) {
    plan.order_by_reason =
        "No column has several values, is never NULL and no Float64, so tuple().";
  } else {
    plan.order_by_reason =
        fmt::format("{}, never NULL, fewest distinct values first ({}).",
                    has_tagged ? "Fields tagged $key or named %…" : "No key field, so the columns",
                    fmt::join(counts, ", "));
  }
}

std::string table_comment(const qvd::TableHeader& header, std::string_view file_name) {
  std::string comment = fmt::format("{}{}", kTableCommentPrefix, file_name);
  if (!header.creator_document.empty()) comment += fmt::format(" by {}", header.creator_document);
  if (!header.created_at.empty()) comment += fmt::format(", created {} UTC", header.created_at);
  if (!header.comment.empty()) comment += "; " + header.comment;
  return comment;
}

void check_names(const std::vector<ColumnPlan>& columns, const qvd::TableHeader& header) {
  std::map<std::string_view, const ColumnPlan*> owners;
  for (const ColumnPlan& column : columns) {
    const auto [owner, is_new] = owners.emplace(column.name, &column);
    if (is_new) continue;
    // Fields' own columns have names of their own, so one of the two is a number column.
    const bool is_first = owner->second->name.ends_with(kNumberSuffix) &&
                          owner->second != columns.data() &&
                          (owner->second - 1)->field_index == owner->second->field_index;
    const ColumnPlan& number = is_first ? *owner->second : column;
    const ColumnPlan& other = is_first ? column : *owner->second;
    const std::string& field = header.fields[number.field_index].name;
    throw base::SchemaError(
        fmt::format("fields \"{}\" and \"{}\" both want the column \"{}\", the first for its "
                    "numbers beside its "
                    "texts; set dual = \"text\" or \"number\", or one type for it by types.\"{}\"",
                    field, header.fields[other.field_index].name, column.name, field));
  }
}

// For a number column whose field has a column besides.
bool is_excluded(const std::string& column, const Policy& policy) {
  return std::ranges::any_of(
      policy.exclude, [&](const std::string& pattern) { return matches_pattern(column, pattern); });
}

}  // namespace

TablePlan plan_table(const qvd::TableHeader& header, std::string_view file_name,
                     std::span<const qvd::SymbolTable> symbols,
                     const std::vector<bool>& may_be_null, const Policy& policy, unsigned threads,
                     const std::stop_token& stop) {
  TablePlan plan{.table = table_name(file_name, policy),
                 .columns = {},
                 .order_by = {},
                 .order_by_reason = {},
                 .comment = table_comment(header, file_name)};
  std::vector<std::string> field_names;
  for (const qvd::FieldHeader& field : header.fields) field_names.push_back(field.name);
  const std::vector<std::string> names = column_names(field_names, policy);
  std::vector<std::vector<ColumnPlan>> of_field(header.fields.size());
  base::for_each_index(of_field.size(), threads, [&](std::size_t i) {
    base::end_if_stopped(stop, 0);
    if (names[i].empty()) return;
    const qvd::FieldProfile profile = qvd::profile_field(symbols[i]);
    of_field[i] = plan_columns({.header = header.fields[i],
                                .index = i,
                                .may_be_null = may_be_null[i],
                                .symbols = symbols[i],
                                .profile = profile,
                                .policy = policy,
                                .name = names[i],
                                .stop = stop});
    std::erase_if(of_field[i], [&](const ColumnPlan& column) {
      return column.name != names[i] && is_excluded(column.name, policy);
    });
  });
  for (auto& columns : of_field) {
    std::move(columns.begin(), columns.end(), std::back_inserter(plan.columns));
  }
  if (plan.columns.empty()) {
    throw base::SchemaError(
        fmt::format("file \"{}\": include and exclude leave none of its {} fields; correct them",
                    file_name, header.fields.size()));
  }
  check_names(plan.columns, header);
  choose_order_by(header, symbols, policy, plan);
  return plan;
}

}  // namespace qvdhouse::schema
