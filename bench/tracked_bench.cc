// One changed file among very many that are loaded: a sync, against reading the tracking table and
// listing the folder alone, with an engine that runs already. All files are links to one; that they
// were loaded is written into the tracking table. Runs alternate, medians are compared.
//
//   tracked_bench [files = 100000] [runs = 5]
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/kinds_of_fields.h"
#include "bench/median.h"
#include "bench/timed_run.h"
#include "qvd/writer.h"

namespace {

using namespace qvdhouse;
namespace fs = std::filesystem;

constexpr const char* kFirst = "T0000000.qvd";

void write_file(const fs::path& path, std::uint64_t rows) {
  const auto bytes =
      qvd::write_qvd({.name = "T", .fields = {bench::key_field(rows)}, .row_count = rows});
  fs::remove(path);  // a link of its own from now on
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

class Timed {
 public:
  Timed(const fs::path& dir, std::vector<std::string> arguments)
      : dir_(dir), arguments_(std::move(arguments)) {
    arguments_.insert(arguments_.end(), {"--data-dir", "data", "--config", "one.toml"});
  }
  void run() {
    const bench::TimedRun run = bench::run_timed(arguments_, dir_, {{"QVD_ENGINE_LINGER", "60s"}});
    seconds_.push_back(run.seconds);
    peak_kib_ = run.peak_kib;
  }
  double seconds() const { return bench::median(seconds_); }
  std::string text() const {
    return fmt::format("{:7.2f} s {:6} MiB", seconds(), peak_kib_ / 1024);
  }

 private:
  const fs::path& dir_;
  std::vector<std::string> arguments_;
  std::vector<double> seconds_;
  std::uint64_t peak_kib_ = 0;
};

void compare(const fs::path& dir, std::uint64_t files, int runs) {
  std::ofstream(dir / "one.toml")
      << "[[table]]\nmatch = \"*.qvd\"\nname = \"One\"\nmode = \"replace_by_file\"\n";
  fs::create_directories(dir / "files");
  write_file(dir / "files" / kFirst, 1'000);
  Timed sync(dir, {"sync", "files", "--quiet"});
  sync.run();
  for (std::uint64_t i = 1; i < files; ++i) {
    fs::create_hard_link(dir / "files" / kFirst, dir / "files" / fmt::format("T{:07}.qvd", i));
  }
  Timed(dir, {"query", "--write",
              fmt::format("INSERT INTO QvdFileTracking SELECT * EXCEPT (number) REPLACE ("
                          "replaceOne(file_path, '0000000', leftPad(toString(number), 7, '0')) AS "
                          "file_path, "
                          "replaceOne(file_name, '0000000', leftPad(toString(number), 7, '0')) AS "
                          "file_name) FROM QvdFileTracking AS t, numbers(1, {}) AS n",
                          files - 1)})
      .run();
  Timed list(dir, {"ls", "files"});
  Timed read(dir,
             {"query", "SELECT * FROM QvdFileTracking FINAL ORDER BY file_path FORMAT RowBinary"});
  Timed idle(dir, {"sync", "files", "--quiet"});
  Timed changed(dir, {"sync", "files", "--quiet"});
  Timed status(dir, {"status"});
  for (int run = 0; run < runs; ++run) {
    list.run();
    read.run();
    idle.run();
    write_file(dir / "files" / fmt::format("T{:07}.qvd", files / 2),
               2'000 + static_cast<std::uint64_t>(run));
    changed.run();
    status.run();
  }
  const double least = list.seconds() + read.seconds();
  fmt::print("{} tracked files, medians of {} alternating runs\n", files, runs);
  fmt::print("ls                        {}\n", list.text());
  fmt::print("reading the tracking table {}\n", read.text());
  fmt::print("sync, nothing to do       {}, {:.2f} of both\n", idle.text(), idle.seconds() / least);
  fmt::print("sync, one file changed    {}, {:.2f} of both (bar: at most 1.5)\n", changed.text(),
             changed.seconds() / least);
  fmt::print("status                    {}\n", status.text());
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t files = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  return qvdhouse::bench::run_in_folder("tracked_bench",
                                        [&](const fs::path& dir) { compare(dir, files, runs); });
}
