// What all files of a run share, and a file on its way to its tracking row: its attempts, and what
// the end of each makes of the row.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "claim/lease.h"
#include "claim/locks.h"
#include "clickhouse/connection.h"
#include "decide/decide.h"
#include "source/storage.h"
#include "sync/failure.h"
#include "sync/recorder.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// Outlives every session and load of the run.
struct RunContext {
  const Options& options;
  source::Storage& storage;
  clickhouse::Endpoint endpoint;  // with options.database
  std::string run_id;
  const decide::Facts& facts;
  std::set<std::string> staging_tables;  // that were there when the run began
  double list_seconds = 0;
  Monitor& monitor;
  spdlog::logger& log;
  Recorder& recorder;
  const std::optional<claim::Lease>& lease;  // empty: the target needs none
  // From before the facts were gathered; null where other machines may write to the target.
  const claim::OnlyRun* only_run;
  // The run holds single files of these tables; other runs may hold other files of them.
  std::set<std::string> shared_tables;
  std::stop_token stop;
  // Numbers the staging tables of sets.
  mutable std::atomic<std::uint32_t> staged_files{0};
};

// Throws ServerError when another pipeline may have taken the tables over.
inline void check_lease(const RunContext& context) {
  if (context.lease) context.lease->check();
}

struct FileTask {
  FileOutcome outcome;
  std::function<void(FileOutcome)> done;         // called once, when the outcome is written down
  std::optional<tracking::FileRecord> previous;  // as the table has it while the claim is held
  tracking::FileRecord record;
  bool keep_previous = false;                // the table's row stays as it is
  std::optional<tracking::Attempt> attempt;  // that is under way
  std::vector<tracking::Attempt> attempts;   // that have ended
};

// The version of a record that follows on `previous`; null: on none. `lease_us`: Lease::clock_us(),
// or 0 without a lease. What a run writes after its lease expired is less than what its successor
// writes, even when it comes later: versions grow with `lease_us`, whatever `previous` is.
std::uint64_t version_after(const tracking::FileRecord* previous, std::int64_t lease_us);
inline std::uint64_t version_after(const tracking::FileRecord* previous,
                                   const RunContext& context) {
  return version_after(previous, context.lease ? context.lease->clock_us() : 0);
}

// What tracking says of a file before anything is known of its load: identity, version, run.
tracking::FileRecord new_record(const Decision& decision, const tracking::FileRecord* previous,
                                const RunContext& context);

void begin_attempt(FileTask& task, const RunContext& context);
// Ends the attempt that is under way: well without a failure.
void end_attempt(FileTask& task, const RunContext& context, const std::optional<Failure>& failure);
// What the failure makes of the outcome and of the file's row.
void settle_failure(FileTask& task, const Failure& failure);

// Gives the task to the recorder, which holds `claim` until all of it is written.
void hand_over(FileTask task, std::shared_ptr<const void> claim, const RunContext& context);
// The same for an entry that holds the rows already.
void hand_over(FileTask task, Recorder::Entry entry, const RunContext& context);

}  // namespace qvdhouse::sync
