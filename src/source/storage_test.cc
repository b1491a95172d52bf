#include "source/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "source/rclone_served.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr const char* kHardName = "Продажи 2024+a&b=c%20(x)~'!*#.qvd";
constexpr const char* kPassword = "hunter2-of-the-test";

class StorageOver : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_program("rclone")) GTEST_SKIP() << "rclone is not installed: apt-get install rclone";
    std::string name = (fs::temp_directory_path() / "qvdhouse_storage_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    put("Item.qvd", std::string(200'000, 'i'));
    put("PO.QVD", "po");
    put("notes.txt", "n");
    put(".hidden.qvd", "h");
    put("Item.qvd.tmp", "t");
    put(std::string("sub dir/") + kHardName, "hard");
    put("sub dir/deeper/x.qvd", "x");
    put(".git/y.qvd", "y");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& bytes) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << bytes;
  }
  Access access() {
    Access access;
    access.user = "u";
    access.password = kPassword;
    access.first_delay = std::chrono::milliseconds(1);
    access.debug = [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(line) + "\n";
    };
    return access;
  }
  static std::vector<std::string> login() {
    return {"--user=u", std::string("--pass=") + kPassword};
  }
  static std::vector<std::string> taken(const std::vector<FileEntry>& files) {
    std::vector<std::string> names;
    for (const FileEntry& file : files) {
      if (file.skip_code.empty()) names.push_back(file.name);
    }
    return names;
  }
  static std::map<std::string, std::string> skipped(const std::vector<FileEntry>& files) {
    std::map<std::string, std::string> codes;
    for (const FileEntry& file : files) {
      if (!file.skip_code.empty()) codes[file.name] = file.skip_code;
    }
    return codes;
  }
  static std::string bytes_of(Storage& storage, const FileEntry& file) {
    const auto source = storage.open(file);
    std::string bytes(source->size(), '\0');
    source->read_at(0, std::as_writable_bytes(std::span(bytes)));
    source->check_unchanged();
    return bytes;
  }
  std::string on_disk(const std::string& path) const {
    std::ifstream file(root_ / path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // What must hold for every storage that has this tree at `url`, which ends with a slash.
  void expect_tree(Storage& storage, const std::string& url, const std::string& hard_name,
                   const std::string& source_type);

  fs::path root_;
  std::mutex mutex_;
  std::string log_;
};

void StorageOver::expect_tree(Storage& storage, const std::string& url,
                              const std::string& hard_name, const std::string& source_type) {
  const std::vector<FileEntry> flat = storage.list(url, {});
  EXPECT_THAT(taken(flat), ElementsAre("Item.qvd", "PO.QVD"));
  EXPECT_THAT(skipped(flat), UnorderedElementsAre(Pair(".hidden.qvd", "hidden"),
                                                  Pair("Item.qvd.tmp", "temporary")));
  const std::vector<FileEntry> all = storage.list(url, {.pattern = "**/*.qvd"});
  EXPECT_THAT(taken(all), ElementsAre("Item.qvd", "PO.QVD", kHardName, "x.qvd"));
  EXPECT_EQ(skipped(all).at(".git"), "hidden");
  for (const FileEntry& file : all) {
    if (!file.skip_code.empty()) continue;
    EXPECT_EQ(file.source_type, source_type);
    EXPECT_THAT(file.path, AllOf(HasSubstr(url), Not(HasSubstr(kPassword))));
    EXPECT_NE(file.mtime_us, 0) << file.path;
    std::string path = file.path.substr(url.size());
    if (has_encoded_path(url.substr(0, url.find(':')))) path = percent_decoded(path);
    EXPECT_EQ(bytes_of(storage, file), on_disk(path));
    // A file's identity leads to it, and to nothing else.
    const std::vector<FileEntry> again = storage.list(file.path, {});
    ASSERT_EQ(again.size(), 1U) << file.path;
    EXPECT_EQ(again[0].path, file.path);
    EXPECT_EQ(again[0].size, file.size);
    EXPECT_EQ(again[0].mtime_us, file.mtime_us) << file.path;
    EXPECT_EQ(again[0].etag, file.etag);
  }
  EXPECT_THAT(taken(storage.list(url + hard_name, {})), ElementsAre(kHardName));
  EXPECT_THAT(taken(storage.list(url + "*/deeper/*.qvd", {})), ElementsAre("x.qvd"));
  EXPECT_THAT(taken(storage.list(url + "PO*", {})), ElementsAre("PO.QVD"));
  EXPECT_THROW(storage.list(url + "nowhere/", {}), base::IoError);
  EXPECT_THROW(storage.list(url + "nowhere.qvd", {}), base::IoError);
}

TEST_F(StorageOver, Webdav) {
  const RcloneServed server("webdav", root_.string(), login());
  Storage storage(access());
  expect_tree(storage, "webdav://" + server.address() + "/",
              "sub%20dir/" + percent_encoded(kHardName), "webdav");
}

TEST_F(StorageOver, Http) {
  const RcloneServed server("http", root_.string());
  Access plain = access();
  plain.user.clear();
  plain.password.clear();
  Storage storage(plain);
  expect_tree(storage, "http://" + server.address() + "/",
              "sub%20dir/" + percent_encoded(kHardName), "http");
}

}  // namespace
}  // namespace qvdhouse::source
