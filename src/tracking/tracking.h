// What was loaded, when, why, with what outcome: two tables in the target database.
//   QvdFileTracking  ReplacingMergeTree(version), one row per file under FINAL
//   QvdFileHistory   MergeTree, every attempt with its steps, expiring after a setting
// The column names of the first are those that users of the original query; docs/operations.md
// lists both tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::tracking {

struct FileRecord {
  std::string file_path;
  std::string file_name;
  std::string table_name;
  std::uint64_t file_size = 0;
  std::int64_t file_mtime_us = 0;  // DateTime64(6, 'UTC') in the table
  std::string file_etag;
  std::int64_t processed_at_us = 0;
  double processing_duration_seconds = 0;
  std::uint64_t row_count = 0;
  std::string status;  // completed, failed, waiting, processing
  std::string error_message;
  std::uint64_t version = 0;  // of the row: ever growing; the newest wins
  std::uint64_t batch_size = 0;
  std::string source_type;
  // Beyond the original's columns:
  std::string run_id;
  std::string error_class;          // input, io, server, config, schema, verify; empty when completed
  std::uint32_t failure_count = 0;  // failed attempts in a row on this version of the file
  std::int64_t retry_at_us = 0;     // not before this time while the file stays as it is; 0: only when it changes
  std::string qvd_created_at;       // CreateUtcTime of the header
  std::string schema;               // "column type" pairs as JSON, for explain and drift
  std::vector<std::string> warnings;
};

struct StepTime {
  std::string name;  // list, header, plan, insert, verify, swap
  double seconds = 0;
};

struct Attempt {
  FileRecord file;       // as it was after the attempt
  std::string attempt_id;
  std::uint32_t attempt = 1;  // within the run
  std::string reason;    // why the file was taken up: new, changed, retry, full, reset
  std::int64_t started_at_us = 0;
  std::int64_t finished_at_us = 0;
  std::uint64_t bytes_sent = 0;
  std::vector<StepTime> steps;
};

class Tracking {
 public:
  // `database` is where both tables live; history expires after `history_days`.
  Tracking(clickhouse::Endpoint endpoint, std::string database, unsigned history_days = 90);

  // Creates the database and both tables where absent.
  void ensure_tables();
  // The newest record of every file (FINAL); empty when the table is not there yet.
  std::vector<FileRecord> files();
  // Newest first; all files when `file` is empty, else those whose path, name or stem equals it in
  // any case.
  std::vector<Attempt> history(const std::string& file, std::size_t limit);
  void record(const FileRecord& file);
  void record(const std::vector<Attempt>& attempts);
  // Forgets files (deleted rows, synchronously), so that the next sync takes them up again.
  void forget(const std::vector<std::string>& file_paths);

 private:
  clickhouse::Connection connection_;
  std::string database_;
  unsigned history_days_;
};

}  // namespace qvdhouse::tracking
