#include "clickhouse/engine_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "clickhouse/engine_files.h"
#include "http/fetch.h"

extern char** environ;

namespace qvdhouse::clickhouse {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNonceAnswer = 256;
constexpr int kLogFlags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;

// What posix_spawn wants, freed with the object. Its functions fail for lack of memory only.
struct SpawnPlan {
  SpawnPlan(const fs::path& folder, const fs::path& log) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), kLogFlags, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    // Nothing of the caller's: a lock or a pipe would stay held while the engine runs.
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());

    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// Times without a zone of their own are read and written as UTC, whatever the machine's zone. The
// rest of our environment may hold secrets, and the engine's users can read /proc/self/environ.
std::vector<std::string> engine_environment() {
  constexpr std::array<std::string_view, 10> kKept = {
      "PATH",     "HOME",       "http_proxy",  "https_proxy", "all_proxy",
      "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",   "NO_PROXY"};
  std::vector<std::string> variables{"TZ=UTC"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto name = text.substr(0, text.find('='));
    if (std::ranges::find(kKept, name) != kKept.end()) variables.emplace_back(text);
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, const fs::path& folder,
                           const fs::path& log) {
  const SpawnPlan plan(folder, log);
  auto arguments = command;
  auto environment = engine_environment();
  const int error = posix_spawn(&pid_, command.front().c_str(), &plan.actions, &plan.attributes,
                                pointers(arguments).data(), pointers(environment).data());
  if (error != 0) {
    throw base::IoError(
        fmt::format("{}: starting it failed: {}", command.front(), std::strerror(error)));
  }
}

const std::optional<std::string>& ChildProcess::ended() {
  int status = 0;
  if (ended_ || waitpid(pid_, &status, WNOHANG) == 0) return ended_;
  by_signal_ = WIFSIGNALED(status);
  ended_ = by_signal_ ? fmt::format("signal {}", WTERMSIG(status))
                      : fmt::format("exit code {}", WEXITSTATUS(status));
  return ended_;
}

bool ChildProcess::is_ended_by_signal() { return ended() && by_signal_; }

void ChildProcess::kill() {
  if (ended()) return;
  ::kill(pid_, SIGKILL);
  wait_for(std::chrono::seconds(10));
}

void ChildProcess::wait_for(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!ended() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::optional<std::uint64_t> process_start_time(int pid) {
  const std::string stat = base::read_text(fmt::format("/proc/{}/stat", pid)).value_or("");
  // "pid (name) state …": the name may hold anything, so fields count from the last ")".
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return std::nullopt;
  std::string_view rest = std::string_view(stat).substr(name_end + 2);
  if (rest[0] == 'Z' || rest[0] == 'X') return std::nullopt;
  constexpr int kStateField = 3, kStartTimeField = 22;
  for (int field = kStateField; field != kStartTimeField; ++field) {
    rest.remove_prefix(std::min(rest.find(' '), rest.size() - 1) + 1);
    if (rest.empty()) return std::nullopt;
  }
  std::uint64_t start_time = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), start_time).ec != std::errc()) {
    return std::nullopt;
  }
  return start_time;
}

std::uint16_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool found = listener >= 0 && bind(listener, generic, size) == 0 &&
                     getsockname(listener, generic, &size) == 0;
  const int error = errno;
  if (listener >= 0) close(listener);
  if (!found) {
    throw base::IoError(fmt::format("no free port on 127.0.0.1: {}", std::strerror(error)));
  }
  return ntohs(address.sin_port);
}

bool answers_nonce(std::uint16_t http_port, const std::string& nonce) {
  constexpr std::chrono::milliseconds kPatience{2'000};
  const http::Response response =
      http::fetch({.url = fmt::format("http://127.0.0.1:{}{}", http_port, kNoncePath),
                   .use_proxy = false,
                   .timeout = kPatience,
                   .most_bytes = kMaxNonceAnswer});
  return response.failure.empty() && response.body == nonce;
}

}  // namespace qvdhouse::clickhouse
