#include "clickhouse/newest_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr std::string_view kView = "View";
constexpr std::string_view kOrder = "_qvd_order";
constexpr std::string_view kDeleted = "_qvd_deleted";

bool is_shown(const ColumnDefinition& column) {
  return column.name != kOrder && column.name != kDeleted;
}

// What a view shows: also a comment, in which a table says how it writes its texts.
std::string described_column(const ColumnDefinition& column) {
  return fmt::format("{} {} COMMENT {}", quote_identifier(column.name), column.type,
                     quote_literal(column.comment));
}

std::vector<std::string> described_columns(const std::vector<ColumnDefinition>& columns) {
  std::vector<std::string> described;
  for (const ColumnDefinition& column : columns) {
    if (is_shown(column)) described.push_back(described_column(column));
  }
  return described;
}

std::string how_to_load_again(std::string_view table) {
  return fmt::format(
      "nothing was changed: load it again (qvdhouse reset --table {} --with-data, then sync), or "
      "set its mode as it was",
      table);
}

}  // namespace

std::string rows_table(std::string_view table) { return fmt::format("{}{}", table, kRowsSuffix); }

std::string newest_rows_sql(const Dialect& dialect, std::string_view database,
                            std::string_view table, const std::vector<ColumnDefinition>& columns) {
  std::vector<std::string> names;
  for (const ColumnDefinition& column : columns) {
    if (is_shown(column)) names.push_back(quote_identifier(column.name));
  }
  const std::string rows = rows_table(table);
  // Rows of one key lie in the partitions of several files.
  return fmt::format(
      "CREATE OR REPLACE VIEW {}{}\n(\n  {}\n)\nAS SELECT {}\nFROM {} FINAL\nWHERE {} = 0\n"
      "SETTINGS do_not_merge_across_partitions_select_final = 0\nCOMMENT {}",
      qualified(database, table), dialect.replication.on_cluster(),
      fmt::join(described_columns(columns), ",\n  "), fmt::join(names, ", "),
      qualified(database, rows), kDeleted,
      quote_literal(fmt::format("{}{}", kNewestRowsComment, rows)));
}

bool is_newest_rows(Connection& connection, std::string_view database, std::string_view table) {
  return engine_of(connection, database, table) == kView &&
         table_comment(connection, database, table).value_or("").starts_with(kNewestRowsComment);
}

bool has_newest_rows(Connection& connection, std::string_view database, std::string_view table) {
  const auto columns = describe_table(connection, database, rows_table(table));
  return std::ranges::find(columns, kOrder, &ColumnDefinition::name) != columns.end();
}

void ensure_newest_rows(Connection& connection, std::string_view database, std::string_view table) {
  const auto columns = describe_table(connection, database, rows_table(table));
  const auto shown = describe_table(connection, database, table);
  if (columns.empty() || described_columns(columns) == described_columns(shown)) return;
  connection.query(newest_rows_sql(connection.endpoint().dialect, database, table, columns));
}

void check_newest_rows(Connection& connection, std::string_view database, std::string_view table) {
  const std::string engine = engine_of(connection, database, table);
  if (!engine.empty() && !is_newest_rows(connection, database, table)) {
    throw base::SchemaError(fmt::format(
        "table {}.{} is of the engine {}, and with mode = \"upsert\" it is to be a view of the "
        "newest rows of {}; {}",
        database, table, engine, rows_table(table), how_to_load_again(table)));
  }
  const std::string rows = rows_table(table);
  if (engine_of(connection, database, rows).empty() ||
      has_newest_rows(connection, database, table)) {
    return;
  }
  throw base::SchemaError(fmt::format(
      "table {}.{} is to have the rows of table {}, and is another one: it has no column {}; "
      "nothing was changed: rename it, or give table {} another name",
      database, rows, table, kOrder, table));
}

void refuse_newest_rows(std::string_view database, std::string_view table) {
  throw base::SchemaError(fmt::format(
      "table {}.{} was loaded with mode = \"upsert\" and is a view of the newest rows of {}; {}",
      database, table, rows_table(table), how_to_load_again(table)));
}

}  // namespace qvdhouse::clickhouse
