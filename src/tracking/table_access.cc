#include "tracking/table_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"

namespace qvdhouse::tracking {

using clickhouse::Connection;
using clickhouse::qualified;
using clickhouse::quote_identifier;
using clickhouse::quote_literal;

clickhouse::Endpoint anywhere(clickhouse::Endpoint endpoint) {
  endpoint.database = "system";
  return endpoint;
}

void ensure_database(Connection& connection, const std::string& database) {
  const std::string found = connection.query(fmt::format(
      "SELECT count() FROM system.databases WHERE name = {} FORMAT TSV", quote_literal(database)));
  if (found.starts_with('0')) {
    connection.query("CREATE DATABASE IF NOT EXISTS " + quote_identifier(database));
  }
}

void match_columns(Connection& connection, const std::string& database, std::string_view table,
                   const std::vector<Column>& wanted) {
  const auto found = clickhouse::describe_table(connection, database, table);
  for (const Column& column : wanted) {
    const auto same = std::ranges::find(found, column.name, &clickhouse::ColumnDefinition::name);
    if (same == found.end()) {
      const bool has_if = connection.endpoint().dialect.has_alter_if;
      connection.query(fmt::format("ALTER TABLE {} ADD COLUMN {}{} {}", qualified(database, table),
                                   has_if ? "IF NOT EXISTS " : "", quote_identifier(column.name),
                                   column.type));
    } else if (same->type != column.type) {
      throw base::ConfigError(
          fmt::format("table {}.{}, column {}: expected {}, found {}; it was made by another "
                      "program: rename it "
                      "(RENAME TABLE), or choose another database",
                      database, table, column.name, column.type, same->type));
    }
  }
}

void expire_rows(Connection& connection, const std::string& database, std::string_view table,
                 unsigned days) {
  if (!connection.endpoint().dialect.has_ttl) {
    if (days == 0) return;
    const std::string old = fmt::format(
        "started_at < (toInt64(toUnixTimestamp(now())) - {}) * 1000000", days * 86'400ULL);
    const std::string count = connection.query(
        fmt::format("SELECT count() FROM {} WHERE {} FORMAT TSV", qualified(database, table), old));
    if (!count.starts_with('0')) delete_rows(connection, database, table, old);
    return;
  }
  const std::string engine = connection.query(
      fmt::format("SELECT engine_full FROM system.tables WHERE database = {} AND name = {} FORMAT "
                  "TSVRaw",
                  quote_literal(database), quote_literal(table)));
  const std::string ttl = history_ttl(days);
  const std::string name = qualified(database, table);
  if (ttl.empty() && engine.find(" TTL ") != std::string::npos) {
    connection.query(fmt::format("ALTER TABLE {} REMOVE TTL", name));
  } else if (!ttl.empty() && engine.find(ttl) == std::string::npos) {
    connection.query(fmt::format("ALTER TABLE {} MODIFY TTL {}", name, ttl));
  }
}

std::string select_rows(Connection& connection, const std::string& database, std::string_view what,
                        std::string_view table, std::string_view rest) {
  try {
    return connection.query(fmt::format("SELECT {} FROM {} {} FORMAT RowBinary", what,
                                        qualified(database, table), rest));
  } catch (const base::ServerError& error) {
    if (is_absent(error)) return "";
    throw;
  }
}

std::string select_columns(Connection& connection, const std::string& database,
                           const std::vector<Column>& columns, std::string_view table,
                           std::string_view rest) {
  constexpr int kUnknownIdentifier = 47;
  try {
    return select_rows(connection, database, column_list(columns), table, rest);
  } catch (const base::ServerError& error) {
    if (error.code() != kUnknownIdentifier) throw;
  }
  const auto found = clickhouse::describe_table(connection, database, table);
  std::string list;
  for (const Column& column : columns) {
    const bool is_there =
        std::ranges::find(found, column.name, &clickhouse::ColumnDefinition::name) != found.end();
    const std::string_view absent = column.type == "UInt64" ? "toUInt64(0)" : "''";
    list += (list.empty() ? "" : ", ") +
            (is_there ? quote_identifier(column.name) : std::string(absent));
  }
  return select_rows(connection, database, list, table, rest);
}

void insert_rows(Connection& connection, const std::string& database, std::string_view table,
                 const std::vector<Column>& columns, std::span<const std::byte> row_binary) {
  bool sent = false;
  connection.insert(fmt::format("INSERT INTO {} ({}) FORMAT RowBinary", qualified(database, table),
                                column_list(columns)),
                    [&] {
                      if (std::exchange(sent, true)) return std::span<const std::byte>();
                      return row_binary;
                    });
}

void delete_rows(Connection& connection, const std::string& database, std::string_view table,
                 const std::string& condition) {
  connection.query(
      fmt::format("ALTER TABLE {} DELETE WHERE {}", qualified(database, table), condition),
      {{"mutations_sync", "2"}});
  if (connection.endpoint().dialect.has_alter_settings) return;
  constexpr std::chrono::milliseconds kBetweenLooks{20};
  const std::string unfinished = fmt::format(
      "SELECT count() FROM system.mutations WHERE database = {} AND table = {} AND NOT is_done "
      "FORMAT TSV",
      quote_literal(database), quote_literal(table));
  while (!connection.query(unfinished).starts_with('0')) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

bool is_absent(const base::ServerError& error) {
  constexpr int kUnknownTable = 60;
  constexpr int kUnknownDatabase = 81;
  return error.code() == kUnknownTable || error.code() == kUnknownDatabase;
}

}  // namespace qvdhouse::tracking
