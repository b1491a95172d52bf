// What a table of newest rows costs (docs/incremental.md): a load of 1 % changed rows against the
// load of all rows, and queries through the view against the same rows in a plain table, after
// several such loads. Medians of runs.
//
//   upsert_bench [rows = 1000000] [runs = 5] [deltas = 10]
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/kinds_of_fields.h"
#include "bench/median.h"
#include "clickhouse/engine.h"
#include "qvd/writer.h"
#include "source/storage.h"
#include "sync/sync.h"

namespace {

using namespace qvdhouse;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr const char* kDatabase = "upsert_bench";
constexpr std::uint64_t kDeltaShare = 100;  // a hundredth of the rows

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A key, and nine columns of texts, dates and numbers. Of `first`, `first` + `step`, …
void write_orders(const fs::path& path, std::uint64_t rows, std::uint64_t first, std::uint64_t step,
                  int minute) {
  std::vector<qvd::FieldData> fields = {bench::key_field(rows, first, step)};
  bench::add_kinds_of_fields(fields, rows, first);
  const auto bytes = qvd::write_qvd({.name = "Orders",
                                     .fields = std::move(fields),
                                     .row_count = rows,
                                     .created_at = fmt::format("2024-05-06 01:{:02}:00", minute)});
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

// A sync of what is new; throws unless it is one file.
double sync_one(const sync::Options& options, source::Storage& storage,
                const clickhouse::Endpoint& endpoint) {
  sync::Monitor monitor;
  spdlog::logger log("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
  const auto start = Clock::now();
  const sync::Summary summary = sync::run(options, storage, endpoint, monitor, log, {});
  const double seconds = seconds_since(start);
  if (summary.count(sync::Outcome::kLoaded) == 1) return seconds;
  std::string error = "not one file was loaded";
  for (const sync::FileOutcome& file : summary.files) error += "; " + file.error;
  throw std::runtime_error(error);
}

double median_of_query(clickhouse::Connection& connection, const std::string& sql, int runs) {
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    connection.query(sql);
    seconds.push_back(seconds_since(start));
  }
  return bench::median(seconds);
}

void compare_reading(clickhouse::Connection& connection, int runs) {
  connection.query(
      "CREATE OR REPLACE TABLE OrdersPlain ENGINE = MergeTree ORDER BY Key AS SELECT * FROM "
      "Orders");
  for (const char* sql :
       {"SELECT sum(Amount) FROM {}",
        "SELECT Country, sum(Amount), max(Day) FROM {} "
        "GROUP BY Country FORMAT Null",
        "SELECT * FROM {} WHERE Key = 4711 FORMAT Null", "SELECT * FROM {} FORMAT Null"}) {
    const double plain =
        median_of_query(connection, fmt::format(fmt::runtime(sql), "OrdersPlain"), runs);
    const double view = median_of_query(connection, fmt::format(fmt::runtime(sql), "Orders"), runs);
    fmt::print("{:72} plain {:7.1f} ms, view {:7.1f} ms, {:4.1f} x\n", sql, 1000 * plain,
               1000 * view, view / plain);
  }
}

void run(std::uint64_t rows, int runs, int deltas, const fs::path& dir) {
  const auto engine = clickhouse::Engine::attach_or_start({.data_dir = dir / "engine"});
  const clickhouse::Endpoint endpoint = engine.endpoint(kDatabase);
  clickhouse::Connection system(engine.endpoint("system"));
  clickhouse::Connection connection(endpoint);
  source::Storage storage{source::Access{}};
  schema::TableRules rules{.match = "Orders*.qvd",
                           .name = "Orders",
                           .where = "upsert_bench",
                           .mode = schema::LoadMode::kUpsert};
  rules.key = {"Key"};
  const fs::path source = dir / "source";
  const sync::Options options{.source = source.string(),
                              .selection = {.pattern = "*.qvd"},
                              .load = {.streams = 2},
                              .database = kDatabase,
                              .lock_dir = dir / "locks",
                              .tables = {rules}};
  std::vector<double> full, delta;
  for (int i = 0; i < runs; ++i) {
    system.query(fmt::format("DROP DATABASE IF EXISTS {} SYNC", kDatabase));
    system.query(fmt::format("CREATE DATABASE {}", kDatabase));
    fs::remove_all(source);
    fs::create_directories(source);
    write_orders(source / "Orders.qvd", rows, 0, 1, 0);
    full.push_back(sync_one(options, storage, endpoint));
    for (int k = 1; k <= deltas; ++k) {
      write_orders(source / fmt::format("Orders_{}.qvd", k), rows / kDeltaShare,
                   static_cast<std::uint64_t>(k), kDeltaShare, k);
      delta.push_back(sync_one(options, storage, endpoint));
    }
  }
  const std::string count =
      connection.query("SELECT count() - uniqExact(Key), count() FROM Orders");
  if (!count.starts_with(fmt::format("0\t{}", rows))) throw std::runtime_error("found " + count);
  const double of_full = bench::median(full);
  const double of_delta = bench::median(delta);
  fmt::print(
      "{} rows x 10 columns: full load {:.3f} s; 1 % changed {:.3f} s, {:.1f} % of it (bar: "
      "at most 25 %)\nafter {} such loads:\n",
      rows, of_full, of_delta, 100 * of_delta / of_full, deltas);
  compare_reading(connection, runs);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const int deltas = argc > 3 ? std::atoi(argv[3]) : 10;
  const auto dir = fs::temp_directory_path() / "qvdhouse_upsert_bench";
  fs::create_directories(dir);
  run(rows, runs, deltas, dir);
  fs::remove_all(dir);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "upsert_bench: %s\n", error.what());
  return 1;
}
