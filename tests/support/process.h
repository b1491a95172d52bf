// Child processes for end-to-end tests: the real binaries, their output, their ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace qvdhouse::tests {

using Environment = std::vector<std::pair<std::string, std::string>>;

// What a child is given: our environment but for what settings are read from (QVD*, CLICKHOUSE_*,
// OTEL_*, OPENLINEAGE_*, TRACE*), that no engine stays after its last command, because a test
// removes its folder, and what is added; an entry with an empty value is taken away. "NAME=value"
// each.
std::vector<std::string> child_environment(const Environment& added);
// As posix_spawn takes them; valid while `texts` is.
std::vector<char*> spawn_list(std::vector<std::string>& texts);

struct Finished {
  int exit_code = -1;  // -1 when a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

// A running child, its output collected in files of its own. Killed and reaped when it goes out of
// scope.
class Process {
 public:
  // `environment` as child_environment() takes it. Throws std::runtime_error.
  Process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
          const Environment& environment, const std::filesystem::path& working_dir);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // What it printed to standard error by now.
  std::string errors_so_far() const;
  // Waits for its end and returns what it printed.
  Finished wait();

 private:
  pid_t pid_ = -1;
  std::FILE* out_ = nullptr;
  std::FILE* err_ = nullptr;
};

// Runs a program to its end, with no standard input.
Finished run(const std::filesystem::path& program, const std::vector<std::string>& arguments,
             const Environment& environment, const std::filesystem::path& working_dir);

}  // namespace qvdhouse::tests
