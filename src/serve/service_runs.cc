// The threads that run what is due.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "decide/decide.h"
#include "serve/api_json.h"
#include "serve/service_state.h"
#include "sync/failure.h"
#include "sync/outcome.h"
#include "tracking/tracking.h"

namespace qvdhouse::serve {
namespace {

using sync::FileOutcome;
using sync::Outcome;
using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::RunState;
using tracking::RunTrigger;

// Whether time alone may mend it. A refused file waits for other files or settings, which every run
// looks at, and one that cannot be read or is wrong waits for a change of its own.
bool is_retried(const FileOutcome& file) {
  return (file.outcome == Outcome::kFailed && file.decision.action != decide::Action::kRefuse) ||
         file.decision.reason_code == decide::Reason::kBackoff;
}

// When to look again at files that failed for a while, and at those that were not complete.
std::map<std::string, Time> due_files(const sync::Summary& summary, const Job& job,
                                      const TargetAccess& target, Time now) {
  std::map<std::string, Time> due;
  std::set<std::string> retried;
  for (const FileOutcome& file : summary.files) {
    const decide::Reason code = file.decision.reason_code;
    if (code == decide::Reason::kWaitFor || code == decide::Reason::kAnomaly)
      continue;  // each run looks
    if (file.outcome == Outcome::kWaiting) {
      due[file.decision.file.path] =
          now + std::max({job.workflow.options.settle, job.workflow.options.min_age,
                          std::chrono::seconds(5)});
    } else if (is_retried(file)) {
      retried.insert(file.decision.file.path);
    }
  }
  if (retried.empty()) return due;
  tracking::Tracking tracking(target.endpoint, job.workflow.options.database);
  for (const tracking::FileRecord& file : tracking.files_that_are(tracking::FileState::kFailed)) {
    if (file.retry_at_us == 0 || !retried.contains(file.file_path)) continue;
    // A time that has passed already is put off, lest one run follow the other without a pause.
    const Time at = time_of(file.retry_at_us) + std::chrono::seconds(1);
    due[file.file_path] = at > now ? at : now + sync::delay_between_runs(1);
  }
  return due;
}

// Why the run ended so, when it was the service that ended it.
void explain_end(RunRecord& record, ErrorClass end_class, bool is_ending,
                 std::chrono::seconds timeout) {
  if (record.status != RunState::kCancelled) return;
  if (end_class == ErrorClass::kTimeout) {
    record.status = RunState::kFailed;
    record.error =
        fmt::format("it took longer than run_timeout allows ({} s); what was open was rolled back",
                    timeout.count());
    record.error_class = ErrorClass::kTimeout;
  } else if (end_class == ErrorClass::kStopped || (end_class == ErrorClass::kNone && is_ending)) {
    record.error = "the service was stopped; it goes on when it is started again";
    record.error_class = ErrorClass::kStopped;
  } else if (end_class != ErrorClass::kNone) {
    record.error = "cancelled; what was open was rolled back";
    record.error_class = ErrorClass::kCancelled;
  }
}

// What run() throws is of the target, but for settings and defects: a connection that was lost too.
// The row says so, for whoever judges it later or elsewhere.
void name_target(RunRecord& record, const sync::Summary& summary) {
  const bool was_thrown = !summary.source_error && summary.files.empty();
  if (was_thrown && record.status == RunState::kFailed && record.error_class == ErrorClass::kIo) {
    record.error_class = ErrorClass::kServer;
  }
}

}  // namespace

// The oldest whose workflow is free. Runs of one workflow never go side by side.
std::shared_ptr<Job> Service::State::next_job() {
  if (!access || is_ending) return nullptr;
  std::set<std::string> running;
  for (const auto& job : jobs) {
    if (job->is_running) running.insert(job->record.workflow);
  }
  for (const auto& job : jobs) {
    if (!job->is_running && !running.contains(job->record.workflow) && may_begin(*job)) return job;
  }
  return nullptr;
}

void Service::State::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  std::shared_ptr<Job> job;
  while (changed.wait(lock, stop, [&] { return (job = next_job()) != nullptr; })) {
    const TargetAccess target = *access;
    job->is_running = true;
    job->begin = std::chrono::steady_clock::now();
    job->record.status = RunState::kRunning;
    job->record.started_at_us = job->workflow.options.clock();
    // It lists the source now.
    const bool is_whole = job->only.empty() && !job->choice.is_partial();
    if (const auto entry = entries.find(job->record.workflow); entry != entries.end() && is_whole) {
      entry->second.arrivals.reset();
    }
    events.add("run_started", run_json(job->record));
    lock.unlock();
    try {
      run_job(*job, target);
    } catch (const std::exception& error) {
      log.error("run {} of {} could not be begun: {}", job->record.run_id, job->record.workflow,
                error.what());
    }
    lock.lock();
    std::erase(jobs, job);
    if (const auto entry = entries.find(job->record.workflow); entry != entries.end()) {
      tell_workflow(entry->second);
    }
    job.reset();
    changed.notify_all();
  }
}

