#include "source/listing.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "source/local.h"
#include "source/storage.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;

std::vector<FileEntry> list_files(const std::string& source, const Selection& selection) {
  return Storage().list(source, selection);
}

std::unique_ptr<base::ByteSource> open_file(const FileEntry& entry) { return open_local(entry); }

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class Listing : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qvdhouse_listing_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& bytes = "x") {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << bytes;
  }
  // Paths below the root, of the entries to be loaded.
  std::vector<std::string> taken(const Selection& selection, const std::string& source = {}) {
    std::vector<std::string> paths;
    for (const FileEntry& entry : list_files(source.empty() ? root_.string() : source, selection)) {
      if (entry.skip_reason.empty()) paths.push_back(relative(entry));
    }
    return paths;
  }
  // Path → code, of those that are not.
  std::map<std::string, std::string> skipped(const Selection& selection) {
    std::map<std::string, std::string> codes;
    for (const FileEntry& entry : list_files(root_.string(), selection)) {
      EXPECT_EQ(entry.skip_reason.empty(), entry.skip_code.empty()) << entry.path;
      if (!entry.skip_code.empty()) codes[relative(entry)] = entry.skip_code;
    }
    return codes;
  }
  std::string relative(const FileEntry& entry) const {
    return fs::path(entry.path).lexically_relative(root_).string();
  }

  fs::path root_;
};

TEST_F(Listing, DefaultTakesTheFolderItselfInAnyCaseSortedByPath) {
  for (const char* path : {"b.qvd", "a.QVD", "c.txt", "sub/d.qvd"}) put(path);
  EXPECT_THAT(taken({}), ElementsAre("a.QVD", "b.qvd"));
  EXPECT_THAT(taken({.pattern = "**/*.qvd"}), ElementsAre("a.QVD", "b.qvd", "sub/d.qvd"));
  EXPECT_THAT(skipped({.pattern = "**/*.qvd"}), IsEmpty());
}

TEST_F(Listing, EntrySaysWhatTheFileSystemSays) {
  fs::create_directory(root_ / "sub");
  put("Item.qvd", "12345");
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = 0}, {.tv_sec = -2, .tv_nsec = 123'456'789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "Item.qvd").c_str(), times, 0), 0);
  const std::vector<FileEntry> files = list_files(root_.string() + "/./sub/../", {});
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].path, (root_ / "Item.qvd").string());
  EXPECT_EQ(files[0].name, "Item.qvd");
  EXPECT_EQ(files[0].size, 5U);
  EXPECT_EQ(files[0].mtime_us, -2'000'000 + 123'456);
  EXPECT_EQ(files[0].source_type, "file");
}

TEST_F(Listing, ListsSelectInAnyCaseWithWildcardsAndOptionalExtension) {
  for (const char* path : {"Item.qvd", "PO1.QVD", "PO2.qvd", "Größe.qvd", "old/PO3.qvd"}) put(path);
  Selection selection{.pattern = "**/*.qvd",
                      .include = split_list(" item , PO*.qvd,,GRÖSSE ,größe")};
  EXPECT_THAT(taken(selection),
              ElementsAre("Größe.qvd", "Item.qvd", "PO1.QVD", "PO2.qvd", "old/PO3.qvd"));
  selection.exclude = {"po2", "OLD/**"};
  EXPECT_THAT(taken(selection), ElementsAre("Größe.qvd", "Item.qvd", "PO1.QVD"));
  EXPECT_THAT(skipped(selection),
              UnorderedElementsAre(Pair("PO2.qvd", "excluded"), Pair("old/PO3.qvd", "excluded")));
  EXPECT_THAT(skipped({.include = {"nothing"}}).size(), 4U);
}

