// Files of which only what tracking says changes, or whose rows go (docs/operations.md, "Change
// detection"): touched, moved, vanished. Each calls the task's `done` once, and never throws.
#pragma once

#include <memory>

#include "clickhouse/connection.h"
#include "sync/file_task.h"
#include "sync/table_session.h"

namespace qvdhouse::sync {

// Nothing but its modification time or ETag changed.
void adopt_touched(FileTask task, const tracking::FileRecord& previous, const RunContext& context);

// It failed or waited, and is gone: nothing stands against it any more.
void settle_vanished(FileTask task, const tracking::FileRecord& previous,
                     const RunContext& context);

// The file has another path than when it was loaded as `previous` (of decision.moved_from). A table
// that it is alone is renamed when its name is to be another; `session` is that of the new name.
void adopt_moved(FileTask task, const tracking::FileRecord& previous, const RunContext& context,
                 clickhouse::Connection& connection, std::shared_ptr<TableSession> session);

// The file of `previous` is gone, and so go its rows.
void remove_vanished(FileTask task, const tracking::FileRecord& previous, const RunContext& context,
                     clickhouse::Connection& connection, std::shared_ptr<TableSession> session);

// Writes down that the file's rows are gone.
void hand_over_removal(FileTask task, std::shared_ptr<const void> claim, const RunContext& context);

}  // namespace qvdhouse::sync
