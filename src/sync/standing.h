// Whether a file is as it should be after a run. Exit codes, the rows of runs, the service and what
// commands print all ask here.
#pragma once

#include <string>

#include "sync/sync.h"

namespace qvdhouse::sync {

// The run left the file alone although its rows are not those of the file: it failed before and has
// not changed since, its back-off is not over, or it could not be looked at.
bool stands_failed(const FileOutcome& file);

// It failed in this run, or stands failed.
bool is_failing(const FileOutcome& file);

// What is in the table is what the file is: it was loaded, adopted or removed, or is unchanged.
// False also for files that wait or are left out on purpose: they are neither good nor failing.
bool is_good(const FileOutcome& file);

// Why a file is failing, as in tracking::FileRecord::error_class and error_message; of a file that
// waits, the message says for what.
const std::string& failure_class(const FileOutcome& file);
const std::string& failure_message(const FileOutcome& file);

}  // namespace qvdhouse::sync
