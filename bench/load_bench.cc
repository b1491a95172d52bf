// A whole load into a verified table against the engine's own load of the same rows from a Native
// and from a Parquet file, into an equal table, with equal threads; runs alternate, medians are
// compared.
//
//   load_bench [rows = 10000000] [runs = 5] [streams = 2]
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "bench/median.h"
#include "clickhouse/ddl.h"
#include "clickhouse/engine.h"
#include "clickhouse/quote.h"
#include "load/load.h"
#include "load/stream.h"
#include "sample/sample.h"
#include "source/storage.h"

namespace {

using namespace qvdhouse;
using Clock = std::chrono::steady_clock;

constexpr const char* kDatabase = "bench";

// Processor seconds that a process has used so far, all its threads (fields 14 and 15 of
// /proc/PID/stat).
double cpu_seconds(int pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(in, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Wall and processor seconds (ours and the engine's) of one kind of run.
struct Times {
  std::vector<double> wall;
  std::vector<double> cpu;
};

template <class Body>
void measure(int engine_pid, Times& times, const Body& body) {
  const auto cpu = [&] { return cpu_seconds(::getpid()) + cpu_seconds(engine_pid); };
  const double cpu_before = cpu();
  const auto start = Clock::now();
  body();
  times.wall.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  times.cpu.push_back(cpu() - cpu_before);
}

// The rows as the encoder makes them, in one Native file: the engine reads what we would send.
void write_native(const base::ByteSource& source, load::PreparedFile& file,
                  const std::filesystem::path& path) {
  const auto columns = load::cast_columns(file, 1);
  const qvd::RowDecoder decoder(file.header);
  const load::BlockLimits limits = load::block_limits(file.header, columns, 0, 128 << 20);
  load::BlockEncoder encoder(file.header, decoder, columns, limits.bytes);
  std::FILE* out = std::fopen(path.c_str(), "wb");
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < file.header.record_count; first += limits.rows) {
    const std::uint64_t count = std::min(limits.rows, file.header.record_count - first);
    qvd::read_records(source, file.header, first, count, records);
    encoder.start(first, count, records);
    for (auto piece = encoder.next(); !piece.empty(); piece = encoder.next()) {
      if (std::fwrite(piece.data(), 1, piece.size(), out) != piece.size()) std::abort();
    }
  }
  std::fclose(out);
}

void engine_load(clickhouse::Connection& connection, const clickhouse::TableDefinition& table,
                 const std::filesystem::path& path, const char* format, unsigned threads) {
  const std::string name = clickhouse::qualified(kDatabase, table.name);
  connection.query(
      fmt::format("INSERT INTO {} SELECT * FROM file({}, {})", name,
                  clickhouse::quote_literal(path.string()), format),
      {{"max_insert_threads", std::to_string(threads)}, {"max_threads", std::to_string(threads)}});
}

void make_table(clickhouse::Connection& connection, const clickhouse::TableDefinition& table) {
  connection.query(
      fmt::format("DROP TABLE IF EXISTS {} SYNC", clickhouse::qualified(kDatabase, table.name)));
  connection.query(clickhouse::create_table_sql(table));
}

// Files and tables that all runs share.
struct Bench {
  std::filesystem::path dir;
  unsigned streams;
  clickhouse::Engine engine;
  clickhouse::Connection connection;
  source::Storage storage;
  std::unique_ptr<base::ByteSource> source;
  load::PreparedFile file;
  clickhouse::TableDefinition table;  // what the engine loads into, equal to ours

  Bench(std::filesystem::path where, std::uint64_t rows, unsigned stream_count)
      : dir(std::move(where)),
        streams(stream_count),
        engine(clickhouse::Engine::attach_or_start({.data_dir = dir / "data"})),
        connection(engine.endpoint("default")) {
    const auto qvd = dir / "speed.qvd";
    if (!std::filesystem::exists(qvd)) sample::write_speed_table(qvd, rows);
    source = storage.open(storage.list(qvd.string(), {}).at(0));
    file = load::prepare(*source, "speed.qvd", options());
    connection.query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
    table = schema::table_definition(file.plan, file.header, kDatabase);
    table.name = "engine_load";
    if (!std::filesystem::exists(native())) write_native(*source, file, native());
    if (std::filesystem::exists(parquet())) return;
    make_table(connection, table);
    engine_load(connection, table, native(), "Native", streams);
    connection.query(fmt::format("INSERT INTO FUNCTION file({}, Parquet) SELECT * FROM {}",
                                 clickhouse::quote_literal(parquet().string()),
                                 clickhouse::qualified(kDatabase, table.name)));
  }

  std::filesystem::path native() const { return dir / "same.native"; }
  std::filesystem::path parquet() const { return dir / "same.parquet"; }
  load::Options options() const { return {.streams = streams, .run_id = "bench"}; }

  // Or its merges would slow the next run down.
  void drop(const std::string& name) {
    connection.query(
        fmt::format("DROP TABLE IF EXISTS {} SYNC", clickhouse::qualified(kDatabase, name)));
  }

  void time_engine(Times& times, const std::filesystem::path& path, const char* format) {
    make_table(connection, table);
    measure(engine.info().pid, times,
            [&] { engine_load(connection, table, path, format, streams); });
    drop(table.name);
  }

  // A load without check, verify, and what the server keeps for them.
  void time_bare(Times& times) {
    const std::string staging = clickhouse::qualified(kDatabase, "bare");
    measure(engine.info().pid, times, [&] {
      load::PreparedFile bare = load::prepare(*source, "speed.qvd", options());
      const auto columns = load::cast_columns(bare, streams);
      const qvd::RowDecoder decoder(bare.header);
      clickhouse::TableDefinition definition = table;
      definition.name = "bare";
      connection.query(clickhouse::create_table_sql(definition));
      connection.query("SYSTEM STOP MERGES " + staging);
      load::Progress progress;
      const clickhouse::Endpoint endpoint = engine.endpoint(kDatabase);
      load::insert_rows(*source, bare.header, decoder, columns, endpoint, staging, options(),
                        progress, {});
      connection.query("SYSTEM START MERGES " + staging);
      connection.query(fmt::format("RENAME TABLE {} TO {}", staging,
                                   clickhouse::qualified(kDatabase, "loaded")));
    });
    drop("loaded");
  }

  load::Result time_ours(Times& times) {
    load::Progress progress;
    load::Result result;
    measure(engine.info().pid, times, [&] {
      load::load_file(*source, "speed.qvd", engine.endpoint(kDatabase), options(), progress,
                      result);
    });
    drop(result.table);
    return result;
  }
};

void compare(Bench& bench, std::uint64_t rows, int runs) {
  Times native;
  Times parquet;
  Times bare;
  Times ours;
  std::map<std::string, std::vector<double>> steps;
  for (int run = 0; run < runs; ++run) {
    bench.time_engine(native, bench.native(), "Native");
    bench.time_engine(parquet, bench.parquet(), "Parquet");
    bench.time_bare(bare);
    for (const load::Step& step : bench.time_ours(ours).steps) {
      steps[step.name].push_back(std::chrono::duration<double>(step.duration).count());
    }
  }
  const double loading = bench::median(bare.wall);
  const auto show = [&](const char* what, const Times& times) {
    fmt::print("{:42} {:7.3f} s wall {:7.3f} s cpu  {:6.2f} M rows/s\n", what,
               bench::median(times.wall), bench::median(times.cpu),
               static_cast<double>(rows) / bench::median(times.wall) / 1e6);
  };
  fmt::print("{} rows, {} columns, {} streams, medians of {} alternating runs\n", rows,
             bench.file.plan.columns.size(), bench.streams, runs);
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
  Bench bench(dir, rows, streams);
  compare(bench, rows, runs);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "load_bench: %s\n", error.what());
  return 1;
}
