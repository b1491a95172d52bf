// How fast `qvdhouse cat` writes rows, beside the engine's own writing of the same rows on one
// thread; what one column of a hundred costs beside all; whether memory grows with rows.
//
//   cat_bench [rows = 10000000] [runs = 5]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "clickhouse/connection.h"
#include "clickhouse/engine.h"
#include "load/load.h"
#include "qvd/writer.h"
#include "render/files.h"
#include "render/format.h"
#include "render/rows.h"
#include "sample/sample.h"
#include "source/storage.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kDatabase = "cat_bench";

struct Written {
  double seconds = 0;
  std::uint64_t bytes = 0;
};

template <class Write>
Written timed(const Write& write) {
  Written written;
  const auto start = Clock::now();
  written.bytes = write();
  written.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return written;
}

// Everything that cat does, on one thread, but for the write to standard output.
Written by_cat(const fs::path& path, render::Format format,
               const std::vector<std::string>& columns = {}) {
  return timed([&] {
    source::Storage storage;
    const source::FileEntry entry = storage.list(path.string(), {}).at(0);
    render::File file{.name = entry.name,
                      .open = [&] { return storage.open(entry); },
                      .options = {},
                      .target = {}};
    file.options.streams = 1;
    render::Files files({file}, {.columns = columns, .where = {}, .limit = {}}, {});
    render::Rows rows(files, {.format = format});
    std::uint64_t bytes = 0;
    for (auto piece = rows.next(); !piece.empty(); piece = rows.next()) bytes += piece.size();
    return bytes;
  });
}

Written by_engine(const clickhouse::Endpoint& endpoint, const std::string& table,
                  std::string_view format) {
  return timed([&] {
    clickhouse::Connection connection(endpoint);
    std::uint64_t bytes = 0;
    connection.query_streamed(fmt::format("SELECT * FROM {} FORMAT {}", table, format),
                              [&](std::string_view piece) { bytes += piece.size(); },
                              {{"max_threads", "1"}, {"output_format_parallel_formatting", "0"}});
    return bytes;
  });
}

void beside_the_engine(std::uint64_t rows, int runs, const fs::path& dir) {
  const fs::path path = dir / "T.qvd";
  sample::write_speed_table(path, rows);
  const auto engine = clickhouse::Engine::attach_or_start({.data_dir = dir / "engine"});
  clickhouse::Connection(engine.endpoint("system"))
      .query(fmt::format("CREATE DATABASE IF NOT EXISTS {}", kDatabase));
  const clickhouse::Endpoint endpoint = engine.endpoint(kDatabase);
  load::Progress progress;
  load::Result loaded;
  source::Storage storage;
  const auto bytes = storage.open(storage.list(path.string(), {}).at(0));
  load::load_file(*bytes, "T.qvd", endpoint, {.run_id = "r"}, progress, loaded);
  fmt::print("{} rows x 10, medians of {} alternating runs, one thread each\n", rows, runs);
  const std::pair<render::Format, std::string_view> formats[] = {
      {render::Format::kCsv, "CSVWithNames"},
      {render::Format::kTsv, "TSVWithNames"},
      {render::Format::kJsonEachRow, "JSONEachRow"},
      {render::Format::kNative, "Native"}};
  for (const auto& [format, name] : formats) {
    std::vector<double> ours;
    std::vector<double> theirs;
    std::uint64_t size = 0;
    for (int run = -1; run < runs; ++run) {  // the first warms up
      const Written cat = by_cat(path, format);
      const Written select = by_engine(endpoint, loaded.table, name);
      if (format != render::Format::kNative && cat.bytes != select.bytes) {
        throw std::runtime_error(
            fmt::format("{}: {} bytes by cat, {} by the engine", name, cat.bytes, select.bytes));
      }
      if (run < 0) continue;
      size = cat.bytes;
      ours.push_back(cat.seconds);
      theirs.push_back(select.seconds);
    }
    const double our_median = bench::median(ours);
    fmt::print("{:13} cat {:7.3f} s ({:5.0f} MB/s), engine {:7.3f} s, {:5.2f} x its rate{}\n", name,
               our_median, static_cast<double>(size) / 1e6 / our_median, bench::median(theirs),
               bench::median(theirs) / our_median,
               format == render::Format::kCsv ? " (bar: 0.8)" : "");
  }
}

// A hundred columns of texts and numbers.
fs::path write_wide(const fs::path& dir, std::uint64_t rows) {
  std::vector<qvd::FieldData> fields;
  for (std::uint32_t i = 0; i < 100; ++i) {
    qvd::FieldData& field = fields.emplace_back();
    field.name = fmt::format("Field{}", i);
    for (int value = 0; value < 1'000; ++value) {
      field.values.push_back(i % 2 == 0 ? qvd::Value::of(value * 7)
                                        : qvd::Value::of(fmt::format("text {:06}", value)));
    }
    for (std::uint64_t row = 0; row < rows; ++row) {
      field.codes.push_back(static_cast<std::uint32_t>(row * (2 * i + 1) % 1'000) + 1);
    }
  }
  const auto bytes =
      qvd::write_qvd({.name = "Wide", .fields = std::move(fields), .row_count = rows});
  const fs::path path = dir / "Wide.qvd";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

void one_of_hundred(std::uint64_t rows, int runs, const fs::path& dir) {
  const fs::path path = write_wide(dir, rows);
  std::vector<double> all;
  std::vector<double> one;
  for (int run = 0; run < runs; ++run) {
    all.push_back(by_cat(path, render::Format::kCsv).seconds);
    one.push_back(by_cat(path, render::Format::kCsv, {"Field50"}).seconds);
  }
  fmt::print("{} rows x 100: all {:.3f} s, one column {:.3f} s: {:.1f} x faster (bar: 5)\n", rows,
             bench::median(all), bench::median(one), bench::median(all) / bench::median(one));
}

void memory(std::uint64_t rows, const fs::path& dir) {
  for (const std::uint64_t part : {rows / 4, rows / 2}) {
    const fs::path path = dir / "Part.qvd";
    sample::write_speed_table(path, part);
    const bench::TimedRun run = bench::run_timed(
        {"cat", path.string(), "--output", (dir / "out.csv").string(), "--overwrite"}, dir);
    fmt::print("cat of {:9} rows into a file: {:6.2f} s, peak {} MiB\n", part, run.seconds,
               run.peak_kib / 1024);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  return bench::run_in_folder("cat_bench", [&](const fs::path& dir) {
    beside_the_engine(rows, runs, dir);
    one_of_hundred(rows / 20, runs, dir);
    memory(rows, dir);
  });
}
