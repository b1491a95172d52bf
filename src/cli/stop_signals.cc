#include "cli/stop_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"
#include "cli/exit_code.h"

namespace qvdhouse::cli {
namespace {

// A signal handler reaches nothing but globals.
std::atomic<int> write_end{-1};
std::atomic<bool> stop_was_asked_for{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

constexpr char kStop = 's';
constexpr char kQuit = 'q';
constexpr char kHangup = 'h';

extern "C" void on_stop_signal(int) {
  if (stop_was_asked_for.exchange(true)) _exit(kStopped);
  const int saved_errno = errno;
  [[maybe_unused]] const auto written = write(write_end, &kStop, 1);
  errno = saved_errno;
}

extern "C" void on_hangup_signal(int) {
  const int saved_errno = errno;
  [[maybe_unused]] const auto written = write(write_end, &kHangup, 1);
  errno = saved_errno;
}

void set_handler(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal_number, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals(std::function<void()> on_first) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw base::IoError(std::string("no pipe for signals: ") + std::strerror(errno));
  }
  read_end_ = ends[0];
  write_end = ends[1];
  stop_was_asked_for = false;
  waiter_ = std::jthread([this, on_first = std::move(on_first)] {
    char byte = kHangup;
    while (byte == kHangup) {
      byte = kQuit;
      while (read(read_end_, &byte, 1) < 0 && errno == EINTR) {
      }
      if (byte != kHangup) break;
      const std::lock_guard lock(mutex_);
      if (reload_) reload_();
    }
    if (byte != kStop) return;
    on_first();
    source_.request_stop();
  });
  set_handler(SIGPIPE, SIG_IGN);
  set_handler(SIGINT, on_stop_signal);
  set_handler(SIGTERM, on_stop_signal);
}

void StopSignals::on_hangup(std::function<void()> reload) {
  {
    const std::lock_guard lock(mutex_);
    reload_ = std::move(reload);
  }
  set_handler(SIGHUP, on_hangup_signal);
}

StopSignals::~StopSignals() {
  set_handler(SIGHUP, SIG_DFL);
  set_handler(SIGINT, SIG_DFL);
  set_handler(SIGTERM, SIG_DFL);
  [[maybe_unused]] const auto written = write(write_end, &kQuit, 1);
  waiter_.join();
  close(read_end_);
  close(write_end.exchange(-1));
}

}  // namespace qvdhouse::cli
