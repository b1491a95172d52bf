// Many small files: whole syncs of files of 1,000 rows × 10 columns into a table each, and into one
// table with a partition a file, against bare cycles of create, insert, check and rename over four
// connections to the same kind of engine. The start and the end of the engine are taken off.
//
//   many_bench [files = 1000] [runs = 3]
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/workers.h"
#include "bench/kinds_of_fields.h"
#include "bench/median.h"
#include "bench/timed_run.h"
#include "clickhouse/engine.h"
#include "clickhouse/quote.h"
#include "load/load.h"
#include "load/staging.h"
#include "load/stream.h"
#include "load/table_checksum.h"
#include "qvd/writer.h"
#include "schema/plan.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kRows = 1'000;
constexpr unsigned kConnections = 4;
constexpr const char* kDatabase = "bare";

// Values that no row has are left out, as Qlik does.
void keep_used(qvd::FieldData& field) {
  std::vector<std::uint32_t> code_of(field.values.size() + 1);
  std::vector<qvd::Value> used;
  for (std::uint32_t& code : field.codes) {
    if (code_of[code] == 0) {
      used.push_back(field.values[code - 1]);
      code_of[code] = static_cast<std::uint32_t>(used.size());
    }
    code = code_of[code];
  }
  field.values = std::move(used);
}

std::vector<std::byte> make_file(std::uint64_t number) {
  std::vector<qvd::FieldData> fields = {bench::key_field(kRows, number * kRows)};
  bench::add_kinds_of_fields(fields, kRows, number * kRows);
  for (qvd::FieldData& field : fields) keep_used(field);
  return qvd::write_qvd({.name = "T", .fields = std::move(fields), .row_count = kRows});
}

void write_files(const fs::path& dir, std::uint64_t count) {
  fs::create_directories(dir);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::vector<std::byte> bytes = make_file(i);
    std::ofstream out(dir / fmt::format("T{:05}.qvd", i), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
}

// One file, encoded once; each cycle makes a table of it.
class BareCycles {
 public:
  explicit BareCycles(const fs::path& dir)
      : engine_(clickhouse::Engine::attach_or_start({.data_dir = dir / "bare"})),
        bytes_(make_file(0)),
        source_(bytes_) {
    clickhouse::Connection(engine_.endpoint("system"))
        .query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
    file_ = load::prepare(source_, "T.qvd", {});
    definition_ = schema::table_definition(file_.plan, file_.header, kDatabase);
    columns_ = load::cast_columns(file_, 1);
    const qvd::RowDecoder decoder(file_.header);
    load::BlockEncoder encoder(file_.header, decoder, columns_, 64 << 20);
    std::vector<std::byte> records;
    qvd::read_records(source_, file_.header, 0, kRows, records);
    encoder.start(0, kRows, records);
    for (auto piece = encoder.next(); !piece.empty(); piece = encoder.next()) {
      block_.insert(block_.end(), piece.begin(), piece.end());
    }
  }

  double seconds(std::uint64_t count, int run) const {
    std::atomic<std::uint64_t> next{0};
    const auto start = Clock::now();
    base::run_workers(
        kConnections,
        [&] {
          clickhouse::Connection connection(engine_.endpoint(kDatabase));
          for (std::uint64_t i = next++; i < count; i = next++) {
            cycle(connection, fmt::format("r{}_{}", run, i));
          }
        },
        [&] { next = count; });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    clickhouse::Connection connection(engine_.endpoint("system"));
    connection.query(fmt::format("DROP DATABASE {} SYNC", kDatabase));
    return seconds;
  }

 private:
  void cycle(clickhouse::Connection& connection, const std::string& name) const {
    clickhouse::TableDefinition definition = definition_;
    definition.name = "new_" + name;
    const std::string table = clickhouse::qualified(kDatabase, definition.name);
    connection.query(clickhouse::create_table_sql(definition));
    bool is_sent = false;
    connection.insert(fmt::format("INSERT INTO {} FORMAT Native", table), [&] {
      return std::exchange(is_sent, true) ? std::span<const std::byte>() : std::span(block_);
    });
    const load::RowSums sums = load::sum_table(connection, table, columns_, 1);
    if (sums.row_count != kRows) throw std::runtime_error("rows are missing in " + table);
    connection.query(
        fmt::format("RENAME TABLE {} TO {}", table, clickhouse::qualified(kDatabase, name)));
  }

  clickhouse::Engine engine_;
  std::vector<std::byte> bytes_;
  base::MemorySource source_;
  load::PreparedFile file_;
  clickhouse::TableDefinition definition_;
  std::vector<load::ColumnValues> columns_;
  std::vector<std::byte> block_;
};

double sync_seconds(const fs::path& dir, const std::vector<std::string>& more) {
  fs::remove_all(dir / "data");
  std::vector<std::string> arguments = {"sync", "files", "--data-dir", "data", "--quiet"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const double whole = bench::run_timed(arguments, dir).seconds;
  return whole - bench::run_timed({"query", "SELECT 1", "--data-dir", "data"}, dir).seconds;
}

void compare(const fs::path& dir, std::uint64_t files, int runs) {
  write_files(dir / "files", files);
  std::ofstream(dir / "one.toml")
      << "[[table]]\nmatch = \"*.qvd\"\nname = \"One\"\nmode = \"replace_by_file\"\n";
  std::vector<double> bare;
  std::vector<double> each;
  std::vector<double> one;
  for (int run = 0; run < runs; ++run) {
    bare.push_back(BareCycles(dir).seconds(files, run));
    each.push_back(sync_seconds(dir, {}));
    one.push_back(sync_seconds(dir, {"--config", "one.toml"}));
  }
  const double fastest = bench::median(bare);
  const auto show = [&](const char* what, double seconds, const char* bar) {
    fmt::print("{:44} {:7.2f} s {:6.0f} files/s, {:4.2f} of the bare cycles{}\n", what, seconds,
               static_cast<double>(files) / seconds, fastest / seconds, bar);
  };
  fmt::print("{} files of {} rows, medians of {} alternating runs\n", files, kRows, runs);
  show("bare create, insert, check, rename", fastest, "");
  show("sync into a table each", bench::median(each), " (bar: at least 0.75)");
  show("sync into one table, a partition each", bench::median(one), " (bar: at least 0.75)");
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t files = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 3;
  return bench::run_in_folder("many_bench",
                              [&](const fs::path& dir) { compare(dir, files, runs); });
}
