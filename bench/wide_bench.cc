// A table of many columns: our whole verified load against the engine's own load of the same rows
// from a Native file, into an equal table, with equal threads; runs alternate, medians are
// compared.
//
//   wide_bench [rows = 1000000] [columns = 200] [runs = 5] [streams = 2]
#include <fmt/format.h>

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

void compare(bench::EngineLoad& loads, int runs) {
  bench::Times native;
  bench::Times bare;
  bench::Times ours;
  std::map<std::string, std::vector<double>> steps;
  for (int run = 0; run < runs; ++run) {
    loads.time_engine(native, loads.native(), "Native");
    loads.time_bare(bare);
    for (const load::Step& step : loads.time_ours(ours).steps) {
      steps[step.name].push_back(step.seconds());
    }
  }
  const auto show = [&](const char* what, const bench::Times& times) {
    fmt::print("{:42} {}\n", what, times.text());
  };
  show("engine, INSERT SELECT FROM file(Native)", native);
  show("qvdhouse, without verification", bare);
  show("qvdhouse, everything", ours);
  for (const auto& [name, times] : steps) {
    fmt::print("  step {:8} {:7.3f} s\n", name, bench::median(times));
  }
  fmt::print("ratio to Native {:.2f} (bar: at most 1.10)\n",
             bench::median(ours.wall) / bench::median(native.wall));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const auto columns = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 200);
  const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
  const auto streams = static_cast<unsigned>(argc > 4 ? std::atoi(argv[4]) : 2);
  const auto dir =
      std::filesystem::temp_directory_path() / fmt::format("qvdhouse_wide_{}_{}", rows, columns);
  std::filesystem::create_directories(dir);
  bench::EngineLoad loads(dir, streams,
                          [&](const auto& qvd) { sample::write_wide_table(qvd, rows, columns); });
  fmt::print("{} rows, {} columns, {} streams, medians of {} alternating runs\n", rows,
             loads.column_count(), streams, runs);
  compare(loads, runs);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "wide_bench: %s\n", error.what());
  return 1;
}
