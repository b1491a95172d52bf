#include "source/rclone_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

constexpr std::string_view kServing = "Serving remote control on ";
constexpr std::size_t kMaxLineBytes = 16 * 1024;

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the child does before it is rclone: only calls that are safe between fork and exec of a
// process with many threads.
[[noreturn]] void become(const char* binary, char* const* arguments, char* const* environment,
                         int log_fd, pid_t parent) {
  // Not SIGTERM: nothing that rclone does at its end may keep it alive.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent ended before the line above
  ::setpgid(0, 0);                        // Ctrl-C at the terminal is for us to handle
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null_fd = ::open("/dev/null", O_RDWR);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(null_fd, STDOUT_FILENO);
  ::dup2(log_fd, STDERR_FILENO);
  ::execve(binary, arguments, environment);
  ::_exit(127);
}

bool can_run(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_rclone(const std::string& binary, std::string_view needed_for) {
  const std::string name = binary.empty() ? "rclone" : binary;
  if (name.find('/') != std::string::npos) {
    if (can_run(name)) return name;
  } else {
    const char* path = std::getenv("PATH");
    std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, colon)) / name;
      if (colon != 0 && can_run(candidate)) return candidate.string();
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  throw base::ConfigError(fmt::format(
      "{}:// needs the program rclone, and {} is not there or cannot be run; install it (Debian, "
      "Ubuntu: apt-get install rclone) or name it with the setting source.rclone_binary. Local "
      "files and single files of http(s) and ftp(s) need no rclone",
      needed_for, binary.empty() ? "none on PATH" : binary));
}

RcloneProcess::RcloneProcess(RcloneCommand command) : command_(std::move(command)) {
  std::future<std::string> started = started_.get_future();
  // The signal of PR_SET_PDEATHSIG comes when the *thread* that forked ends. This one waits for the
  // child's end.
  thread_ = std::thread([this] { run(); });
  try {
    if (started.wait_for(command_.start_limit) != std::future_status::ready) {
      throw base::IoError(
          fmt::format("{} rcd: expected its remote control within {} ms, found no answer; run it "
                      "by hand to see why",
                      command_.binary, command_.start_limit.count()));
    }
    base_url_ = started.get();
  } catch (...) {
    kill_child();
    thread_.join();
    throw;
  }
}

RcloneProcess::~RcloneProcess() {
  kill_child();
  thread_.join();
}

bool RcloneProcess::is_running() const {
  const std::lock_guard lock(mutex_);
  return pid_ > 0;
}

void RcloneProcess::kill_child() {
  const std::lock_guard lock(mutex_);
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);  // with what it started: a credential_process
  ::kill(pid_, SIGKILL);   // when it has not come to be a group yet
}

