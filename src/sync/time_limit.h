// A stop that is asked for when a time is over, or when another stop is.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

#include "base/error.h"

namespace qvdhouse::sync {

// A file took longer than file_timeout allows. It has failed for now.
struct TimedOut : base::Error {
  explicit TimedOut(std::chrono::seconds limit);
};

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
