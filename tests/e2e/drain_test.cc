// A run that is told to finish, and another one on the same server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "claim/locks.h"
#include "qvd/writer.h"
#include "sync/sync.h"
#include "tests/servers/clickhouse.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDrained = "drained";

class Drain : public ::testing::Test {
 protected:
  void SetUp() override try {
    work_ = fs::canonical(fs::temp_directory_path()) / fmt::format("qvdhouse_dr_{}", ::getpid());
    server_ = std::make_unique<ClickHouseServer>(ServerKind::kNewest, work_);
    fs::create_directories(work_ / "qvds");
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(work_);
  }

  void put(const std::string& name) const {
    const auto bytes = qvd::write_qvd({.name = "T",
                                       .fields = {{.name = "id",
                                                   .values = {qvd::Value::of(1), qvd::Value::of(2)},
                                                   .codes = {1, 2, 2}}},
                                       .row_count = 3});
    std::ofstream(work_ / "qvds" / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    fs::last_write_time(work_ / "qvds" / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  // A run of a machine of that name. Each file of the set takes a second at least.
  sync::Options options(const std::string& machine) const {
    return {.source = (work_ / "qvds").string(),
            .selection = {.pattern = "*.qvd"},
            .database = kDrained,
            .lock_dir = work_ / machine,
            .parallel_files = 2,
            .tables = {{.match = "Sales_*.qvd",
                        .name = "QvdSales",
                        .where = "test",
                        .pre_sql = {"SELECT sleep(1)"}}},
            .needs_lease = true};
  }
  using OnFile = std::function<void(const sync::FileOutcome&)>;
  sync::Summary run(const sync::Options& options, const OnFile& on_file) {
    sync::Monitor monitor;
    spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    source::Storage storage{source::Access{.attempts = 1}};
    return sync::run(options, storage, server_->endpoint(kDrained), monitor, log, on_file);
  }

  fs::path work_;
  std::unique_ptr<ClickHouseServer> server_;
};

TEST_F(Drain, WhatIsNotBegunIsFreeAtOnceWhileOpenFilesAreFinished) {
  put("a.qvd");
  for (int i = 0; i < 6; ++i) put(fmt::format("Sales_{}.qvd", i));
  put("z.qvd");
  // The first run has QvdA open for as long as this is held.
  std::optional<base::FileLock> held = claim::try_lock_table(work_ / "one", kDrained, "QvdA");
  std::stop_source finish;
  sync::Options first = options("one");
  first.finish = finish.get_token();
  std::atomic<bool> is_asked = false;
  sync::Summary of_first;
  std::jthread one([&] {
    of_first = run(first, [&](const sync::FileOutcome&) {
      finish.request_stop();
      is_asked = true;
    });
  });
  while (!is_asked) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  sync::Summary of_second;
  std::atomic<std::size_t> loaded = 0;
  std::jthread two([&] {
    of_second = run(options("two"), [&](const sync::FileOutcome& file) {
      if (file.outcome == sync::Outcome::kLoaded) ++loaded;
    });
  });
  // One file of the set was loaded by the first run, and another one may be open there.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (loaded < 5 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(loaded, 5U) << "while the first run goes on";
  held.reset();
  one.join();
  two.join();
  EXPECT_EQ(of_first.count(sync::Outcome::kLoaded) + of_second.count(sync::Outcome::kLoaded), 8U);
  EXPECT_EQ(of_first.count(sync::Outcome::kCancelled), of_second.count(sync::Outcome::kLoaded));
  EXPECT_EQ(of_second.count(sync::Outcome::kFailed), 0U);
}

}  // namespace
}  // namespace qvdhouse::tests
