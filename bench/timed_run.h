// One run of the qvdhouse program, timed and watched.
#pragma once

#include <cstdint>
#include <filesystem>
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

}  // namespace qvdhouse::bench
