// The service left running with a short schedule while files change: what it uses must not grow.
// Prints a line a minute (tab-separated), for the record.
//
// QVDHOUSE_SOAK_SECONDS (default 60) says how long; an hour is what a release is judged by. Growth
// is judged from 20 minutes on: before that caches fill, and merges of parts have not caught up.
#include <dirent.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "clickhouse/connection.h"
#include "clickhouse/engine_files.h"
#include "tests/e2e/modes_fixture.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

struct Sample {
  long second = 0;
  long memory_kib = 0;  // of the service
  long threads = 0;
  long descriptors = 0;
  long engine_memory_kib = 0;
  long engine_descriptors = 0;
  long parts = 0;
  long runs = 0;  // that were completed
};

// A number of /proc/PID/status; 0 when there is none.
long status_of(pid_t pid, const std::string& name) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  }
  return 0;
}

long descriptors_of(pid_t pid) {
  DIR* folder = ::opendir(fmt::format("/proc/{}/fd", pid).c_str());
  if (folder == nullptr) return 0;
  long count = -2;  // "." and ".."
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

// One measure, in a part of the samples.
long median(const std::vector<Sample>& samples, long Sample::*measure, std::size_t from,
            std::size_t to) {
  std::vector<long> values;
  for (std::size_t i = from; i < to; ++i) values.push_back(samples[i].*measure);
  std::ranges::sort(values);
  return values[values.size() / 2];
}

class ServiceSoak : public ModesCommandLine {
 protected:
  long ask(const std::string& sql) {
    try {
      return std::stol(clickhouse::Connection(endpoint()).query(sql));
    } catch (const base::Error&) {
      return -1;
    }
  }

  Sample look(pid_t service, long second) {
    Sample sample;
    sample.second = second;
    sample.memory_kib = status_of(service, "VmRSS");
    sample.threads = status_of(service, "Threads");
    sample.descriptors = descriptors_of(service);
    if (const auto engine = clickhouse::read_engine_info(folder / "qvdhouse-data")) {
      sample.engine_memory_kib = status_of(engine->pid, "VmRSS");
      sample.engine_descriptors = descriptors_of(engine->pid);
    }
    sample.parts = ask("SELECT count() FROM system.parts WHERE active");
    sample.runs = ask("SELECT count() FROM QvdRunHistory FINAL WHERE status = 'completed'");
    return sample;
  }
};

TEST_F(ServiceSoak, WhatItUsesDoesNotGrow) {
  CommandLine::SetUp();
  start_with_files(TargetKind::kEmbedded);
  if (IsSkipped() || HasFailure()) return;
  // No table that keeps all versions: that one is to grow.
  write_text("qvdhouse.toml", "[[table]]\nmatch = \"Sales_*.qvd\"\nname = \"Sales\"\n");
  const long length = static_cast<long>(number_from("QVDHOUSE_SOAK_SECONDS", 60));
  const long between = std::min(60L, std::max(5L, length / 20));

  Environment environment = target;
  environment.emplace_back("QVD_SOURCE", "qvds");
  environment.emplace_back("QVD_SCHEDULE", "@every 5s");
  environment.emplace_back("QVD_PORT", std::to_string(free_port()));
  Process service(binary(), {"serve", "--quiet"}, environment, folder);

  std::vector<Sample> samples;
  fmt::print(
      "second\tmemory_kib\tthreads\tdescriptors\tengine_memory_kib\tengine_"
      "descriptors\tparts\truns\n");
  const auto start = steady_clock::now();
  for (long second = between; second <= length; second += between) {
    std::this_thread::sleep_until(start + seconds(second));
    // Always the same few versions, so that the tables stay as large as they are.
    write_generation(1 + (newest + 1) % 3);
    samples.push_back(look(service.pid(), second));
    const Sample& now = samples.back();
    fmt::print("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", now.second, now.memory_kib, now.threads,
               now.descriptors, now.engine_memory_kib, now.engine_descriptors, now.parts, now.runs);
    std::fflush(stdout);
    ASSERT_GT(now.memory_kib, 0) << "the service has ended";
  }
  ::kill(service.pid(), SIGTERM);
  EXPECT_EQ(service.wait().exit_code, 0);
  ASSERT_GE(samples.size(), 2U);
  EXPECT_GT(samples.back().runs, 0);

  constexpr long kJudgedFrom = 1'200;
  if (length < 2 * kJudgedFrom) return;
  const auto first = static_cast<std::size_t>(kJudgedFrom / between);
  const std::size_t part = (samples.size() - first) / 3;
  const auto grows = [&](const char* name, long Sample::*measure, double allowed, long slack) {
    const long before = median(samples, measure, first, first + part);
    const long after = median(samples, measure, samples.size() - part, samples.size());
    EXPECT_LE(after, static_cast<long>(static_cast<double>(before) * allowed) + slack) << name;
  };
  grows("memory", &Sample::memory_kib, 1.05, 1'024);
  grows("threads", &Sample::threads, 1, 0);
  grows("descriptors", &Sample::descriptors, 1, 4);
  grows("memory of the engine", &Sample::engine_memory_kib, 1.15, 0);
  grows("descriptors of the engine", &Sample::engine_descriptors, 1.1, 16);
  grows("parts", &Sample::parts, 1.1, 16);
}

}  // namespace
}  // namespace qvdhouse::tests