void Service::State::run_job(Job& job, const TargetAccess& target) {
  sync::Options run_options = job.workflow.options;
  run_options.full = job.full;
  run_options.retry_failed = job.retry_failed;
  run_options.only = job.only;
  run_options.choice = job.choice;
  run_options.finish = finish.get_token();
  run_options.needs_lease = !target.is_embedded;
  const std::shared_ptr<source::Storage> storage =
      job.workflow.open_storage ? job.workflow.open_storage(job.stop.get_token())
                                : job.workflow.storage;
  sync::RunHooks hooks;
  hooks.on_begin = [&](const RunRecord& begun) {
    if (!job.agenda) return;
    AgendaState state = *job.agenda;
    tracking::WorkflowRecord row;
    std::shared_ptr<claim::Lease> claim;
    {
      const std::lock_guard lock(mutex);
      const auto entry = entries.find(begun.workflow);
      if (entry == entries.end()) return;
      // It may have been paused while the run waited for its turn.
      if (entry->second.agenda) state.is_paused = entry->second.agenda->state().is_paused;
      row = record_of(entry->second, state, "schedule");
      if (needs_claims()) claim = claims;
    }
    if (claim) claim->check();
    tracking::Runs(target.endpoint, run_options.database).record(row);
    const std::lock_guard lock(mutex);
    if (const auto entry = entries.find(begun.workflow); entry != entries.end()) {
      entry->second.written = state;
    }
  };
  hooks.on_file = [&](const FileOutcome& file) {
    if (file.outcome == Outcome::kSkipped) return;
    events.add("file_finished", file_outcome_json(job.record, file));
  };
  hooks.on_end = [&](RunRecord& record, const sync::Summary& summary) {
    name_target(record, summary);
    const std::lock_guard lock(mutex);
    explain_end(record, job.end_class, is_ending, job.workflow.run_timeout);
  };
  if (options.watch_run) {
    hooks = options.watch_run(job.record, job.workflow, target, std::move(hooks));
  }
  const sync::RecordedRun done =
      sync::run_recorded(run_options, *storage, target.endpoint, job.record, job.monitor, log,
                         hooks, job.stop.get_token());
  std::map<std::string, Time> due;
  try {
    due = due_files(done.summary, job, target, options.now());
  } catch (const base::Error& error) {
    log.warn("run {}: when failed files are due again could not be read: {}", done.record.run_id,
             error.what());
  }
  settle_job(job, done, due);
}

void Service::State::settle_job(Job& job, const sync::RecordedRun& done,
                                const std::map<std::string, Time>& due) {
  const RunRecord& record = done.record;
  const std::lock_guard lock(mutex);
  if (!done.is_recorded) run_rows.push_back(record);
  if (done.error || !done.is_recorded) is_monitor_wanted = true;
  nlohmann::json said = run_json(record);
  if (const auto found = entries.find(record.workflow); found != entries.end()) {
    Entry& entry = found->second;
    entry.last = record;
    entry.settled_run = record.run_id;
    const bool is_listed = !done.error && !done.summary.source_error;
    entry.source_problem =
        done.summary.source_error ? sync::describe_failure(done.summary.source_error).message : "";
    entry.problem = problem_after(entry.problem, record);
    if (has_looked(record)) entry.last_look = time_of(record.finished_at_us);
    // A run of some files says nothing of the others.
    if (job.only.empty() && !job.choice.is_partial() && is_listed) {
      entry.due_files.clear();
      entry.failing.clear();
    }
    for (const FileOutcome& file : done.summary.files) {
      const std::string& path = file.decision.file.path;
      if (sync::is_left_out(file)) continue;
      if (sync::is_failing(file)) {
        entry.failing.insert(path);
      } else if (file.outcome != Outcome::kCancelled) {
        entry.failing.erase(path);
      }
    }
    for (const auto& [path, at] : due) entry.due_files[path] = at;
    if (record.status == RunState::kCompleted && entry.failing.empty() &&
        !job.choice.has_window()) {
      entry.last_good = time_of(record.finished_at_us);
    }
    const bool broke = record.status == RunState::kFailed && may_pass(record) && !is_listed;
    const bool is_backfill = record.trigger == RunTrigger::kBackfill;
    if (broke && record.attempt < job.workflow.run_attempts) {
      entry.again = RunAgain{.at = options.now() + sync::delay_between_runs(record.attempt),
                             .trigger = is_backfill ? RunTrigger::kBackfill : RunTrigger::kRetry,
                             .attempt = record.attempt + 1,
                             .scheduled_at_us = record.scheduled_at_us,
                             .after_us = record.started_at_us,
                             .choice = is_backfill ? job.choice : job.workflow.options.choice,
                             .full = is_backfill && job.full};
    }
    said["failing_files"] = entry.failing.size();
  }
  events.add("run_finished", std::move(said));
}

}  // namespace qvdhouse::serve
