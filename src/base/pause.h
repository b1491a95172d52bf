// What a stop ends: a wait, or long work.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include "base/error.h"

namespace qvdhouse::base {

// Waits for `delay`, or until a stop is asked for. False when one was, before or meanwhile.
inline bool pause_for(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

// For each turn of a long loop: throws Cancelled when a stop was asked for. Looks at one turn of
// 4,096, the first included.
inline void end_if_stopped(const std::stop_token& stop, std::size_t turn) {
  constexpr std::size_t kTurns = 4'096;
  if (turn % kTurns == 0 && stop.stop_requested()) throw Cancelled("stopped while a file was read");
}

}  // namespace qvdhouse::base
