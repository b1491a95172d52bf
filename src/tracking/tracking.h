// What was loaded, when, why, with what outcome: two tables in the target database.
//   QvdFileTracking  ReplacingMergeTree(version) ORDER BY file_path: one row per file under FINAL
//   QvdFileHistory   MergeTree ORDER BY (file_path, started_at): every attempt with its steps,
//                    expiring after a setting
// Columns of both are those of FileRecord (types beside the members); the history has those of
// Attempt too. The names down to source_type are the ones that users of the original query;
// docs/operations.md explains them. Any bytes of a path, name or message come back as they went in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "tracking/row_binary.h"
#include "tracking/states.h"

namespace qvdhouse::tracking {

inline constexpr std::string_view kFileTable = "QvdFileTracking";
inline constexpr std::string_view kHistoryTable = "QvdFileHistory";

struct FileRecord {
  std::string file_path;                   // String
  std::string file_name;                   // String
  std::string table_name;                  // String
  std::uint64_t file_size = 0;             // UInt64, bytes
  std::int64_t file_mtime_us = 0;          // file_mtime DateTime64(6, 'UTC')
  std::string file_etag;                   // String
  std::int64_t processed_at_us = 0;        // processed_at DateTime64(6, 'UTC')
  double processing_duration_seconds = 0;  // Float64
  std::uint64_t row_count = 0;             // UInt64
  FileState status = FileState::kNew;      // LowCardinality(String)
  std::string error_message;               // String
  std::uint64_t version = 0;               // UInt64, of the row: ever growing; the newest wins
  std::uint64_t batch_size = 0;            // UInt64, most rows of a block; 0: sized for speed
  std::string source_type;                 // LowCardinality(String)
  // Beyond the original's columns:
  std::string run_id;                          // String
  ErrorClass error_class = ErrorClass::kNone;  // LowCardinality(String)
  std::uint32_t failure_count = 0;  // UInt32, failed runs in a row on this version of the file
  std::int64_t retry_at_us = 0;     // retry_at DateTime64(6, 'UTC'): not before this time while the
                                    // file stays as it is; 0: only when it (or, for a schema, a
                                    // setting) changes
  std::string qvd_created_at;       // String, CreateUtcTime of the header
  std::string schema;  // String, [["column", "type"], …] as JSON, for explain and drift
  std::vector<std::string> warnings;  // Array(String)
  std::string settings_hash;          // String, of the settings that decide columns and names
  std::string fingerprint;  // String, of three pieces of it (sync/content.h); empty: not taken
  std::string stored_as;    // String, `_file` of its rows; empty: file_path
  // String, of the whole content (sync/content.h); empty: not known, as of files that were
  // loaded by a version that took none
  std::string content_hash{};
  // UInt64, `_version` of its rows in a table of mode append; 0: not of such a table, or of rows
  // that were loaded by a version that did not keep it (sync/content.h)
  std::uint64_t rows_version = 0;
  // UInt64, rows of the file that break rules of its table: those in its quarantine, and those that
  // were left out
  std::uint64_t rows_quarantined = 0;
  std::uint64_t rows_dropped = 0;
  std::uint64_t rows_filtered = 0;
  // UInt64, the sum of the hashes of its rows in the table (load/checksum.h); 0: not known
  std::uint64_t rows_hash = 0;
  // String, what became of the file after its load (after_load): the path or URL that it was moved
  // to, or kDeleted; empty: nothing
  std::string taken{};
};

// FileRecord::taken of a file that was deleted.
inline constexpr std::string_view kDeleted = "deleted";

struct StepTime {
  std::string name;  // list, header, plan, insert, verify, swap
  double seconds = 0;
};

struct Attempt {
  FileRecord file;            // as it was after the attempt
  std::string attempt_id;     // String, unique
  std::uint32_t attempt = 1;  // UInt32, within the run
  std::string reason;  // LowCardinality(String), why the file was taken up: the decision's code
  std::int64_t started_at_us = 0;   // started_at DateTime64(6, 'UTC')
  std::int64_t finished_at_us = 0;  // finished_at DateTime64(6, 'UTC')
  std::uint64_t bytes_sent = 0;     // UInt64
  std::vector<StepTime> steps;      // Map(String, Float64), in their order
  // String, what the attempt made of the columns of a table in use, as JSON (sync/outcome.h,
  // changes_json()); empty as "[]"
  std::string schema_changes{};
};

// What a load found in its file: all rows, also those that rules or filters left out.
struct PastLoad {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};
using PastLoads = std::map<std::string, std::vector<PastLoad>, std::less<>>;  // by path of the file

// The columns of both tables, in types that the server has: where DateTime64 is missing, times are
// Int64, the same microseconds; where Map is, steps are two arrays.
std::vector<clickhouse::ColumnDefinition> file_columns(const clickhouse::Dialect& dialect);
std::vector<clickhouse::ColumnDefinition> history_columns(const clickhouse::Dialect& dialect);
// What ensure_table() makes of the table of files, by this name.
struct Table;
Table file_table(const clickhouse::Dialect& dialect, std::string_view name);
// Rows of these columns in RowBinary.
void write(RowWriter& writer, const FileRecord& file);
std::vector<FileRecord> read_files(std::string_view row_binary);
std::vector<Attempt> read_attempts(std::string_view row_binary, const clickhouse::Dialect& dialect);
// A condition on the columns of a file: its path, name or stem is `file`, in any case.
std::string names_file(const std::string& file);

class Tracking {
 public:
  // `database` is where both tables live; history expires after `history_days` (0: never).
  Tracking(clickhouse::Endpoint endpoint, std::string database, unsigned history_days = 90);

