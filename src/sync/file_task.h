// A file on its way to its tracking row: its attempts, and what the end of each makes of the row.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sync/failure.h"
#include "sync/run_context.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

struct FileTask {
  FileOutcome outcome;
  std::function<void(FileOutcome)> done;         // called once, when the outcome is written down
  std::optional<tracking::FileRecord> previous;  // as the table has it while the claim is held
  tracking::FileRecord record;
  bool keep_previous = false;                // the table's row stays as it is
  std::optional<tracking::Attempt> attempt;  // that is under way
  std::vector<tracking::Attempt> attempts;   // that have ended
};

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
