// The program as a user meets it: how fast it starts, what a run with nothing to do costs, how much
// memory a load takes at two lengths of the same table.
//
//   process_bench [rows of the shorter table = 10000000]
//
// Each time stands beside that of `qvdhouse version`, which starts and does nothing.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "qvd/sample.h"
#include "qvd/writer.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;

constexpr int kTrackedFiles = 1000;

double median_seconds(int runs, const std::vector<std::string>& arguments, const fs::path& dir) {
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) seconds.push_back(bench::run_timed(arguments, dir).seconds);
  return bench::median(seconds);
}

void start_times(const fs::path& dir) {
  qvd::write_sample_tree(dir / "tree", 1000);
  const double nothing = median_seconds(21, {"version"}, dir);
  const double inspect = median_seconds(21, {"inspect", (dir / "tree/orders.qvd").string()}, dir);
  fmt::print("version                          {:7.1f} ms\n", 1e3 * nothing);
  fmt::print("inspect of one file              {:7.1f} ms (bar: below 30 ms)\n", 1e3 * inspect);
}

void nothing_to_do(const fs::path& dir) {
  fs::create_directories(dir / "many");
  qvd::FieldData id{
      .name = "id", .values = {qvd::Value::of(1), qvd::Value::of(2)}, .codes = {1, 2}};
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {id}, .row_count = 2});
  for (int i = 0; i < kTrackedFiles; ++i) {
    std::ofstream(dir / "many" / fmt::format("file{}.qvd", i), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  const std::vector<std::string> sync{"sync", (dir / "many").string(), "--data-dir",
                                      (dir / "data").string(), "--quiet"};
  fmt::print("sync of {} new files           {:7.1f} s\n", kTrackedFiles,
             bench::run_timed(sync, dir).seconds);
  fmt::print("sync, nothing to do on {} files {:5.2f} s (bar: below 2 s)\n", kTrackedFiles,
             median_seconds(5, sync, dir));
}

void memory(const fs::path& dir, std::uint64_t rows) {
  std::vector<std::uint64_t> peaks;
  for (const std::uint64_t factor : {1u, 4u}) {
    const fs::path path = dir / fmt::format("rows{}.qvd", factor);
    qvd::write_speed_table(path, factor * rows);
    const bench::TimedRun load =
        bench::run_timed({"sync", path.string(), "--data-dir",
                          (dir / fmt::format("data{}", factor)).string(), "--quiet"},
                         dir);
    fmt::print("sync of {:>9} rows           {:7.1f} s, peak {:.0f} MiB\n", factor * rows,
               load.seconds, static_cast<double>(load.peak_kib) / 1024);
    peaks.push_back(load.peak_kib);
    fs::remove(path);
    fs::remove_all(dir / fmt::format("data{}", factor));
  }
  fmt::print("difference of the peaks          {:7.1f} MiB (bar: below 32 MiB)\n",
             (static_cast<double>(peaks[1]) - static_cast<double>(peaks[0])) / 1024);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const fs::path dir = fs::temp_directory_path() / "qvdhouse_process_bench";
  fs::remove_all(dir);
  fs::create_directories(dir);
  start_times(dir);
  nothing_to_do(dir);
  memory(dir, rows);
  fs::remove_all(dir);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "process_bench: %s\n", error.what());
  return 1;
}