  // Creates the database and both tables where absent, and adds columns that an older version of
  // qvdhouse did not have; a table of the Python pipeline is taken over
  // (tracking/original_table.h), and true is returned. Throws ConfigError when a table of that name
  // is of another shape.
  bool ensure_tables();
  // The newest record of every file (FINAL), sorted by path; empty when the table is not there yet.
  // What the Python pipeline's table says of them, where that stands in its place.
  std::vector<FileRecord> files();
  // Those of them that have this status.
  std::vector<FileRecord> files_that_are(FileState status);
  // Those of these paths, which are few.
  std::vector<FileRecord> files_at(const std::set<std::string>& file_paths);
  // The newest record of one file.
  std::optional<FileRecord> find(const std::string& file_path);
  // Names of all tables of the database; empty when the database is not there yet. On a server
  // without EXCHANGE, a table that has no rows though its files had some is left out: the server
  // was killed within its RENAME, which leaves the name without the rows.
  std::set<std::string> tables();
  // Newest first; all files when `file` is empty, else those whose path, name or stem equals it in
  // any case.
  std::vector<Attempt> history(const std::string& file, std::size_t limit);
  // The last loads that were completed of each of these files (no path: of all), at most `most` of
  // each, the newest first. One query.
  PastLoads past_loads(const std::set<std::string>& file_paths, std::size_t most);
  void record(const FileRecord& file);
  void record(const std::vector<FileRecord>& files);  // in one insert
  void record(const std::vector<Attempt>& attempts);
  // Forgets files (deleted rows, synchronously), so that the next sync takes them up again.
  void forget(const std::vector<std::string>& file_paths);

 private:
  const clickhouse::Dialect& dialect() const { return connection_.endpoint().dialect; }
  std::set<std::string> emptied_tables();
  std::string select(const std::vector<clickhouse::ColumnDefinition>& columns,
                     std::string_view table, std::string_view rest);
  clickhouse::Connection connection_;
  std::string database_;
  unsigned history_days_;
  bool is_ours_ = false;  // the table of files is known not to be the Python pipeline's
};

}  // namespace qvdhouse::tracking
