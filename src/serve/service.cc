#include "serve/service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "decide/decide.h"
#include "serve/api_json.h"
#include "serve/service_state.h"

namespace qvdhouse::serve {

using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::RunState;
using tracking::RunTrigger;

tracking::WorkflowRecord record_of(Entry& entry, const AgendaState& state, const std::string& by) {
  entry.version =
      std::max(static_cast<std::uint64_t>(entry.workflow.options.clock()), entry.version + 1);
  tracking::WorkflowRecord record;
  record.name = entry.workflow.name;
  record.is_paused = state.is_paused;
  record.anchor_us = microseconds_of(state.anchor);
  record.last_due_us = microseconds_of(state.last_due);
  record.schedule = state.schedule;
  record.changed_by = by;
  record.version = entry.version;
  return record;
}

AgendaState state_from(const tracking::WorkflowRecord& record) {
  AgendaState state;
  state.anchor = time_of(record.anchor_us);
  state.last_due = time_of(record.last_due_us);
  state.is_paused = record.is_paused;
  state.schedule = record.schedule;
  return state;
}

bool is_same(const AgendaState& a, const AgendaState& b) {
  return a.anchor == b.anchor && a.last_due == b.last_due && a.is_paused == b.is_paused &&
         a.schedule == b.schedule;
}

bool is_by_schedule(RunTrigger trigger) {
  return trigger == RunTrigger::kFirst || trigger == RunTrigger::kSchedule ||
         trigger == RunTrigger::kCatchUp || trigger == RunTrigger::kRetry;
}

const RunRecord* newest_ended(const std::vector<RunRecord>& runs) {
  const auto found = std::ranges::find_if(runs, [](const RunRecord& run) {
    return run.status != RunState::kRunning && run.status != RunState::kSkipped;
  });
  return found == runs.end() ? nullptr : &*found;
}

bool Service::State::is_busy(const std::string& workflow) const {
  return std::ranges::any_of(jobs,
                             [&](const auto& job) { return job->record.workflow == workflow; });
}

std::shared_ptr<Job> Service::State::add_job(const Entry& entry, RunTrigger trigger) {
  auto job = std::make_shared<Job>(entry.workflow);
  job->record = sync::new_run(entry.workflow.name, trigger, entry.workflow.options.clock());
  job->record.status = RunState::kWaiting;
  jobs.push_back(job);
  changed.notify_all();
  return job;
}

void Service::State::drop_waiting(Job& job, const char* error, ErrorClass error_class) {
  job.record.status = RunState::kCancelled;
  job.record.error = error;
  job.record.error_class = error_class;
  job.record.finished_at_us = job.workflow.options.clock();
  sync::touch_run(job.record, job.record.finished_at_us);
  write_later(job.record);
}

LiveRun Service::State::live_of(const Job& job) const {
  LiveRun live;
  live.run = job.record;
  if (!job.is_running) return live;
  live.progress = job.monitor.snapshot();
  live.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - job.begin).count();
  live.run.rows = live.progress.rows_done;
  live.run.bytes = live.progress.bytes_done;
  live.run.files_failed = live.progress.files_failed;
  live.run.files_loaded =
      live.progress.files_done - std::min(live.progress.files_done, live.progress.files_failed);
  return live;
}

namespace {

std::chrono::seconds stale_after(const Entry& entry, Time now) {
  const Workflow& workflow = entry.workflow;
  if (workflow.stale_after.count() > 0) return workflow.stale_after;
  const Time anchor = entry.agenda ? entry.agenda->state().anchor : now;
  const Time since_problem = entry.problem ? entry.problem->since : now;
  return default_stale_after(workflow.agenda.schedule, anchor,
                             entry.last_look.value_or(since_problem));
}

}  // namespace

// What is due is as good as begun.
std::optional<Time> Service::State::busy_since(const Entry& entry) const {
  std::optional<Time> since;
  for (const auto& job : jobs) {
    if (job->record.workflow != entry.workflow.name) continue;
    const Time began = time_of(job->record.started_at_us);
    since = std::min(since.value_or(began), began);
  }
  if (since) return since;
  if (entry.elsewhere) return time_of(entry.elsewhere->started_at_us);
  if (!entry.agenda) return std::nullopt;
  const Time now = options.now();
  const bool is_again = entry.again && entry.again->at <= now && !entry.agenda->state().is_paused;
  Agenda next = *entry.agenda;
  const bool is_due = entry.is_first_run_due || is_again || next.step(now, false).due == Due::kRun;
  return is_due ? std::optional(now) : std::nullopt;
}

