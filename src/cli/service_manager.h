// What systemd wants to know of a service (sd_notify(3)): that it is ready, what it does, that it
// lives, that it stops. The protocol is a few lines of text over a datagram socket, so libsystemd,
// with the libraries it brings into a process that holds credentials, is not needed; any supervisor
// may speak it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::cli {

class ServiceManager {
 public:
  // As NOTIFY_SOCKET and WATCHDOG_USEC say; both empty: there is none, and nothing is told.
  ServiceManager(std::string socket, std::string_view watchdog_us);
  static ServiceManager of_environment();

  bool is_there() const { return !socket_.empty(); }
  // How often alive() has to be told at least; none: it is not waited for.
  std::optional<std::chrono::seconds> watchdog() const { return watchdog_; }

  // Each returns why it could not be told; empty: it was.
  std::string ready() const { return tell("READY=1"); }
  std::string alive() const { return tell("WATCHDOG=1"); }
  std::string stopping() const { return tell("STOPPING=1\nSTATUS=stopping"); }
  // One line.
  std::string status(std::string_view text) const;

 private:
  std::string tell(const std::string& state) const;

  std::string socket_;
  std::optional<std::chrono::seconds> watchdog_;
};

}  // namespace qvdhouse::cli
