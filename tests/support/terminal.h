// A child process on a terminal of its own, as a person sits at it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.h"

namespace qvdhouse::tests {

// Killed and reaped when it goes out of scope.
class Terminal {
 public:
  // As Process. Throws std::runtime_error.
  Terminal(const std::filesystem::path& program, const std::vector<std::string>& arguments,
           const Environment& environment, const std::filesystem::path& working_dir);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Reads what is shown until it holds `text`; false when it has not come after a minute, or the
  // child has ended without it.
  bool shows(std::string_view text);
  // Presses keys: "y\n", "\x04" for the end of input, "\x03" for Ctrl-C.
  void press(std::string_view keys);
  // Waits for the end; its exit code, -1 when a signal ended it.
  int wait();
  // All that was shown so far, with plain line ends.
  const std::string& shown() const { return shown_; }

 private:
  // False at the end, or when nothing comes for a minute.
  bool read_more();

  pid_t pid_ = -1;
  int fd_ = -1;
  std::string shown_;
};

}  // namespace qvdhouse::tests
