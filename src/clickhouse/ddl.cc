#include "clickhouse/ddl.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "clickhouse/tab_separated.h"
#include "clickhouse/table_engine.h"

namespace qvdhouse::clickhouse {
namespace {

std::string column_sql(const ColumnDefinition& column) {
  auto sql = fmt::format("  {} {}", quote_identifier(column.name), column.type);
  if (!column.comment.empty()) sql += " COMMENT " + quote_literal(column.comment);
  if (!column.codec.empty()) sql += fmt::format(" CODEC({})", column.codec);
  return sql;
}

std::string key_sql(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& name : names) quoted.push_back(quote_identifier(name));
  return quoted.empty() ? "tuple()" : fmt::format("({})", fmt::join(quoted, ", "));
}

bool orders_by_nullable(const TableDefinition& table) {
  return std::ranges::any_of(table.columns, [&](const ColumnDefinition& column) {
    return column.type.find("Nullable(") != std::string::npos &&
           std::ranges::find(table.order_by, column.name) != table.order_by.end();
  });
}

// Numbers as they are, all else as a literal.
std::string settings_sql(const TableDefinition& table) {
  std::map<std::string, std::string> settings = table.settings;
  if (orders_by_nullable(table)) settings.emplace("allow_nullable_key", "1");
  std::vector<std::string> assignments;
  for (const auto& [name, value] : settings) {
    const bool is_number =
        !value.empty() && value.find_first_not_of("0123456789.") == std::string::npos;
    assignments.push_back(
        fmt::format("{} = {}", quote_identifier(name), is_number ? value : quote_literal(value)));
  }
  return fmt::format("{}", fmt::join(assignments, ", "));
}

}  // namespace

TableDefinition adapted(TableDefinition table, const Dialect& dialect) {
  const auto refuse = [&](std::string_view what, std::string_view setting) {
    throw base::ConfigError(
        fmt::format("table {}: ClickHouse {} knows no {}; leave the setting {} away, or use a "
                    "newer server",
                    table.name, dialect.version(), what, setting));
  };
  if (!dialect.has_ttl && !table.ttl.empty()) refuse("TTL", "ttl");
  if (!dialect.has_indexes) {
    if (!table.primary_key.empty()) refuse("primary key beside ORDER BY", "primary_key");
    if (!table.sample_by.empty()) refuse("SAMPLE BY of such tables", "sample_by");
    if (!table.indexes.empty()) refuse("data skipping indexes", "indexes");
  }
  if (!dialect.has_codecs) {
    for (ColumnDefinition& column : table.columns) column.codec.clear();
  }
  if (!dialect.has_projections) table.projection = {};
  if (!dialect.has_table_comment && dialect.replication.is_on) {
    // 18.16 makes no second replica of a table with comments (error 122).
    for (ColumnDefinition& column : table.columns) column.comment.clear();
    table.comment.clear();
  } else if (!dialect.has_table_comment && !table.comment.empty() && !table.columns.empty()) {
    std::string& comment = table.columns.front().comment;
    comment = table.comment + (comment.empty() ? "" : "; ") + comment;
    table.comment.clear();
  }
  return table;
}

