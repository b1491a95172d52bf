#include "tracking/tracking.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {
namespace {

using clickhouse::Connection;
using clickhouse::qualified;
using clickhouse::quote_identifier;
using clickhouse::quote_literal;

// ClickHouse's own database, which is always there; ours may have to be created first, and a
// request that names a missing database is refused whatever it asks.
clickhouse::Endpoint anywhere(clickhouse::Endpoint endpoint) {
  endpoint.database = "system";
  return endpoint;
}

// One String column.
std::set<std::string> names_of(std::string_view row_binary) {
  std::set<std::string> names;
  for (RowReader reader(row_binary); !reader.done();) {
    std::string name;
    reader(name);
    names.insert(std::move(name));
  }
  return names;
}

bool is_absent(const base::ServerError& error) {
  constexpr int kUnknownTable = 60;
  constexpr int kUnknownDatabase = 81;
  return error.code() == kUnknownTable || error.code() == kUnknownDatabase;
}

// RowBinary carries no types, so what is in the table must be what the codec writes.
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

template <class Code>
void insert_rows(Connection& connection, const std::string& database, std::string_view table,
                 const std::vector<Column>& columns, const Code& code) {
  RowWriter writer;
  code(writer);
  bool sent = false;
  connection.insert(fmt::format("INSERT INTO {} ({}) FORMAT RowBinary", qualified(database, table),
                                column_list(columns)),
                    [&] {
                      if (std::exchange(sent, true)) return std::span<const std::byte>();
                      return writer.bytes();
                    });
}

std::vector<FileRecord> read_files(const std::string& answer) {
  std::vector<FileRecord> files;
  for (RowReader reader(answer); !reader.done();) code_file(reader, files.emplace_back());
  return files;
}

}  // namespace

Tracking::Tracking(clickhouse::Endpoint endpoint, std::string database, unsigned history_days)
    : connection_(anywhere(std::move(endpoint))),
      database_(std::move(database)),
      history_days_(history_days) {}

void Tracking::ensure_tables() {
  // Who may not create databases need not, where it is there.
  const std::string database = connection_.query(fmt::format(
      "SELECT count() FROM system.databases WHERE name = {} FORMAT TSV", quote_literal(database_)));
  if (database.starts_with('0')) {
    connection_.query("CREATE DATABASE IF NOT EXISTS " + quote_identifier(database_));
  }
  connection_.query(create_file_table(database_, dialect()));
  connection_.query(create_history_table(database_, history_days_, dialect()));
  match_columns(connection_, database_, kFileTable, file_columns(dialect()));
  match_columns(connection_, database_, kHistoryTable, history_columns(dialect()));
  expire_history();
}

