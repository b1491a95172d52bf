#include "tracking/tracking.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "tracking/original_table.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {
namespace {

using clickhouse::quote_literal;

using enum Kind;

constexpr std::array kFileColumns = {
    column<&FileRecord::file_path>("file_path"),
    column<&FileRecord::file_name>("file_name"),
    column<&FileRecord::table_name>("table_name"),
    column<&FileRecord::file_size>("file_size"),
    column<&FileRecord::file_mtime_us, kTime>("file_mtime"),
    column<&FileRecord::file_etag>("file_etag"),
    column<&FileRecord::processed_at_us, kTime>("processed_at"),
    column<&FileRecord::processing_duration_seconds>("processing_duration_seconds"),
    column<&FileRecord::row_count>("row_count"),
    column<&FileRecord::status, kWord>("status"),
    column<&FileRecord::error_message>("error_message"),
    column<&FileRecord::version>("version"),
    column<&FileRecord::batch_size>("batch_size"),
    column<&FileRecord::source_type, kWord>("source_type"),
    column<&FileRecord::run_id>("run_id"),
    column<&FileRecord::error_class, kWord>("error_class"),
    column<&FileRecord::failure_count>("failure_count"),
    column<&FileRecord::retry_at_us, kTime>("retry_at"),
    column<&FileRecord::qvd_created_at>("qvd_created_at"),
    column<&FileRecord::schema>("schema"),
    column<&FileRecord::warnings>("warnings"),
    column<&FileRecord::settings_hash>("settings_hash"),
    column<&FileRecord::fingerprint>("fingerprint"),
    column<&FileRecord::stored_as>("stored_as"),
    column<&FileRecord::content_hash>("content_hash"),
    column<&FileRecord::rows_version>("rows_version"),
    column<&FileRecord::rows_quarantined>("rows_quarantined"),
    column<&FileRecord::rows_dropped>("rows_dropped"),
    column<&FileRecord::rows_filtered>("rows_filtered"),
    column<&FileRecord::rows_hash>("rows_hash"),
    column<&FileRecord::taken>("taken"),
};

// What the history has beside the columns of a file.
constexpr std::array kAttemptColumns = {
    column<&Attempt::attempt_id>("attempt_id"),
    column<&Attempt::attempt>("attempt"),
    column<&Attempt::reason, kWord>("reason"),
    column<&Attempt::started_at_us, kTime>("started_at"),
    column<&Attempt::finished_at_us, kTime>("finished_at"),
    column<&Attempt::bytes_sent>("bytes_sent"),
    column<&Attempt::schema_changes>("schema_changes"),
};

constexpr std::array kStepColumns = {
    column<&StepTime::name>("steps.name"),
    column<&StepTime::seconds>("steps.seconds"),
};

std::vector<ColumnDefinition> step_columns(const clickhouse::Dialect& dialect) {
  if (dialect.has_map) return {{.name = "steps", .type = "Map(String, Float64)"}};
  std::vector<ColumnDefinition> columns = definitions(kStepColumns, dialect);
  for (ColumnDefinition& column : columns) column.type = "Array(" + column.type + ")";
  return columns;
}

void write_steps(RowWriter& writer, const std::vector<StepTime>& steps,
                 const clickhouse::Dialect& dialect) {
  if (dialect.has_map) {
    writer.length(steps.size());
    for (const StepTime& step : steps) write_row(writer, kStepColumns, step);
    return;
  }
  for (const Column<StepTime>& column : kStepColumns) {
    writer.length(steps.size());
    for (const StepTime& step : steps) column.write(writer, step);
  }
}

void read_steps(RowReader& reader, std::vector<StepTime>& steps,
                const clickhouse::Dialect& dialect) {
  if (dialect.has_map) {
    for (auto left = reader.length(); left > 0; --left) {
      read_row(reader, kStepColumns, steps.emplace_back());
    }
    return;
  }
  for (const Column<StepTime>& column : kStepColumns) {
    const std::uint64_t count = reader.length();
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i >= steps.size()) steps.emplace_back();
      column.read(reader, steps[i]);
    }
  }
}

