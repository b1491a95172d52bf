// Servers as child processes of a test: on loopback, on a port of their own, ended by their process
// id with the test, however it ends. Nothing of the machine is changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace qvdhouse::tests {

class Daemon {
 public:
  // Starts `program` and waits until 127.0.0.1:port takes connections. Throws std::runtime_error
  // with what it printed when it ends before that, or does not get there in 30 s.
  Daemon(const std::filesystem::path& program, const std::vector<std::string>& arguments,
         const Environment& environment, const std::filesystem::path& working_dir,
         std::uint16_t port);
  // SIGTERM; after 5 s, or when it has ended, SIGKILL to its process group.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  pid_t pid() const { return process_->pid(); }

 private:
  std::unique_ptr<Process> process_;
};

}  // namespace qvdhouse::tests
