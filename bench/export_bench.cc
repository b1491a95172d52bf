// A table of ten columns into a QVD file against the engine's own SELECT … FORMAT Native of it,
// received by one connection and thrown away; runs alternate, medians are compared. Two tables:
// one with columns of as many distinct values as rows, and one without.
//
//   export_bench [rows = 5000000] [runs = 5]
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/median.h"
#include "clickhouse/connection.h"
#include "clickhouse/engine.h"
#include "unload/unload.h"

namespace {

using namespace qvdhouse;
using Clock = std::chrono::steady_clock;

// Processor seconds of this process, all its threads.
double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Body>
double seconds_of(const Body& body) {
  const auto start = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// As sales tables are: a key and a stamp of as many values as rows, or of 100,000.
std::string select_rows(std::uint64_t rows, bool is_unique) {
  const std::string limit = is_unique ? "" : " % 100000";
  return fmt::format(
      "SELECT toInt64(number{0}) AS id, toInt64(sipHash64(number) % 100000) AS customer, "
      "toDecimal64((sipHash64(number, 1) % 100000) / 100, 2) AS amount, "
      "(sipHash64(number, 2) % 65536) / 8 AS rate, "
      "toDate32('2020-01-01') + sipHash64(number, 3) % 1500 AS day, "
      "toDateTime64('2020-01-01 00:00:00', 3, 'UTC') + sipHash64(number{0}, 4) % 86400000 AS "
      "stamp, "
      "toLowCardinality('region ' || toString(sipHash64(number, 5) % 50)) AS region, "
      "toLowCardinality('status ' || toString(sipHash64(number, 6) % 5)) AS status, "
      "'customer name ' || toString(sipHash64(number, 7) % 50000) AS name, "
      "if(number % 7 = 0, NULL, toInt64(number % 1000)) AS quantity FROM numbers({1})",
      limit, rows);
}

void compare(clickhouse::Connection& connection, const std::filesystem::path& folder,
             std::uint64_t rows, int runs, bool is_unique) {
  connection.query("DROP TABLE IF EXISTS exported");
  connection.query("CREATE TABLE exported ENGINE = MergeTree ORDER BY tuple() AS " +
                   select_rows(rows, is_unique));
  std::vector<double> native, exported;
  std::vector<double> cpu;
  unload::Result result;
  for (int run = 0; run < runs; ++run) {
    native.push_back(seconds_of([&] {
      connection.query_streamed("SELECT * FROM exported FORMAT Native", [](std::string_view) {});
    }));
    const double cpu_before = cpu_seconds();
    exported.push_back(seconds_of([&] {
      result =
          unload::unload(connection.endpoint(), "SELECT * FROM exported",
                         {.out = folder / "exported.qvd", .existing = base::Existing::kReplace},
                         [](const unload::Progress&) {}, {});
    }));
    cpu.push_back(cpu_seconds() - cpu_before);
  }
  std::uint64_t distinct = 0;
  for (const unload::ColumnResult& column : result.columns) distinct += column.distinct_count;
  fmt::print(
      "{} rows x 10, {} distinct values: Native {:.2f} s ({} MB), export {:.2f} s (processor "
      "{:.2f} s, {} MB), "
      "{:.2f} x\n",
      rows, distinct, bench::median(native), result.answer_bytes / 1'000'000,
      bench::median(exported), bench::median(cpu), result.file_bytes / 1'000'000,
      bench::median(exported) / bench::median(native));
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("qvdhouse_export_bench_{}", ::getpid());
  {
    const auto engine = clickhouse::Engine::attach_or_start({.data_dir = folder / "data"});
    clickhouse::Connection connection(engine.endpoint("default"));
    for (const bool is_unique : {false, true}) compare(connection, folder, rows, runs, is_unique);
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("most memory of this process: {} MB\n", usage.ru_maxrss / 1024);
  std::filesystem::remove_all(folder);
}
