#include "tracking/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "clickhouse/table_engine.h"

namespace qvdhouse::tracking {

using clickhouse::Connection;
using clickhouse::qualified;
using clickhouse::quote_identifier;
using clickhouse::quote_literal;

namespace {

bool goes_early(const Table& table) {
  return table.early_days > 0 && table.early_days < table.days.value_or(0);
}

// Empty for 0 days.
std::string ttl_of(const Table& table) {
  const unsigned days = table.days.value_or(0);
  if (days == 0) return "";
  std::string ttl = fmt::format("toDateTime(started_at) + toIntervalDay({})", days);
  if (!goes_early(table)) return ttl;
  return ttl + fmt::format(", toDateTime(started_at) + toIntervalDay({}) WHERE {}",
                           table.early_days, table.early);
}

// Without what servers write in their own way.
std::string bare(std::string text) {
  std::erase_if(text, [](char letter) {
    return std::string_view("() `").find(letter) != std::string_view::npos;
  });
  return text;
}

// Where there is no TTL. `days`: after their `started_at`.
void delete_old(Connection& connection, const std::string& database, std::string_view table,
                unsigned days, std::string_view condition) {
  const std::string old =
      fmt::format("started_at < (toInt64(toUnixTimestamp(now())) - {}) * 1000000 AND ({})",
                  days * 86'400ULL, condition);
  const std::string count = connection.query(
      fmt::format("SELECT count() FROM {} WHERE {} FORMAT TSV", qualified(database, table), old));
  if (!count.starts_with('0')) delete_rows(connection, database, table, old);
}

// Whether the table's definition ends with it, but for settings.
bool has_ttl(const std::string& engine, const std::string& ttl) {
  const std::size_t begin = engine.find(" TTL ");
  if (begin == std::string::npos) return false;
  const std::size_t end = engine.find(" SETTINGS ", begin);
  return bare(engine.substr(begin + 5, end == std::string::npos ? end : end - begin - 5)) ==
         bare(ttl);
}

// Makes rows go `days` after their `started_at` (0: never), and some of them earlier, whichever
// days the table was made with.
void expire_rows(Connection& connection, const std::string& database, const Table& table) {
  if (!connection.endpoint().dialect.has_ttl) {
    if (*table.days > 0) delete_old(connection, database, table.name, *table.days, "1");
    if (!goes_early(table)) return;
    delete_old(connection, database, table.name, table.early_days, table.early);
    return;
  }
  const std::string engine = connection.query(
      fmt::format("SELECT engine_full FROM system.tables WHERE database = {} AND name = {} FORMAT "
                  "TSVRaw",
                  quote_literal(database), quote_literal(table.name)));
  const std::string ttl = ttl_of(table);
  const std::string name = qualified(database, table.name);
  if (ttl.empty() && engine.find(" TTL ") != std::string::npos) {
    connection.query(fmt::format("ALTER TABLE {} REMOVE TTL", name));
  } else if (!ttl.empty() && !has_ttl(engine, ttl)) {
    connection.query(fmt::format("ALTER TABLE {} MODIFY TTL {}", name, ttl));
  }
}

}  // namespace

std::string column_list(const std::vector<ColumnDefinition>& columns) {
  std::string text;
  for (const ColumnDefinition& column : columns) {
    text += (text.empty() ? "" : ", ") + quote_identifier(column.name);
  }
  return text;
}

std::string comment(std::string_view text, const clickhouse::Dialect& dialect) {
  return dialect.has_table_comment ? " COMMENT " + quote_literal(text) : "";
}

clickhouse::Endpoint anywhere(clickhouse::Endpoint endpoint) {
  endpoint.database = "system";
  return endpoint;
}

void ensure_database(Connection& connection, const std::string& database) {
  const std::string found = connection.query(fmt::format(
      "SELECT count() FROM system.databases WHERE name = {} FORMAT TSV", quote_literal(database)));
  if (found.starts_with('0')) {
    connection.query("CREATE DATABASE IF NOT EXISTS " + quote_identifier(database) +
                     connection.endpoint().dialect.replication.on_cluster());
  }
}

void ensure_table(Connection& connection, const std::string& database, const Table& table) {
  const clickhouse::Dialect& dialect = connection.endpoint().dialect;
  std::string columns;
  for (const ColumnDefinition& column : table.columns) {
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_identifier(column.name),
                           column.type);
  }
  const std::string ttl = dialect.has_ttl ? ttl_of(table) : "";
  clickhouse::refuse_local_table(connection, database, table.name);
  connection.query(fmt::format("CREATE TABLE IF NOT EXISTS {}{} ({}) ENGINE = {}{}{}",
                               qualified(database, table.name), dialect.replication.on_cluster(),
                               columns,
                               clickhouse::engine_for(table.engine, dialect, database, table.name),
                               ttl.empty() ? "" : " TTL " + ttl, comment(table.comment, dialect)));
  clickhouse::check_all_servers(connection, database, table.name);
  match_columns(connection, database, table.name, table.columns);
  if (table.days) expire_rows(connection, database, table);
}

void match_columns(Connection& connection, const std::string& database, std::string_view table,
                   const std::vector<ColumnDefinition>& wanted) {
  const auto found = clickhouse::describe_table(connection, database, table);
  for (const ColumnDefinition& column : wanted) {
    const auto same = std::ranges::find(found, column.name, &ColumnDefinition::name);
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

std::string ask(Connection& connection, const std::string& sql,
                const clickhouse::Settings& settings) {
  try {
    return connection.query(sql + " FORMAT RowBinary", settings);
  } catch (const base::ServerError& error) {
    if (clickhouse::is_absent(error.code())) return "";
    throw;
  }
}

std::string select_rows(Connection& connection, const std::string& database, std::string_view what,
                        std::string_view table, std::string_view rest) {
  return ask(connection,
             fmt::format("SELECT {} FROM {} {}", what, qualified(database, table), rest));
}

std::string select_columns(Connection& connection, const std::string& database,
                           const std::vector<ColumnDefinition>& columns, std::string_view table,
                           std::string_view rest) {
  try {
    return select_rows(connection, database, column_list(columns), table, rest);
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kUnknownIdentifier) throw;
  }
  const auto found = clickhouse::describe_table(connection, database, table);
  std::string list;
  for (const ColumnDefinition& column : columns) {
    const bool is_there =
        std::ranges::find(found, column.name, &ColumnDefinition::name) != found.end();
    const std::string_view absent = column.type == "UInt64" ? "toUInt64(0)" : "''";
    list += (list.empty() ? "" : ", ") +
            (is_there ? quote_identifier(column.name) : std::string(absent));
  }
  return select_rows(connection, database, list, table, rest);
}

void insert_rows(Connection& connection, const std::string& database, std::string_view table,
                 const std::vector<ColumnDefinition>& columns,
                 std::span<const std::byte> row_binary) {
  bool sent = false;
  // A server without its Keeper would try for minutes before it says so.
  clickhouse::Settings settings;
  if (connection.endpoint().dialect.replication.is_on) {
    settings.emplace("insert_keeper_max_retries", "6");
  }
  connection.insert(
      fmt::format("INSERT INTO {} ({}) FORMAT RowBinary", qualified(database, table),
                  column_list(columns)),
      [&] {
        if (std::exchange(sent, true)) return std::span<const std::byte>();
        return row_binary;
      },
      settings);
}

void delete_rows(Connection& connection, const std::string& database, std::string_view table,
                 const std::string& condition) {
  clickhouse::run_on_all_replicas(connection, fmt::format("ALTER TABLE {} DELETE WHERE {}",
                                                          qualified(database, table), condition));
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

}  // namespace qvdhouse::tracking
