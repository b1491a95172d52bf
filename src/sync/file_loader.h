// One file from its claim to its tracking row: the attempts, and what each failure means.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "sync/decide.h"
#include "sync/failure.h"
#include "sync/recorder.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// What all files of a run share; outlives every FileLoader.
struct RunContext {
  const Options& options;
  source::Storage& storage;
  clickhouse::Endpoint endpoint;  // with options.database
  std::string run_id;
  Facts facts;
  std::set<std::string> staging_tables;  // that were there when the run began
  double list_seconds = 0;
  Monitor& monitor;
  spdlog::logger& log;
  Recorder& recorder;
  std::stop_token stop;
};

// Used by one thread.
class FileLoader {
 public:
  using Done = std::function<void(FileOutcome)>;

  // `load_options`: streams and memory of one file.
  FileLoader(const RunContext& context, const load::Options& load_options);

  // Loads the file unless another run has meanwhile. `done` is called once, when the outcome is in
  // the tracking table (from the recorder's thread) or needs not be. Never throws.
  void load(const Decision& decision, const tracking::FileRecord* record, const Done& done);

 private:
  struct Task;
  void run_attempts(Task& task);
  bool run_attempt(Task& task);
  void settle_failure(Task& task, const Failure& failure);
  void drop_staging(const std::string& table, bool look_again);
  void hand_over(Task task, const Done& done);

  const RunContext& context_;
  load::Options load_options_;
  clickhouse::Connection connection_;
  tracking::Tracking tracking_;
};

// What tracking says of a file before anything is known of its load: identity, version, run.
tracking::FileRecord new_record(const Decision& decision, const tracking::FileRecord* previous,
                                const RunContext& context);

}  // namespace qvdhouse::sync
