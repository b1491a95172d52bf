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
  // Starts `program`. When this process ends, however it does, the kernel sends it `death_signal`;
  // KILL is for a program that a test may have stopped.
  Daemon(const std::filesystem::path& program, const std::vector<std::string>& arguments,
         const Environment& environment, const std::filesystem::path& working_dir,
         const std::string& death_signal = "TERM");
  // Starts it and waits until it is up.
  Daemon(const std::filesystem::path& program, const std::vector<std::string>& arguments,
         const Environment& environment, const std::filesystem::path& working_dir,
         std::uint16_t port);
  // SIGTERM; after 5 s, or when it has ended, SIGKILL to its process group.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Until 127.0.0.1:port takes connections. Throws std::runtime_error with what it printed when it
  // ends before that, or does not get there in 30 s.
  void wait_until_up(std::uint16_t port);
  pid_t pid() const { return process_->pid(); }

 private:
  std::filesystem::path program_;
  std::unique_ptr<Process> process_;
};

}  // namespace qvdhouse::tests
