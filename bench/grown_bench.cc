// What a file that has grown by one per cent costs: its load with grown_files = "send_new", against
// the same with "send_all", into the table of the file before; runs alternate, medians are
// compared. And what is lost when the rows of the last load are looked for in vain: one of them
// has changed.
//
//   grown_bench [rows = 3000000] [runs = 5] [streams = 2]
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "bench/kinds_of_fields.h"
#include "bench/median.h"
#include "clickhouse/engine.h"
#include "load/load.h"
#include "qvd/writer.h"

namespace {

using namespace qvdhouse;
using Clock = std::chrono::steady_clock;

constexpr const char* kDatabase = "grown_bench";

// The first of `all_rows` rows of ten columns; `is_changed`: one of them is another.
std::vector<std::byte> make_table(std::uint64_t all_rows, std::uint64_t rows, bool is_changed) {
  std::vector<qvd::FieldData> fields = {bench::key_field(all_rows)};
  bench::add_kinds_of_fields(fields, all_rows);
  for (qvd::FieldData& field : fields) field.codes.resize(rows);
  if (is_changed) std::swap(fields[1].codes[rows / 2], fields[1].codes[rows / 2 + 1]);
  return qvd::write_qvd({.name = "T", .fields = std::move(fields), .row_count = rows});
}

struct Loads {
  std::vector<double> seconds;
  std::uint64_t bytes = 0;
  std::uint64_t rows_kept = 0;
};

load::Result load_file(const std::vector<std::byte>& bytes, const clickhouse::Endpoint& endpoint,
                       const load::Options& options, const load::Target& target = {}) {
  load::Progress progress;
  load::Result result;
  load::load_file(base::MemorySource(bytes), "T.qvd", endpoint, options, target, progress, result);
  return result;
}

void compare(const clickhouse::Engine& engine, std::uint64_t rows, int runs, unsigned streams) {
  const std::uint64_t before = rows * 100 / 101;
  const auto held = make_table(rows, before, false);
  const auto grown = make_table(rows, rows, false);
  const auto changed = make_table(rows, rows, true);
  const clickhouse::Endpoint endpoint = engine.endpoint(kDatabase);
  load::Options options{.streams = streams, .run_id = "bench"};
  Loads all;
  Loads added;
  Loads in_vain;
  const auto run = [&](const std::vector<std::byte>& bytes, load::GrownFiles grown_files,
                       Loads& loads) {
    const load::Result first = load_file(held, endpoint, options);
    load::Target target;
    target.held = load::RowSums{.row_count = first.row_count, .hash_sum = first.rows_hash};
    options.grown_files = grown_files;
    const auto start = Clock::now();
    const load::Result result = load_file(bytes, endpoint, options, target);
    loads.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    loads.bytes = result.bytes_sent;
    loads.rows_kept = result.rows_kept;
  };
  for (int i = 0; i < runs; ++i) {
    run(grown, load::GrownFiles::kSendAll, all);
    run(grown, load::GrownFiles::kSendNew, added);
    run(changed, load::GrownFiles::kSendNew, in_vain);
  }
  const double loading = bench::median(all.seconds);
  const auto show = [&](const char* what, const Loads& loads) {
    fmt::print("{:40} {:7.3f} s {:12} bytes sent {:10} rows kept   {:.2f} of the time\n", what,
               bench::median(loads.seconds), loads.bytes, loads.rows_kept,
               bench::median(loads.seconds) / loading);
  };
  fmt::print("{} rows, {} of them new, medians of {} alternating runs\n", rows, rows - before,
             runs);
  show("all rows", all);
  show("new rows", added);
  show("new rows, but one before has changed", in_vain);
  fmt::print("bytes of new rows {:.1f} % (bar: at most 15 %)\n",
             100 * static_cast<double>(added.bytes) / static_cast<double>(all.bytes));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 3'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const unsigned streams = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 2;
  const auto dir = std::filesystem::temp_directory_path() / "qvdhouse_grown_bench";
  const auto engine = clickhouse::Engine::attach_or_start({.data_dir = dir});
  clickhouse::Connection(engine.endpoint("default"))
      .query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
  compare(engine, rows, runs, streams);
  std::filesystem::remove_all(dir);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "grown_bench: {}\n", error.what());
  return 1;
}
