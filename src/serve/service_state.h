// What the threads of the service share, and the steps that they take. One mutex guards it all;
// what takes long (requests, listings, loads) is done without it.
//   scheduler  clock: what is due, retries, time-outs, progress, a new configuration
//   monitor    the target: opens it, looks whether it answers, opens it again, writes what waits,
//              and shares the workflows with the services of other machines
//   watcher    folders of this machine: asks for a run when files come in
//   runners    one run at a time each
//
// Where the target is a server, other services may serve the same workflows. A workflow is run by
// its schedule, and its agenda stepped, by the one that holds the claim on it
// (claim::schedule_claim). It takes the claim when something is to be done, then reads what others
// have written, and gives it back when its rows are written and nothing is left: no run, no retry.
// So whoever gets a claim that was not given back finds in the history what its holder left. What
// is asked for by hand needs no claim.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "claim/lease.h"
#include "serve/service.h"
#include "serve/verdict.h"
#include "sync/recorded_run.h"

namespace qvdhouse::serve {

// A run that was asked for: waiting for its turn, then under way.
struct Job {
  explicit Job(Workflow workflow_in)
      : workflow(std::move(workflow_in)), choice(workflow.options.choice) {}

  tracking::RunRecord record;
  Workflow workflow;  // as it was when the run was asked for
  std::set<std::string> only;
  decide::Choice choice{};
  bool full = false;
  bool retry_failed = false;
  // The state of the agenda, to be written down with the first row of the run: one that is killed
  // before that is due again.
  std::optional<AgendaState> agenda;
  std::int64_t after_us = 0;  // RunAgain::after_us
  sync::Monitor monitor;
  std::stop_source stop;
  std::chrono::steady_clock::time_point begin{};
  bool is_running = false;
  // Why it is being stopped: kCancelled, kTimeout, kStopped; kNone: it is not.
  tracking::ErrorClass end_class = tracking::ErrorClass::kNone;
  std::set<std::string> seen_active;             // names of files that the last tick saw loading
  std::chrono::steady_clock::time_point told{};  // of the last run_progress
};

// A run that is to come without being due: the last one broke, or was cut short.
struct RunAgain {
  Time at{};
  tracking::RunTrigger trigger = tracking::RunTrigger::kRetry;
  std::uint32_t attempt = 1;
  std::int64_t scheduled_at_us = 0;
  std::int64_t after_us = 0;  // when the run began that it follows: a later one makes it needless
  decide::Choice choice{};    // as that one had them
  bool full = false;
};

// Files that came in and that no run has looked at.
struct Arrivals {
  std::chrono::steady_clock::time_point first;
  std::chrono::steady_clock::time_point last;
};

// A workflow as the service knows it.
struct Entry {
  explicit Entry(Workflow workflow_in) : workflow(std::move(workflow_in)) {}

  Workflow workflow;
  std::optional<Agenda> agenda;     // once its state was read
  AgendaState written;              // what the target has of it
  std::uint64_t version = 0;        // of the newest row of it that was read or written
  std::uint64_t pause_version = 0;  // the same of the row that pauses it
  bool is_first_run_due = false;
  std::optional<tracking::RunRecord> last;
  std::optional<Time> last_good;               // end of the newest run that was completed
  std::optional<Time> last_look;               // end of the newest that looked at all files
  std::optional<RunProblem> problem;           // why the newest ones did not
  std::string source_problem;                  // why its last run could not list it
  std::optional<tracking::RunRecord> skipped;  // the row of due times left out during one run
  std::optional<RunAgain> again;
  std::map<std::string, Time> due_files;  // failed and unfinished files, and when to look again
  std::set<std::string> failing;          // files that are not as they should be
  std::optional<Arrivals> arrivals;       // in a folder that is watched
  // What is known of the services of other machines:
  bool is_followed = false;                      // their runs are looked at
  std::optional<tracking::RunRecord> elsewhere;  // one that is under way
  std::string settled_run;  // the newest run that left nothing, or whose rest was taken over
  bool is_claim_wanted = false;
  unsigned claim_tries = 0;
  std::chrono::steady_clock::time_point claim_at{};  // the next try
};

// What a target remembers of the workflows.
struct Memory {
  std::map<std::string, tracking::WorkflowRecord> states;
  std::map<std::string, std::vector<tracking::RunRecord>> runs;  // by workflow, the newest first
  std::map<std::string, Time> last_good;
  std::map<std::string, Time> last_look;
  std::map<std::string, std::map<std::string, Time>> due_files;  // Entry::due_files, by workflow
};

// The runs of a workflow that were begun lately.
inline constexpr std::size_t kRunsRemembered = 20;

struct Found;  // service_claims.cc

struct Service::State {
  State(ServiceOptions options_in, spdlog::logger& log_in)
      : options(std::move(options_in)), log(log_in) {}

  const ServiceOptions options;
  spdlog::logger& log;
  EventLog events;

  mutable std::mutex mutex;
  std::condition_variable_any changed;
  bool is_reload_wanted = true;
  bool is_look_wanted = false;  // the scheduler is to look before its next tick
  bool is_ending = false;
  std::stop_source finish;  // asked: runs begin no further file

