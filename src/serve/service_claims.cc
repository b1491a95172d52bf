// How services of several machines share the workflows of one target (service_state.h).
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/error.h"
#include "claim/claims.h"
#include "clickhouse/engine_files.h"
#include "serve/service_state.h"

namespace qvdhouse::serve {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::RunState;
using tracking::RunTrigger;

// What a service reads when it has got the claim on a workflow.
struct Found {
  std::optional<tracking::WorkflowRecord> state;
  std::vector<RunRecord> runs;            // the newest first
  std::map<std::string, Time> due_files;  // that failed before, and when they are due again
};

namespace {

// Two services that try at the same moment both step back, and come again soon; who finds the claim
// held comes again with the next looks at the target.
constexpr unsigned kSoonTries = 3;
constexpr milliseconds kSoonest{50};
constexpr milliseconds kSoon{400};

bool is_to_be_repeated(const RunRecord& run, const Workflow& workflow) {
  return run.status == RunState::kFailed && may_pass(run) && run.attempt < workflow.run_attempts;
}

// What others have written of the workflows, whose claims are held.
std::map<std::string, Found> read_others(const TargetAccess& target,
                                         const std::vector<Workflow>& workflows,
                                         const std::map<std::string, std::string>& settled) {
  tracking::Runs runs(target.endpoint, workflows.front().options.database);
  runs.catch_up();
  std::map<std::string, Found> found;
  for (const Workflow& workflow : workflows) {
    Found& one = found[workflow.name];
    one.runs = runs.find({.workflow = workflow.name, .limit = kRunsRemembered});
    const RunRecord* last = newest_ended(one.runs);
    if (last != nullptr && last->run_id != settled.at(workflow.name)) {
      one.due_files = files_due_again(workflow, target);
    }
  }
  for (tracking::WorkflowRecord& state : runs.workflows()) {
    const auto one = found.find(state.name);
    if (one != found.end()) one->second.state = std::move(state);
  }
  return found;
}

milliseconds pause_before(unsigned tries, milliseconds between_looks) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto [least, most] = tries <= kSoonTries
                                 ? std::pair(kSoonest, kSoon)
                                 : std::pair(between_looks, between_looks + between_looks / 2);
  return milliseconds(
      std::uniform_int_distribution<std::int64_t>(least.count(), most.count())(random));
}

}  // namespace

bool Service::State::may_step(const Entry& entry) const {
  return !needs_claims() || claimed.contains(entry.workflow.name);
}

bool Service::State::may_begin(const Job& job) const {
  if (!needs_claims() || !is_by_schedule(job.record.trigger)) return true;
  return claimed.contains(job.record.workflow) && !claims->may_have_expired();
}

bool Service::State::is_own(const RunRecord& run) const {
  return std::ranges::any_of(jobs,
                             [&](const auto& job) { return job->record.run_id == run.run_id; });
}

// Whether the service of another machine may have died, or stopped, with work left.
bool Service::State::may_be_left(const Entry& entry) {
  if (entry.elsewhere && is_by_schedule(entry.elsewhere->trigger)) return true;
  if (!entry.last || entry.last->run_id == entry.settled_run) return false;
  return entry.last->trigger != RunTrigger::kCommand &&
         (was_cut_short(*entry.last) || entry.last->status == RunState::kFailed ||
          entry.last->status == RunState::kPartial);
}

bool Service::State::has_work(const Entry& entry, Time now) const {
  if (is_busy(entry.workflow.name) || entry.is_first_run_due || may_be_left(entry)) return true;
  const bool has_retries = entry.again || !entry.due_files.empty();
  if (has_retries && !entry.agenda->state().is_paused) return true;
  Agenda next = *entry.agenda;
  return next.step(now, false).due != Due::kNothing ||
         !is_same(next.state(), entry.agenda->state());
}

void Service::State::want_claim(Entry& entry, Time now) {
  entry.is_claim_wanted = has_work(entry, now);
  if (!entry.is_claim_wanted) {
    entry.claim_tries = 0;
    entry.claim_at = {};
  } else if (steady_clock::now() >= entry.claim_at) {
    is_monitor_wanted = true;
    changed.notify_all();
  }
}

// `found` has just been read; what another service wrote is taken over.
void Service::State::note_states(const std::vector<tracking::WorkflowRecord>& found) {
  for (const tracking::WorkflowRecord& record : found) {
    states[record.name] = record;
    const auto place = entries.find(record.name);
    if (place == entries.end() || !place->second.agenda) continue;
    Entry& entry = place->second;
    const bool is_newer = record.version > entry.version;
    const bool is_pause_newer = record.pause_version > entry.pause_version;
    if (!is_newer && !is_pause_newer) continue;
    AgendaState stored = is_newer ? state_from(record) : entry.written;
    if (is_pause_newer) stored.is_paused = record.is_paused;
    // A replica that is behind may have the one row and not yet the other.
    if (record.pause_version < entry.pause_version) stored.is_paused = entry.written.is_paused;
    entry.version = std::max(entry.version, record.version);
    entry.pause_version = std::max(entry.pause_version, record.pause_version);
    if (is_same(stored, entry.written)) continue;
    has_company = true;
    entry.is_followed = true;
    if (!may_step(entry)) {
      entry.agenda->adopt(stored);
    } else if (stored.is_paused != entry.written.is_paused) {
      entry.agenda->set_paused(stored.is_paused, options.now());
    }
    entry.written = stored;
    entry.is_first_run_due = false;
    tell_workflow(entry);
  }
}

