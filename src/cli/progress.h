// How far a sync is: a live block on a terminal, plain lines otherwise.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cli/display.h"
#include "sync/sync.h"

namespace qvdhouse::cli {

// The live block: one line for the whole run, one for each file being loaded (at most 8).
std::vector<std::string> progress_lines(const sync::Monitor::Snapshot& snapshot, double seconds);

// What is said as a file ends; empty for files that were only skipped, and for failed ones, which
// are logged.
std::string outcome_line(const sync::FileOutcome& file);

// Shows the progress of a run from its own thread while it lives: redrawn ten times a second on a
// terminal, one line in ten seconds otherwise. Both arguments must outlive it.
class ProgressDisplay {
 public:
  ProgressDisplay(const sync::Monitor& monitor, Display& display);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

 private:
  Display& display_;
  std::jthread thread_;
};

}  // namespace qvdhouse::cli