WorkflowState Service::State::state_of(const Entry& entry) const {
  WorkflowState state;
  state.name = entry.workflow.name;
  state.title = entry.workflow.title;
  state.source_url = entry.workflow.source_url;
  state.schedule = entry.workflow.agenda.schedule.text();
  state.timezone = entry.workflow.agenda.schedule.zone();
  state.overlap = entry.workflow.agenda.overlap == Overlap::kSkip ? "skip" : "buffer";
  if (entry.agenda) {
    state.is_paused = entry.agenda->state().is_paused;
    state.next_run = entry.agenda->next_run(options.now());
  }
  // What is under way before what waits.
  for (const auto& job : jobs) {
    if (job->record.workflow != state.name) continue;
    if (!state.current || (job->is_running && state.current->status == RunState::kWaiting)) {
      state.current = live_of(*job).run;
    }
  }
  if (!state.current) state.current = entry.elsewhere;
  state.last = entry.last;
  state.last_good = entry.last_good;
  state.facts = {.name = state.name,
                 .title = state.title,
                 .last_look = entry.last_look,
                 .stale_after = stale_after(entry, options.now()),
                 .is_paused = state.is_paused,
                 .problem = entry.problem,
                 .busy_since = busy_since(entry)};
  return state;
}

void Service::State::tell_workflow(const Entry& entry) {
  events.add("workflow_changed", workflow_json(state_of(entry)));
}

void Service::State::write_later(Entry& entry, const std::string& by) {
  workflow_rows[entry.workflow.name] = record_of(entry, entry.agenda->state(), by);
  is_monitor_wanted = true;
  changed.notify_all();
}

void Service::State::write_later(const RunRecord& run) {
  run_rows.push_back(run);
  is_monitor_wanted = true;
  changed.notify_all();
}

std::vector<std::string> Service::State::failures() const {
  std::vector<std::string> found;
  if (!configuration_problem.empty()) found.push_back(configuration_problem);
  if (configuration && configuration->workflows.empty()) {
    found.emplace_back("no source is set: QVD_SOURCE, or `source` in qvdhouse.toml, names it");
  }
  if (is_target_tried && !target_problem.empty()) found.push_back(target_problem);
  for (const auto& [name, entry] : entries) {
    if (entry.source_problem.empty()) continue;
    found.push_back(fmt::format("source {}: {}", entry.workflow.title, entry.source_problem));
  }
  return found;
}

std::vector<std::string> Service::State::waits() const {
  std::vector<std::string> found;
  if (!configuration && configuration_problem.empty()) {
    found.emplace_back("the configuration has not been read yet");
  }
  if (!is_target_tried && !target_problem.empty()) found.push_back(target_problem);
  return found;
}

std::vector<std::string> Service::State::problems() const {
  std::vector<std::string> found = failures();
  std::ranges::move(waits(), std::back_inserter(found));
  return found;
}

Service::Service(ServiceOptions options, spdlog::logger& log)
    : state_(std::make_unique<State>(std::move(options), log)) {}

Service::~Service() { stop(); }

void Service::start() {
  State& state = *state_;
  state.threads.emplace_back([&state](const std::stop_token& stop) { state.keep_target(stop); });
  state.threads.emplace_back([&state](const std::stop_token& stop) { state.conduct(stop); });
  state.threads.emplace_back([&state](const std::stop_token& stop) { state.watch(stop); });
  for (unsigned i = 0; i < std::max(1U, state.options.parallel_runs); ++i) {
    state.threads.emplace_back([&state](const std::stop_token& stop) { state.work(stop); });
  }
}

void Service::stop() {
  State& state = *state_;
  {
    std::unique_lock lock(state.mutex);
    if (std::exchange(state.is_ending, true)) return;
    // What waits is left; it is said so of what somebody asked for.
    std::erase_if(state.jobs, [&](const std::shared_ptr<Job>& job) {
      if (job->is_running) return false;
      state.drop_waiting(*job, "the service was stopped before it began", ErrorClass::kStopped);
      return true;
    });
    const auto has_ended = [&] { return state.jobs.empty(); };
    state.finish.request_stop();
    state.changed.notify_all();
    if (!state.changed.wait_for(lock, state.options.stop_patience, has_ended)) {
      state.log.warn("what is still open is rolled back");
      for (const auto& job : state.jobs) {
        if (job->end_class == ErrorClass::kNone) job->end_class = ErrorClass::kStopped;
        job->stop.request_stop();
      }
      state.changed.wait(lock, has_ended);
    }
  }
  for (std::jthread& thread : state.threads) thread.request_stop();
  state.changed.notify_all();
  state.threads.clear();
  // The last rows.
  if (state.access) state.write_rows();
  std::shared_ptr<claim::Lease> claims;  // given back at the end
  const std::lock_guard lock(state.mutex);
  claims = state.forget_claims();
  state.access.reset();
}

void Service::reload() {
  const std::lock_guard lock(state_->mutex);
  state_->is_reload_wanted = true;
  state_->changed.notify_all();
}

std::vector<WorkflowState> Service::workflows() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<WorkflowState> found;
  for (const auto& [name, entry] : state_->entries) found.push_back(state_->state_of(entry));
  return found;
}

std::vector<LiveRun> Service::live() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<LiveRun> found;
  for (const auto& job : state_->jobs) found.push_back(state_->live_of(*job));
  return found;
}

