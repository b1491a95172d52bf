// What becomes of files after their load (after_load): they are moved or deleted.
#pragma once

#include <spdlog/logger.h>

#include <stop_token>
#include <vector>

#include "source/storage.h"
#include "sync/outcome.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// Throws ConfigError when files of this source cannot be taken, or would be found again where they
// are moved to.
void check_after_load(const Options& options, const std::vector<source::FileEntry>& files);

// Takes away the files that are loaded as they are, by tracking's own word: those of this run, and
// those that a run before left when it was killed. Tracking says that a file is taken before it is,
// so that one which is gone never counts as vanished. What fails is logged; the file stays, and
// the next run tries it again.
void take_loaded(const Options& options, source::Storage& storage, tracking::Tracking& tracking,
                 std::vector<FileOutcome>& files, spdlog::logger& log, const std::stop_token& stop);

}  // namespace qvdhouse::sync
