#include "tracking/tables.h"

#include <fmt/format.h>

#include "clickhouse/quote.h"

namespace qvdhouse::tracking {
namespace {

constexpr std::string_view kTime = "DateTime64(6, 'UTC')";
constexpr std::string_view kWord = "LowCardinality(String)";

std::string definitions(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                        clickhouse::quote_identifier(column.name), column.type);
  }
  return text;
}

}  // namespace

std::vector<Column> file_columns() {
  return {{"file_path", "String"},       {"file_name", "String"},
          {"table_name", "String"},      {"file_size", "UInt64"},
          {"file_mtime", kTime},         {"file_etag", "String"},
          {"processed_at", kTime},       {"processing_duration_seconds", "Float64"},
          {"row_count", "UInt64"},       {"status", kWord},
          {"error_message", "String"},   {"version", "UInt64"},
          {"batch_size", "UInt64"},      {"source_type", kWord},
          {"run_id", "String"},          {"error_class", kWord},
          {"failure_count", "UInt32"},   {"retry_at", kTime},
          {"qvd_created_at", "String"},  {"schema", "String"},
          {"warnings", "Array(String)"}, {"settings_hash", "String"},
          {"fingerprint", "String"},     {"stored_as", "String"}};
}

std::vector<Column> history_columns() {
  std::vector<Column> columns = file_columns();
  columns.insert(columns.end(), {{"attempt_id", "String"},
                                 {"attempt", "UInt32"},
                                 {"reason", kWord},
                                 {"started_at", kTime},
                                 {"finished_at", kTime},
                                 {"bytes_sent", "UInt64"},
                                 {"steps", "Map(String, Float64)"}});
  return columns;
}

std::string column_list(const std::vector<Column>& columns) {
  std::string text;
  for (const Column& column : columns) {
    text += (text.empty() ? "" : ", ") + clickhouse::quote_identifier(column.name);
  }
  return text;
}

std::string create_file_table(std::string_view database) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = ReplacingMergeTree(version) ORDER BY file_path "
      "COMMENT 'State of every QVD file, one row per file under FINAL'",
      clickhouse::qualified(database, kFileTable), definitions(file_columns()));
}

std::string history_ttl(unsigned history_days) {
  if (history_days == 0) return "";
  return fmt::format("toDateTime(started_at) + toIntervalDay({})", history_days);
}

std::string create_history_table(std::string_view database, unsigned history_days) {
  const std::string ttl = history_ttl(history_days);
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = MergeTree ORDER BY (file_path, started_at){} "
      "COMMENT 'Every attempt to load a QVD file, with its steps'",
      clickhouse::qualified(database, kHistoryTable), definitions(history_columns()),
      ttl.empty() ? "" : " TTL " + ttl);
}

}  // namespace qvdhouse::tracking
