// One run of the qvdhouse program, timed and watched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace qvdhouse::bench {

struct TimedRun {
  double seconds = 0;
  std::uint64_t peak_kib = 0;  // resident size of the process itself, not of its children
};

// Throws std::runtime_error when it does not end with 0.
TimedRun run_timed(const std::vector<std::string>& arguments, const std::filesystem::path& dir,
                   const tests::Environment& environment = {});

// What main() of a benchmark returns: runs `body` in a temporary folder called `name`, which is new
// and empty; an error is printed, and leaves the folder to be looked at.
int run_in_folder(const std::string& name,
                  const std::function<void(const std::filesystem::path& dir)>& body);

}  // namespace qvdhouse::bench
