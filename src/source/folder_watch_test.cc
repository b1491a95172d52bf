#include "source/folder_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class FolderWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qvdhouse_watch_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& name) const { std::ofstream(root_ / name) << "x"; }
  std::string path(const std::string& name) const { return (root_ / name).string(); }

  fs::path root_;
};

TEST_F(FolderWatchTest, AFileIsToldOfWhenItIsClosedOrMovedHere) {
  fs::create_directories(root_ / "below");
  FolderWatch watch(root_.string(), false);
  EXPECT_THAT(watch.read().files, IsEmpty());
  {
    std::ofstream file(root_ / "Ä file's.qvd");
    file << "half" << std::flush;
    EXPECT_THAT(watch.read().files, IsEmpty());
  }
  EXPECT_THAT(watch.read().files, ElementsAre(path("Ä file's.qvd")));
  put("below/other.qvd");
  fs::rename(root_ / "below/other.qvd", root_ / "moved.qvd");
  EXPECT_THAT(watch.read().files, ElementsAre(path("moved.qvd")));
  fs::remove(root_ / "moved.qvd");
  const FolderWatch::Changes nothing = watch.read();
  EXPECT_THAT(nothing.files, IsEmpty());
  EXPECT_FALSE(nothing.is_unsure);
}

TEST_F(FolderWatchTest, FoldersThatComeLaterAreWatchedToo) {
  fs::create_directories(root_ / "a/.hidden");
  fs::create_directory_symlink(root_, root_ / "a/loop");
  FolderWatch watch(root_.string(), true);
  put("a/1.qvd");
  put("a/.hidden/2.qvd");
  EXPECT_THAT(watch.read().files, ElementsAre(path("a/1.qvd")));
  fs::create_directories(root_ / "b/c");
  EXPECT_TRUE(watch.read().is_unsure);
  put("b/c/3.qvd");
  EXPECT_THAT(watch.read().files, ElementsAre(path("b/c/3.qvd")));
  fs::remove_all(root_ / "b");
  EXPECT_FALSE(watch.read().is_over);
}

TEST_F(FolderWatchTest, AFolderThatGoesEndsIt) {
  const fs::path folder = root_ / "source";
  EXPECT_THROW(FolderWatch(folder.string(), true), base::IoError);
  fs::create_directories(folder);
  FolderWatch watch(folder.string(), true);
  fs::rename(folder, root_ / "away");
  EXPECT_TRUE(watch.read().is_over);
}

}  // namespace
}  // namespace qvdhouse::source
