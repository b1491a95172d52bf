#include "tests/servers/daemon.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>

namespace qvdhouse::tests {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPoll{20};

class Socket {
 public:
  Socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  bool connect(std::uint16_t port) const { return use(::connect, port); }
  bool bind(std::uint16_t port) const { return use(::bind, port); }

 private:
  bool use(int (*call)(int, const sockaddr*, socklen_t), std::uint16_t port) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return call(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  int fd_;
};

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
// kernel sends it SIGTERM when this process is gone, even after a crash.
std::vector<std::string> own_group_dying_with_us(const std::filesystem::path& program,
                                                 const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"setpriv", "--pdeathsig", "TERM", program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

std::uint16_t free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(20'000, 32'000);
  for (int tries = 0; tries < 1'000; ++tries) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (Socket().bind(port)) return port;
  }
  throw std::runtime_error("no free port between 20000 and 32000 on 127.0.0.1");
}

Daemon::Daemon(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const Environment& environment, const std::filesystem::path& working_dir,
               std::uint16_t port)
    : process_(std::make_unique<Process>("/usr/bin/setsid",
                                         own_group_dying_with_us(program, arguments), environment,
                                         working_dir)) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!Socket().connect(port)) {
    const bool late = std::chrono::steady_clock::now() > give_up;
    if (late) ::kill(process_->pid(), SIGKILL);
    if (late || has_ended(process_->pid())) {
      const Finished finished = process_->wait();
      throw std::runtime_error(fmt::format("{} did not come up on port {}: {}{}", program.string(),
                                           port, finished.out, finished.err));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Daemon::~Daemon() {
  ::kill(process_->pid(), SIGTERM);
  ends_within(process_->pid(), std::chrono::seconds(5));
  ::kill(-process_->pid(), SIGKILL);  // it and what it has left behind
}

}  // namespace qvdhouse::tests
