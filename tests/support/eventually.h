// For tests that wait for a state.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace qvdhouse::tests {

// Whether it comes true; long before the limit, if it does.
inline bool eventually(const std::function<bool()>& is_true) {
  constexpr std::chrono::seconds kLimit{120};
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace qvdhouse::tests
