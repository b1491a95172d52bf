#include "tests/support/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string_view>

extern char** environ;

namespace qvdhouse::tests {
namespace {

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[65536];
  for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) {
    text.append(buffer, count);
  }
  return text;
}

}  // namespace

std::vector<std::string> child_environment(const Environment& added) {
  constexpr std::array<std::string_view, 5> kOurs = {"QVD", "CLICKHOUSE_", "OTEL_", "OPENLINEAGE_",
                                                     "TRACE"};
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    const std::string name(text.substr(0, equals));
    const bool ours = std::ranges::any_of(
        kOurs, [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (!ours && equals != std::string_view::npos) variables[name] = text.substr(equals + 1);
  }
  variables["QVD_ENGINE_LINGER"] = "0";
  for (const auto& [name, value] : added) {
    if (value.empty()) {
      variables.erase(name);
    } else {
      variables[name] = value;
    }
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(fmt::format("{}={}", name, value));
  return entries;
}

std::vector<char*> spawn_list(std::vector<std::string>& texts) {
  std::vector<char*> made;
  for (std::string& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

Process::Process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                 const Environment& environment, const std::filesystem::path& working_dir)
    : out_(std::tmpfile()), err_(std::tmpfile()) {
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = child_environment(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(out_), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(err_), STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, working_dir.c_str());
  const int error = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr,
                                  spawn_list(words).data(), spawn_list(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + program.string());
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  std::fclose(out_);
  std::fclose(err_);
}

// Reads beside the child, which writes at the position that it shares with this process.
std::string Process::errors_so_far() const {
  std::string text;
  char buffer[65536];
  ssize_t count = 0;
  while ((count = ::pread(::fileno(err_), buffer, sizeof(buffer),
                          static_cast<off_t>(text.size()))) > 0) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

Finished Process::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          .out = contents(out_),
          .err = contents(err_)};
}

Finished run(const std::filesystem::path& program, const std::vector<std::string>& arguments,
             const Environment& environment, const std::filesystem::path& working_dir) {
  return Process(program, arguments, environment, working_dir).wait();
}

}  // namespace qvdhouse::tests
