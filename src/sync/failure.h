// What an error means for the file it happened to, and how long to wait before trying again.
#pragma once

#include <chrono>
#include <exception>
#include <string>

namespace qvdhouse::sync {

struct Failure {
  std::string error_class;  // as in tracking::FileRecord
  std::string message;
  bool may_pass = false;      // try again within this run
  bool try_later = false;     // try again in a later run though the file stays as it is
  bool file_changed = false;  // it changed under us: it waits for the next run
};

Failure describe_failure(const std::exception& error);

// Doubles with each attempt, up to 30 s, and is then shortened at random by up to half, so that
// many clients do not come back at the same moment. `attempt` is the one that failed, from 1.
std::chrono::milliseconds delay_within_run(unsigned attempt, std::chrono::milliseconds first);

// 30 s, doubled with each failed run in a row, up to 6 hours.
std::chrono::seconds delay_between_runs(unsigned failure_count);

}  // namespace qvdhouse::sync
