// The program as a user meets it: how fast it starts, what a run with nothing to do costs, how fast
// many small files become one table, how fast their headers become a catalogue, how much memory a
// load takes at two lengths of the same table.
//
//   process_bench [rows of the shorter table = 10000000]
//
// Each time stands beside that of `qvdhouse version`, which starts and does nothing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/median.h"
#include "bench/timed_run.h"
#include "qvd/writer.h"
#include "sample/sample.h"

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
  sample::write_sample_tree(dir / "tree", 1000);
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

// Files of one set: `count` copies of the same bytes, all of one time.
void write_parts(const fs::path& folder, const std::vector<std::byte>& bytes, int count) {
  fs::create_directories(folder);
  const auto time = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (int i = 0; i < count; ++i) {
    const fs::path path = folder / fmt::format("part_{}.qvd", i);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    fs::last_write_time(path, time);
  }
}

std::vector<std::byte> part_of(std::uint32_t rows) {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData customer{.name = "customer"};
  qvd::FieldData amount{.name = "amount"};
  for (int i = 0; i < 500; ++i) {
    customer.values.push_back(qvd::Value::of(fmt::format("customer {}", i)));
    amount.values.push_back(qvd::Value::of(i + 0.25));
  }
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row)));
    id.codes.push_back(row + 1);
    customer.codes.push_back(row * 7 % 500 + 1);
    amount.codes.push_back(row * 3 % 501);
  }
  return qvd::write_qvd({.name = "P", .fields = {id, customer, amount}, .row_count = rows});
}

// A folder with a configuration that makes one table of all parts.
fs::path set_folder(const fs::path& dir, const std::string& name) {
  const fs::path folder = dir / name;
  fs::create_directories(folder);
  std::ofstream(folder / "qvdhouse.toml")
      << "[[table]]\nmatch = \"part_*.qvd\"\nname = \"Parts\"\n";
  return folder;
}

void many_files_one_table(const fs::path& dir) {
  constexpr int kFiles = 100;
  const fs::path folder = set_folder(dir, "set");
  write_parts(folder / "files", part_of(10'000), kFiles);
  const double seconds =
      bench::run_timed({"sync", "files", "--data-dir", "data", "--quiet"}, folder).seconds;
  fmt::print("{} files of 10,000 rows, one table {:7.1f} files/s (bar: at least 20)\n", kFiles,
             kFiles / seconds);
}

// Headers and symbol tables of files as a real lake has them: 20 fields of 500 values. `plan` reads
// the same and writes nothing.
void catalogue(const fs::path& dir) {
  constexpr int kFiles = 1'000;
  constexpr std::uint32_t kRows = 2'000;
  const fs::path folder = dir / "lake";
  qvd::TableData table{.name = "L", .row_count = kRows};
  for (std::uint32_t field = 0; field < 20; ++field) {
    qvd::FieldData data{.name = fmt::format("field {}", field), .tags = {"$text"}};
    for (int i = 0; i < 500; ++i) {
      data.values.push_back(field % 2 == 0 ? qvd::Value::of(i * 1.25)
                                           : qvd::Value::of(fmt::format("value {}", i)));
    }
    for (std::uint32_t row = 0; row < kRows; ++row) data.codes.push_back(row * 7 % 500 + 1);
    table.fields.push_back(std::move(data));
  }
  table.lineage = {{"Provider=SQLOLEDB.1;Password=x;Data Source=erp", "SELECT * FROM l"}};
  write_parts(folder / "files", qvd::write_qvd(table), kFiles);
  const double plan = median_seconds(3, {"plan", "files", "--data-dir", "data", "--quiet"}, folder);
  const std::vector<std::string> run{"catalog", "files", "--data-dir", "data", "--quiet"};
  const double first = bench::run_timed(run, folder).seconds;
  const double again = median_seconds(3, run, folder);
  fmt::print(
      "catalog of {} files            {:7.2f} s, again {:.2f} s (bar: below 10 s), {:.2f} "
      "times `plan` ({:.2f} s)\n",
      kFiles, first, again, again / plan, plan);
  const std::string question =
      "SELECT count() FROM QvdCatalogFields WHERE field_name = 'field 7' FORMAT Null";
  const double query = median_seconds(5, {"query", question, "--data-dir", "data"}, folder);
  const double nothing = median_seconds(5, {"query", "SELECT 1", "--data-dir", "data"}, folder);
  fmt::print("which of {} files hold a field   {:5.0f} ms (`SELECT 1`: {:.0f} ms)\n", kFiles,
             1e3 * query, 1e3 * nothing);
}

// One file is loaded, and the tracking table made to say the same of all the others.
void nothing_to_do_in_a_large_set(const fs::path& dir) {
  constexpr int kFiles = 10'000;
  const fs::path folder = set_folder(dir, "large_set");
  const auto bytes = part_of(10);
  write_parts(folder / "files", bytes, 1);
  const std::vector<std::string> sync{"sync", "files", "--data-dir", "data", "--quiet"};
  bench::run_timed(sync, folder);
  const auto time = fs::last_write_time(folder / "files/part_0.qvd");
  write_parts(folder / "files", bytes, kFiles);
  for (int i = 0; i < kFiles; ++i) {
    fs::last_write_time(folder / "files" / fmt::format("part_{}.qvd", i), time);
  }
  bench::run_timed(
      {"query", "--write",
       fmt::format("INSERT INTO local.QvdFileTracking SELECT * EXCEPT number REPLACE ("
                   "concat('part_', toString(number), '.qvd') AS file_name, replaceOne(file_path, "
                   "'part_0.qvd', concat('part_', toString(number), '.qvd')) AS file_path) FROM "
                   "(SELECT t.*, n.number AS number FROM local.QvdFileTracking AS t CROSS JOIN "
                   "numbers(1, {}) AS n)",
                   kFiles - 1),
       "--data-dir", "data"},
      folder);
  fmt::print("sync, nothing to do on {} files {:5.2f} s (bar: below 5 s)\n", kFiles,
             median_seconds(3, sync, folder));
}

void memory(const fs::path& dir, std::uint64_t rows) {
  std::vector<std::uint64_t> peaks;
  for (const std::uint64_t factor : {1u, 4u}) {
    const fs::path path = dir / fmt::format("rows{}.qvd", factor);
    sample::write_speed_table(path, factor * rows);
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

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  return bench::run_in_folder("process_bench", [&](const fs::path& dir) {
    start_times(dir);
    nothing_to_do(dir);
    many_files_one_table(dir);
    catalogue(dir);
    nothing_to_do_in_a_large_set(dir);
    memory(dir, rows);
  });
}
