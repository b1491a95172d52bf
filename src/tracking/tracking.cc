#include "tracking/tracking.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "tracking/row_binary.h"
#include "tracking/table_access.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {
namespace {

using clickhouse::quote_literal;

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

}  // namespace

Tracking::Tracking(clickhouse::Endpoint endpoint, std::string database, unsigned history_days)
    : connection_(anywhere(std::move(endpoint))),
      database_(std::move(database)),
      history_days_(history_days) {}

void Tracking::ensure_tables() {
  ensure_database(connection_, database_);
  connection_.query(create_file_table(database_, dialect()));
  connection_.query(create_history_table(database_, history_days_, dialect()));
  match_columns(connection_, database_, kFileTable, file_columns(dialect()));
  match_columns(connection_, database_, kHistoryTable, history_columns(dialect()));
  expire_rows(connection_, database_, kHistoryTable, history_days_);
}

std::string Tracking::select(const std::vector<Column>& columns, std::string_view table,
                             std::string_view rest) {
  return select_columns(connection_, database_, columns, table, rest);
}

std::vector<FileRecord> Tracking::files() {
  return read_files(select(file_columns(dialect()), kFileTable, "FINAL ORDER BY file_path"));
}

std::vector<FileRecord> Tracking::files_that_are(FileState status) {
  return read_files(select(file_columns(dialect()), kFileTable,
                           fmt::format("FINAL WHERE status = {} ORDER BY file_path",
                                       quote_literal(base::to_string(status)))));
}

std::optional<FileRecord> Tracking::find(const std::string& file_path) {
  std::vector<FileRecord> files = read_files(select(
      file_columns(dialect()), kFileTable, "FINAL WHERE file_path = " + quote_literal(file_path)));
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
  std::set<std::string> names =
      names_of(select_rows(connection_, database_, "DISTINCT table_name", kFileTable,
                           "FINAL WHERE status = 'completed' AND row_count > 0"));
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
      select(history_columns(dialect()), kHistoryTable,
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
  RowWriter writer;
  for (const FileRecord& file : files) code_file(writer, file);
  insert_rows(connection_, database_, kFileTable, file_columns(dialect()), writer.bytes());
}

void Tracking::record(const std::vector<Attempt>& attempts) {
  if (attempts.empty()) return;
  RowWriter writer;
  for (const Attempt& attempt : attempts) code_attempt(writer, attempt, dialect());
  insert_rows(connection_, database_, kHistoryTable, history_columns(dialect()), writer.bytes());
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
      delete_rows(connection_, database_, kFileTable, fmt::format("file_path IN ({})", list));
    } catch (const base::ServerError& error) {
      if (!is_absent(error)) throw;
      return;  // nothing is known, so there is nothing to forget
    }
  }
}

}  // namespace qvdhouse::tracking
