// Ctrl-C and SIGTERM: the first asks for a stop, a second one leaves the process at once with 130.
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

namespace qvdhouse::cli {

// While one lives (one at a time), the signals are handled; SIGPIPE is ignored.
class StopSignals {
 public:
  // `on_first` is called once, in a thread of its own, before the stop is requested.
  explicit StopSignals(std::function<void()> on_first);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  int read_end_ = -1;
  std::jthread waiter_;
};

}  // namespace qvdhouse::cli
