// The same file loaded into the embedded engine and into a server of the same version over HTTP on
// loopback: whole syncs into nothing, alternating. The server runs already; how long the engine
// takes to start and end stands beside it.
//
//   target_bench [rows = 10000000] [runs = 5]
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "sample/sample.h"
#include "tests/servers/clickhouse.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;

double seconds_of(std::vector<std::string> arguments, const fs::path& dir,
                  const tests::Environment& environment = {}) {
  arguments.insert(arguments.end(), {"--data-dir", "data", "--quiet"});
  return bench::run_timed(arguments, dir, environment).seconds;
}

void compare(const fs::path& dir, std::uint64_t rows, int runs) {
  fs::create_directories(dir / "server");
  sample::write_speed_table(dir / "large.qvd", rows);
  const tests::ClickHouseServer server(tests::ServerKind::kNewest, dir / "server");
  std::vector<double> embedded;
  std::vector<double> engine;
  std::vector<double> http;
  for (int run = 0; run < runs; ++run) {
    fs::remove_all(dir / "data");
    embedded.push_back(seconds_of({"sync", "large.qvd"}, dir));
    engine.push_back(seconds_of({"query", "SELECT 1"}, dir));
    const std::string database = fmt::format("bench{}", run);
    const tests::Environment over_http = server.environment(database);
    http.push_back(seconds_of({"sync", "large.qvd"}, dir, over_http));
    seconds_of({"query", "--write", "DROP DATABASE " + database}, dir, over_http);
  }
  const double loading = bench::median(embedded) - bench::median(engine);
  fmt::print("{} rows, medians of {} alternating runs\n", rows, runs);
  fmt::print("sync into the embedded engine    {:7.2f} s, {:.2f} s without its start and end\n",
             bench::median(embedded), loading);
  fmt::print(
      "sync into a server over HTTP     {:7.2f} s, ratio to the latter {:4.2f} (bar: at most "
      "1.10)\n",
      bench::median(http), bench::median(http) / loading);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  return bench::run_in_folder("target_bench",
                              [&](const fs::path& dir) { compare(dir, rows, runs); });
}