std::string create_table_sql(const TableDefinition& definition, const Dialect& dialect) {
  const TableDefinition table = adapted(definition, dialect);
  std::vector<std::string> columns;
  for (const auto& column : table.columns) columns.push_back(column_sql(column));
  if (!table.projection.select.empty()) {
    columns.push_back(fmt::format("  PROJECTION {} ({})", quote_identifier(table.projection.name),
                                  table.projection.select));
  }
  for (const auto& [name, index] : table.indexes) {
    columns.push_back(fmt::format("  INDEX {} {}", quote_identifier(name), index));
  }

  auto sql =
      fmt::format("CREATE TABLE {}{}\n(\n{}\n)\nENGINE = {}", qualified(table.database, table.name),
                  dialect.replication.on_cluster(), fmt::join(columns, ",\n"),
                  engine_for(table.engine, dialect, table.database, table.name, table.reach));
  if (!table.partition_by.empty()) sql += "\nPARTITION BY " + table.partition_by;
  sql += "\nORDER BY " + key_sql(table.order_by);
  if (!table.primary_key.empty()) sql += "\nPRIMARY KEY " + key_sql(table.primary_key);
  if (!table.sample_by.empty()) sql += "\nSAMPLE BY " + table.sample_by;
  if (!table.ttl.empty()) sql += "\nTTL " + table.ttl;
  if (const std::string settings = settings_sql(table); !settings.empty()) {
    sql += "\nSETTINGS " + settings;
  }
  if (!table.comment.empty()) sql += "\nCOMMENT " + quote_literal(table.comment);
  return sql;
}

namespace {

// Old servers list columns in their order and cannot be asked for it.
std::string_view in_order(const Connection& connection) {
  return connection.endpoint().dialect.has_column_position ? " ORDER BY position" : "";
}

}  // namespace

std::vector<ColumnDefinition> describe_table(Connection& connection, std::string_view database,
                                             std::string_view table) {
  // From system.columns: DESCRIBE breaks long types into lines where the server thinks it prettier.
  const std::string answer = connection.query(
      fmt::format("SELECT name, type, comment FROM system.columns WHERE database = {} AND "
                  "table = {}{} FORMAT TabSeparated",
                  quote_literal(database), quote_literal(table), in_order(connection)));
  std::vector<ColumnDefinition> columns;
  std::string_view rest = answer;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    ColumnDefinition column;
    column.name = take_tsv_value(row);
    column.type = take_tsv_value(row);
    column.comment = take_tsv_value(row);
    columns.push_back(std::move(column));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return columns;
}

std::string drop_table_sql(const Dialect& dialect, std::string_view database,
                           std::string_view table) {
  return fmt::format("DROP TABLE IF EXISTS {}{}{}", qualified(database, table),
                     dialect.replication.on_cluster(), dialect.has_drop_sync ? " SYNC" : "");
}

std::string engine_of(Connection& connection, std::string_view database, std::string_view table) {
  const auto lines = query_lines(
      connection, fmt::format("SELECT engine FROM system.tables WHERE database = {} AND name = {}",
                              quote_literal(database), quote_literal(table)));
  return lines.empty() ? "" : lines.front();
}

std::optional<std::string> table_comment(Connection& connection, std::string_view database,
                                         std::string_view table) {
  // A mark in front tells no comment from no table.
  const auto ask = [&](std::string_view rest) -> std::optional<std::string> {
    const std::string answer =
        connection.query(fmt::format("SELECT concat('=', comment) FROM system.{} LIMIT 1 FORMAT "
                                     "TSVRaw",
                                     rest));
    if (answer.empty()) return std::nullopt;
    return answer.substr(1, answer.size() - 2);  // without the mark and the line break
  };
  if (connection.endpoint().dialect.has_table_comment) {
    const auto comment = ask(fmt::format("tables WHERE database = {} AND name = {}",
                                         quote_literal(database), quote_literal(table)));
    if (!comment || !comment->empty()) return comment;
  }
  auto comment =
      ask(fmt::format("columns WHERE database = {} AND table = {}{}", quote_literal(database),
                      quote_literal(table), in_order(connection)));
  const Dialect& dialect = connection.endpoint().dialect;
  if (comment && comment->empty() && !dialect.has_table_comment && dialect.replication.is_on) {
    const std::string engine = connection.query(fmt::format(
        "SELECT engine_full FROM system.tables WHERE database = {} AND name = {} FORMAT TSVRaw",
        quote_literal(database), quote_literal(table)));
    if (has_own_path(engine)) return std::string(kReplicatedComment);
  }
  return comment;
}

}  // namespace qvdhouse::clickhouse
