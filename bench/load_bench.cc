// A whole load into a verified table against the engine's own load of the same rows from a Native
// and from a Parquet file, into an equal table, with equal threads; runs alternate, medians are
// compared.
//
//   load_bench [rows = 10000000] [runs = 5] [streams = 2]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "clickhouse/ddl.h"
#include "clickhouse/engine.h"
#include "clickhouse/quote.h"
#include "load/load.h"
#include "load/stream.h"
#include "qvd/sample.h"
#include "schema/cast.h"
#include "source/listing.h"

namespace {

using namespace qvdhouse;
using Clock = std::chrono::steady_clock;

constexpr const char* kDatabase = "bench";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The rows as the encoder makes them, in one Native file: the engine reads what we would send.
void write_native(const base::ByteSource& source, load::PreparedFile& file,
                  const std::filesystem::path& path) {
  std::vector<load::ColumnValues> columns;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    columns.push_back({column.name, column.field_index,
                       schema::cast_symbols(file.symbols[column.field_index], column)});
  }
  const qvd::RowDecoder decoder(file.header);
  const load::BlockLimits limits = load::block_limits(file.header, columns, 0, 128 << 20);
  load::BlockEncoder encoder(source, file.header, decoder, columns, limits.bytes);
  std::FILE* out = std::fopen(path.c_str(), "wb");
  for (std::uint64_t first = 0; first < file.header.record_count; first += limits.rows) {
    encoder.start(first, std::min(limits.rows, file.header.record_count - first));
    for (auto block = encoder.next(); !block.empty(); block = encoder.next()) {
      if (std::fwrite(block.data(), 1, block.size(), out) != block.size()) std::abort();
    }
  }
  std::fclose(out);
}

double engine_load(clickhouse::Connection& connection, const clickhouse::TableDefinition& table,
                   const std::filesystem::path& path, const char* format, unsigned threads) {
  const std::string name = clickhouse::qualified(kDatabase, table.name);
  connection.query("DROP TABLE IF EXISTS " + name + " SYNC");
  connection.query(clickhouse::create_table_sql(table));
  const auto start = Clock::now();
  connection.query(
      fmt::format("INSERT INTO {} SELECT * FROM file({}, {})", name,
                  clickhouse::quote_literal(path.string()), format),
      {{"max_insert_threads", std::to_string(threads)}, {"max_threads", std::to_string(threads)}});
  return seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const unsigned streams = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 2;
  const auto dir = std::filesystem::temp_directory_path() / fmt::format("qvdhouse_bench_{}", rows);
  std::filesystem::create_directories(dir);
  const auto qvd_path = dir / "speed.qvd";
  if (!std::filesystem::exists(qvd_path)) qvd::write_speed_table(qvd_path, rows);

  const auto engine = clickhouse::Engine::attach_or_start({.data_dir = dir / "data"});
  clickhouse::Connection connection(engine.endpoint("default"));
  connection.query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));

  const auto entries = source::list_files(qvd_path.string(), {});
  const auto source = source::open_file(entries.at(0));
  load::Options options{.streams = streams, .run_id = "bench"};
  load::PreparedFile file = load::prepare(*source, "speed.qvd", options);
  auto definition = schema::table_definition(file.plan, file.header, kDatabase);
  definition.name = "engine_load";
  const auto native_path = dir / "same.native";
  const auto parquet_path = dir / "same.parquet";
  if (!std::filesystem::exists(native_path)) write_native(*source, file, native_path);
  if (!std::filesystem::exists(parquet_path)) {
    engine_load(connection, definition, native_path, "Native", streams);
    connection.query(fmt::format("INSERT INTO FUNCTION file({}, Parquet) SELECT * FROM {}",
                                 clickhouse::quote_literal(parquet_path.string()),
                                 clickhouse::qualified(kDatabase, definition.name)));
  }

  std::vector<double> native;
  std::vector<double> parquet;
  std::vector<double> ours;
  std::map<std::string, std::vector<double>> steps;
  for (int run = 0; run < runs; ++run) {
    native.push_back(engine_load(connection, definition, native_path, "Native", streams));
    parquet.push_back(engine_load(connection, definition, parquet_path, "Parquet", streams));
    load::Progress progress;
    load::Result result;
    const auto start = Clock::now();
    load::load_file(*source, "speed.qvd", engine.endpoint(kDatabase), options, progress, result);
    ours.push_back(seconds_since(start));
    for (const load::Step& step : result.steps) {
      steps[step.name].push_back(std::chrono::duration<double>(step.duration).count());
    }
  }

  const double verification = median(steps["check"]) + median(steps["verify"]);
  const double whole = median(ours);
  const double loading = whole - verification;
  fmt::print("{} rows, {} columns, {} streams, medians of {} alternating runs\n", rows,
             file.plan.columns.size(), streams, runs);
  fmt::print("engine, INSERT SELECT FROM file(Native)   {:7.3f} s  {:6.2f} M rows/s\n",
             median(native), static_cast<double>(rows) / median(native) / 1e6);
  fmt::print("engine, INSERT SELECT FROM file(Parquet)  {:7.3f} s  {:6.2f} M rows/s\n",
             median(parquet), static_cast<double>(rows) / median(parquet) / 1e6);
  fmt::print("qvdhouse, file to swapped table           {:7.3f} s  {:6.2f} M rows/s\n", loading,
             static_cast<double>(rows) / loading / 1e6);
  fmt::print("qvdhouse, verification on top             {:7.3f} s\n", verification);
  for (const char* name : {"plan", "check", "create", "insert", "verify", "swap"}) {
    fmt::print("  step {:8} {:7.3f} s\n", name, median(steps[name]));
  }
  fmt::print("ratio to Native  {:.2f} (bar: at most 1.10)\n", loading / median(native));
  fmt::print("ratio to Parquet {:.2f} (bar: below 1)\n", loading / median(parquet));
  fmt::print("verification adds {:.0f} % (bar: at most 25 %)\n", 100 * verification / loading);
  return 0;
}
