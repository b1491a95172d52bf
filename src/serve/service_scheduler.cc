// The thread that looks at the clock.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "decide/decide.h"
#include "serve/api_json.h"
#include "serve/service_state.h"

namespace qvdhouse::serve {
namespace {

using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::RunState;
using tracking::RunTrigger;

// Those that are due, once no other one is due so soon that it can go into the same run. A file
// whose back-off goes on is in none.
std::set<std::string> files_to_retry(const std::map<std::string, Time>& due_files, Time now) {
  constexpr std::chrono::seconds kTogether{5};
  std::set<std::string> due;
  std::optional<Time> first;
  bool is_more = false;
  for (const auto& [path, at] : due_files) {
    if (at > now) {
      is_more = is_more || at <= now + kTogether;
      continue;
    }
    due.insert(path);
    first = std::min(first.value_or(at), at);
  }
  if (is_more && first && *first + kTogether > now) return {};
  return due;
}

}  // namespace

void Service::State::conduct(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    bool is_wanted = false;
    {
      const std::lock_guard lock(mutex);
      is_wanted = std::exchange(is_reload_wanted, false) && !is_ending;
      is_look_wanted = false;
    }
    if (is_wanted) load_configuration();
    std::unique_lock lock(mutex);
    if (!is_ending) {
      const Time now = options.now();
      if (access) {
        step_agendas(now);
        step_retries(now);
      }
    }
    look_at_progress();
    tell_health();
    changed.wait_for(lock, stop, options.tick, [&] { return is_reload_wanted || is_look_wanted; });
  }
}

// What a new configuration leaves out is forgotten when its run has ended; what is wrong changes
// nothing.
void Service::State::load_configuration() {
  std::shared_ptr<const Configuration> fresh;
  std::string problem;
  try {
    fresh = std::make_shared<const Configuration>(options.load_configuration());
  } catch (const std::exception& error) {
    problem = error.what();
    log.error("the configuration is wrong: {}", problem);
  }
  std::shared_ptr<claim::Lease> claims_before;  // let go without the lock
  const std::lock_guard lock(mutex);
  configuration_problem = std::move(problem);
  if (!fresh) return;
  for (const std::string& warning : fresh->warnings) log.warn("{}", warning);
  if (configuration) log.info("the configuration was read again");
  if (configuration && configuration->target != fresh->target) {
    claims_before = forget_claims();
    access.reset();
    are_states_read = false;
    target_problem = "ClickHouse is another one now, and has not been reached yet";
    target_silent_since.reset();
    target_tries = 0;
    is_target_tried = false;
  }
  configuration = fresh;
  std::map<std::string, Entry> next;
  for (const Workflow& workflow : fresh->workflows) {
    const auto known = entries.find(workflow.name);
    Entry& entry = next.try_emplace(workflow.name, workflow).first->second;
    if (known == entries.end()) continue;
    entry = std::move(known->second);
    entry.workflow = workflow;
    if (entry.agenda) {
      entry.agenda.emplace(workflow.name, workflow.agenda, AgendaState(entry.agenda->state()));
    }
  }
  entries = std::move(next);
  make_agendas();
  for (const auto& [name, entry] : entries) tell_workflow(entry);
  changed.notify_all();
}

// For workflows whose state the target has told, or that it has never seen. Called wherever one of
// both becomes known, under the same lock: nobody sees a workflow of an open target without it.
void Service::State::make_agendas() {
  if (!are_states_read) return;
  const Time now = options.now();
  for (auto& [name, entry] : entries) {
    if (entry.agenda) continue;
    const auto known = states.find(name);
    AgendaState state;
    state.anchor = now;
    if (known != states.end()) state = state_from(known->second);
    entry.written = known != states.end() ? state : AgendaState();
    entry.version = known != states.end() ? known->second.version : 0;
    entry.pause_version = known != states.end() ? known->second.pause_version : 0;
    entry.agenda.emplace(name, entry.workflow.agenda, state);
    // Nobody who starts a service for the first time wants to wait until midnight.
    entry.is_first_run_due = known == states.end() && entry.agenda->next_run(now).has_value();
    tell_workflow(entry);
  }
}

