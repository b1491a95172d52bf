#include "base/file_trust.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace qvdhouse::base {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr uid_t kStranger = 4242;

class FileTrustTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    std::ofstream(file_) << "text";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string reason_for(fs::perms permissions) const {
    fs::permissions(file_, permissions);
    return why_not_trusted(file_access(file_).value());
  }

  const fs::path folder_ = fs::temp_directory_path() / ("file_trust_" + std::to_string(::getpid()));
  const fs::path file_ = folder_ / "file";
};

TEST_F(FileTrustTest, TakesWhatOnlyTheCallerWrites) {
  EXPECT_EQ(reason_for(fs::perms{0600}), "");
  EXPECT_EQ(reason_for(fs::perms{0644}), "");
  EXPECT_EQ(why_not_trusted({.owner = 0, .mode = 0644}), "");  // root's
  EXPECT_EQ(why_not_trusted({.owner = geteuid(), .mode = 0755}), "");
}

TEST_F(FileTrustTest, NamesTheModeByWhichOthersWrite) {
  EXPECT_THAT(reason_for(fs::perms{0664}), HasSubstr("mode 0664"));
  EXPECT_THAT(reason_for(fs::perms{0602}), HasSubstr("mode 0602"));
  EXPECT_THAT(why_not_trusted({.owner = geteuid(), .mode = 01777}), HasSubstr("mode 1777"));
}

// Debian's user and group "daemon" (1) have the same name and no further member.
TEST_F(FileTrustTest, AGroupOfTheOwnersOwnMayWrite) {
  EXPECT_EQ(why_not_trusted({.owner = geteuid(), .mode = 0664, .is_group_private = true}), "");
  EXPECT_THAT(why_not_trusted({.owner = geteuid(), .mode = 0666, .is_group_private = true}),
              HasSubstr("mode 0666"));
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const passwd* const daemon = getpwnam("daemon");
  const group* const games = getgrnam("games");
  if (daemon == nullptr || games == nullptr) GTEST_SKIP() << "no users daemon and games";
  fs::permissions(file_, fs::perms{0664});
  ASSERT_EQ(lchown(file_.c_str(), daemon->pw_uid, daemon->pw_gid), 0);
  EXPECT_FALSE(file_access(file_).value().is_writable_by_others());
  ASSERT_EQ(lchown(file_.c_str(), daemon->pw_uid, games->gr_gid), 0);
  EXPECT_TRUE(file_access(file_).value().is_writable_by_others());
}

TEST_F(FileTrustTest, NamesAnotherOwner) {
  const std::string reason = why_not_trusted({.owner = kStranger, .mode = 0600});
  EXPECT_THAT(reason, HasSubstr("belongs to user 4242"));
  EXPECT_THAT(reason, HasSubstr("runs as user " + std::to_string(geteuid())));
}

TEST_F(FileTrustTest, CountsTheOwnerOfALink) {
  const fs::path link = folder_ / "link";
  fs::create_symlink("file", link);
  EXPECT_EQ(why_not_trusted(file_access(link).value()), "");
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a link away";
  ASSERT_EQ(lchown(link.c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(file_access(link).value().owner, kStranger);
  ASSERT_EQ(lchown(file_.c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(why_not_trusted(file_access(file_).value()), HasSubstr("user 4242"));
}

TEST_F(FileTrustTest, TellsWhoReads) {
  EXPECT_TRUE((FileAccess{.mode = 0644}).is_readable_by_all());
  EXPECT_FALSE((FileAccess{.mode = 0640}).is_readable_by_all());
}

TEST_F(FileTrustTest, GivesNothingForWhatIsNotThere) {
  EXPECT_FALSE(file_access(folder_ / "none"));
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace qvdhouse::base