void RcloneProcess::run() {
  try {
    start();
    read_log();
  } catch (...) {
    started_.set_exception(std::current_exception());
    return;
  }
  int status = 0;
  while (::waitid(P_PID, static_cast<id_t>(pid_), nullptr, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  {
    // Reaped under the lock, so that no signal goes to a process that has got the same number.
    const std::lock_guard lock(mutex_);
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }
  if (is_started_) {
    if (command_.log) command_.log(fmt::format("ended with wait status {}", status));
    return;
  }
  started_.set_exception(std::make_exception_ptr(base::IoError(
      fmt::format("{} rcd: expected it to serve its remote control, found that it ended with wait "
                  "status {}: {}",
                  command_.binary, status, said_.empty() ? "it said nothing" : said_))));
}

void RcloneProcess::start() {
  std::vector<std::string> arguments = command_.arguments;
  arguments.insert(arguments.begin(), command_.binary);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(command_.environment);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    throw base::IoError(fmt::format("rclone: pipe: {}", std::strerror(errno)));
  }
  const pid_t parent = ::getpid();
  const std::lock_guard lock(mutex_);
  const pid_t child = ::fork();
  if (child == 0) become(command_.binary.c_str(), argv.data(), envp.data(), pipe[1], parent);
  const int error = errno;
  ::close(pipe[1]);
  log_fd_ = pipe[0];
  if (child < 0) {
    ::close(pipe[0]);
    throw base::IoError(fmt::format("rclone: fork: {}", std::strerror(error)));
  }
  pid_ = child;
}

void RcloneProcess::read_log() {
  std::string pending;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::read(log_fd_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    pending.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t end = 0;
    while ((end = pending.find('\n')) != std::string::npos) {
      take_line(std::string_view(pending).substr(0, end));
      pending.erase(0, end + 1);
    }
    if (pending.size() > kMaxLineBytes) pending.clear();
  }
  ::close(log_fd_);
  if (!pending.empty()) take_line(pending);
}

void RcloneProcess::take_line(std::string_view line) {
  if (!is_started_) {
    const std::size_t at = line.find(kServing);
    if (at != std::string_view::npos) {
      std::string_view url = line.substr(at + kServing.size());
      url = url.substr(0, url.find_first_of(" \r"));
      is_started_ = true;
      started_.set_value(std::string(url));
      return;
    }
    if (said_.size() < kMaxLineBytes) said_.append(said_.empty() ? "" : " | ").append(line);
  }
  if (command_.log) command_.log(line);
}

namespace {

bool is_kept(std::string_view variable, bool own_configuration) {
  constexpr auto kDatabase = std::to_array<std::string_view>({"CLICKHOUSE_", "QVD_"});
  // Variables of rclone itself: what we set ourselves, and what would make it talk.
  constexpr auto kControl = std::to_array<std::string_view>(
      {"RCLONE_RC_", "RCLONE_LOG_", "RCLONE_DUMP", "RCLONE_VERBOSE", "RCLONE_QUIET"});
  const auto begins = [&](std::string_view prefix) { return variable.starts_with(prefix); };
  if (std::ranges::any_of(kDatabase, begins) || std::ranges::any_of(kControl, begins)) return false;
  // Together with credentials from the environment it makes rclone's S3 fail.
  if (variable.starts_with("AWS_CA_BUNDLE=")) return false;
  return own_configuration || !variable.starts_with("RCLONE_");
}

std::string variable_of(const std::vector<std::string>& variables, std::string_view name) {
  for (const std::string& variable : variables) {
    if (variable.starts_with(name) && variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

void set(std::vector<std::string>& variables, std::string_view name, std::string_view value) {
  const std::string prefix = fmt::format("{}=", name);
  std::erase_if(variables, [&](const std::string& one) { return one.starts_with(prefix); });
  variables.push_back(prefix + std::string(value));
}

}  // namespace

std::vector<std::string> rclone_environment(const std::vector<std::string>& ours,
                                            const Access& access, const std::string& password,
                                            bool own_configuration) {
  std::vector<std::string> child;
  std::ranges::copy_if(ours, std::back_inserter(child), [&](const std::string& variable) {
    return is_kept(variable, own_configuration);
  });
  set(child, "RCLONE_RC_USER", kRcloneUser);
  set(child, "RCLONE_RC_PASS", password);
  // We try again ourselves, from the byte reached; with rclone's ten tries on top a wrong password
  // would take minutes.
  set(child, "RCLONE_LOW_LEVEL_RETRIES", "2");
  set(child, "RCLONE_CONTIMEOUT", fmt::format("{}ms", access.connect_timeout.count()));
  set(child, "RCLONE_TIMEOUT", fmt::format("{}ms", access.stall_timeout.count()));
  // Go programs read certificates of this file and those of the system's folder. rclone's own
  // setting stands in for both, but some backends (ftp) do not know it.
  if (!access.ca_file.empty()) {
    set(child, "RCLONE_CA_CERT", access.ca_file);
    set(child, "SSL_CERT_FILE", access.ca_file);
  } else if (const std::string bundle = variable_of(ours, "AWS_CA_BUNDLE"); !bundle.empty()) {
    set(child, "SSL_CERT_FILE", bundle);
  }
  if (!access.client_cert.empty()) {
    set(child, "RCLONE_CLIENT_CERT", access.client_cert);
    set(child, "RCLONE_CLIENT_KEY",
        access.client_key.empty() ? access.client_cert : access.client_key);
  }
  if (!access.verify_tls) set(child, "RCLONE_NO_CHECK_CERTIFICATE", "true");
  return child;
}

}  // namespace qvdhouse::source