void Tracking::expire_history() {
  if (!dialect().has_ttl) {
    if (history_days_ == 0) return;
    const std::string old = fmt::format(
        "started_at < (toInt64(toUnixTimestamp(now())) - {}) * 1000000", history_days_ * 86'400ULL);
    const std::string count = connection_.query(fmt::format(
        "SELECT count() FROM {} WHERE {} FORMAT TSV", qualified(database_, kHistoryTable), old));
    if (!count.starts_with('0')) delete_rows(kHistoryTable, old);
    return;
  }
  // The table may be older than the setting.
  const std::string engine = connection_.query(
      fmt::format("SELECT engine_full FROM system.tables WHERE database = {} AND name = {} FORMAT "
                  "TSVRaw",
                  quote_literal(database_), quote_literal(kHistoryTable)));
  const std::string ttl = history_ttl(history_days_);
  const std::string table = qualified(database_, kHistoryTable);
  if (ttl.empty() && engine.find(" TTL ") != std::string::npos) {
    connection_.query(fmt::format("ALTER TABLE {} REMOVE TTL", table));
  } else if (!ttl.empty() && engine.find(ttl) == std::string::npos) {
    connection_.query(fmt::format("ALTER TABLE {} MODIFY TTL {}", table, ttl));
  }
}

// Empty also when the table or its database is not there.
std::string Tracking::select(std::string_view what, std::string_view table, std::string_view rest) {
  try {
    return connection_.query(fmt::format("SELECT {} FROM {} {} FORMAT RowBinary", what,
                                         qualified(database_, table), rest));
  } catch (const base::ServerError& error) {
    if (is_absent(error)) return "";
    throw;
  }
}

std::vector<FileRecord> Tracking::files() {
  return read_files(
      select(column_list(file_columns(dialect())), kFileTable, "FINAL ORDER BY file_path"));
}

std::optional<FileRecord> Tracking::find(const std::string& file_path) {
  std::vector<FileRecord> files =
      read_files(select(column_list(file_columns(dialect())), kFileTable,
                        "FINAL WHERE file_path = " + quote_literal(file_path)));
  if (files.empty()) return std::nullopt;
  return std::move(files.front());
}

std::set<std::string> Tracking::tables() {
  std::set<std::string> names = names_of(connection_.query(
      fmt::format("SELECT name FROM system.tables WHERE database = {} FORMAT RowBinary",
                  quote_literal(database_))));
  if (!dialect().has_exchange) {
    for (const std::string& emptied : emptied_tables()) names.erase(emptied);
  }
  return names;
}

// Files are told of after their rows are there, so they are asked for first.
std::set<std::string> Tracking::emptied_tables() {
  std::set<std::string> names = names_of(select(
      "DISTINCT table_name", kFileTable, "FINAL WHERE status = 'completed' AND row_count > 0"));
  const std::set<std::string> have_parts = names_of(connection_.query(fmt::format(
      "SELECT name FROM system.tables WHERE database = {0} AND (engine NOT LIKE '%MergeTree' "
      "OR name IN (SELECT DISTINCT table FROM system.parts "
      "WHERE database = {0} AND active AND rows > 0)) FORMAT RowBinary",
      quote_literal(database_))));
  for (const std::string& name : have_parts) names.erase(name);
  return names;
}

std::vector<Attempt> Tracking::history(const std::string& file, std::size_t limit) {
  std::string filter;
  if (!file.empty()) {
    filter = fmt::format(
        "WHERE file_path = {0} OR lowerUTF8(file_path) = lowerUTF8({0}) OR lowerUTF8(file_name) = "
        "lowerUTF8({0}) OR replaceRegexpOne(lowerUTF8(file_name), '\\\\.[^.]*$', '') = "
        "lowerUTF8({0})",
        quote_literal(file));
  }
  // An insert that was repeated because its answer got lost left its rows twice.
  const std::string answer =
      select(column_list(history_columns(dialect())), kHistoryTable,
             fmt::format("{} ORDER BY started_at DESC, attempt DESC LIMIT 1 BY attempt_id LIMIT {}",
                         filter, limit));
  std::vector<Attempt> attempts;
  for (RowReader reader(answer); !reader.done();)
    code_attempt(reader, attempts.emplace_back(), dialect());
  return attempts;
}

void Tracking::record(const FileRecord& file) { record(std::vector<FileRecord>{file}); }

void Tracking::record(const std::vector<FileRecord>& files) {
  if (files.empty()) return;
  insert_rows(connection_, database_, kFileTable, file_columns(dialect()), [&](RowWriter& writer) {
    for (const FileRecord& file : files) code_file(writer, file);
  });
}

void Tracking::record(const std::vector<Attempt>& attempts) {
  if (attempts.empty()) return;
  insert_rows(connection_, database_, kHistoryTable, history_columns(dialect()),
              [&](RowWriter& writer) {
                for (const Attempt& attempt : attempts) code_attempt(writer, attempt, dialect());
              });
}

// Returns when they are gone.
void Tracking::delete_rows(std::string_view table, const std::string& condition) {
  connection_.query(
      fmt::format("ALTER TABLE {} DELETE WHERE {}", qualified(database_, table), condition),
      {{"mutations_sync", "2"}});
  if (dialect().has_alter_settings) return;
  constexpr std::chrono::milliseconds kBetweenLooks{20};
  const std::string unfinished = fmt::format(
      "SELECT count() FROM system.mutations WHERE database = {} AND table = {} AND NOT is_done "
      "FORMAT TSV",
      quote_literal(database_), quote_literal(table));
  while (!connection_.query(unfinished).starts_with('0')) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

void Tracking::forget(const std::vector<std::string>& file_paths) {
  // A statement must stay below the server's max_query_size of 256 KiB.
  constexpr std::size_t kMaxListBytes = 128 << 10;
  for (std::size_t next = 0; next < file_paths.size();) {
    std::string list;
    do {
      list += (list.empty() ? "" : ", ") + quote_literal(file_paths[next++]);
    } while (next < file_paths.size() && list.size() < kMaxListBytes);
    try {
      delete_rows(kFileTable, fmt::format("file_path IN ({})", list));
    } catch (const base::ServerError& error) {
      if (!is_absent(error)) throw;
      return;  // nothing is known, so there is nothing to forget
    }
  }
}

}  // namespace qvdhouse::tracking
