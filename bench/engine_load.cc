#include "bench/engine_load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "bench/median.h"
#include "clickhouse/quote.h"
#include "load/stream.h"
#include "qvd/rows.h"
#include "schema/plan.h"

namespace qvdhouse::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kDatabase = "bench";
constexpr const char* kFile = "table.qvd";

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

}  // namespace

std::string Times::text() const {
  return fmt::format("{:7.3f} s wall {:7.3f} s cpu of ours {:7.3f} s of the engine", median(wall),
                     median(our_cpu), median(engine_cpu));
}

EngineLoad::EngineLoad(std::filesystem::path dir, unsigned streams,
                       const std::function<void(const std::filesystem::path& qvd)>& write)
    : dir_(std::move(dir)),
      streams_(streams),
      engine_(clickhouse::Engine::attach_or_start({.data_dir = dir_ / "data"})),
      connection_(engine_.endpoint("default")) {
  const auto qvd = dir_ / kFile;
  if (!std::filesystem::exists(qvd)) write(qvd);
  source_ = storage_.open(storage_.list(qvd.string(), {}).at(0));
  file_ = load::prepare(*source_, kFile, options());
  connection_.query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
  table_ = schema::table_definition(file_.plan, file_.header, kDatabase);
  table_.name = "engine_load";
  if (!std::filesystem::exists(native())) write_native();
}

void EngineLoad::write_native() {
  const auto columns = load::cast_columns(file_, 1);
  const qvd::RowDecoder decoder(file_.header);
  const load::BlockLimits limits = load::block_limits(file_.header, columns, 0, 128 << 20);
  load::BlockEncoder encoder(file_.header, decoder, columns, limits.bytes);
  std::FILE* out = std::fopen(native().c_str(), "wb");
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < file_.header.record_count; first += limits.rows) {
    const std::uint64_t count = std::min(limits.rows, file_.header.record_count - first);
    qvd::read_records(*source_, file_.header, first, count, records);
    encoder.start(first, count, records);
    for (auto piece = encoder.next(); !piece.empty(); piece = encoder.next()) {
      if (std::fwrite(piece.data(), 1, piece.size(), out) != piece.size()) std::abort();
    }
  }
  std::fclose(out);
}

std::filesystem::path EngineLoad::make_parquet() {
  auto path = dir_ / "same.parquet";
  if (std::filesystem::exists(path)) return path;
  make_table();
  engine_load(native(), "Native");
  connection_.query(fmt::format("INSERT INTO FUNCTION file({}, Parquet) SELECT * FROM {}",
                                clickhouse::quote_literal(path.string()),
                                clickhouse::qualified(kDatabase, table_.name)));
  return path;
}

void EngineLoad::measure(Times& times, const std::function<void()>& body) const {
  const double ours = cpu_seconds(::getpid());
  const double engines = cpu_seconds(engine_.info().pid);
  const auto start = Clock::now();
  body();
  times.wall.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  times.our_cpu.push_back(cpu_seconds(::getpid()) - ours);
  times.engine_cpu.push_back(cpu_seconds(engine_.info().pid) - engines);
}

void EngineLoad::engine_load(const std::filesystem::path& path, const char* format) {
  connection_.query(fmt::format("INSERT INTO {} SELECT * FROM file({}, {})",
                                clickhouse::qualified(kDatabase, table_.name),
                                clickhouse::quote_literal(path.string()), format),
                    {{"max_insert_threads", std::to_string(streams_)},
                     {"max_threads", std::to_string(streams_)}});
}

void EngineLoad::make_table() {
  drop(table_.name);
  connection_.query(clickhouse::create_table_sql(table_));
}

// Or its merges would slow the next run down.
void EngineLoad::drop(const std::string& name) {
  connection_.query(
      fmt::format("DROP TABLE IF EXISTS {} SYNC", clickhouse::qualified(kDatabase, name)));
}

void EngineLoad::time_engine(Times& times, const std::filesystem::path& path, const char* format) {
  make_table();
  measure(times, [&] { engine_load(path, format); });
  drop(table_.name);
}

void EngineLoad::time_bare(Times& times) {
  const std::string staging = clickhouse::qualified(kDatabase, "bare");
  measure(times, [&] {
    load::PreparedFile bare = load::prepare(*source_, kFile, options());
    const auto columns = load::cast_columns(bare, streams_);
    const qvd::RowDecoder decoder(bare.header);
    clickhouse::TableDefinition definition = table_;
    definition.name = "bare";
    connection_.query(clickhouse::create_table_sql(definition));
    connection_.query("SYSTEM STOP MERGES " + staging);
    load::Progress progress;
    load::insert_rows(*source_, bare.header, decoder, columns, engine_.endpoint(kDatabase), staging,
                      options(), progress, {});
    connection_.query("SYSTEM START MERGES " + staging);
    connection_.query(
        fmt::format("RENAME TABLE {} TO {}", staging, clickhouse::qualified(kDatabase, "loaded")));
  });
  drop("loaded");
}

load::Result EngineLoad::time_ours(Times& times) {
  load::Progress progress;
  load::Result result;
  measure(times, [&] {
    load::load_file(*source_, kFile, engine_.endpoint(kDatabase), options(), progress, result);
  });
  drop(result.table);
  return result;
}

}  // namespace qvdhouse::bench
