// What the threads of the service share, and the steps that they take. One mutex guards it all;
// what takes long (requests, listings, loads) is done without it.
//   scheduler  clock: what is due, retries, time-outs, progress, a new configuration
//   monitor    the target: opens it, looks whether it answers, opens it again, writes what waits
//   runners    one run at a time each
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

#include "serve/service.h"
#include "sync/recorded_run.h"

namespace qvdhouse::serve {

// A run that was asked for: waiting for its turn, then under way.
struct Job {
  explicit Job(Workflow workflow_in) : workflow(std::move(workflow_in)) {}

  tracking::RunRecord record;
  Workflow workflow;  // as it was when the run was asked for
  std::set<std::string> only;
  bool full = false;
  bool retry_failed = false;
  // The state of the agenda, to be written down with the first row of the run: one that is killed
  // before that is due again.
  std::optional<AgendaState> agenda;
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
};

// A workflow as the service knows it.
struct Entry {
  explicit Entry(Workflow workflow_in) : workflow(std::move(workflow_in)) {}

  Workflow workflow;
  std::optional<Agenda> agenda;  // once its state was read
  AgendaState written;           // what the target has of it
  bool is_first_run_due = false;
  std::optional<tracking::RunRecord> last;
  std::optional<Time> last_good;               // end of the newest run that was completed
  std::string source_problem;                  // why its last run could not list it
  std::optional<tracking::RunRecord> skipped;  // the row of due times left out during one run
  std::optional<RunAgain> again;
  std::map<std::string, Time> due_files;  // failed and unfinished files, and when to look again
  std::set<std::string> failing;          // files that are not as they should be
};

// What a target remembers of the workflows.
struct Memory {
  std::map<std::string, tracking::WorkflowRecord> states;
  std::map<std::string, tracking::RunRecord> last;  // newest run that has ended, by workflow
  std::map<std::string, Time> last_good;
};

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
  bool is_target_tried = false;    // false: target_problem is not a failure, only not over yet
  bool is_monitor_wanted = false;  // rows wait for it, or a run found that the target is gone
  bool are_states_read = false;
  std::map<std::string, tracking::WorkflowRecord> states;  // as read from the target

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
  // service_monitor.cc
  void keep_target(const std::stop_token& stop);
  void open_target();
  bool open_once(std::vector<tracking::RunRecord>& lost);
  void recall(Memory&& memory);                           // locked
  void note_lost(std::vector<tracking::RunRecord> lost);  // locked
  void look_at_target();
  void write_rows();
  void sweep_lost_runs();
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
  void tell_workflow(const Entry& entry);
  void write_later(const Entry& entry, const std::string& by);
  void write_later(const tracking::RunRecord& run);
};

inline constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
inline Time time_of(std::int64_t time_us) {
  return Time(std::chrono::seconds(time_us / kMicrosecondsPerSecond));
}
inline std::int64_t microseconds_of(Time time) {
  return time.time_since_epoch().count() * kMicrosecondsPerSecond;
}
tracking::WorkflowRecord record_of(const std::string& name, const AgendaState& state,
                                   const std::string& by);

}  // namespace qvdhouse::serve
