#include "source/remote_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"
#include "source/rclone.h"

namespace qvdhouse::source {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

// A bucket in memory that notes what it is asked.
class RemoteListing : public testing::Test {
 protected:
  RemotePlace place() {
    return {.shown = "s3://b",
            .has_only_names = true,
            .list =
                [this](const std::string& folder, bool recurse) {
                  requests_.push_back((recurse ? "all of " : "list ") + folder);
                  return below(folder, recurse);
                },
            .stat = [this](const std::string& path) -> std::optional<RcloneItem> {
              requests_.push_back("stat " + path);
              if (refuses_stat_) throw RcloneError("403", RcloneFault::kRefused);
              if (!names_.contains(path)) return std::nullopt;
              return RcloneItem{.path = path, .size = 1, .hash = {}};
            },
            .entry =
                [](const std::string& path, const RcloneItem& item) {
                  FileEntry entry;
                  entry.path = "s3://b/" + path;
                  entry.name = path.substr(path.rfind('/') + 1);
                  entry.size = item.size;
                  entry.mtime_us = item.mtime_us;
                  entry.source_type = "s3";
                  return entry;
                }};
  }
  std::vector<RcloneItem> below(const std::string& folder, bool recurse) const {
    const std::string prefix = folder.empty() ? "" : folder + "/";
    std::map<std::string, RcloneItem> items;
    for (const std::string& name : names_) {
      if (!name.starts_with(prefix)) continue;
      std::string rest = name.substr(prefix.size());
      const std::size_t slash = rest.find('/');
      const bool is_dir = !recurse && slash != std::string::npos;
      if (is_dir) rest.resize(slash);
      items[rest] = {.path = rest, .size = 1, .hash = {}, .is_dir = is_dir};
    }
    std::vector<RcloneItem> list;
    for (const auto& [path, item] : items) list.push_back(item);
    list.insert(list.end(), also_listed_.begin(), also_listed_.end());
    return list;
  }
  std::vector<std::string> taken(const std::string& path, const Selection& selection = {}) {
    std::vector<std::string> paths;
    skipped_.clear();
    requests_.clear();
    for (const FileEntry& entry : list_remote(place(), path, selection)) {
      if (entry.skip_code.empty()) {
        paths.push_back(entry.path.substr(7));
      } else {
        skipped_[entry.path.substr(7)] = entry.skip_code;
      }
    }
    return paths;
  }