TEST_F(Listing, HiddenAndTemporaryNamesAreSkippedWithAReason) {
  for (const char* path : {"x.qvd", ".x.qvd", "~x.qvd", "~$y.qvd", "z.qvd.tmp", "z.QVD.Partial",
                           "z.qvd~", ".git/a.qvd", "notes.tmp"}) {
    put(path);
  }
  EXPECT_THAT(taken({.pattern = "**/*.qvd"}), ElementsAre("x.qvd"));
  EXPECT_THAT(skipped({.pattern = "**/*.qvd"}),
              UnorderedElementsAre(
                  Pair(".x.qvd", "hidden"), Pair(".git", "hidden"), Pair("~x.qvd", "temporary"),
                  Pair("~$y.qvd", "temporary"), Pair("z.qvd.tmp", "temporary"),
                  Pair("z.QVD.Partial", "temporary"), Pair("z.qvd~", "temporary")));
  EXPECT_THAT(taken({.pattern = ".git/*.qvd"}), ElementsAre(".git/a.qvd"));
}

TEST_F(Listing, LinksAreFollowedAndLoopsSkipped) {
  put("real/a.qvd");
  put("../" + root_.filename().string() + "_outside/b.qvd");
  const fs::path outside = root_.string() + "_outside";
  fs::create_directory_symlink(outside, root_ / "out");
  fs::create_directory_symlink(root_, root_ / "real/loop");
  fs::create_directory_symlink(root_ / "real", root_ / "again");
  fs::create_symlink(root_ / "real/a.qvd", root_ / "link.qvd");
  fs::create_symlink(root_ / "nowhere", root_ / "broken.qvd");
  fs::create_symlink(root_ / "self.qvd", root_ / "self.qvd");
  EXPECT_THAT(taken({.pattern = "**/*.qvd"}), ElementsAre("link.qvd", "out/b.qvd", "real/a.qvd"));
  EXPECT_THAT(skipped({.pattern = "**/*.qvd"}),
              UnorderedElementsAre(Pair("again", "link"), Pair("real/loop", "link"),
                                   Pair("broken.qvd", "link"), Pair("self.qvd", "link")));
  fs::remove_all(outside);
}

TEST_F(Listing, OddKindsOfFilesAreNamed) {
  ASSERT_EQ(::mkfifo((root_ / "pipe.qvd").c_str(), 0600), 0);
  fs::create_directories(root_ / "folder.qvd");
  EXPECT_THAT(taken({}), IsEmpty());
  EXPECT_THAT(skipped({}), ElementsAre(Pair("pipe.qvd", "not-a-file")));
}

TEST_F(Listing, NamesOfAnyBytesStayExact) {
  const std::string name = "a\xff\n'\t.qvd";
  put(name);
  EXPECT_THAT(taken({}), ElementsAre(name));
}

TEST_F(Listing, SourceMayBeOneFileAGlobOrAUrl) {
  for (const char* path : {"2023/a.qvd", "2024/b.qvd", "2024/.c.qvd", "with %.qvd"}) put(path);
  const std::string root = root_.string();
  EXPECT_THAT(taken({.pattern = "ignored"}, root + "/2024/b.qvd"), ElementsAre("2024/b.qvd"));
  EXPECT_THAT(taken({}, root + "/2024/.c.qvd"), ElementsAre("2024/.c.qvd"));
  EXPECT_THAT(taken({.exclude = {"b"}}, root + "/2024/b.qvd"), IsEmpty());
  EXPECT_THAT(taken({}, root + "/20?[0-9]/*.qvd"), ElementsAre("2023/a.qvd", "2024/b.qvd"));
  EXPECT_THAT(taken({}, root + "/**/{a,b}.qvd"), ElementsAre("2023/a.qvd", "2024/b.qvd"));
  EXPECT_THAT(taken({}, "file://" + root + "/2023"), ElementsAre("2023/a.qvd"));
  EXPECT_THAT(taken({}, "FILE://localhost" + root + "/with%20%25.qvd"), ElementsAre("with %.qvd"));
}

TEST_F(Listing, WhatCanNotBeListedIsAnError) {
  EXPECT_THROW(list_files("", {}), base::ConfigError);
  EXPECT_THROW(list_files(root_.string(), {.pattern = "../*"}), base::ConfigError);
  EXPECT_THROW(list_files(root_.string(), {.include = {"[x"}}), base::ConfigError);
  EXPECT_THROW(list_files((root_ / "missing").string(), {}), base::IoError);
  EXPECT_THROW(list_files((root_ / "missing/*.qvd").string(), {}), base::IoError);
  EXPECT_THROW(list_files("file://elsewhere/share", {}), base::ConfigError);
}

