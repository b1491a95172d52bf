#include "tests/servers/daemon.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPoll{20};

// Leaves the child to be reaped by its Process.
bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

bool ends_within(pid_t pid, milliseconds limit) {
  for (milliseconds waited{0}; waited < limit; waited += kPoll) {
    if (has_ended(pid)) return true;
    std::this_thread::sleep_for(kPoll);
  }
  return has_ended(pid);
}

// As the leader of a process group of its own, since Apache ends with its whole group; and the
// kernel sends it the signal when this process is gone, even after a crash.
std::vector<std::string> own_group_dying_with_us(const std::filesystem::path& program,
                                                 const std::vector<std::string>& arguments,
                                                 const std::string& death_signal) {
  std::vector<std::string> words{"setpriv", "--pdeathsig", death_signal, program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

bool is_listened_on(std::uint16_t port) {
  const int fd = connect_to(port);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace

Daemon::Daemon(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const Environment& environment, const std::filesystem::path& working_dir,
               const std::string& death_signal)
    : program_(program),
      process_(std::make_unique<Process>("/usr/bin/setsid",
                                         own_group_dying_with_us(program, arguments, death_signal),
                                         environment, working_dir)) {}

Daemon::Daemon(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const Environment& environment, const std::filesystem::path& working_dir,
               std::uint16_t port)
    : Daemon(program, arguments, environment, working_dir) {
  wait_until_up(port);
}

void Daemon::wait_until_up(std::uint16_t port) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!is_listened_on(port)) {
    const bool late = std::chrono::steady_clock::now() > give_up;
    if (late) ::kill(process_->pid(), SIGKILL);
    if (late || has_ended(process_->pid())) {
      const Finished finished = process_->wait();
      throw std::runtime_error(fmt::format(
          "{} did not come up on port {} (exit code {}, signal {}): {}{}", program_.string(), port,
          finished.exit_code, finished.signal, finished.out, finished.err));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Daemon::~Daemon() {
  const pid_t pid = process_->pid();
  if (pid <= 0) return;  // wait_until_up() has seen its end
  ::kill(pid, SIGTERM);
  ends_within(pid, std::chrono::seconds(5));
  ::kill(-pid, SIGKILL);  // it and what it has left behind
}

}  // namespace qvdhouse::tests
