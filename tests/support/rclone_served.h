// For tests: a folder served by `rclone serve` on a free port of loopback.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/loopback.h"

namespace qvdhouse::tests {

inline bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " > /dev/null").c_str()) == 0;
}

inline bool answers(std::uint16_t port) {
  const int fd = connect_to(port);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

class RcloneServed {
 public:
  // kind: webdav, http, sftp.
  RcloneServed(const std::string& kind, const std::string& folder,
               const std::vector<std::string>& options = {})
      : port_(free_port()) {
    std::vector<std::string> words = {"rclone",
                                      "serve",
                                      kind,
                                      folder,
                                      "--addr=127.0.0.1:" + std::to_string(port_),
                                      "--config=",
                                      "--dir-cache-time=0s"};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(126);
      ::execvp("rclone", arguments.data());
      ::_exit(127);
    }
    for (int i = 0; i < 500 && !answers(port_); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_TRUE(answers(port_)) << "rclone serve " << kind << " did not start";
  }
  ~RcloneServed() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  RcloneServed(const RcloneServed&) = delete;
  RcloneServed& operator=(const RcloneServed&) = delete;

  // "127.0.0.1:PORT"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_;
  pid_t pid_ = -1;
};

}  // namespace qvdhouse::tests
