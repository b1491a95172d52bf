#include "sync/recorded_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "base/quantity.h"
#include "claim/lease.h"
#include "claim/locks.h"
#include "decide/decide.h"
#include "load/staging.h"
#include "sync/failure.h"
#include "sync/outcome.h"

namespace qvdhouse::sync {
namespace {

using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::Runs;
using tracking::RunState;

constexpr std::chrono::seconds kBetweenSigns{30};
constexpr std::chrono::microseconds kSilence = std::chrono::minutes{3};

Runs runs_of(const Options& options, const clickhouse::Endpoint& endpoint) {
  return {endpoint, options.database, options.history_days, options.quiet_history_days};
}

// A row that is written twice counts once, so what may pass is tried again.
void write_row(Runs& runs, const RunRecord& run, const Options& options,
               const std::stop_token& stop) {
  with_retries(options.max_attempts, options.first_delay, stop, [&] { runs.record(run); });
}

// Says what is wrong in one sentence, with the first file as an example.
std::string failure_text(const FileOutcome& first, std::uint64_t failed, std::uint64_t standing) {
  std::string text;
  if (failed > 0) text = base::format_quantity(failed, "file") + " failed";
  if (standing > 0) {
    text += fmt::format("{}{} failed before and {} not changed since", failed > 0 ? ", " : "",
                        base::format_quantity(standing, "file"), standing == 1 ? "has" : "have");
  }
  return fmt::format("{}: {}: {}", text, first.decision.file.name, failure_message(first));
}

// Rewrites the row now and then, with how far the run is.
void give_signs(const Options& options, const clickhouse::Endpoint& endpoint, RunRecord& run,
                const Monitor& monitor, spdlog::logger& log, const std::stop_token& stop) {
  Runs runs = runs_of(options, endpoint);
  while (base::pause_for(kBetweenSigns, stop)) {
    const Monitor::Snapshot now = monitor.snapshot();
    run.files_failed = now.files_failed;
    run.files_loaded = now.files_done - std::min(now.files_done, now.files_failed);
    run.rows = now.rows_done;
    run.bytes = now.bytes_done;
    touch_run(run, options.clock());
    try {
      runs.record(run);
    } catch (const base::Error& error) {
      log.debug("run {}: its sign of life could not be written: {}", run.run_id, error.what());
    }
  }
}

}  // namespace

RunRecord new_run(std::string workflow, tracking::RunTrigger trigger, std::int64_t at_us) {
  RunRecord run;
  run.started_at_us = at_us;
  run.run_id = load::make_run_id(run.started_at_us);
  run.workflow = std::move(workflow);
  run.trigger = trigger;
  run.status = RunState::kRunning;
  run.host = claim::host_name();
  return run;
}

std::string asked_for(const decide::Choice& choice, bool full, std::size_t files) {
  std::string text = files == 0 ? "" : base::format_quantity(files, "file");
  const auto add = [&](const std::string& more) {
    if (!more.empty()) text += (text.empty() ? "" : ", ") + more;
  };
  add(choice.text());
  if (full) add("full");
  return text;
}

void touch_run(RunRecord& run, std::int64_t at_us) {
  run.version = std::max(static_cast<std::uint64_t>(at_us), run.version + 1);
}

void conclude_run(RunRecord& run, const Summary& summary, std::int64_t at_us) {
  run.files_loaded = summary.count(Outcome::kLoaded) + summary.count(Outcome::kAdopted) +
                     summary.count(Outcome::kRemoved);
  run.files_skipped = summary.count(Outcome::kSkipped);
  run.files_waiting = summary.count(Outcome::kWaiting);
  run.files_failed = summary.count(Outcome::kFailed);
  const auto standing =
      static_cast<std::uint64_t>(std::ranges::count_if(summary.files, stands_failed));
  const std::uint64_t well = run.files_loaded + run.files_waiting + run.files_skipped - standing;
  run.rows = summary.rows;
  run.rows_quarantined = summary.rows_quarantined;
  run.rows_dropped = summary.rows_dropped;
  run.rows_filtered = summary.rows_filtered;
  run.bytes = summary.bytes;
  run.schema_changes = summary.column_changes();
  run.anomalies = summary.anomalies();
  run.replicas_behind = summary.replicas_behind.size();
  run.finished_at_us = at_us;
  if (summary.source_error) {
    const Failure failure = describe_failure(summary.source_error);
    run.status = RunState::kFailed;
    run.error = failure.message;
    run.error_class = failure.error_class;
  } else if (summary.count(Outcome::kCancelled) > 0) {
    run.status = RunState::kCancelled;
    run.error = "stopped before all files were done; what was open was rolled back";
    run.error_class = ErrorClass::kCancelled;
  } else if (run.files_failed + standing > 0) {
    const auto is_failed = [](const FileOutcome& file) { return file.outcome == Outcome::kFailed; };
    const FileOutcome& first = run.files_failed > 0
                                   ? *std::ranges::find_if(summary.files, is_failed)
                                   : *std::ranges::find_if(summary.files, stands_failed);
    run.status = well > 0 ? RunState::kPartial : RunState::kFailed;
    run.error = failure_text(first, run.files_failed, standing);
    run.error_class = failure_class(first);
  } else {
    run.status = RunState::kCompleted;
  }
}

void conclude_run(RunRecord& run, const std::exception& error, std::int64_t at_us) {
  const Failure failure = describe_failure(error);
  run.status =
      failure.error_class == ErrorClass::kCancelled ? RunState::kCancelled : RunState::kFailed;
  run.error = failure.message;
  run.error_class = failure.error_class;
  run.finished_at_us = at_us;
}

RecordedRun run_recorded(Options options, source::Storage& storage,
                         const clickhouse::Endpoint& endpoint, RunRecord order, Monitor& monitor,
                         spdlog::logger& log, const RunHooks& hooks, std::stop_token stop) {
  RecordedRun done;
  done.record = std::move(order);
  options.load.run_id = done.record.run_id;
  options.on_file_begin = hooks.on_file_begin;
  std::optional<claim::RunLock> lock;
  try {
    lock.emplace(options.lock_dir, done.record.run_id);
    Runs runs = runs_of(options, endpoint);
    runs.ensure_tables();
    touch_run(done.record, options.clock());
    write_row(runs, done.record, options, stop);
    if (hooks.on_begin) hooks.on_begin(done.record);
    RunRecord sign = done.record;
    {
      const std::jthread signs([&](const std::stop_token& end) {
        give_signs(options, endpoint, sign, monitor, log, end);
      });
      done.summary = run(options, storage, endpoint, monitor, log, hooks.on_file, stop);
    }
    done.record.version = sign.version;
    conclude_run(done.record, done.summary, options.clock());
  } catch (const std::exception& error) {
    done.error = std::current_exception();
    done.summary.run_id = done.record.run_id;
    conclude_run(done.record, error, options.clock());
  }
  if (hooks.on_end) hooks.on_end(done.record, done.summary);
  touch_run(done.record, options.clock());
  try {
    Runs runs = runs_of(options, endpoint);
    // A target that is gone is not waited for.
    if (done.error) {
      runs.record(done.record);
    } else {
      write_row(runs, done.record, options, {});
    }
    done.is_recorded = true;
  } catch (const base::Error& error) {
    log.warn("run {}: how it ended could not be written: {}", done.record.run_id, error.what());
  }
  return done;
}

void mark_lost(RunRecord& run) {
  run.status = RunState::kLost;
  run.error = "its process ended without a word: it was killed, or the machine went down";
  run.error_class = ErrorClass::kLost;
  run.finished_at_us = std::max(static_cast<std::int64_t>(run.version), run.started_at_us);
  ++run.version;
}

std::vector<RunRecord> settle_lost_runs(const Options& options,
                                        const clickhouse::Endpoint& endpoint) {
  constexpr std::size_t kMost = 1'000;
  Runs runs = runs_of(options, endpoint);
  std::vector<RunRecord> lost;
  Runs::Query under_way;
  under_way.status = RunState::kRunning;
  under_way.limit = kMost;
  for (RunRecord& run : runs.find(under_way)) {
    const claim::RunLife life = claim::life_of_run(options.lock_dir, run.run_id);
    if (life == claim::RunLife::kAlive) continue;
    const auto last_sign = static_cast<std::int64_t>(run.version);
    if (life == claim::RunLife::kUnknown && options.clock() - last_sign < kSilence.count())
      continue;
    mark_lost(run);
    runs.record(run);
    claim::forget_run(options.lock_dir, run.run_id);
    lost.push_back(std::move(run));
  }
  return lost;
}

}  // namespace qvdhouse::sync
