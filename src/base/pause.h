// What a stop ends: a wait, or long work.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>

#include "base/error.h"

namespace qvdhouse::base {

// Waits for `delay`, or until a stop is asked for. False when one was, before or meanwhile.
bool pause_for(std::chrono::milliseconds delay, const std::stop_token& stop);

// For each turn of a long loop: throws Cancelled when a stop was asked for. Looks at one turn of
// 4,096, the first included.
inline void end_if_stopped(const std::stop_token& stop, std::size_t turn) {
  constexpr std::size_t kTurns = 4'096;
  if (turn % kTurns == 0 && stop.stop_requested()) throw Cancelled("stopped while a file was read");
}

}  // namespace qvdhouse::base
