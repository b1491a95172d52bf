// A wait that a stop ends.
#pragma once

#include <chrono>
#include <stop_token>

namespace qvdhouse::base {

// Waits for `delay`, or until a stop is asked for. False when one was, before or meanwhile.
bool pause_for(std::chrono::milliseconds delay, const std::stop_token& stop);

}  // namespace qvdhouse::base
