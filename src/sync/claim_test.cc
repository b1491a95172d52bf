#include "sync/claim.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"

namespace qvdhouse::sync {
namespace {

namespace fs = std::filesystem;

class ClaimTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qvdhouse_claim_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = fs::path(name) / "locks";
  }
  void TearDown() override { fs::remove_all(dir_.parent_path()); }
  fs::path dir_;
};

TEST_F(ClaimTest, OneHolderPerTableOfADatabase) {
  std::optional<Claim> first = Claim::try_acquire(dir_, "local", "QvdItem");
  ASSERT_TRUE(first);
  EXPECT_FALSE(Claim::try_acquire(dir_, "local", "QvdItem"));
  EXPECT_TRUE(Claim::try_acquire(dir_, "local", "QvdItem2"));
  EXPECT_TRUE(Claim::try_acquire(dir_, "other", "QvdItem"));
  Claim moved = std::move(*first);
  first.reset();
  EXPECT_FALSE(Claim::try_acquire(dir_, "local", "QvdItem"));
}

TEST_F(ClaimTest, ComesBackWhenItsHolderLetsGo) {
  std::optional<Claim> held = Claim::try_acquire(dir_, "local", "QvdItem");
  std::atomic<bool> got = false;
  std::jthread waiting([&](const std::stop_token& stop) {
    const Claim claim = Claim::acquire(dir_, "local", "QvdItem", stop);
    got = true;
  });
  EXPECT_FALSE(got);
  held.reset();
  waiting.join();
  EXPECT_TRUE(got);
}

TEST_F(ClaimTest, WaitingCanBeCalledOff) {
  const std::optional<Claim> held = Claim::try_acquire(dir_, "local", "QvdItem");
  std::jthread waiting([&](const std::stop_token& stop) {
    EXPECT_THROW(Claim::acquire(dir_, "local", "QvdItem", stop), base::Cancelled);
  });
  waiting.request_stop();
}

TEST_F(ClaimTest, DoesNotOutliveAKilledHolder) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::optional<Claim> claim = Claim::try_acquire(dir_, "local", "QvdItem");
    const char byte = claim ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_FALSE(Claim::try_acquire(dir_, "local", "QvdItem"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(Claim::try_acquire(dir_, "local", "QvdItem"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(ClaimTest, NamesOfAnyBytesAndLengthWork) {
  const std::string odd = "../../" + std::string(500, 'x') + '\0' + "\n";
  const std::optional<Claim> held = Claim::try_acquire(dir_, "local", odd);
  ASSERT_TRUE(held);
  EXPECT_FALSE(Claim::try_acquire(dir_, "local", odd));
  EXPECT_TRUE(Claim::try_acquire(dir_, "local", odd + "y"));
  for (const auto& item : fs::recursive_directory_iterator(dir_.parent_path())) {
    EXPECT_TRUE(item.path() == dir_ || item.path().parent_path() == dir_) << item.path();
  }
}

TEST_F(ClaimTest, AFolderThatCanNotBeMadeIsAnError) {
  std::ofstream(dir_) << "a file is in the way";
  EXPECT_THROW(Claim::try_acquire(dir_, "local", "QvdItem"), base::IoError);
}

}  // namespace
}  // namespace qvdhouse::sync
