// Questions about many files at once, for status pages: each is one or two statements with a limit,
// however many files are tracked. What a list does not show of a record (schema) is left empty in
// it. All answers are empty while the tables are not there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "tracking/tracking.h"

namespace qvdhouse::tracking {

struct Totals {
  std::uint64_t files = 0;
  std::uint64_t syncs = 0;  // loads that completed, as far back as the history goes
  std::uint64_t syncs_today = 0;
  std::uint64_t rows = 0;  // of the files that are loaded
  std::uint64_t failed_files = 0;
  std::int64_t last_sync_at_us = 0;
};

struct FileQuery {
  std::string file;                      // path, name or stem, in any case; empty: all
  std::string search;                    // a part of the path, in any case
  std::optional<FileState> status;       // empty: any
  std::string table;                     // empty: any
  std::optional<std::int64_t> since_us;  // of the newest attempt; empty: any
  std::string path_condition;  // SQL on file_path, for the files of one source; empty: any
  enum class Sort { kProcessedAt, kName, kSize, kRows, kDuration } sort = Sort::kProcessedAt;
  bool is_ascending = false;
  std::string after;  // a cursor; empty: from the start
  std::size_t limit = 50;
};

struct FilePage {
  std::uint64_t total = 0;  // that match, whatever the limit
  std::vector<FileRecord> files;
  std::string next_after;  // empty: there are no more
};

struct SeriesPoint {
  std::int64_t at_us = 0;
  std::uint64_t runs = 0;
  std::uint64_t files_loaded = 0;
  std::uint64_t files_failed = 0;  // each once, however often it was tried
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
};

struct TableOverview {
  std::string name;
  std::uint64_t rows = 0;   // in the table now
  std::uint64_t bytes = 0;  // on disk
  std::uint64_t files = 0;
  std::uint64_t failed_files = 0;
  std::int64_t last_loaded_at_us = 0;
  std::string newest_created_at;  // CreateUtcTime of the file that was loaded last; empty: no file
                                  // stands loaded
  std::string example_path;       // of one of its files
  std::vector<std::string> example_paths;  // the same of each folder, at most 64
  bool is_there = false;                   // in ClickHouse: a file that never loaded has none
};

// A file that failed, and whose rows are not those of the file.
struct BrokenFile {
  FileRecord file{};
  std::int64_t since_us = 0;  // the first failure since its last load
};

// The newest load of a table that completed.
struct NewestLoad {
  std::string table;
  std::int64_t finished_at_us = 0;
  std::string created_at;  // CreateUtcTime of its file
};

// One object is used by one thread at a time.
class Overview {
 public:
  Overview(clickhouse::Endpoint endpoint, std::string database, std::stop_token stop = {});

  Totals totals(std::int64_t today_us);  // when today began
  // Throws ConfigError for a cursor that find_files() did not give.
  FilePage find_files(const FileQuery& query);
  // The newest failed files.
  std::vector<FileRecord> failures(std::size_t limit);
  // The same, and since when.
  std::vector<BrokenFile> broken_files(std::size_t limit);
  // Newest first, at most `each` a file.
  std::vector<Attempt> attempts_of_files(const std::vector<std::string>& paths, std::size_t each);
  // Those that failed first.
  std::vector<Attempt> attempts_of_run(const std::string& run_id, std::size_t limit);
  // Runs and failed files since `from_us`, summed up by steps; steps without any are left out.
  std::vector<SeriesPoint> series(std::int64_t from_us, std::uint64_t step_seconds);
  // All files, or those of one table; sorted by name.
  std::vector<TableOverview> tables(const std::string& name = {});
  // The newest load of these tables, as far back as the history goes, whatever became of their
  // files since.
  std::vector<NewestLoad> newest_loads(const std::vector<std::string>& tables);

 private:
  const clickhouse::Dialect& dialect() const { return connection_.endpoint().dialect; }
  std::string micros(std::string_view column) const;
  std::string ask(const std::string& sql);
  std::string sort_key(FileQuery::Sort sort) const;
  std::map<std::string, std::vector<std::string>> example_paths(const std::string& only);
  clickhouse::Connection connection_;
  std::string database_;
};

}  // namespace qvdhouse::tracking
