// The two tables column by column: their DDL, and the order in which a record's members travel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tracking/tracking.h"

namespace qvdhouse::tracking {

inline constexpr std::string_view kFileTable = "QvdFileTracking";
inline constexpr std::string_view kHistoryTable = "QvdFileHistory";

struct Column {
  std::string_view name;
  std::string_view type;  // exactly as DESCRIBE says it
};

// In the order of code() below.
std::vector<Column> file_columns();
std::vector<Column> history_columns();

// "`file_path`, `file_name`, …"
std::string column_list(const std::vector<Column>& columns);

// CREATE TABLE IF NOT EXISTS of both.
std::string create_file_table(std::string_view database);
std::string create_history_table(std::string_view database, unsigned history_days);
// The history's TTL as the server writes it; empty for 0 days.
std::string history_ttl(unsigned history_days);

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
}

template <class Codec, class Record>
void code_attempt(Codec& codec, Record& attempt) {
  code_file(codec, attempt.file);
  codec(attempt.attempt_id);
  codec(attempt.attempt);
  codec(attempt.reason);
  codec(attempt.started_at_us);
  codec(attempt.finished_at_us);
  codec(attempt.bytes_sent);
  codec(attempt.steps);
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
