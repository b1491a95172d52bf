// A large file from servers on loopback against the same file from disk: whole syncs, alternating,
// and the memory that each takes.
//
//   source_bench [rows = 26000000] [runs = 3]
//
// 26 million rows make a file of 500 MB. The servers' and rclone's own work is in the figures, on
// the same cores.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "sample/sample.h"
#include "tests/servers/served.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;

// One way to the file.
struct Way {
  std::string name;
  std::string source;
  tests::Environment environment;
  std::vector<double> seconds;
  std::uint64_t peak_kib = 0;
};

void sync(const fs::path& dir, Way& way) {
  const fs::path data = dir / "data";
  fs::remove_all(data);
  const bench::TimedRun run = bench::run_timed(
      {"sync", way.source, "--data-dir", data.string(), "--quiet"}, dir, way.environment);
  way.seconds.push_back(run.seconds);
  way.peak_kib = std::max(way.peak_kib, run.peak_kib);
}

void compare(const fs::path& dir, std::uint64_t rows, int runs) {
  fs::create_directories(dir / "files");
  sample::write_speed_table(dir / "files" / "large.qvd", rows);
  std::vector<Way> ways{
      {.name = "disk", .source = (dir / "files").string(), .environment = {}, .seconds = {}}};
  std::vector<tests::Served> servers;
  for (const tests::Scheme& scheme : tests::schemes()) {
    const std::string name = scheme.name;
    if (name != "http" && name != "s3") continue;
    fs::create_directories(dir / name);
    servers.push_back(scheme.serve(dir / "files", dir / name));
    servers.back().publish();
    ways.push_back({.name = name,
                    .source = servers.back().source,
                    .environment = servers.back().environment,
                    .seconds = {}});
  }
  // Once aside: the S3 server hashes an object when it is first asked for, real ones at the upload.
  for (const Way& way : ways) bench::run_timed({"ls", way.source}, dir, way.environment);
  for (int run = 0; run < runs; ++run) {
    for (Way& way : ways) sync(dir, way);
  }
  fmt::print("{} MB, {} rows, medians of {} alternating runs\n",
             fs::file_size(dir / "files" / "large.qvd") / 1'000'000, rows, runs);
  for (const Way& way : ways) {
    fmt::print("sync from {:5} {:7.2f} s, ratio to disk {:4.2f} (bar: at most 1.25), peak {} MiB\n",
               way.name, bench::median(way.seconds),
               bench::median(way.seconds) / bench::median(ways[0].seconds), way.peak_kib / 1024);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 26'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 3;
  return bench::run_in_folder("source_bench",
                              [&](const fs::path& dir) { compare(dir, rows, runs); });
}
