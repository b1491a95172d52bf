// What the progress display reads: totals, and the files that load at this moment.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>

#include "load/load.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

struct Monitor::State {
  struct Running {
    std::string name;
    std::uint64_t file_bytes = 0;
    load::Progress progress;
  };
  std::mutex mutex;
  Snapshot totals;  // of what has ended; `active` stays empty
  std::list<Running> running;
};

// One file on the display, from construction to destruction.
class RunningFile {
 public:
  RunningFile(Monitor& monitor, const std::string& name, std::uint64_t file_bytes);
  ~RunningFile();
  RunningFile(const RunningFile&) = delete;
  RunningFile& operator=(const RunningFile&) = delete;
  load::Progress& progress() { return entry_->progress; }
  // Back to nothing sent, before another attempt.
  void restart();

 private:
  Monitor::State& state_;
  std::list<Monitor::State::Running>::iterator entry_;
};

// Adds what is to be done, and what has been.
void announce_file(Monitor& monitor, std::uint64_t file_bytes);
void count_file(Monitor& monitor, const FileOutcome& file);

}  // namespace qvdhouse::sync
