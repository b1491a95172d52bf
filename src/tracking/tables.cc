#include "tracking/tables.h"

#include <fmt/format.h>

#include "clickhouse/quote.h"
#include "tracking/row_binary.h"

namespace qvdhouse::tracking {
std::string_view time_type(const clickhouse::Dialect& dialect) {
  return dialect.has_datetime64 ? "DateTime64(6, 'UTC')" : "Int64";
}

std::string comment(std::string_view text, const clickhouse::Dialect& dialect) {
  return dialect.has_table_comment ? " COMMENT " + clickhouse::quote_literal(text) : "";
}

std::string definitions(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                        clickhouse::quote_identifier(column.name), column.type);
  }
  return text;
}

std::vector<Column> file_columns(const clickhouse::Dialect& dialect) {
  const std::string_view time = time_type(dialect);
  return {{"file_path", "String"},       {"file_name", "String"},
          {"table_name", "String"},      {"file_size", "UInt64"},
          {"file_mtime", time},          {"file_etag", "String"},
          {"processed_at", time},        {"processing_duration_seconds", "Float64"},
          {"row_count", "UInt64"},       {"status", kWord},
          {"error_message", "String"},   {"version", "UInt64"},
          {"batch_size", "UInt64"},      {"source_type", kWord},
          {"run_id", "String"},          {"error_class", kWord},
          {"failure_count", "UInt32"},   {"retry_at", time},
          {"qvd_created_at", "String"},  {"schema", "String"},
          {"warnings", "Array(String)"}, {"settings_hash", "String"},
          {"fingerprint", "String"},     {"stored_as", "String"},
          {"content_hash", "String"},    {"rows_version", "UInt64"}};
}

std::vector<Column> history_columns(const clickhouse::Dialect& dialect) {
  const std::string_view time = time_type(dialect);
  std::vector<Column> columns = file_columns(dialect);
  columns.insert(columns.end(), {{"attempt_id", "String"},
                                 {"attempt", "UInt32"},
                                 {"reason", kWord},
                                 {"started_at", time},
                                 {"finished_at", time},
                                 {"bytes_sent", "UInt64"}});
  if (dialect.has_map) {
    columns.push_back({"steps", "Map(String, Float64)"});
  } else {
    columns.push_back({"steps.name", "Array(String)"});
    columns.push_back({"steps.seconds", "Array(Float64)"});
  }
  return columns;
}

std::string column_list(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns) {
    text += (text.empty() ? "" : ", ") + clickhouse::quote_identifier(column.name);
  }
  return text;
}

std::string create_file_table(std::string_view database, const clickhouse::Dialect& dialect) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = ReplacingMergeTree(version) ORDER BY "
      "file_path{}",
      clickhouse::qualified(database, kFileTable), definitions(file_columns(dialect)),
      comment("State of every QVD file, one row per file under FINAL", dialect));
}

std::string history_ttl(unsigned history_days) {
  if (history_days == 0) return "";
  return fmt::format("toDateTime(started_at) + toIntervalDay({})", history_days);
}

std::string create_history_table(std::string_view database, unsigned history_days,
                                 const clickhouse::Dialect& dialect) {
  const std::string ttl = dialect.has_ttl ? history_ttl(history_days) : "";
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = MergeTree ORDER BY (file_path, started_at){}{}",
      clickhouse::qualified(database, kHistoryTable), definitions(history_columns(dialect)),
      ttl.empty() ? "" : " TTL " + ttl,
      comment("Every attempt to load a QVD file, with its steps", dialect));
}

std::vector<FileRecord> read_files(const std::string& row_binary) {
  std::vector<FileRecord> files;
  for (RowReader reader(row_binary); !reader.done();) code_file(reader, files.emplace_back());
  return files;
}

}  // namespace qvdhouse::tracking
