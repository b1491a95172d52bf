// The thread that sees to the target, and writes what waits for it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "serve/service_state.h"
#include "source/scope.h"
#include "sync/failure.h"
#include "tracking/tracking.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::steady_clock;
using tracking::RunRecord;
using tracking::RunState;
using tracking::RunTrigger;

constexpr std::chrono::milliseconds kFirstDelay{1'000};
constexpr std::chrono::minutes kBetweenSweeps{1};

// Once for each target: what the workflows were when the service ended.
Memory read_memory(const TargetAccess& target, const Configuration& known) {
  tracking::Runs runs(target.endpoint, known.database, known.history_days);
  Memory memory;
  for (tracking::WorkflowRecord& record : runs.workflows()) {
    memory.states[record.name] = std::move(record);
  }
  for (const Workflow& workflow : known.workflows) {
    tracking::Runs::Query query;
    query.workflow = workflow.name;
    query.limit = kRunsRemembered;
    std::vector<RunRecord>& newest = memory.runs[workflow.name] = runs.find(query);
    std::optional<Time> look = last_look(newest);
    const bool is_far = !look && newest.size() == kRunsRemembered;
    for (const RunState status : {RunState::kCompleted, RunState::kPartial}) {
      query.status = status;
      query.limit = 1;
      const std::vector<RunRecord> found = runs.find(query);
      if (found.empty()) continue;
      if (status == RunState::kCompleted) {
        memory.last_good[workflow.name] = time_of(found.front().finished_at_us);
      }
      if (const auto older = last_look(found); is_far && older) {
        look = std::max(look.value_or(*older), *older);
      }
    }
    if (look) memory.last_look[workflow.name] = *look;
    memory.due_files[workflow.name] = files_due_again(workflow, target);
  }
  return memory;
}

// Marks the runs whose process died as lost, and returns them.
std::vector<RunRecord> find_lost_runs(const TargetAccess& target, const Configuration& known,
                                      spdlog::logger& log) {
  if (known.workflows.empty()) return {};
  sync::Options run_options = known.workflows.front().options;
  run_options.database = known.database;
  try {
    return sync::settle_lost_runs(run_options, target.endpoint);
  } catch (const base::Error& error) {
    log.warn("runs whose process died could not be looked for: {}", error.what());
    return {};
  }
}

}  // namespace

std::map<std::string, Time> files_due_again(const Workflow& workflow, const TargetAccess& target) {
  std::map<std::string, Time> due;
  const source::Scope scope(workflow.options.source);
  tracking::Tracking tracking(target.endpoint, workflow.options.database);
  for (const tracking::FileRecord& file : tracking.files_that_are(tracking::FileState::kFailed)) {
    if (file.retry_at_us == 0 || file.error_class == tracking::ErrorClass::kSchema) continue;
    if (!scope.covers(file.file_path)) continue;
    due[file.file_path] = time_of(file.retry_at_us) + std::chrono::seconds(1);
  }
  return due;
}

void Service::State::keep_target(const std::stop_token& stop) {
  unsigned failures = 0;
  auto swept = steady_clock::now();
  while (!stop.stop_requested()) {
    bool is_open = false;
    bool may_open = false;
    {
      const std::lock_guard lock(mutex);
      is_open = access.has_value();
      may_open = configuration != nullptr && !is_ending;
    }
    if (!is_open && may_open) {
      open_target();
    } else if (is_open) {
      look_at_target();
      follow_others();
      if (steady_clock::now() - swept >= kBetweenSweeps) {
        sweep_lost_runs();
        swept = steady_clock::now();
      }
    }
    write_rows();
    tend_claims();
    std::unique_lock lock(mutex);
    failures = access || configuration == nullptr ? 0 : failures + 1;
    const auto delay = failures == 0 ? options.between_looks
                                     : sync::delay_within_run(
                                           failures, std::min(kFirstDelay, options.between_looks));
    const bool had_configuration = configuration != nullptr;
    const bool had_access = access.has_value();
    changed.wait_for(lock, stop, delay, [&] {
      return (configuration != nullptr) != had_configuration || (had_access && !access) ||
             (access && is_monitor_wanted);
    });
    is_monitor_wanted = false;
  }
}

void Service::State::note_silence(std::string problem) {
  target_problem = std::move(problem);
  is_target_tried = true;
  ++target_tries;
  if (!target_silent_since) target_silent_since = options.now();
}

