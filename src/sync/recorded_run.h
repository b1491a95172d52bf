// One whole run of one source, written down in QvdRunHistory: that it is under way, now and then a
// sign of life, and what became of it. The way in for `qvdhouse sync` and the service alike.
#pragma once

#include <spdlog/logger.h>

#include <exception>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "source/storage.h"
#include "sync/sync.h"
#include "tracking/runs.h"

namespace qvdhouse::sync {

// A run that begins now on this machine, with an id of its own.
tracking::RunRecord new_run(std::string workflow, tracking::RunTrigger trigger,
                            std::int64_t at_us = now_us());

// RunRecord::asked_for of a run with these; `files`: that were named, 0: the whole source.
std::string asked_for(const decide::Choice& choice, bool full, std::size_t files = 0);

// Its next row, a moment newer than the last.
void touch_run(tracking::RunRecord& run, std::int64_t at_us = now_us());

// What a summary says of the run as a whole: numbers, status, error. A run after which a file is
// not as it should be is never "completed", even when that file failed long ago.
void conclude_run(tracking::RunRecord& run, const Summary& summary, std::int64_t at_us = now_us());
// The same when run() threw.
void conclude_run(tracking::RunRecord& run, const std::exception& error,
                  std::int64_t at_us = now_us());

struct RecordedRun {
  Summary summary;
  tracking::RunRecord record;
  bool is_recorded = false;  // false: ClickHouse did not take its last row; to be written later
  std::exception_ptr error;  // what run() threw; null: nothing
};

struct RunHooks {
  std::function<void(const tracking::RunRecord&)> on_begin;  // its first row is written
  std::function<void(const Decision&)> on_file_begin;        // Options::on_file_begin
  std::function<void(const FileOutcome&)> on_file;           // as run() has it
  // Its last row is written next: the record may be changed.
  std::function<void(tracking::RunRecord&, const Summary&)> on_end;
};

// sync::run() under the id of `order`, which new_run() made. Never throws what run() does.
RecordedRun run_recorded(Options options, source::Storage& storage,
                         const clickhouse::Endpoint& endpoint, tracking::RunRecord order,
                         Monitor& monitor, spdlog::logger& log, const RunHooks& hooks,
                         std::stop_token stop);

// Its next row says that its process is gone; what the process still writes wins over it.
void mark_lost(tracking::RunRecord& run);

// Writes "lost" into the rows of runs whose process is gone: at once where it ran with this
// lock_dir, else when it gave no sign of life for three minutes. Returns them.
std::vector<tracking::RunRecord> settle_lost_runs(const Options& options,
                                                  const clickhouse::Endpoint& endpoint);

}  // namespace qvdhouse::sync
