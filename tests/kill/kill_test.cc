// kill -9 of the pipeline or of the engine at random moments of a sync over several files, then one
// undisturbed run: every table holds exactly its file's rows, the tracking table tells the truth,
// no staging table is left.
//
// QVDHOUSE_KILLS (default 8) and QVDHOUSE_KILL_SEED set how many moments and which.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "qvd/writer.h"
#include "tests/support/process.h"

namespace qvdhouse {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using tests::Process;

constexpr int kFiles = 6;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// File `index` in its `generation`: another row count and other values each time.
std::uint64_t rows_of(int index, std::uint64_t generation) {
  return 20'000 + static_cast<std::uint64_t>(index) * 7'001 + generation % 5 * 1'003;
}

void write_file(const fs::path& path, int index, std::uint64_t generation) {
  qvd::FieldData id{.name = "id"};
  qvd::FieldData text{.name = "text"};
  qvd::FieldData number{.name = "number"};
  const auto rows = static_cast<std::uint32_t>(rows_of(index, generation));
  for (std::uint32_t row = 0; row < rows; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row + generation)));
    id.codes.push_back(row + 1);
    text.codes.push_back(row % 100 + 1);
    number.codes.push_back(row % 51);
  }
  for (int i = 0; i < 100; ++i)
    text.values.push_back(qvd::Value::of(fmt::format("g{} {}", generation, i)));
  for (int i = 0; i < 50; ++i) number.values.push_back(qvd::Value::of(i + 0.5));
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {id, text, number}, .row_count = rows});
  const fs::path part = path.string() + ".part";
  std::ofstream(part, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  fs::rename(part, path);
  // Another second each time: the listing alone must show the change.
  fs::last_write_time(path, fs::file_time_type::clock::now() + std::chrono::seconds(generation));
}

class Kill : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / fmt::format("qvdhouse_kill_{}", ::getpid());
    fs::create_directories(dir_ / "qvds");
    binary_ = fs::path(QVDHOUSE_BINARY_DIR) / "qvdhouse";
    if (run({"doctor", "--data-dir", data()}).exit_code == 5) {
      GTEST_SKIP() << "the embedded engine can not start: is libchdb.so installed? run ./dev test";
    }
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string data() const { return (dir_ / "data").string(); }
  std::vector<std::string> sync_arguments() const {
    return {"sync", (dir_ / "qvds").string(), "--data-dir", data(), "--quiet"};
  }
  tests::Finished run(const std::vector<std::string>& arguments) const {
    return tests::run(binary_, arguments, {}, dir_);
  }
  std::string query(const std::string& sql) const {
    const auto done = run({"query", sql, "--format", "TSVRaw", "--data-dir", data(), "--quiet"});
    EXPECT_EQ(done.exit_code, 0) << sql << "\n" << done.err;
    return done.out;
  }
  // Pid of the running engine, 0 if there is none.
  int engine_pid() const {
    std::ifstream in(dir_ / "data" / "engine.json");
    const auto info = nlohmann::json::parse(in, nullptr, false);
    return info.is_discarded() ? 0 : info.value("pid", 0);
  }

  fs::path dir_;
  fs::path binary_;
};

TEST_F(Kill, EveryTableIsExactAfterTheNextRun) {
  const std::uint64_t kills = from_environment("QVDHOUSE_KILLS", 8);
  const std::uint64_t seed = from_environment("QVDHOUSE_KILL_SEED", 20261122);
  std::mt19937_64 random(seed);
  fmt::print("{} kills, seed {}\n", kills, seed);

  // One undisturbed run says how long the moments may be.
  for (int i = 0; i < kFiles; ++i) write_file(dir_ / "qvds" / fmt::format("t{}.qvd", i), i, 0);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run(sync_arguments()).exit_code, 0);
  const auto whole =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);

  for (std::uint64_t kill = 1; kill <= kills; ++kill) {
    SCOPED_TRACE(fmt::format("kill {} of seed {}", kill, seed));
    for (int i = 0; i < kFiles; ++i) write_file(dir_ / "qvds" / fmt::format("t{}.qvd", i), i, kill);
    Process victim(binary_, sync_arguments(), {}, dir_);
    std::this_thread::sleep_for(milliseconds(random() % static_cast<std::uint64_t>(whole.count())));
    const int engine = engine_pid();
    const bool kill_engine = random() % 2 == 0 && engine > 1;
    ::kill(kill_engine ? engine : victim.pid(), SIGKILL);
    victim.wait();

    const auto repaired = run(sync_arguments());
    ASSERT_EQ(repaired.exit_code, 0) << repaired.err;
    for (int i = 0; i < kFiles; ++i) {
      EXPECT_EQ(
          query(fmt::format("SELECT count(), uniqExact(id), min(id), countIf(isNull(number)), "
                            "countIf(startsWith(text, 'g{} ')) FROM local.QvdT{}",
                            kill, i)),
          fmt::format("{0}\t{0}\t{1}\t{2}\t{0}\n", rows_of(i, kill), kill,
                      (rows_of(i, kill) + 50) / 51));
    }
    const auto verified = run({"verify", "--data-dir", data(), "--quiet"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
    EXPECT_EQ(query("SELECT file_name, status, row_count FROM local.QvdFileTracking FINAL "
                    "ORDER BY file_name"),
              [&] {
                std::string rows;
                for (int i = 0; i < kFiles; ++i) {
                  rows += fmt::format("t{}.qvd\tcompleted\t{}\n", i, rows_of(i, kill));
                }
                return rows;
              }());
    EXPECT_EQ(query("SELECT name FROM system.tables WHERE name LIKE '%staging%'"), "");
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace qvdhouse