void Service::State::step_agendas(Time now) {
  for (auto& [name, entry] : entries) {
    if (!entry.agenda) continue;
    if (!may_step(entry)) {
      want_claim(entry, now);
      continue;
    }
    for (bool is_more = true; is_more;) {
      const AgendaStep step = entry.agenda->step(now, is_busy(name));
      is_more = step.due != Due::kNothing;
      if (step.due == Due::kRun) {
        const std::shared_ptr<Job> job =
            add_job(entry, step.is_catch_up ? RunTrigger::kCatchUp : RunTrigger::kSchedule);
        job->record.scheduled_at_us = microseconds_of(step.scheduled);
        job->agenda = entry.agenda->state();
        entry.is_first_run_due = false;
        entry.again.reset();
        tell_workflow(entry);
      } else if (step.due == Due::kSkip) {
        // One row for all that one run makes us leave out.
        if (!entry.skipped) {
          entry.skipped =
              sync::new_run(name, RunTrigger::kSchedule, entry.workflow.options.clock());
          entry.skipped->status = RunState::kSkipped;
          entry.skipped->scheduled_at_us = microseconds_of(step.scheduled);
          entry.skipped->attempt = 0;
        }
        RunRecord& row = *entry.skipped;
        row.attempt += static_cast<std::uint32_t>(1 + step.missed);
        row.finished_at_us = entry.workflow.options.clock();
        row.error = step.reason == ErrorClass::kOverlap
                        ? fmt::format("{} due {} left out: the run before was still under way",
                                      row.attempt, row.attempt == 1 ? "time was" : "times were")
                        : fmt::format("{} due {} missed, longer ago than is made up for",
                                      row.attempt, row.attempt == 1 ? "time was" : "times were");
        row.error_class = step.reason;
        sync::touch_run(row, row.finished_at_us);
        write_later(row);
      }
    }
    if (std::exchange(entry.is_first_run_due, false)) {
      add_job(entry, RunTrigger::kFirst)->agenda = entry.agenda->state();
      tell_workflow(entry);
    }
    const bool waits_for_run =
        std::ranges::any_of(jobs, [&workflow = entry.workflow.name](const auto& job) {
          return job->record.workflow == workflow && job->agenda;
        });
    if (!waits_for_run && !is_same(entry.agenda->state(), entry.written)) {
      entry.written = entry.agenda->state();
      write_later(entry, "schedule");
    }
    if (!is_busy(name)) entry.skipped.reset();
    // The monitor gives the claim back.
    if (needs_claims() && !has_work(entry, now)) {
      is_monitor_wanted = true;
      changed.notify_all();
    }
  }
}

// What is to be tried again, when nothing else of the workflow is under way.
void Service::State::step_retries(Time now) {
  for (auto& [name, entry] : entries) {
    if (!entry.agenda || entry.agenda->state().is_paused || is_busy(name)) continue;
    if (!may_step(entry)) continue;
    if (entry.again && entry.again->at <= now) {
      const std::shared_ptr<Job> job = add_job(entry, entry.again->trigger);
      job->record.attempt = entry.again->attempt;
      job->record.scheduled_at_us = entry.again->scheduled_at_us;
      job->after_us = entry.again->after_us;
      if (entry.again->trigger == RunTrigger::kBackfill) {
        job->choice = entry.again->choice;
        job->full = entry.again->full;
        job->record.asked_for = sync::asked_for(job->choice, job->full);
      }
      entry.again.reset();
      continue;
    }
    const std::set<std::string> due = files_to_retry(entry.due_files, now);
    if (due.empty()) continue;
    for (const std::string& path : due) entry.due_files.erase(path);
    const std::shared_ptr<Job> job = add_job(entry, RunTrigger::kRetry);
    job->record.asked_for = sync::asked_for(job->choice, false, due.size());
    job->only = due;
  }
}

void Service::State::look_at_progress() {
  constexpr std::chrono::seconds kBetweenProgress{1};
  const auto now = std::chrono::steady_clock::now();
  for (const auto& job : jobs) {
    if (!job->is_running) continue;
    const LiveRun live = live_of(*job);
    std::set<std::string> active;
    for (const sync::Monitor::Active& file : live.progress.active) {
      active.insert(file.name);
      if (job->seen_active.contains(file.name)) continue;
      events.add("file_started", {{"run_id", job->record.run_id},
                                  {"workflow", json_text(job->record.workflow)},
                                  {"file_name", json_text(file.name)}});
    }
    job->seen_active = std::move(active);
    if (now - job->told >= kBetweenProgress) {
      job->told = now;
      events.add("run_progress", {{"run_id", job->record.run_id},
                                  {"workflow", json_text(job->record.workflow)},
                                  {"progress", progress_json(live)}});
    }
    const std::chrono::seconds limit = job->workflow.run_timeout;
    if (limit.count() > 0 && now - job->begin > limit && job->end_class == ErrorClass::kNone) {
      job->end_class = ErrorClass::kTimeout;
      job->stop.request_stop();
    }
  }
}

void Service::State::tell_health() {
  std::vector<std::string> now = problems();
  if (now == told_problems) return;
  nlohmann::json said = nlohmann::json::array();
  for (const std::string& problem : now) said.push_back(json_text(problem));
  told_problems = std::move(now);
  events.add("health_changed", {{"ready", told_problems.empty()},
                                {"starting", !told_problems.empty() && failures().empty()},
                                {"problems", std::move(said)}});
}

}  // namespace qvdhouse::serve