void Service::State::open_target() {
  std::string problem;
  std::vector<RunRecord> lost;
  try {
    while (!open_once(lost)) {
    }
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const std::lock_guard lock(mutex);
  if (!problem.empty()) {
    if (problem != target_problem) log.error("{}", problem);
    note_silence(std::move(problem));
  }
  changed.notify_all();
}

// False when the configuration changed meanwhile, and the target with it perhaps. `lost` collects
// the runs that were found lost.
bool Service::State::open_once(std::vector<RunRecord>& lost) {
  std::shared_ptr<const Configuration> known;
  bool is_new = false;
  {
    const std::lock_guard lock(mutex);
    known = configuration;
    is_new = !are_states_read;
  }
  TargetAccess opened = options.open_target();
  tracking::Tracking(opened.endpoint, known->database, known->history_days).ensure_tables();
  tracking::Runs(opened.endpoint, known->database, known->history_days, known->quiet_history_days)
      .ensure_tables();
  Memory memory;
  if (is_new) memory = read_memory(opened, *known);
  std::ranges::move(find_lost_runs(opened, *known, log), std::back_inserter(lost));
  const std::lock_guard lock(mutex);
  if (configuration != known) return false;
  // All at once: who sees the target finds its tables and the schedules, and every command is
  // taken.
  access = std::move(opened);
  if (is_new) recall(std::move(memory));
  note_lost(std::move(lost));
  if (!target_problem.empty()) log.info("ClickHouse answers");
  target_problem.clear();
  target_silent_since.reset();
  target_tries = 0;
  is_target_tried = true;
  is_look_wanted = true;
  return true;
}

void Service::State::recall(Memory&& memory) {
  states = std::move(memory.states);
  are_states_read = true;
  make_agendas();
  for (auto& [name, entry] : entries) {
    if (memory.last_good.contains(name)) entry.last_good = memory.last_good.at(name);
    if (memory.last_look.contains(name)) entry.last_look = memory.last_look.at(name);
    if (memory.due_files.contains(name)) entry.due_files = std::move(memory.due_files.at(name));
  }
  for (auto& [name, runs] : memory.runs) {
    const auto found = entries.find(name);
    const RunRecord* last = newest_ended(runs);
    if (found == entries.end()) continue;
    Entry& entry = found->second;
    // One that is under way is another service's.
    entry.is_followed = true;
    if (last == nullptr) continue;
    // What was cut short goes on, and what could not look looks again. Failed files have their own
    // times.
    entry.problem = problem_after(runs);
    const bool was_cut = was_cut_short(*last);
    if (was_cut || has_not_looked(*last)) {
      entry.again = RunAgain{.at = options.now(),
                             .trigger = was_cut ? RunTrigger::kCatchUp : RunTrigger::kRetry,
                             .after_us = last->started_at_us};
    }
    entry.settled_run = last->run_id;
    entry.last = *last;
  }
}

void Service::State::sweep_lost_runs() {
  TargetAccess target;
  std::shared_ptr<const Configuration> known;
  {
    const std::lock_guard lock(mutex);
    if (!access) return;
    target = *access;
    known = configuration;
  }
  std::vector<RunRecord> lost = find_lost_runs(target, *known, log);
  const std::lock_guard lock(mutex);
  note_lost(std::move(lost));
  for (auto& [name, entry] : entries) entry.is_followed = entry.is_followed || has_company;
}

void Service::State::note_lost(std::vector<RunRecord> lost) {
  for (RunRecord& run : lost) {
    log.warn("run {} of {}: {}", run.run_id, run.workflow, run.error);
    const auto entry = entries.find(run.workflow);
    if (entry == entries.end() || run.trigger == RunTrigger::kCommand) continue;
    entry->second.again = RunAgain{
        .at = options.now(), .trigger = RunTrigger::kCatchUp, .after_us = run.started_at_us};
    entry->second.settled_run = run.run_id;
    if (!entry->second.last || entry->second.last->started_at_us < run.started_at_us) {
      entry->second.last = std::move(run);
    }
  }
}

// The question is of use where other services may have changed the answer.
void Service::State::look_at_target() {
  clickhouse::Endpoint endpoint;
  std::string database;
  bool is_shared = false;
  {
    const std::lock_guard lock(mutex);
    if (!access) return;
    endpoint = access->endpoint;
    database = configuration->database;
    is_shared = needs_claims();
  }
  constexpr std::chrono::seconds kPatience{20};
  endpoint.database = "system";
  endpoint.stall_timeout_s = kPatience.count();
  try {
    if (is_shared) {
      const auto found = tracking::Runs(endpoint, database).workflows();
      const std::lock_guard lock(mutex);
      note_states(found);
    } else {
      clickhouse::Connection(endpoint).query("SELECT 1");
    }
  } catch (const base::IoError& error) {
    const std::lock_guard lock(mutex);
    note_silence(fmt::format("ClickHouse does not answer any more: {}", error.what()));
    log.error("{}", target_problem);
    access.reset();
    changed.notify_all();
  } catch (const base::Error& error) {
    log.warn("ClickHouse refuses a plain question: {}", error.what());
  }
}

// In their order; what the target does not take now waits on.
void Service::State::write_rows() {
  std::unique_lock lock(mutex);
  if (!access || !configuration) return;
  const TargetAccess target = *access;
  const std::string database = configuration->database;
  const unsigned days = configuration->history_days;
  if (run_rows.empty() && workflow_rows.empty()) return;
  std::deque<RunRecord> rows = std::exchange(run_rows, {});
  std::map<std::string, tracking::WorkflowRecord> workflows = std::exchange(workflow_rows, {});
  lock.unlock();
  try {
    tracking::Runs runs(target.endpoint, database, days);
    for (; !rows.empty(); rows.pop_front()) runs.record(rows.front());
    while (!workflows.empty()) {
      runs.record(workflows.begin()->second);
      workflows.erase(workflows.begin());
    }
  } catch (const base::Error& error) {
    log.warn("the history of runs waits to be written: {}", error.what());
  }
  lock.lock();
  run_rows.insert(run_rows.begin(), rows.begin(), rows.end());
  workflow_rows.merge(workflows);
  constexpr std::size_t kMostWaiting = 10'000;
  while (run_rows.size() > kMostWaiting) run_rows.pop_front();
}

}  // namespace qvdhouse::serve
