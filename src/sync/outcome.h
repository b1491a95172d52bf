// What became of the files of a run: the outcome of each, whether that is well, and how far the run
// is while it goes on.
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"
#include "decide/decide.h"
#include "load/load.h"
#include "schema/drift.h"

namespace qvdhouse::sync {

using decide::Action;
using decide::Decision;
using decide::Placement;
using decide::Reason;

enum class Outcome { kLoaded, kSkipped, kWaiting, kFailed, kCancelled, kAdopted, kRemoved };
constexpr auto words(Outcome) {
  return std::to_array<std::string_view>(
      {"loaded", "skipped", "waiting", "failed", "rolled back", "adopted", "removed"});
}

struct FileOutcome {
  Decision decision;
  Outcome outcome = Outcome::kSkipped;
  load::Result result;
  std::string error;
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
  unsigned attempts = 0;
  std::string taken{};  // tracking::FileRecord::taken, of this run
  // The start of its first attempt, of its last one, and the end of that; 0: there was none.
  std::int64_t begun_at_us = 0;
  std::int64_t attempt_at_us = 0;
  std::int64_t ended_at_us = 0;
};

// The run left the file alone although its rows are not those of the file: it failed before and has
// not changed since, its back-off is not over, or it could not be looked at.
bool stands_failed(const FileOutcome& file);

// It failed in this run, or in an earlier one, and was left alone since.
bool is_failing(const FileOutcome& file);

// The run was asked for other files: it says nothing of this one.
bool is_left_out(const FileOutcome& file);

// What is in the table is what the file is: it was loaded, adopted or removed, or is unchanged.
// False also for files that wait or are left out on purpose: they are neither good nor failing.
bool is_good(const FileOutcome& file);

// It is far from its last loads, and was loaded or held all the same (decide/anomaly.h).
bool is_anomaly(const FileOutcome& file);

// Why a file is failing, as in tracking::FileRecord::error_class and error_message; of a file that
// waits, the message says for what.
tracking::ErrorClass failure_class(const FileOutcome& file);
const std::string& failure_message(const FileOutcome& file);

// [{"column": …, "kind": "widened", "from": "Int32", "to": "Int64"}, …] as JSON, "" for a type that
// there is not; a name that is not UTF-8 has replacement characters.
std::string changes_json(const std::vector<schema::ColumnChange>& changes);

struct Summary {
  std::string run_id;
  // Why the source could not be listed, or is empty although files of it are known; null: neither.
  // Its files stay as they are.
  std::exception_ptr source_error;
  std::vector<FileOutcome> files;
  std::uint64_t rows = 0;              // loaded, as are the rest of
  std::uint64_t rows_quarantined = 0;  // the rows of the same files:
  std::uint64_t rows_dropped = 0;      // those that break rules,
  std::uint64_t rows_filtered = 0;     // and those that their table's filter leaves out
  std::uint64_t bytes = 0;             // of the files loaded
  double seconds = 0;
  // Replicas that lacked rows of this run at its end, and the tables; they fetch them later.
  std::map<std::string, std::set<std::string>> replicas_behind;
  std::uint64_t count(Outcome outcome) const;
  std::uint64_t column_changes() const;  // of tables in use
  std::uint64_t anomalies() const;       // files
  // Which tables stay as they were loaded under other settings, and what applies today's; empty
  // when none does.
  std::string other_settings() const;
  // Which replicas are behind; empty when none is.
  std::string behind() const;
};

// What a progress display may read while run() works. All members are safe from another thread.
class Monitor {
 public:
  struct Active {
    std::string name;
    std::string step;
    std::uint64_t rows_sent = 0;
    std::uint64_t rows_total = 0;
  };
  struct Snapshot {
    std::uint64_t files_total = 0;
    std::uint64_t files_done = 0;
    std::uint64_t files_failed = 0;
    std::uint64_t bytes_total = 0;  // of all files to load
    std::uint64_t bytes_done = 0;   // of files done plus the part of the active ones
    std::uint64_t rows_done = 0;
    std::vector<Active> active;
  };
  Snapshot snapshot() const;

  // A file is to be loaded; a file has ended.
  void announce(std::uint64_t file_bytes);
  void count(const FileOutcome& file);

 private:
  friend class RunningFile;
  struct Running {
    std::string name;
    std::uint64_t file_bytes = 0;
    load::Progress progress;
  };
  mutable std::mutex mutex_;
  Snapshot totals_;  // of what has ended; `active` stays empty
  std::list<Running> running_;
};

// One file on the display, from construction to destruction.
class RunningFile {
 public:
  RunningFile(Monitor& monitor, const std::string& name, std::uint64_t file_bytes);
  ~RunningFile();
  RunningFile(const RunningFile&) = delete;
  RunningFile& operator=(const RunningFile&) = delete;
  load::Progress& progress() { return entry_->progress; }

 private:
  Monitor& monitor_;
  std::list<Monitor::Running>::iterator entry_;
};

// The outcomes of a run as they come in, from several threads. One place per decision; a place is
// filled once, at most.
class OutcomeLog {
 public:
  OutcomeLog(std::size_t file_count, Monitor& monitor, spdlog::logger& log,
             const std::function<void(const FileOutcome&)>& on_file);
  void enter(std::size_t index, FileOutcome outcome);
  bool has(std::size_t index);
  // All that are there, in the order of their places.
  std::vector<FileOutcome> take();

 private:
  std::mutex mutex_;
  std::vector<std::optional<FileOutcome>> outcomes_;
  Monitor& monitor_;
  spdlog::logger& log_;
  const std::function<void(const FileOutcome&)>& on_file_;
};

}  // namespace qvdhouse::sync
