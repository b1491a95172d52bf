// What an error means for the file it happened to, how long to wait before trying again, and how
// long an attempt may take.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "tracking/states.h"

namespace qvdhouse::sync {

struct Failure {
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
  std::string message;
  bool may_pass = false;      // try again within this run
  bool try_later = false;     // try again in a later run though the file stays as it is
  bool file_changed = false;  // it changed under us: it waits for the next run
};

Failure describe_failure(const std::exception& error);
Failure describe_failure(const std::exception_ptr& error);  // not null

// Doubles with each attempt, up to 30 s, and is then shortened at random by up to half, so that
// many clients do not come back at the same moment. `attempt` is the one that failed, from 1.
std::chrono::milliseconds delay_within_run(unsigned attempt, std::chrono::milliseconds first);

// 30 s, doubled with each failed run in a row, up to 6 hours.
std::chrono::seconds delay_between_runs(unsigned failure_count);

// Runs `step` until it ends well, and again only after failures that may pass, up to `attempts`
// times in all. Throws what the last one threw, or Cancelled.
void with_retries(unsigned attempts, std::chrono::milliseconds first_delay,
                  const std::stop_token& stop, const std::function<void()>& step);

// A stop that is asked for when a time is over, or when another stop is.
class TimeLimit {
 public:
  // Starts now. `limit` of 0: there is none.
  TimeLimit(std::chrono::seconds limit, const std::stop_token& outer);
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  std::stop_token token() const { return source_.get_token(); }
  // Whether the stop came from the clock.
  bool is_over() const { return is_over_; }
  // For one who caught the Cancelled of what was stopped: throws TimedOut when the stop came from
  // the clock.
  void throw_if_over() const;

 private:
  std::chrono::seconds limit_;
  std::stop_source source_;
  std::atomic<bool> is_over_ = false;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread timer_;  // last: it ends first
};

}  // namespace qvdhouse::sync