// A statement must stay below the server's max_query_size of 256 KiB.
constexpr std::size_t kMostListBytes = 128 << 10;

// "'/a', '/b'": appends to what stands there.
void append_literal(std::string& list, std::string_view text) {
  if (!list.empty()) list += ", ";
  list += quote_literal(text);
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

}  // namespace

void write(RowWriter& writer, const FileRecord& file) { write_row(writer, kFileColumns, file); }

std::vector<ColumnDefinition> file_columns(const clickhouse::Dialect& dialect) {
  return definitions(kFileColumns, dialect);
}

std::vector<ColumnDefinition> history_columns(const clickhouse::Dialect& dialect) {
  std::vector<ColumnDefinition> columns = file_columns(dialect);
  std::ranges::move(definitions(kAttemptColumns, dialect), std::back_inserter(columns));
  std::ranges::move(step_columns(dialect), std::back_inserter(columns));
  return columns;
}

std::vector<FileRecord> read_files(std::string_view row_binary) {
  return read_rows<FileRecord>(row_binary, kFileColumns);
}

std::vector<Attempt> read_attempts(std::string_view row_binary,
                                   const clickhouse::Dialect& dialect) {
  std::vector<Attempt> attempts;
  for (RowReader reader(row_binary); !reader.done();) {
    Attempt& attempt = attempts.emplace_back();
    read_row(reader, kFileColumns, attempt.file);
    read_row(reader, kAttemptColumns, attempt);
    read_steps(reader, attempt.steps, dialect);
  }
  return attempts;
}

std::string names_file(const std::string& file) {
  return fmt::format(
      "(lowerUTF8(file_path) = lowerUTF8({0}) OR lowerUTF8(file_name) = lowerUTF8({0}) OR "
      "replaceRegexpOne(lowerUTF8(file_name), '\\\\.[^.]*$', '') = lowerUTF8({0}))",
      quote_literal(file));
}

Tracking::Tracking(clickhouse::Endpoint endpoint, std::string database, unsigned history_days)
    : connection_(anywhere(std::move(endpoint))),
      database_(std::move(database)),
      history_days_(history_days) {}

Table file_table(const clickhouse::Dialect& dialect, std::string_view name) {
  return {.name = name,
          .columns = file_columns(dialect),
          .engine = "ReplacingMergeTree(version) ORDER BY file_path",
          .comment = "State of every QVD file, one row per file under FINAL",
          .days = std::nullopt};
}

bool Tracking::ensure_tables() {
  ensure_database(connection_, database_);
  const auto original = select_of_original(connection_, database_);
  if (original) adopt_original(connection_, database_, *original);
  ensure_table(connection_, database_, file_table(dialect(), kFileTable));
  ensure_table(connection_, database_,
               {.name = kHistoryTable,
                .columns = history_columns(dialect()),
                .engine = "MergeTree ORDER BY (file_path, started_at)",
                .comment = "Every attempt to load a QVD file, with its steps",
                .days = history_days_});
  is_ours_ = true;
  return original.has_value();
}

std::string Tracking::select(const std::vector<ColumnDefinition>& columns, std::string_view table,
                             std::string_view rest) {
  clickhouse::catch_up(connection_, database_, table);
  return select_columns(connection_, database_, columns, table, rest);
}

std::vector<FileRecord> Tracking::files() {
  const auto original = is_ours_ ? std::nullopt : select_of_original(connection_, database_);
  if (original) {
    return read_files(ask(connection_, *original + " ORDER BY file_path"));
  }
  return read_files(select(file_columns(dialect()), kFileTable, "FINAL ORDER BY file_path"));
}

std::vector<FileRecord> Tracking::files_that_are(FileState status) {
  return read_files(select(file_columns(dialect()), kFileTable,
                           fmt::format("FINAL WHERE status = {} ORDER BY file_path",
                                       quote_literal(base::to_string(status)))));
}