// `runs` has just been read, the newest first; what other services did is taken over.
void Service::State::note_runs(Entry& entry, const std::vector<RunRecord>& runs) {
  const auto elsewhere = std::ranges::find_if(runs, [&](const RunRecord& run) {
    return run.status == RunState::kRunning && run.trigger != RunTrigger::kCommand && !is_own(run);
  });
  const bool was_elsewhere = entry.elsewhere.has_value();
  entry.elsewhere = elsewhere == runs.end() ? std::nullopt : std::optional(*elsewhere);
  const RunRecord* last = newest_ended(runs);
  bool is_news = was_elsewhere != entry.elsewhere.has_value();
  if (last != nullptr && !is_own(*last) &&
      (!entry.last || entry.last->started_at_us < last->started_at_us)) {
    is_news = true;
    entry.last = *last;
    if (last->status == RunState::kCompleted) entry.last_good = time_of(last->finished_at_us);
    if (const auto look = last_look(runs)) entry.last_look = look;
    entry.problem = problem_after(runs);
    // What failed here before is that service's business now.
    if (is_by_schedule(last->trigger)) {
      entry.again.reset();
      entry.due_files.clear();
      entry.failing.clear();
      entry.source_problem.clear();
    }
  }
  entry.is_followed = entry.elsewhere || may_be_left(entry);
  if (is_news) tell_workflow(entry);
}

void Service::State::follow_others() {
  std::vector<std::string> followed;
  TargetAccess target;
  std::string database;
  {
    const std::lock_guard lock(mutex);
    if (!needs_claims()) return;
    target = *access;
    database = configuration->database;
    for (const auto& [name, entry] : entries) {
      if (entry.is_followed) followed.push_back(name);
    }
  }
  if (followed.empty()) return;
  try {
    tracking::Runs runs(target.endpoint, database);
    for (const std::string& name : followed) {
      const std::vector<RunRecord> found = runs.find({.workflow = name, .limit = kRunsRemembered});
      const std::lock_guard lock(mutex);
      const auto entry = entries.find(name);
      if (entry != entries.end() && entry->second.agenda) note_runs(entry->second, found);
    }
  } catch (const base::Error& error) {
    log.debug("the runs of other services could not be read: {}", error.what());
  }
}

// What was to be done goes back to where it came from, and the agendas to what is written of them.
std::shared_ptr<claim::Lease> Service::State::forget_claims() {
  std::erase_if(jobs, [&](const std::shared_ptr<Job>& job) {
    const auto found = entries.find(job->record.workflow);
    if (job->is_running || !is_by_schedule(job->record.trigger) || found == entries.end() ||
        !claimed.contains(job->record.workflow)) {
      return false;
    }
    Entry& entry = found->second;
    const Time now = options.now();
    for (const std::string& path : job->only) entry.due_files[path] = now;
    if (job->only.empty() && !job->agenda) {
      entry.again = RunAgain{.at = now,
                             .trigger = job->record.trigger,
                             .attempt = job->record.attempt,
                             .scheduled_at_us = job->record.scheduled_at_us,
                             .after_us = job->after_us};
    }
    return true;
  });
  for (const std::string& name : claimed) {
    const auto found = entries.find(name);
    if (found == entries.end() || !found->second.agenda) continue;
    Entry& entry = found->second;
    AgendaState state = entry.written;
    if (state.anchor == Time()) {
      state.anchor = entry.agenda->state().anchor;
      entry.is_first_run_due = true;
    }
    entry.agenda.emplace(name, entry.workflow.agenda, std::move(state));
    entry.skipped.reset();
  }
  claimed.clear();
  return std::exchange(claims, nullptr);
}

void Service::State::tend_claims() {
  drop_lost_claims();
  give_back_claims();
  take_claims();
}

void Service::State::drop_lost_claims() {
  std::shared_ptr<claim::Lease> lost;  // let go without the lock
  const std::lock_guard lock(mutex);
  if (!claims || !claims->may_have_expired()) return;
  log.warn(
      "the claims on workflows may have expired, since no heartbeat reached ClickHouse: another "
      "service may run what is due");
  lost = forget_claims();
}

