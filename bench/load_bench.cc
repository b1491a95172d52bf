// A whole load into a verified table against the engine's own load of the same rows from a Native
// and from a Parquet file, into an equal table, with equal threads; runs alternate, medians are
// compared.
//
//   load_bench [rows = 10000000] [runs = 5] [streams = 2]
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bench/engine_load.h"
#include "bench/median.h"
#include "sample/sample.h"

namespace {

using namespace qvdhouse;
using bench::Times;

void compare(bench::EngineLoad& loads, std::uint64_t rows, int runs, unsigned streams) {
  Times native;
  Times parquet;
  Times bare;
  Times ours;
  std::map<std::string, std::vector<double>> steps;
  const auto parquet_file = loads.make_parquet();
  for (int run = 0; run < runs; ++run) {
    loads.time_engine(native, loads.native(), "Native");
    loads.time_engine(parquet, parquet_file, "Parquet");
    loads.time_bare(bare);
    for (const load::Step& step : loads.time_ours(ours).steps) {
      steps[step.name].push_back(step.seconds());
    }
  }
  const double loading = bench::median(bare.wall);
  const auto show = [&](const char* what, const Times& times) {
    fmt::print("{:42} {} {:6.2f} M rows/s\n", what, times.text(),
               static_cast<double>(rows) / bench::median(times.wall) / 1e6);
  };
  fmt::print("{} rows, {} columns, {} streams, medians of {} alternating runs\n", rows,
             loads.column_count(), streams, runs);
  show("engine, INSERT SELECT FROM file(Native)", native);
  show("engine, INSERT SELECT FROM file(Parquet)", parquet);
  show("qvdhouse, without verification", bare);
  show("qvdhouse, everything", ours);
  for (const char* name : {"plan", "check", "create", "insert", "verify", "swap"}) {
    fmt::print("  step {:8} {:7.3f} s\n", name, bench::median(steps[name]));
  }
  fmt::print("ratio to Native  {:.2f} (bar: at most 1.10)\n", loading / bench::median(native.wall));
  fmt::print("ratio to Parquet {:.2f} (bar: below 1)\n", loading / bench::median(parquet.wall));
  fmt::print("verification adds {:.0f} % (bar: at most 25 %)\n",
             100 * (bench::median(ours.wall) / loading - 1));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const unsigned streams = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 2;
  const auto dir = std::filesystem::temp_directory_path() / fmt::format("qvdhouse_bench_{}", rows);
  std::filesystem::create_directories(dir);
  bench::EngineLoad loads(dir, streams,
                          [&](const auto& qvd) { sample::write_speed_table(qvd, rows); });
  compare(loads, rows, runs, streams);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "load_bench: %s\n", error.what());
  return 1;
}
