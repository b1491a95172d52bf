// The same file loaded again and again into the embedded engine and into a server of the same
// version over HTTP on loopback: whole syncs, alternating.
//
//   target_bench [rows = 10000000] [runs = 5]
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "qvd/sample.h"
#include "tests/servers/clickhouse.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;

double seconds_of_sync(const fs::path& dir, const tests::Environment& environment) {
  return bench::run_timed({"sync", "large.qvd", "--full", "--data-dir", "data", "--quiet"}, dir,
                          environment)
      .seconds;
}

void compare(const fs::path& dir, std::uint64_t rows, int runs) {
  fs::create_directories(dir / "server");
  qvd::write_speed_table(dir / "large.qvd", rows);
  const tests::ClickHouseServer server(tests::ServerKind::kNewest, dir / "server");
  const tests::Environment over_http = server.environment("bench");
  std::vector<double> embedded;
  std::vector<double> http;
  // The first of each creates tables and starts the engine: not counted.
  for (int run = 0; run <= runs; ++run) {
    const double into_embedded = seconds_of_sync(dir, {});
    const double into_server = seconds_of_sync(dir, over_http);
    if (run == 0) continue;
    embedded.push_back(into_embedded);
    http.push_back(into_server);
  }
  fmt::print("{} rows, medians of {} alternating runs\n", rows, runs);
  fmt::print("sync into the embedded engine    {:7.2f} s\n", bench::median(embedded));
  fmt::print("sync into a server over HTTP     {:7.2f} s, ratio {:4.2f} (bar: at most 1.10)\n",
             bench::median(http), bench::median(http) / bench::median(embedded));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const fs::path dir = fs::temp_directory_path() / "qvdhouse_target_bench";
  fs::remove_all(dir);
  compare(dir, rows, runs);
  fs::remove_all(dir);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "target_bench: %s\n", error.what());
  return 1;
}