std::vector<FileRecord> Tracking::files_at(const std::set<std::string>& file_paths) {
  if (file_paths.empty()) return {};
  std::string list;
  for (const std::string& path : file_paths) append_literal(list, path);
  return read_files(select(file_columns(dialect()), kFileTable,
                           fmt::format("FINAL WHERE file_path IN ({}) ORDER BY file_path", list)));
}

std::optional<FileRecord> Tracking::find(const std::string& file_path) {
  std::vector<FileRecord> files = files_at({file_path});
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
  // An insert that was repeated because its answer got lost left its rows twice.
  return read_attempts(
      select(history_columns(dialect()), kHistoryTable,
             fmt::format("{} ORDER BY started_at DESC, attempt DESC LIMIT 1 BY attempt_id LIMIT {}",
                         file.empty() ? "" : "WHERE " + names_file(file), limit)),
      dialect());
}

PastLoads Tracking::past_loads(const std::set<std::string>& file_paths, std::size_t most) {
  constexpr std::array kCounted = {
      column<&FileRecord::file_path>("file_path"),
      column<&FileRecord::file_size>("file_size"),
      column<&FileRecord::row_count>("row_count"),
      column<&FileRecord::rows_quarantined>("rows_quarantined"),
      column<&FileRecord::rows_dropped>("rows_dropped"),
      column<&FileRecord::rows_filtered>("rows_filtered"),
  };
  std::string list;
  for (const std::string& path : file_paths) {
    append_literal(list, path);
    if (list.size() > kMostListBytes) break;
  }
  const bool is_listed = !list.empty() && list.size() <= kMostListBytes;
  // In the reverse order of the table, which takes no sorting.
  const std::string answer = select(
      definitions(kCounted, dialect()), kHistoryTable,
      fmt::format(
          "WHERE status = {}{} ORDER BY file_path DESC, started_at DESC LIMIT {} BY file_path",
          quote_literal(base::to_string(FileState::kCompleted)),
          is_listed ? fmt::format(" AND file_path IN ({})", list) : "", most));
  PastLoads past;
  for (const FileRecord& load : read_rows<FileRecord>(answer, kCounted)) {
    if (!file_paths.empty() && !file_paths.contains(load.file_path)) continue;
    past[load.file_path].push_back(
        {.rows = load.row_count + load.rows_quarantined + load.rows_dropped + load.rows_filtered,
         .bytes = load.file_size});
  }
  return past;
}

void Tracking::record(const FileRecord& file) { record(std::vector<FileRecord>{file}); }

void Tracking::record(const std::vector<FileRecord>& files) {
  if (files.empty()) return;
  RowWriter writer;
  for (const FileRecord& file : files) write(writer, file);
  insert_rows(connection_, database_, kFileTable, file_columns(dialect()), writer.bytes());
}

void Tracking::record(const std::vector<Attempt>& attempts) {
  if (attempts.empty()) return;
  RowWriter writer;
  for (const Attempt& attempt : attempts) {
    write(writer, attempt.file);
    write_row(writer, kAttemptColumns, attempt);
    write_steps(writer, attempt.steps, dialect());
  }
  insert_rows(connection_, database_, kHistoryTable, history_columns(dialect()), writer.bytes());
}

void Tracking::forget(const std::vector<std::string>& file_paths) {
  for (std::size_t next = 0; next < file_paths.size();) {
    std::string list;
    do {
      append_literal(list, file_paths[next++]);
    } while (next < file_paths.size() && list.size() < kMostListBytes);
    try {
      delete_rows(connection_, database_, kFileTable, fmt::format("file_path IN ({})", list));
    } catch (const base::ServerError& error) {
      if (!clickhouse::is_absent(error.code())) throw;
      return;  // nothing is known, so there is nothing to forget
    }
  }
}

}  // namespace qvdhouse::tracking
