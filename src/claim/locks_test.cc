#include "claim/locks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "clickhouse/names.h"

namespace qvdhouse::claim {
namespace {

namespace fs = std::filesystem;

class TableLock : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qvdhouse_claim_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = fs::path(name) / "locks";
  }
  void TearDown() override { fs::remove_all(dir_.parent_path()); }
  fs::path dir_;
};

TEST_F(TableLock, OneHolderPerTableOfADatabase) {
  std::optional<base::FileLock> first = try_lock_table(dir_, "local", "QvdItem");
  ASSERT_TRUE(first);
  EXPECT_FALSE(try_lock_table(dir_, "local", "QvdItem"));
  EXPECT_TRUE(try_lock_table(dir_, "local", "QvdItem2"));
  EXPECT_TRUE(try_lock_table(dir_, "other", "QvdItem"));
  EXPECT_TRUE(is_table_locked(dir_, clickhouse::table_hash("local", "QvdItem")));
  EXPECT_FALSE(is_table_locked(dir_, clickhouse::table_hash("local", "QvdItem2")));
  EXPECT_FALSE(is_table_locked(dir_, clickhouse::table_hash("other", "QvdItem")));
  base::FileLock moved = std::move(*first);
  first.reset();
  EXPECT_FALSE(try_lock_table(dir_, "local", "QvdItem"));
  EXPECT_FALSE(is_table_locked(dir_ / "none", clickhouse::table_hash("local", "QvdItem")));
}

TEST_F(TableLock, ComesBackWhenItsHolderLetsGo) {
  std::optional<base::FileLock> held = try_lock_table(dir_, "local", "QvdItem");
  std::atomic<bool> got = false;
  std::jthread waiting([&](const std::stop_token& stop) {
    const base::FileLock lock = lock_table(dir_, "local", "QvdItem", stop);
    got = true;
  });
  EXPECT_FALSE(got);
  held.reset();
  waiting.join();
  EXPECT_TRUE(got);
}

TEST_F(TableLock, IsSharedByRunsThatHaveFilesOfTheTable) {
  using enum base::FileLock::Kind;
  std::optional<base::FileLock> first = try_lock_table(dir_, "local", "Sales");
  EXPECT_FALSE(try_lock_table(dir_, "local", "Sales", kShared));
  ASSERT_TRUE(first->try_lock(kShared));
  std::optional<base::FileLock> second = try_lock_table(dir_, "local", "Sales", kShared);
  EXPECT_TRUE(second);
  EXPECT_FALSE(try_lock_table(dir_, "local", "Sales"));
  first.reset();
  EXPECT_TRUE(is_table_locked(dir_, clickhouse::table_hash("local", "Sales")));
  second.reset();
  EXPECT_FALSE(is_table_locked(dir_, clickhouse::table_hash("local", "Sales")));
  EXPECT_TRUE(try_lock_table(dir_, "local", "Sales"));
}

TEST_F(TableLock, WaitingCanBeCalledOff) {
  const std::optional<base::FileLock> held = try_lock_table(dir_, "local", "QvdItem");
  std::jthread waiting([&](const std::stop_token& stop) {
    EXPECT_THROW(lock_table(dir_, "local", "QvdItem", stop), base::Cancelled);
  });
  waiting.request_stop();
}

TEST_F(TableLock, NamesOfAnyBytesAndLengthWork) {
  const std::string odd = "../../" + std::string(500, 'x') + '\0' + "\n";
  const std::optional<base::FileLock> held = try_lock_table(dir_, "local", odd);
  ASSERT_TRUE(held);
  EXPECT_FALSE(try_lock_table(dir_, "local", odd));
  EXPECT_TRUE(try_lock_table(dir_, "local", odd + "y"));
  for (const auto& item : fs::recursive_directory_iterator(dir_.parent_path())) {
    EXPECT_TRUE(item.path() == dir_ || item.path().parent_path() == dir_) << item.path();
  }
}

TEST_F(TableLock, AFolderThatCanNotBeMadeIsAnError) {
  std::ofstream(dir_) << "a file is in the way";
  EXPECT_THROW(try_lock_table(dir_, "local", "QvdItem"), base::IoError);
}

TEST(RunLock, TellsWhetherTheProcessOfARunLives) {
  const fs::path folder = fs::path(testing::TempDir()) / "qvdhouse_run_lock";
  fs::remove_all(folder);
  EXPECT_EQ(life_of_run(folder, "r"), RunLife::kUnknown);
  {
    const RunLock lock(folder, "r");
    EXPECT_EQ(life_of_run(folder, "r"), RunLife::kAlive);
    EXPECT_THROW(RunLock(folder, "r"), base::IoError);
  }
  EXPECT_EQ(life_of_run(folder, "r"), RunLife::kUnknown);
  std::ofstream(folder / "runs" / "r.lock").flush();
  EXPECT_EQ(life_of_run(folder, "r"), RunLife::kDead);
  forget_run(folder, "r");
  EXPECT_EQ(life_of_run(folder, "r"), RunLife::kUnknown);
  fs::remove_all(folder);
}

TEST(OnlyRun, NoticesEveryOtherRun) {
  const fs::path folder = fs::path(testing::TempDir()) / "qvdhouse_only_run";
  fs::remove_all(folder);
  EXPECT_FALSE(OnlyRun(folder, "mine").is_so());  // without a lock of its own
  const RunLock lock(folder, "mine");
  const OnlyRun before(folder, "mine");
  EXPECT_TRUE(before.is_so());
  {
    const RunLock other(folder, "other");
    EXPECT_FALSE(before.is_so());
    EXPECT_FALSE(OnlyRun(folder, "mine").is_so());
  }
  // It is gone, and may have written something.
  EXPECT_FALSE(before.is_so());
  const OnlyRun after(folder, "mine");
  EXPECT_TRUE(after.is_so());
  std::ofstream(folder / "runs" / "dead.lock").flush();
  EXPECT_FALSE(after.is_so());
  EXPECT_TRUE(OnlyRun(folder, "mine").is_so());  // it was dead before
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::claim
