#include "cli/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "cli/pipe.h"

namespace qvdhouse::cli {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> made;
  for (std::string& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

pid_t spawn(std::vector<std::string>& words, std::vector<std::string>& variables, const Pipe& out,
            const Pipe& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.writer(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.writer(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // This process may block signals that it waits for in a thread of its own.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, words[0].c_str(), &actions, &attributes,
                                  pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw base::IoError(fmt::format("cannot start {}: {}", words[0], std::strerror(error)));
  }
  return pid;
}

void read_all(Pipe& out, Pipe& err, ChildResult& result) {
  std::array<pollfd, 2> ends{{{.fd = out.reader(), .events = POLLIN, .revents = 0},
                              {.fd = err.reader(), .events = POLLIN, .revents = 0}}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends.data(), ends.size(), -1) < 0) continue;  // EINTR
    if (ends[0].revents != 0 && !out.read_into(result.output)) ends[0].fd = -1;
    if (ends[1].revents != 0 && !err.read_into(result.errors)) ends[1].fd = -1;
  }
}

}  // namespace

ChildResult run_child(const std::string& program, std::vector<std::string> arguments,
                      const std::map<std::string, std::string>& environment,
                      const std::stop_token& stop) {
  arguments.insert(arguments.begin(), program);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) {
    variables.push_back(fmt::format("{}={}", name, value));
  }
  Pipe out;
  Pipe err;
  const pid_t pid = spawn(arguments, variables, out, err);
  out.close_writer();
  err.close_writer();
  ChildResult result;
  {
    // The child is not waited for before this is over, so its number is nobody else's.
    const std::stop_callback terminate(stop, [pid] { ::kill(pid, SIGTERM); });
    read_all(out, err, result);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string program = (folder.empty() ? "." : folder) + "/" + name;
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

}  // namespace qvdhouse::cli
