#include "base/file_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"

namespace qvdhouse::base {
namespace {

namespace fs = std::filesystem;

class FileLockTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qvdhouse_lock_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    path_ = dir_ / "a.lock";
  }
  void TearDown() override { fs::remove_all(dir_); }
  bool is_free(FileLock::Kind kind = FileLock::Kind::kExclusive) const {
    return FileLock(path_, 0600).try_lock(kind);
  }
  fs::path dir_;
  fs::path path_;
};

TEST_F(FileLockTest, AnExclusiveLockHasOneHolder) {
  FileLock first(path_, 0600);
  EXPECT_TRUE(is_free());
  ASSERT_TRUE(first.try_lock());
  EXPECT_FALSE(is_free());
  EXPECT_FALSE(is_free(FileLock::Kind::kShared));
  FileLock moved = std::move(first);
  EXPECT_FALSE(is_free());
  moved = FileLock();
  EXPECT_TRUE(is_free());
}

TEST_F(FileLockTest, SharedLocksKeepAnExclusiveOneOff) {
  FileLock first(path_, 0600);
  FileLock second(path_, 0600);
  EXPECT_TRUE(first.try_lock(FileLock::Kind::kShared));
  EXPECT_TRUE(second.try_lock(FileLock::Kind::kShared));
  EXPECT_FALSE(is_free());
}

TEST_F(FileLockTest, WaitsUntilTheHolderLetsGo) {
  FileLock held(path_, 0600);
  ASSERT_TRUE(held.try_lock());
  std::atomic<bool> got = false;
  std::jthread waiting([&] {
    FileLock lock(path_, 0600);
    lock.lock();
    got = true;
  });
  EXPECT_FALSE(got);
  held = FileLock();
  waiting.join();
  EXPECT_TRUE(got);
}

TEST_F(FileLockTest, DoesNotOutliveAKilledHolder) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    FileLock lock(path_, 0600);
    const char byte = lock.try_lock() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_FALSE(is_free());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(is_free());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FileLockTest, GivenBackItIsFreeAndCanBeTakenAgain) {
  FileLock lock(path_, 0600);
  ASSERT_TRUE(lock.try_lock());
  lock.unlock();
  {
    FileLock other(path_, 0600);
    EXPECT_TRUE(other.try_lock());
    EXPECT_FALSE(lock.try_lock());
  }
  EXPECT_TRUE(lock.try_lock());
}

TEST_F(FileLockTest, KnowsWhetherItsPathStillLeadsToIt) {
  const FileLock lock(path_, 0600);
  EXPECT_TRUE(lock.is_in_place());
  fs::rename(path_, dir_ / "moved.lock");
  EXPECT_FALSE(lock.is_in_place());
  std::ofstream another(path_);
  EXPECT_FALSE(lock.is_in_place());
  fs::rename(dir_ / "moved.lock", path_);
  EXPECT_TRUE(lock.is_in_place());
}

TEST_F(FileLockTest, AFileThatHasToBeThereIsNotCreated) {
  EXPECT_FALSE(FileLock::of_existing(path_));
  EXPECT_FALSE(fs::exists(path_));
  std::ofstream file(path_);
  EXPECT_TRUE(FileLock::of_existing(path_));
}

TEST_F(FileLockTest, AFileThatCannotBeOpenedIsAnErrorWithItsName) {
  try {
    const FileLock lock(dir_ / "none" / "a.lock", 0600);
    FAIL();
  } catch (const IoError& error) {
    EXPECT_NE(std::string(error.what()).find("none/a.lock: the lock file cannot be opened"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace qvdhouse::base
