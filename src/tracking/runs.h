// Runs of workflows and what of a workflow has to survive a restart: two tables in the target
// database, beside those of tracking.h. `qvdhouse sync` writes its runs here, too.
//   QvdRunHistory     ReplacingMergeTree(version) ORDER BY (started_at, run_id): one row a run
//                     under FINAL, expiring with the history
//   QvdWorkflowState  ReplacingMergeTree(version) ORDER BY name: the schedule's state and whether
//   it
//                     is paused; one more row where somebody has paused it
// The version is the moment of the write in microseconds. A run that goes on is written again and
// again, so its version is also its sign of life.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "tracking/states.h"

namespace qvdhouse::tracking {

inline constexpr std::string_view kRunTable = "QvdRunHistory";
inline constexpr std::string_view kWorkflowTable = "QvdWorkflowState";

struct RunRecord {
  std::string run_id;    // String; QvdFileHistory.run_id of its attempts
  std::string workflow;  // LowCardinality(String): name of the source; "default" when it has none
  RunTrigger trigger = RunTrigger::kOther;  // LowCardinality(String)
  std::string asked_for;                    // String: which files, "since 2024-05"; empty: all
  RunState status = RunState::kOther;       // LowCardinality(String)
  std::int64_t scheduled_at_us = 0;         // DateTime64(6, 'UTC'); 0: not scheduled
  std::int64_t started_at_us = 0;           // DateTime64(6, 'UTC'); never changes
  std::int64_t finished_at_us = 0;          // DateTime64(6, 'UTC'); 0: not yet
  std::uint32_t attempt = 1;                // UInt32, of the run as a whole
  std::uint64_t files_loaded = 0;           // UInt64, also adopted and removed ones
  std::uint64_t files_skipped = 0;
  std::uint64_t files_waiting = 0;
  std::uint64_t files_failed = 0;  // in this run
  std::uint64_t rows = 0;
  std::uint64_t rows_quarantined = 0;  // of the files loaded, as are the next two
  std::uint64_t rows_dropped = 0;
  std::uint64_t rows_filtered = 0;
  std::uint64_t bytes = 0;
  std::uint64_t schema_changes = 0;   // of columns of tables in use
  std::uint64_t anomalies = 0;        // files that are far from their last loads
  std::uint64_t replicas_behind = 0;  // that lacked rows of the run at its end
  std::string error;  // String: why the run as a whole failed, was skipped or is partial
  ErrorClass error_class = ErrorClass::kNone;  // LowCardinality(String)
  std::string host;                            // String: the machine that it ran on
  std::uint64_t version = 0;                   // UInt64; the newest wins
};

struct WorkflowRecord {
  std::string name;              // String
  bool is_paused = false;        // UInt8
  std::int64_t anchor_us = 0;    // DateTime64(6, 'UTC')
  std::int64_t last_due_us = 0;  // DateTime64(6, 'UTC')
  std::string schedule;          // String: text and zone of the schedule that last_due belongs to
  std::string changed_by;        // String: who paused it ("api", "command", …)
  std::uint64_t version = 0;     // UInt64
  // Version of the row that pauses it or takes it up again; 0: there is none. Not a column.
  std::uint64_t pause_version = 0;
};

// It was begun by the service itself and found nothing to do, and nothing stands against it.
bool is_quiet(const RunRecord& run);

inline constexpr unsigned kQuietDays = 7;

// One object is used by one thread at a time.
class Runs {
 public:
  // `quiet_days`: when rows of quiet runs expire; 0, and as many as `history_days`: as all others.
  Runs(clickhouse::Endpoint endpoint, std::string database, unsigned history_days = 90,
       unsigned quiet_days = kQuietDays);
  // Creates the database and both tables where absent; as Tracking::ensure_tables().
  void ensure_tables();
  // Brings this replica, where the database has several, what the others have acknowledged; as far
  // as it can be had now.
  void catch_up();
  void record(const RunRecord& run);
  void record(const WorkflowRecord& workflow);
  // The same, and that somebody has paused it or taken it up again: in a row of its own, which no
  // row that a run writes at the same moment on another machine takes back.
  void record_pause(const WorkflowRecord& workflow);
  // Sorted by name; empty when the table is not there yet, as find().
  std::vector<WorkflowRecord> workflows();
  struct Query {
    std::string workflow;            // empty: all
    std::optional<RunState> status;  // empty: all
    std::string run_id;              // empty: all
    std::int64_t before_us = 0;      // started before; 0: no limit (for paging)
    std::size_t limit = 50;
  };
  std::vector<RunRecord> find(const Query& query);  // newest first

 private:
  const clickhouse::Dialect& dialect() const { return connection_.endpoint().dialect; }
  void record_workflows(std::span<const WorkflowRecord> workflows);  // in one insert
  clickhouse::Connection connection_;
  std::string database_;
  unsigned history_days_;
  unsigned quiet_days_;
};

}  // namespace qvdhouse::tracking
