#include "sync/table_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/quote.h"
#include "tracking/row_binary.h"

namespace qvdhouse::sync {
namespace {

// One name at the start of a key as the server writes it, plain or in backticks; takes it away.
std::optional<std::string> take_name(std::string_view& key) {
  std::string name;
  if (!key.starts_with('`')) {
    const std::size_t end = std::min(key.find(", "), key.size());
    name = key.substr(0, end);
    key.remove_prefix(end);
    return name;
  }
  for (std::size_t i = 1; i < key.size(); ++i) {
    if (key[i] == '`') {
      key.remove_prefix(i + 1);
      return name;
    }
    if (key[i] == '\\' && i + 1 < key.size()) ++i;
    name += key[i];
  }
  return std::nullopt;
}

bool has_column(const load::Layout& layout, std::string_view name) {
  return std::ranges::find(layout.columns, name, &clickhouse::ColumnDefinition::name) !=
         layout.columns.end();
}

// Reads an answer in RowBinary.
std::vector<std::string> read_names(const std::string& answer) {
  std::vector<std::string> names;
  for (tracking::RowReader reader(answer); !reader.done();) reader(names.emplace_back());
  return names;
}

}  // namespace

bool binds_always(const schema::TableRules& rules) {
  return rules.drift != schema::DriftPolicy::kEvolve;
}

schema::Shape live_shape(const load::Layout& layout) {
  schema::Shape shape;
  for (const clickhouse::ColumnDefinition& column : layout.columns) {
    if (schema::is_own_column(column.name)) continue;
    const auto type = clickhouse::parse_column_type(column.type);
    if (!type) {
      throw base::SchemaError(fmt::format(
          "column \"{}\" of the table has the type {}, which qvdhouse does not write; nothing was "
          "changed: give the column a type of docs/type-mapping.md, or drop it",
          column.name, column.type));
    }
    shape.push_back({.name = column.name, .type = *type});
  }
  return shape;
}

bool has_columns_of(const load::Layout& layout, schema::LoadMode mode) {
  return has_column(layout, schema::kFileColumn) &&
         has_column(layout, schema::kVersionColumn) == (mode == schema::LoadMode::kAppend);
}

std::vector<std::string> stored_files(clickhouse::Connection& connection,
                                      const std::string& table) {
  if (!has_column(load::read_layout(connection, table), schema::kFileColumn)) return {};
  return read_names(connection.query(
      fmt::format("SELECT DISTINCT toString({}) FROM {} FORMAT RowBinary", schema::kFileColumn,
                  clickhouse::qualified(connection.endpoint().database, table))));
}

schema::Key key_of(clickhouse::Connection& connection, const std::string& table,
                   const schema::TableRules& rules) {
  const std::string answer = connection.query(fmt::format(
      "SELECT name FROM system.columns WHERE database = {} AND table = {} AND (is_in_sorting_key "
      "OR is_in_partition_key) FORMAT RowBinary",
      clickhouse::quote_literal(connection.endpoint().database), clickhouse::quote_literal(table)));
  return {.columns = read_names(answer),
          .is_given = !rules.order_by.empty() || !rules.partition_by.empty()};
}

std::optional<std::vector<std::string>> kept_order(const load::Layout& layout,
                                                   const schema::Shape& shape) {
  std::vector<std::string> columns;
  for (std::string_view key = layout.sorting_key; !key.empty();) {
    std::optional<std::string> name = take_name(key);
    if (!name || !has_column(layout, *name)) return std::nullopt;
    const auto column = std::ranges::find(shape, *name, &schema::ShapeColumn::name);
    if (column == shape.end() || !column->type.nullable) columns.push_back(std::move(*name));
    if (!key.empty() && !key.starts_with(", ")) return std::nullopt;
    key.remove_prefix(std::min<std::size_t>(2, key.size()));
  }
  return columns;
}

void await_mutations(clickhouse::Connection& connection, const std::string& table,
                     std::stop_token stop) {
  if (connection.endpoint().dialect.has_alter_settings) return;
  constexpr std::chrono::milliseconds kInterval{50};
  const std::string sql = fmt::format(
      "SELECT count() FROM system.mutations WHERE database = {} AND table = {} AND is_done = 0 "
      "FORMAT TSV",
      clickhouse::quote_literal(connection.endpoint().database), clickhouse::quote_literal(table));
  while (!connection.query(sql).starts_with('0')) {
    if (!base::pause_for(kInterval, stop)) throw base::Cancelled("stopped during an ALTER");
  }
}

}  // namespace qvdhouse::sync
