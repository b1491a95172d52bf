// The service: each workflow (a source with a schedule) run by its agenda or when asked, its state
// in ClickHouse, what happens told as events. HTTP, page, metrics and alerts look at it from
// outside. Nothing that breaks outside (source, engine, configuration) ends it: it says what is
// wrong, keeps answering, and tries again.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "serve/agenda.h"
#include "serve/events.h"
#include "serve/verdict.h"
#include "source/storage.h"
#include "sync/recorded_run.h"
#include "sync/sync.h"
#include "tracking/runs.h"

namespace qvdhouse::serve {

// One source, ready to run. Made by cli from its configuration.
struct Workflow {
  std::string name;        // "default" for the setting `source`
  std::string title;       // "lake (s3://lake/qvd)", without secrets
  std::string source_url;  // without secrets
  AgendaOptions agenda;
  sync::Options options;
  std::shared_ptr<source::Storage> storage;  // for looking at files; runs have their own
  // The storage of one run, which a stop of that run stops too.
  std::function<std::shared_ptr<source::Storage>(std::stop_token)> open_storage;
  unsigned run_attempts = 3;  // of a run whose source could not be listed or whose target broke
  std::chrono::seconds run_timeout{0};  // 0: none; a longer run is cancelled, and has failed
  // Without a look at its files; 0: twice the time between two runs.
  std::chrono::seconds stale_after{0};
  bool is_watched =
      false;  // a run begins when a file comes in, where the source is of this machine
};

// Whether the files of a source can be watched as they come in.
bool is_watchable(const std::string& source);

struct SettingShown {
  std::string key;
  std::string environment;  // the variable's name; empty: it has none
  std::string value;        // secrets masked
  std::string origin;       // "qvdhouse.toml:12", "$QVD_SOURCE", "default"
};

struct Configuration {
  std::vector<Workflow> workflows;
  std::string database;
  std::filesystem::path lock_dir;  // sync::Options::lock_dir
  std::string
      target;  // "embedded in ./data", "http://host:8123"; when it changes it is opened again
  unsigned history_days = 90;
  unsigned quiet_history_days = tracking::kQuietDays;
  std::vector<SettingShown> settings;
  std::vector<std::string> warnings;
};

// The ClickHouse that is loaded into. Opened again when it was lost.
struct TargetAccess {
  clickhouse::Endpoint endpoint;
  bool is_embedded = false;
  std::shared_ptr<const void> keep_alive;  // holds the embedded engine
};

struct ServiceOptions {
  std::function<Configuration()> load_configuration;  // throws ConfigError; at start and reload()
  std::function<TargetAccess()> open_target;          // throws TargetError and the like
  std::function<Time()> now;                          // the clock; tests give their own
  // The hooks of a run and what else is told of it (observe/observer.h). None: nothing else.
  std::function<sync::RunHooks(const tracking::RunRecord&, const Workflow&, const TargetAccess&,
                               sync::RunHooks)>
      watch_run{};
  std::chrono::seconds stop_patience{30};          // for open loads to finish before rolled back
  unsigned parallel_runs = 1;                      // of different workflows
  std::chrono::milliseconds tick{1'000};           // how often clock and progress are looked at
  std::chrono::milliseconds between_looks{5'000};  // at the target, whether it answers
};

// How a workflow is right now.
struct WorkflowState {
  std::string name;
  std::string title;
  std::string source_url;
  std::string schedule;
  std::string timezone;
  std::string overlap;  // "skip", "buffer"
  bool is_paused = false;
  std::optional<Time> next_run;
  // Under way or waiting for its turn; else one that is under way on another machine.
  std::optional<tracking::RunRecord> current;
  std::optional<tracking::RunRecord> last;  // the newest that has ended
  std::optional<Time> last_good;            // when the newest run ended that was completed
  WorkflowFacts facts;
};

struct LiveRun {
  tracking::RunRecord run;
  sync::Monitor::Snapshot progress;
  double seconds = 0;  // since it began
};

struct Health {
  bool configuration_ok = false;
  bool target_ok = false;
  bool is_starting = false;  // not ready, and nothing has failed
  TargetFacts target;
  std::string configuration_problem;
  std::vector<std::string> problems;  // sentences; empty: ready, every command is taken
  bool is_ready() const { return problems.empty(); }
};

class Service {
 public:
  Service(ServiceOptions options, spdlog::logger& log);
  ~Service();  // stop()
  void start();
  // Lets what is open finish within the patience, then rolls it back; returns when all has ended.
  void stop();
  void reload();  // the configuration; a wrong one changes nothing and is said by health()

  std::vector<WorkflowState> workflows() const;
  std::vector<LiveRun> live() const;
  Health health() const;
  Time now() const;                                            // by its clock
  std::shared_ptr<const Configuration> configuration() const;  // null: none could be read yet
  std::optional<TargetAccess> target() const;
  EventLog& events();

  struct RunRequest {
    std::string workflow;  // must exist
    tracking::RunTrigger trigger = tracking::RunTrigger::kManual;
    std::vector<std::string> files;  // paths; empty: the whole source
    bool full = false;               // load also what is unchanged
    bool retry_failed = false;       // forget the back-off of failed files first
    decide::ChoiceTexts window{};    // of the whole source; trigger kBackfill
    std::uint64_t limit = 0;         // of files to load; 0: none
  };
  // Retries go by themselves: a run whose source or target broke after 30 s, then 60 s and so on,
  // up to its attempts; a failed file at its retry_at; a file that was still being written soon.
  // The run's id (of one that waits already for the same, if there is one). Throws ConfigError when
  // there is no such workflow, the window is none, or the service is ending.
  std::string run_now(const RunRequest& request);
  bool cancel(const std::string& run_id);  // false: it is not under way
  // Throws ConfigError when there is no such workflow, IoError when it can't be written down now.
  void set_paused(const std::string& workflow, bool paused, const std::string& by);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::serve
