// The two tables column by column: their DDL, and the order in which a record's members travel.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "clickhouse/dialect.h"
#include "tracking/tracking.h"

namespace qvdhouse::tracking {

inline constexpr std::string_view kFileTable = "QvdFileTracking";
inline constexpr std::string_view kHistoryTable = "QvdFileHistory";

struct Column {
  std::string_view name;
  std::string_view type;  // exactly as DESCRIBE says it
};

// In the order of code() below, in types that the server has: where DateTime64 is missing, times
// are Int64, the same microseconds; where Map is, steps are two arrays.
std::vector<Column> file_columns(const clickhouse::Dialect& dialect);
std::vector<Column> history_columns(const clickhouse::Dialect& dialect);

// "`file_path`, `file_name`, …"
std::string column_list(const std::vector<Column>& columns);
// The same with types, for CREATE TABLE.
std::string definitions(const std::vector<Column>& columns);
// Columns of a time, and of one of a few words.
std::string_view time_type(const clickhouse::Dialect& dialect);
inline constexpr std::string_view kWord = "LowCardinality(String)";
// " COMMENT '…'", where tables can have one.
std::string comment(std::string_view text, const clickhouse::Dialect& dialect);

// CREATE TABLE IF NOT EXISTS of both.
std::string create_file_table(std::string_view database, const clickhouse::Dialect& dialect);
std::string create_history_table(std::string_view database, unsigned history_days,
                                 const clickhouse::Dialect& dialect);
// The history's TTL as the server writes it; empty for 0 days.
std::string history_ttl(unsigned history_days);

// Rows of file_columns() in RowBinary.
std::vector<FileRecord> read_files(const std::string& row_binary);

// Record is FileRecord or const FileRecord (and so on), Codec a RowReader or RowWriter.
template <class Codec, class Record>
void code_file(Codec& codec, Record& file) {
  codec(file.file_path);
  codec(file.file_name);
  codec(file.table_name);
  codec(file.file_size);
  codec(file.file_mtime_us);
  codec(file.file_etag);
  codec(file.processed_at_us);
  codec(file.processing_duration_seconds);
  codec(file.row_count);
  codec(file.status);
  codec(file.error_message);
  codec(file.version);
  codec(file.batch_size);
  codec(file.source_type);
  codec(file.run_id);
  codec(file.error_class);
  codec(file.failure_count);
  codec(file.retry_at_us);
  codec(file.qvd_created_at);
  codec(file.schema);
  codec(file.warnings);
  codec(file.settings_hash);
  codec(file.fingerprint);
  codec(file.stored_as);
  codec(file.content_hash);
  codec(file.rows_version);
}

// The steps as two arrays.
template <class Codec, class Steps>
void code_steps_apart(Codec& codec, Steps& steps) {
  std::vector<std::string> names;
  std::vector<double> seconds;
  for (const StepTime& step : steps) {
    names.push_back(step.name);
    seconds.push_back(step.seconds);
  }
  codec(names);
  codec(seconds);
  if constexpr (!std::is_const_v<Steps>) {
    steps.clear();
    for (std::size_t i = 0; i < std::min(names.size(), seconds.size()); ++i) {
      steps.push_back({names[i], seconds[i]});
    }
  }
}

template <class Codec, class Record>
void code_attempt(Codec& codec, Record& attempt, const clickhouse::Dialect& dialect) {
  code_file(codec, attempt.file);
  codec(attempt.attempt_id);
  codec(attempt.attempt);
  codec(attempt.reason);
  codec(attempt.started_at_us);
  codec(attempt.finished_at_us);
  codec(attempt.bytes_sent);
  if (dialect.has_map) {
    codec(attempt.steps);
  } else {
    code_steps_apart(codec, attempt.steps);
  }
}

// An entry of the steps; found by the codecs.
template <class Codec>
void code(Codec& codec, StepTime& step) {
  codec(step.name);
  codec(step.seconds);
}
template <class Codec>
void code(Codec& codec, const StepTime& step) {
  codec(step.name);
  codec(step.seconds);
}

}  // namespace qvdhouse::tracking