Health Service::health() const {
  const std::lock_guard lock(state_->mutex);
  Health health;
  health.configuration_ok = state_->configuration && state_->configuration_problem.empty();
  health.target_ok = state_->target_problem.empty();
  health.is_starting = !state_->waits().empty() && state_->failures().empty();
  health.target = {.is_tried = state_->is_target_tried,
                   .problem = state_->target_problem,
                   .silent_since = state_->target_silent_since,
                   .tries = state_->target_tries};
  health.configuration_problem = state_->configuration_problem;
  health.problems = state_->problems();
  return health;
}

std::shared_ptr<const Configuration> Service::configuration() const {
  const std::lock_guard lock(state_->mutex);
  return state_->configuration;
}

std::optional<TargetAccess> Service::target() const {
  const std::lock_guard lock(state_->mutex);
  return state_->access;
}

EventLog& Service::events() { return state_->events; }

Time Service::now() const { return state_->options.now(); }

namespace {

Entry& entry_of(std::map<std::string, Entry>& entries, const std::string& name) {
  const auto found = entries.find(name);
  if (found != entries.end()) return found->second;
  throw base::ConfigError(fmt::format("there is no workflow '{}'", name));
}

}  // namespace

std::string Service::run_now(const RunRequest& request) {
  const std::lock_guard lock(state_->mutex);
  if (state_->is_ending) throw base::ConfigError("the service is being stopped");
  Entry& entry = entry_of(state_->entries, request.workflow);
  const std::set<std::string> only(request.files.begin(), request.files.end());
  decide::Choice choice = entry.workflow.options.choice;
  choice.limit = request.limit;
  choice = decide::parse_choice(request.window, "", entry.workflow.options.load.policy.timezone,
                                entry.workflow.options.clock(), std::move(choice));
  for (const auto& job : state_->jobs) {
    const bool same = !job->is_running && job->record.workflow == request.workflow &&
                      job->only == only && job->full == request.full &&
                      job->retry_failed == request.retry_failed &&
                      job->choice.window == choice.window && job->choice.limit == choice.limit;
    if (same) return job->record.run_id;
  }
  constexpr std::size_t kMostWaiting = 1'000;
  if (state_->jobs.size() >= kMostWaiting) {
    throw base::ConfigError(fmt::format("{} runs are waiting already", kMostWaiting));
  }
  const std::shared_ptr<Job> job = state_->add_job(entry, request.trigger);
  job->only = only;
  job->full = request.full;
  job->choice = choice;
  job->record.asked_for = sync::asked_for(choice, request.full, only.size());
  job->retry_failed = request.retry_failed;
  state_->tell_workflow(entry);
  return job->record.run_id;
}

bool Service::cancel(const std::string& run_id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = std::ranges::find_if(
      state_->jobs, [&](const auto& job) { return job->record.run_id == run_id; });
  if (found == state_->jobs.end()) return false;
  const std::shared_ptr<Job> job = *found;
  if (job->is_running) {
    if (job->end_class == ErrorClass::kNone) job->end_class = ErrorClass::kCancelled;
    job->stop.request_stop();
    return true;
  }
  state_->jobs.erase(found);
  state_->drop_waiting(*job, "cancelled before it began", ErrorClass::kCancelled);
  state_->events.add("run_finished", run_json(job->record));
  return true;
}

void Service::set_paused(const std::string& workflow, bool paused, const std::string& by) {
  std::optional<TargetAccess> access;
  std::shared_ptr<const Configuration> configuration;
  const auto ready_entry = [&]() -> Entry& {
    Entry& entry = entry_of(state_->entries, workflow);
    if (state_->access && entry.agenda) return entry;
    throw base::IoError(
        fmt::format("not ready yet, because {}", fmt::join(state_->problems(), "; ")));
  };
  {
    const std::lock_guard lock(state_->mutex);
    ready_entry();
    access = state_->access;
    configuration = state_->configuration;
  }
  tracking::Runs runs(access->endpoint, configuration->database, configuration->history_days);
  tracking::WorkflowRecord record;
  {
    // Another machine may have run it meanwhile.
    const auto found =
        access->is_embedded ? std::vector<tracking::WorkflowRecord>() : runs.workflows();
    const std::lock_guard lock(state_->mutex);
    Entry& entry = ready_entry();
    state_->note_states(found);
    Agenda changed = *entry.agenda;
    changed.set_paused(paused, state_->options.now());
    record = record_of(entry, changed.state(), by);
  }
  // Said only when it will survive a restart.
  runs.record_pause(record);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->entries.find(workflow);
  if (found == state_->entries.end() || !found->second.agenda) return;
  Entry& entry = found->second;
  entry.agenda->set_paused(paused, state_->options.now());
  entry.written = entry.agenda->state();
  entry.pause_version = std::max(entry.pause_version, record.version);
  // A row that the schedule wrote meanwhile would undo it at the next start.
  if (state_->may_step(entry)) state_->write_later(entry, by);
  state_->log.info("workflow {} was {} by {}", workflow, paused ? "paused" : "taken up again", by);
  state_->tell_workflow(entry);
  state_->changed.notify_all();
}

}  // namespace qvdhouse::serve
