#include "tests/support/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace qvdhouse::tests {
namespace {

constexpr int kPatienceMs = 60'000;

}  // namespace

Terminal::Terminal(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                   const Environment& environment, const std::filesystem::path& working_dir)
    : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
  if (fd_ < 0 || ::grantpt(fd_) != 0 || ::unlockpt(fd_) != 0) {
    throw std::runtime_error("cannot open a terminal");
  }
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = child_environment(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // The first terminal that the leader of a session opens is the one that it is controlled by.
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, ::ptsname(fd_), O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, working_dir.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  const int error = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes,
                                  spawn_list(words).data(), spawn_list(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + program.string());
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  ::close(fd_);
}

bool Terminal::shows(std::string_view text) {
  while (shown_.find(text) == std::string::npos) {
    if (!read_more()) return false;
  }
  return true;
}

void Terminal::press(std::string_view keys) {
  if (::write(fd_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
    throw std::runtime_error("the terminal takes no keys");
  }
}

int Terminal::wait() {
  while (read_more()) continue;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Terminal::read_more() {
  pollfd waiting{fd_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) != 1) return false;
  char buffer[4096];
  const ssize_t count = ::read(fd_, buffer, sizeof buffer);
  if (count <= 0) return false;  // EIO: no one has it open any more
  for (ssize_t i = 0; i < count; ++i) {
    if (buffer[i] != '\r') shown_ += buffer[i];
  }
  return true;
}

}  // namespace qvdhouse::tests