  std::shared_ptr<const Configuration> configuration;
  std::string configuration_problem;
  std::optional<TargetAccess> access;
  std::string target_problem = "ClickHouse has not been reached yet";
  std::optional<Time> target_silent_since;  // while target_problem is a failure
  std::uint64_t target_tries = 0;           // to open it, since then
  bool is_target_tried = false;    // false: target_problem is not a failure, only not over yet
  bool is_monitor_wanted = false;  // rows wait for it, or a run found that the target is gone
  bool are_states_read = false;
  std::map<std::string, tracking::WorkflowRecord> states;  // as read from the target
  std::shared_ptr<claim::Lease> claims;                    // on workflows; null: none was made yet
  std::set<std::string> claimed;                           // workflows
  std::string claim_problem;  // why none can be claimed; of the monitor
  bool has_company = false;   // another service has written states of workflows

  std::map<std::string, Entry> entries;
  std::deque<std::shared_ptr<Job>> jobs;  // waiting and running, oldest first
  // Rows that are to be written when the target answers.
  std::deque<tracking::RunRecord> run_rows;
  std::map<std::string, tracking::WorkflowRecord> workflow_rows;
  std::vector<std::string> told_problems;  // what the last health_changed said

  std::vector<std::jthread> threads;

  // service_scheduler.cc
  void conduct(const std::stop_token& stop);
  void load_configuration();
  void make_agendas();          // locked
  void step_agendas(Time now);  // locked
  void step_retries(Time now);  // locked
  void look_at_progress();      // locked
  void tell_health();           // locked
  // service_watch.cc
  struct Watches;
  void watch(const std::stop_token& stop);
  void renew_watches(Watches& watches);
  void note_arrival(const std::string& workflow);
  void run_arrivals();
  // service_monitor.cc
  void keep_target(const std::stop_token& stop);
  void open_target();
  bool open_once(std::vector<tracking::RunRecord>& lost);
  void recall(Memory&& memory);                           // locked
  void note_lost(std::vector<tracking::RunRecord> lost);  // locked
  void look_at_target();
  void write_rows();
  void sweep_lost_runs();
  // service_claims.cc
  bool needs_claims() const { return access && !access->is_embedded; }         // locked
  bool may_step(const Entry& entry) const;                                     // locked
  bool may_begin(const Job& job) const;                                        // locked
  bool has_work(const Entry& entry, Time now) const;                           // locked
  void want_claim(Entry& entry, Time now);                                     // locked
  void note_states(const std::vector<tracking::WorkflowRecord>& found);        // locked
  void note_runs(Entry& entry, const std::vector<tracking::RunRecord>& runs);  // locked
  std::shared_ptr<claim::Lease> forget_claims();  // locked; to be let go without the lock
  void follow_others();
  void tend_claims();
  void drop_lost_claims();
  void give_back_claims();
  void take_claims();
  void let_go(claim::Lease& lease, const std::set<std::string>& names);
  void adopt(const std::string& workflow, Found&& found);  // locked
  bool is_own(const tracking::RunRecord& run) const;       // locked; under way here
  static bool may_be_left(const Entry& entry);             // locked
  // service_runs.cc
  void work(const std::stop_token& stop);
  void run_job(Job& job, const TargetAccess& target);
  void settle_job(Job& job, const sync::RecordedRun& done, const std::map<std::string, Time>& due);
  std::shared_ptr<Job> next_job();  // locked
  // service.cc; all locked
  std::shared_ptr<Job> add_job(const Entry& entry, tracking::RunTrigger trigger);
  // Writes that a run ended before it began.
  void drop_waiting(Job& job, const char* error, tracking::ErrorClass error_class);
  std::vector<std::string> failures() const;  // what is wrong
  std::vector<std::string> waits() const;     // what has not been tried yet
  std::vector<std::string> problems() const;  // both
  WorkflowState state_of(const Entry& entry) const;
  LiveRun live_of(const Job& job) const;
  bool is_busy(const std::string& workflow) const;
  std::optional<Time> busy_since(const Entry& entry) const;
  void tell_workflow(const Entry& entry);
  void note_silence(std::string problem);  // of the target
  void write_later(Entry& entry, const std::string& by);
  void write_later(const tracking::RunRecord& run);
};

inline constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
inline std::int64_t microseconds_of(Time time) {
  return time.time_since_epoch().count() * kMicrosecondsPerSecond;
}
// The next row of a workflow, newer than any that is known of it.
tracking::WorkflowRecord record_of(Entry& entry, const AgendaState& state, const std::string& by);
AgendaState state_from(const tracking::WorkflowRecord& record);
bool is_same(const AgendaState& a, const AgendaState& b);
// Failed files of the source that time alone may mend, and when they are due again.
std::map<std::string, Time> files_due_again(const Workflow& workflow, const TargetAccess& target);
// Whether the service began it by itself, with the claim on its workflow where it needs one.
bool is_by_schedule(tracking::RunTrigger trigger);
// The newest that has ended and was begun; null: none.
const tracking::RunRecord* newest_ended(const std::vector<tracking::RunRecord>& runs);
// Whether it broke by something that may pass.
inline bool may_pass(const tracking::RunRecord& run) {
  return run.error_class == tracking::ErrorClass::kIo ||
         run.error_class == tracking::ErrorClass::kServer;
}
// Whether it is to be made up for.
inline bool was_cut_short(const tracking::RunRecord& run) {
  return run.status == tracking::RunState::kLost ||
         run.error_class == tracking::ErrorClass::kStopped;
}

}  // namespace qvdhouse::serve