  std::set<std::string> names_ = {"a.qvd",          "pre/b.QVD",           "pre/c.txt",
                                  "pre/2024/d.qvd", "pre/2024/deep/e.qvd", "pre/2025/f.qvd"};
  bool refuses_stat_ = false;
  std::vector<RcloneItem> also_listed_;
  std::vector<std::string> requests_;
  std::map<std::string, std::string> skipped_;
};

TEST_F(RemoteListing, AFolderIsListedOnceAndOneLevelDeep) {
  EXPECT_THAT(taken("pre/"), ElementsAre("pre/b.QVD"));
  EXPECT_THAT(requests_, ElementsAre("list pre"));
  EXPECT_THAT(taken("pre"), ElementsAre("pre/b.QVD"));
  EXPECT_THAT(requests_, ElementsAre("stat pre", "list pre"));
  EXPECT_THAT(taken(""), ElementsAre("a.qvd"));
  EXPECT_THAT(requests_, ElementsAre("list "));
}

TEST_F(RemoteListing, RecursesOnlyForPatternsThatNeedIt) {
  EXPECT_THAT(taken("pre/", {.pattern = "**/*.qvd"}),
              ElementsAre("pre/2024/d.qvd", "pre/2024/deep/e.qvd", "pre/2025/f.qvd", "pre/b.QVD"));
  EXPECT_THAT(requests_, ElementsAre("all of pre"));
  EXPECT_THAT(taken("pre/", {.pattern = "{b,c}.*"}), ElementsAre("pre/b.QVD", "pre/c.txt"));
  EXPECT_THAT(requests_, ElementsAre("list pre"));
}

TEST_F(RemoteListing, FoldersThatAPatternSpellsOutArePushedDown) {
  EXPECT_THAT(taken("pre/2024/*.qvd"), ElementsAre("pre/2024/d.qvd"));
  EXPECT_THAT(requests_, ElementsAre("stat pre/2024/*.qvd", "list pre/2024"));
  EXPECT_THAT(taken("", {.pattern = "pre/./2024/**/*.qvd"}),
              ElementsAre("pre/2024/d.qvd", "pre/2024/deep/e.qvd"));
  EXPECT_THAT(requests_, ElementsAre("all of pre/2024"));
  EXPECT_THAT(taken("pre/202[45]/*.qvd"), ElementsAre("pre/2024/d.qvd", "pre/2025/f.qvd"));
  EXPECT_THAT(requests_, ElementsAre("stat pre/202[45]/*.qvd", "all of pre"));
}

TEST_F(RemoteListing, ABackslashEscapesAndIsNotPushedDown) {
  names_.insert("a*b/x.qvd");
  EXPECT_THAT(taken("", {.pattern = "a\\*b/*.qvd"}), ElementsAre("a*b/x.qvd"));
  EXPECT_THAT(requests_, ElementsAre("all of "));
}

TEST_F(RemoteListing, TheFileOfExactlyThisNameComesFirst) {
  names_.insert("odd[1].qvd");
  names_.insert("odd1.qvd");
  EXPECT_THAT(taken("odd[1].qvd"), ElementsAre("odd[1].qvd"));
  EXPECT_THAT(requests_, ElementsAre("stat odd[1].qvd"));
  EXPECT_THAT(taken("odd[123].qvd"), ElementsAre("odd1.qvd"));
  EXPECT_THAT(taken("a.qvd", {.exclude = {"a"}}), IsEmpty());
  EXPECT_THAT(skipped_, ElementsAre(Pair("a.qvd", "excluded")));
}

TEST_F(RemoteListing, RulesForNamesAreThoseOfTheDisk) {
  for (const char* name : {"pre/.h.qvd", "pre/.git/g.qvd", "pre/.git/i.qvd", "pre/~t.qvd",
                           "pre/u.qvd.part", "pre/2024/"}) {
    names_.insert(name);
  }
  EXPECT_THAT(taken("pre/", {.pattern = "**/*.qvd", .exclude = {"2025/**"}}),
              ElementsAre("pre/2024/d.qvd", "pre/2024/deep/e.qvd", "pre/b.QVD"));
  EXPECT_THAT(skipped_, UnorderedElementsAre(
                            Pair("pre/.h.qvd", "hidden"), Pair("pre/.git", "hidden"),
                            Pair("pre/~t.qvd", "temporary"), Pair("pre/u.qvd.part", "temporary"),
                            Pair("pre/2025/f.qvd", "excluded")));
  EXPECT_THAT(taken("pre/.git/*.qvd"), ElementsAre("pre/.git/g.qvd", "pre/.git/i.qvd"));
}

TEST_F(RemoteListing, AMissingFolderOfABucketIsAnErrorAndAnEmptyBucketIsNot) {
  EXPECT_THROW(taken("nowhere/"), base::IoError);
  EXPECT_THROW(taken("nowhere.qvd"), base::IoError);
  EXPECT_THROW(taken("nowhere/*.qvd"), base::IoError);
  EXPECT_THAT(taken("pre/", {.pattern = "none*"}), IsEmpty());
  names_.clear();
  EXPECT_THAT(taken(""), IsEmpty());
}

TEST_F(RemoteListing, APathIsOneFileOfTheNewestTime) {
  also_listed_ = {{.path = "b.QVD", .size = 7, .mtime_us = 5, .hash = {}},
                  {.path = "b.QVD", .size = 6, .mtime_us = 4, .hash = {}}};
  const std::vector<FileEntry> files = list_remote(place(), "pre/", {});
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].path, "s3://b/pre/b.QVD");
  EXPECT_EQ(files[0].size, 7U);
}

// Who may list "pre/" only gets no look at "pre".
TEST_F(RemoteListing, ARefusedLookIsNoRefusedListing) {
  refuses_stat_ = true;
  EXPECT_THAT(taken("pre"), ElementsAre("pre/b.QVD"));
  EXPECT_THAT(taken("pre/*.QVD"), ElementsAre("pre/b.QVD"));
}

}  // namespace
}  // namespace qvdhouse::source
