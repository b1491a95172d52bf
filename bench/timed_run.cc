#include "bench/timed_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace qvdhouse::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t peak_resident_kib(int pid) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

}  // namespace

TimedRun run_timed(const std::vector<std::string>& arguments, const std::filesystem::path& dir,
                   const tests::Environment& environment) {
  TimedRun result;
  const auto start = Clock::now();
  tests::Process process(std::filesystem::path(QVDHOUSE_BINARY_DIR) / "qvdhouse", arguments,
                         environment, dir);
  std::jthread watch([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      result.peak_kib = std::max(result.peak_kib, peak_resident_kib(process.pid()));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const tests::Finished finished = process.wait();
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  watch.request_stop();
  if (finished.exit_code != 0) {
    throw std::runtime_error(fmt::format("qvdhouse {} ended with {}: {}", arguments[0],
                                         finished.exit_code, finished.err));
  }
  return result;
}

int run_in_folder(const std::string& name,
                  const std::function<void(const std::filesystem::path& dir)>& body) try {
  const auto dir = std::filesystem::temp_directory_path() / ("qvdhouse_" + name);
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  body(dir);
  std::filesystem::remove_all(dir);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}: {}\n", name, error.what());
  return 1;
}

}  // namespace qvdhouse::bench