TEST_F(Listing, UnknownSchemeNamesTheKnownOnesAndNoSecret) {
  try {
    list_files("gopher://key:secret@host/x", {});
    FAIL() << "accepted";
  } catch (const base::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("gopher://"));
    EXPECT_THAT(error.what(), HasSubstr("s3, s3a"));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("secret")));
  }
}

// While it lives, this thread meets files as somebody else than root, to whom no folder is closed.
class NotRoot {
 public:
  NotRoot() : before_(::setfsuid(::geteuid() == 0 ? kNobody : ::geteuid())) {}
  ~NotRoot() { ::setfsuid(static_cast<uid_t>(before_)); }
  NotRoot(const NotRoot&) = delete;
  NotRoot& operator=(const NotRoot&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  int before_;
};

TEST_F(Listing, UnreadableFolderBelowIsNamedAndTheRestGoesOn) {
  put("a.qvd");
  put("closed/b.qvd");
  fs::permissions(root_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                             fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(root_ / "closed", fs::perms::none);
  {
    const NotRoot not_root;
    EXPECT_THAT(taken({.pattern = "**/*.qvd"}), ElementsAre("a.qvd"));
    EXPECT_THAT(skipped({.pattern = "**/*.qvd"}), ElementsAre(Pair("closed", "unreadable")));
    EXPECT_THROW(list_files((root_ / "closed").string(), {}), base::IoError);
  }
  fs::permissions(root_ / "closed", fs::perms::all);
}

TEST_F(Listing, LocalFileReadsExactRanges) {
  put("a.qvd", "0123456789");
  const auto file = open_file(list_files(root_.string(), {}).at(0));
  EXPECT_EQ(file->size(), 10U);
  std::string bytes(4, ' ');
  file->read_at(6, std::as_writable_bytes(std::span(bytes)));
  EXPECT_EQ(bytes, "6789");
  EXPECT_THROW(file->read_at(7, std::as_writable_bytes(std::span(bytes))), base::ChangedError);
  EXPECT_THROW(file->read_at(UINT64_MAX, std::as_writable_bytes(std::span(bytes))),
               base::ChangedError);
  EXPECT_NO_THROW(file->check_unchanged());
}

TEST_F(Listing, LocalFileThatChangesUnderUsIsAnError) {
  put("a.qvd", "0123456789");
  const FileEntry entry = list_files(root_.string(), {}).at(0);
  std::string bytes(10, ' ');
  const auto file = open_file(entry);
  fs::resize_file(root_ / "a.qvd", 5);
  EXPECT_THROW(file->read_at(0, std::as_writable_bytes(std::span(bytes))), base::ChangedError);
  EXPECT_THROW(file->check_unchanged(), base::ChangedError);
  EXPECT_THROW(open_file(entry), base::ChangedError);
}

TEST_F(Listing, LocalFileThatIsReplacedOrTouchedOrGoneIsAnError) {
  put("a.qvd", "0123456789");
  const FileEntry entry = list_files(root_.string(), {}).at(0);
  const fs::file_time_type mtime = fs::last_write_time(root_ / "a.qvd");
  const auto file = open_file(entry);
  fs::last_write_time(root_ / "a.qvd", mtime + std::chrono::seconds(1));
  EXPECT_THROW(file->check_unchanged(), base::ChangedError);
  fs::last_write_time(root_ / "a.qvd", mtime);
  EXPECT_NO_THROW(file->check_unchanged());

  put("b.qvd", "9876543210");  // same size, same time, another file
  fs::rename(root_ / "b.qvd", root_ / "a.qvd");
  fs::last_write_time(root_ / "a.qvd", mtime);
  EXPECT_THROW(file->check_unchanged(), base::ChangedError);

  fs::remove(root_ / "a.qvd");
  EXPECT_THROW(file->check_unchanged(), base::ChangedError);
  EXPECT_THROW(open_file(entry), base::ChangedError);
}

TEST(SplitList, TrimsAndDropsEmptyItems) {
  EXPECT_THAT(split_list(" a, b ,,\tc d\n,"), ElementsAre("a", "b", "c d"));
  EXPECT_THAT(split_list(""), IsEmpty());
}

}  // namespace
}  // namespace qvdhouse::source
