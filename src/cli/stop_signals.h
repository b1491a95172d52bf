// Ctrl-C and SIGTERM: the first asks for a stop, a second one leaves the process at once with 130.
// SIGHUP asks a service to read its configuration again.
#pragma once

#include <functional>
#include <mutex>
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
  // Calls it at each SIGHUP from now on, in a thread of its own; without one, SIGHUP ends the
  // process as usual.
  void on_hangup(std::function<void()> reload);

 private:
  std::stop_source source_;
  std::mutex mutex_;
  std::function<void()> reload_;
  int read_end_ = -1;
  std::jthread waiter_;
};

}  // namespace qvdhouse::cli
