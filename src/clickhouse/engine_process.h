// The engine as a process: starting it, looking at it from outside, asking whether it is the one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/engine.h"

namespace qvdhouse::clickhouse {

// A child process, in a session of its own so that neither a terminal's Ctrl-C nor the engine's own
// signals to its process group cross over.
class ChildProcess {
 public:
  // stdout and stderr go to `log` (which is emptied), the working directory is `folder`, the
  // environment TZ=UTC and of ours PATH, HOME and the proxies only: a query can read it. Throws
  // IoError.
  ChildProcess(const std::vector<std::string>& command, const std::filesystem::path& folder,
               const std::filesystem::path& log);
  // Lets it run on; it is its lock that ends it (engine.h).
  ~ChildProcess() = default;

  pid_t pid() const { return pid_; }
  // How it ended, in words; empty while it runs.
  const std::optional<std::string>& ended();
  bool is_ended_by_signal();
  // kill -9, and waits for its end.
  void kill();
  // Waits for its end no longer than that.
  void wait_for(std::chrono::milliseconds patience);

 private:
  pid_t pid_ = 0;
  std::optional<std::string> ended_;
  bool by_signal_ = false;
};

// Field 22 of /proc/PID/stat: with the pid, it names a process for as long as the machine runs.
// Empty when there is no such process or it is a zombie.
std::optional<std::uint64_t> process_start_time(int pid);

// A port of 127.0.0.1 that nobody listens on now. Another process may take it before the engine
// does: the start then fails and is tried again with other ports.
std::uint16_t free_port();

// Whether what listens on the port is the engine of this nonce. Sends no password.
bool answers_nonce(std::uint16_t http_port, const std::string& nonce);

}  // namespace qvdhouse::clickhouse