void Service::State::give_back_claims() {
  std::set<std::string> done;
  std::shared_ptr<claim::Lease> held;
  {
    const std::lock_guard lock(mutex);
    held = claims;
    if (!needs_claims() || !run_rows.empty()) return;
    const Time now = options.now();
    std::erase_if(claimed, [&](const std::string& name) {
      const auto found = entries.find(name);
      const bool is_done = found == entries.end() || !found->second.agenda
                               ? !is_busy(name)
                               : !has_work(found->second, now) && !workflow_rows.contains(name) &&
                                     is_same(found->second.agenda->state(), found->second.written);
      if (is_done) done.insert(claim::schedule_claim(name));
      return is_done;
    });
  }
  if (!done.empty()) let_go(*held, done);
}

void Service::State::let_go(claim::Lease& lease, const std::set<std::string>& names) {
  try {
    lease.give_back(names);
  } catch (const base::Error& error) {
    // The next heartbeat says it.
    log.debug("claims on workflows could not be given back: {}", error.what());
  }
}

void Service::State::take_claims() {
  std::vector<Workflow> wanted;
  std::map<std::string, std::string> settled;  // Entry::settled_run of each
  std::set<std::string> units;
  TargetAccess target;
  std::shared_ptr<claim::Lease> lease;
  {
    const std::lock_guard lock(mutex);
    if (!needs_claims() || is_ending) return;
    target = *access;
    for (auto& [name, entry] : entries) {
      if (!entry.is_claim_wanted || may_step(entry) || steady_clock::now() < entry.claim_at) {
        continue;
      }
      entry.claim_at =
          steady_clock::now() + pause_before(++entry.claim_tries, options.between_looks);
      wanted.push_back(entry.workflow);
      settled[name] = entry.settled_run;
      units.insert(claim::schedule_claim(name));
    }
    if (wanted.empty()) return;
    if (!claims) {
      claims = std::make_shared<claim::Lease>(target.endpoint, configuration->database,
                                              "serve_" + clickhouse::random_hex(8),
                                              wanted.front().options.lease, log, std::stop_token());
    }
    lease = claims;
  }
  std::set<std::string> taken;
  try {
    taken = lease->try_take(units);
    if (taken.empty()) return;
    std::erase_if(wanted, [&](const Workflow& workflow) {
      return !taken.contains(claim::schedule_claim(workflow.name));
    });
    std::map<std::string, Found> found = read_others(target, wanted, settled);
    const std::lock_guard lock(mutex);
    if (claims != lease) return;  // another configuration
    claim_problem.clear();
    for (const Workflow& workflow : wanted) {
      claimed.insert(workflow.name);
      adopt(workflow.name, std::move(found[workflow.name]));
    }
    is_look_wanted = true;
    changed.notify_all();
  } catch (const base::Error& error) {
    if (std::exchange(claim_problem, error.what()) != error.what()) {
      log.warn("what is due waits, since workflows cannot be claimed: {}", claim_problem);
    }
    if (!taken.empty()) let_go(*lease, taken);
  }
}

// The claim has just been taken, and `found` read under it: nobody else runs the workflow by its
// schedule. So a run that still seems to be under way is lost.
void Service::State::adopt(const std::string& workflow, Found&& found) {
  const auto place = entries.find(workflow);
  if (place == entries.end() || !place->second.agenda) return;
  Entry& entry = place->second;
  entry.is_claim_wanted = false;
  entry.claim_tries = 0;
  if (found.state) {
    const AgendaState stored = state_from(*found.state);
    entry.agenda->adopt(stored);
    entry.written = stored;
    entry.version = std::max(entry.version, found.state->version);
    entry.pause_version = std::max(entry.pause_version, found.state->pause_version);
    entry.is_first_run_due = false;
  }
  std::int64_t newest_us = 0;
  for (RunRecord& run : found.runs) {
    if (!is_by_schedule(run.trigger) || run.status == RunState::kSkipped || is_own(run)) continue;
    newest_us = std::max(newest_us, run.started_at_us);
    if (run.status != RunState::kRunning) continue;
    sync::mark_lost(run);
    write_later(run);
    log.warn("run {} of {}: {}", run.run_id, workflow, run.error);
  }
  // Somebody has made up for it.
  if (entry.again && entry.again->after_us < newest_us) entry.again.reset();
  note_runs(entry, found.runs);
  const RunRecord* last = newest_ended(found.runs);
  if (last != nullptr && last->run_id != entry.settled_run) {
    const bool was_cut = was_cut_short(*last) && last->trigger != RunTrigger::kCommand;
    const bool is_repeated = !was_cut && is_to_be_repeated(*last, entry.workflow);
    entry.due_files = std::move(found.due_files);
    if (was_cut || is_repeated) {
      entry.again = RunAgain{.at = options.now(),
                             .trigger = was_cut ? RunTrigger::kCatchUp : RunTrigger::kRetry,
                             .attempt = is_repeated ? last->attempt + 1 : 1,
                             .scheduled_at_us = is_repeated ? last->scheduled_at_us : 0,
                             .after_us = last->started_at_us};
    }
    entry.settled_run = last->run_id;
  }
  entry.is_followed = entry.elsewhere.has_value();
  tell_workflow(entry);
}

}  // namespace qvdhouse::serve
