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
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/encoding.h"
#include "base/error.h"
#include "source/url.h"
#include "tests/support/rclone_served.h"

namespace qvdhouse::source {
namespace {

using tests::free_port;
using tests::has_program;
using tests::RcloneServed;

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
  // Likewise, of files that are moved and deleted.
  void expect_taken(Storage& storage, const std::string& url);

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
  EXPECT_THAT(taken(all), UnorderedElementsAre("Item.qvd", "PO.QVD", kHardName, "x.qvd"));
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &FileEntry::path));
  EXPECT_EQ(skipped(all).at(".git"), "hidden");
  for (const FileEntry& file : all) {
    if (!file.skip_code.empty()) continue;
    EXPECT_EQ(file.source_type, source_type);
    EXPECT_THAT(file.path, AllOf(HasSubstr(url), Not(HasSubstr(kPassword))));
    EXPECT_NE(file.mtime_us, 0) << file.path;
    std::string path = file.path.substr(url.size());
    if (has_encoded_path(url.substr(0, url.find(':')))) path = base::decode_percent(path);
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
  const std::string folder = hard_name.substr(0, hard_name.find('/'));
  const std::vector<FileEntry> below =
      storage.list(url + folder + "/", {.pattern = "deeper/*.qvd"});
  ASSERT_THAT(taken(below), ElementsAre("x.qvd"));
  EXPECT_EQ(below[0].path, url + folder + "/deeper/x.qvd");
  EXPECT_THAT(taken(storage.list(url + "PO*", {})), ElementsAre("PO.QVD"));
  EXPECT_THROW(storage.list(url + "nowhere/", {}), base::IoError);
  EXPECT_THROW(storage.list(url + "nowhere.qvd", {}), base::IoError);
}

void StorageOver::expect_taken(Storage& storage, const std::string& url) {
  const std::string scheme = url.substr(0, url.find(':'));
  const std::string done = url + (has_encoded_path(scheme) ? "done%20it/" : "done it/");
  const std::vector<FileEntry> files = storage.list(url, {.pattern = "**/*.qvd"});
  const auto named = [&](const std::string& name) {
    return *std::ranges::find(files, name, &FileEntry::name);
  };
  const FileEntry hard = named(kHardName);
  EXPECT_TRUE(storage.exists(hard.path));
  const std::string target =
      done + (has_encoded_path(scheme) ? base::encode_path(kHardName) : kHardName);
  EXPECT_FALSE(storage.exists(target));
  storage.take(hard, target);
  EXPECT_FALSE(storage.exists(hard.path));
  EXPECT_TRUE(storage.exists(target));
  EXPECT_EQ(on_disk(std::string("done it/") + kHardName), "hard");
  storage.take(named("x.qvd"), "");
  EXPECT_FALSE(fs::exists(root_ / "sub dir/deeper/x.qvd"));
  // Another version than the one that was listed stays.
  FileEntry other = named("PO.QVD");
  other.size += 1;
  EXPECT_THROW(storage.take(other, ""), base::IoError);
  EXPECT_EQ(on_disk("PO.QVD"), "po");
}

TEST_F(StorageOver, FilesOfThisMachineAreTaken) {
  Storage storage(access());
  expect_taken(storage, root_.string() + "/");
  fs::create_symlink(root_ / "PO.QVD", root_ / "link.qvd");
  const std::vector<FileEntry> link = storage.list((root_ / "link.qvd").string(), {});
  EXPECT_THROW(storage.take(link.at(0), ""), base::IoError);
  // What has the name already stays.
  const std::vector<FileEntry> item = storage.list((root_ / "Item.qvd").string(), {});
  EXPECT_THROW(storage.take(item.at(0), (root_ / "PO.QVD").string()), base::IoError);
  EXPECT_EQ(on_disk("PO.QVD"), "po");
  EXPECT_TRUE(fs::exists(root_ / "Item.qvd"));
}

TEST_F(StorageOver, Webdav) {
  const RcloneServed server("webdav", root_.string(), login());
  Storage storage(access());
  expect_taken(storage, "webdav://" + server.address() + "/");
  put("sub dir/deeper/x.qvd", "x");
  fs::rename(root_ / "done it" / kHardName, root_ / "sub dir" / kHardName);
  expect_tree(storage, "webdav://" + server.address() + "/",
              "sub%20dir/" + base::encode_path(kHardName), "webdav");
}

TEST_F(StorageOver, Http) {
  const RcloneServed server("http", root_.string());
  Access plain = access();
  plain.user.clear();
  plain.password.clear();
  Storage storage(plain);
  expect_tree(storage, "http://" + server.address() + "/",
              "sub%20dir/" + base::encode_path(kHardName), "http");
}

TEST_F(StorageOver, ARemoteOfTheUsersOwnConfiguration) {
  const fs::path configuration = root_.string() + ".conf";
  std::ofstream(configuration) << "[mine]\ntype = alias\nremote = " << root_.string() << "\n";
  Access own = access();
  own.rclone_config = configuration.string();
  Storage storage(own);
  expect_tree(storage, "rclone://mine/", std::string("sub dir/") + kHardName, "rclone");
  EXPECT_THROW(storage.list("rclone://other/", {}), base::ConfigError);
  fs::remove(configuration);
}

class StorageOverSftp : public StorageOver {
 protected:
  void SetUp() override {
    StorageOver::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!has_program("ssh-keygen")) {
      GTEST_SKIP() << "ssh-keygen is not installed: apt-get install openssh-client";
    }
    make_key("host");
    make_key("other");
    server_ = std::make_unique<RcloneServed>("sftp", root_.string(), [&] {
      std::vector<std::string> options = login();
      options.push_back("--key=" + (root_ / "keys/host").string());
      return options;
    }());
    know("host");
  }
  void make_key(const std::string& name) {
    fs::create_directories(root_ / "keys");
    const std::string command =
        "ssh-keygen -q -t ed25519 -N '' -C test -f '" + (root_ / "keys" / name).string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  void know(const std::string& key) {
    std::ofstream(root_ / "keys/known_hosts")
        << "[127.0.0.1]:" << server_->port() << " " << on_disk("keys/" + key + ".pub");
  }
  Access access() {
    Access wanted = StorageOver::access();
    wanted.known_hosts = (root_ / "keys/known_hosts").string();
    return wanted;
  }
  std::string url() const { return "sftp://" + server_->address() + "/"; }
  std::string failure(const Access& wanted) {
    try {
      Storage(wanted).list(url(), {});
    } catch (const base::IoError& error) {
      return error.what();
    }
    return {};
  }
  std::unique_ptr<RcloneServed> server_;
};

TEST_F(StorageOverSftp, Tree) {
  Storage storage(access());
  expect_tree(storage, url(), std::string("sub dir/") + kHardName, "sftp");
}

TEST_F(StorageOverSftp, HostKeyIsChecked) {
  know("other");
  EXPECT_THAT(failure(access()), AllOf(HasSubstr("another host key"), Not(HasSubstr(kPassword))));
  fs::resize_file(root_ / "keys/known_hosts", 0);
  EXPECT_THAT(failure(access()), HasSubstr("not in the known_hosts file"));
  fs::remove(root_ / "keys/known_hosts");
  EXPECT_THAT(failure(access()), HasSubstr("cannot be read: make it"));
}

TEST_F(StorageOverSftp, WrongPasswordIsRefusedAndNotSaid) {
  Access wrong = access();
  wrong.password = "wrong-" + wrong.password;
  EXPECT_THAT(failure(wrong),
              AllOf(HasSubstr("check user, password and key"), Not(HasSubstr(kPassword))));
  const std::lock_guard lock(mutex_);  // rclone may still be talking
  EXPECT_THAT(log_, Not(HasSubstr(kPassword)));
}

TEST_F(StorageOver, LoginOfTheUrlIsRememberedAndNeverSaid) {
  const RcloneServed server("webdav", root_.string(), login());
  Access none = access();
  none.user.clear();
  none.password.clear();
  Storage storage(none);
  const std::string bare = "webdav://" + server.address() + "/";
  const std::string with_login =
      "webdav://u:" + std::string(kPassword) + "@" + server.address() + "/";
  try {
    storage.list(bare, {});
    ADD_FAILURE() << "listed without a login";
  } catch (const base::IoError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(bare), HasSubstr("check user and password")));
  }
  const std::vector<FileEntry> files = storage.list(with_login, {});
  ASSERT_THAT(taken(files), ElementsAre("Item.qvd", "PO.QVD"));
  for (const FileEntry& file : files) EXPECT_THAT(file.path, Not(HasSubstr(kPassword)));
  // Another run, which knows the files from its records.
  Storage later(none);
  later.remember(with_login);
  EXPECT_EQ(bytes_of(later, files.back()), on_disk(files.back().name));
  const std::lock_guard lock(mutex_);  // rclone may still be talking
  EXPECT_THAT(log_, Not(HasSubstr(kPassword)));
}

TEST_F(StorageOver, UncheckedTlsIsWarnedOfOnlyWhereThereIsTls) {
  const RcloneServed server("webdav", root_.string(), login());
  Access unchecked = access();
  unchecked.verify_tls = false;
  unchecked.attempts = 1;
  std::vector<std::string> warnings;
  unchecked.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  Storage storage(unchecked);
  storage.list(root_.string(), {});
  storage.list("webdav://" + server.address() + "/", {});
  EXPECT_THAT(warnings, testing::IsEmpty());
  EXPECT_THROW(storage.list("webdavs://" + server.address() + "/", {}), base::IoError);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("verify_tls = false")));
}

TEST_F(StorageOver, AFileThatChangesIsAnError) {
  const RcloneServed server("webdav", root_.string(), login());
  Storage storage(access());
  const std::string url = "webdav://" + server.address() + "/PO.QVD";
  const FileEntry file = storage.list(url, {}).at(0);
  const auto source = storage.open(file);
  EXPECT_NO_THROW(source->check_unchanged());
  put("PO.QVD", "longer");
  EXPECT_THROW(source->check_unchanged(), base::ChangedError);
  fs::remove(root_ / "PO.QVD");
  EXPECT_THROW(source->check_unchanged(), base::ChangedError);
}

TEST_F(StorageOver, AnExactNameWithWildcardsIsThatFile) {
  put("a[1].qvd", "one");
  put("a1.qvd", "other");
  const RcloneServed server("webdav", root_.string(), login());
  Storage storage(access());
  const std::string url = "webdav://" + server.address() + "/";
  EXPECT_THAT(taken(storage.list(url + "a[1].qvd", {})), ElementsAre("a[1].qvd"));
  EXPECT_THAT(taken(storage.list(url + "a[12].qvd", {})), ElementsAre("a1.qvd"));
}

TEST_F(StorageOver, WithoutRcloneSingleFilesOfHttpWorkAndTheRestSaysWhatToInstall) {
  const RcloneServed server("http", root_.string());
  Access without;
  without.rclone_binary = "/nowhere/rclone";
  Storage storage(without);
  const std::string url = "http://" + server.address() + "/";
  const std::vector<FileEntry> files = storage.list(url + "Item.qvd", {});
  ASSERT_THAT(taken(files), ElementsAre("Item.qvd"));
  EXPECT_EQ(bytes_of(storage, files[0]), on_disk("Item.qvd"));
  for (const std::string& source : {url, std::string("s3://bucket/x.qvd")}) {
    try {
      storage.list(source, {});
      ADD_FAILURE() << source;
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("apt-get install rclone"), HasSubstr("/nowhere")));
    }
  }
}

TEST_F(StorageOver, ServesManyThreads) {
  const RcloneServed server("webdav", root_.string(), login());
  Storage storage(access());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto files = storage.list("webdav://" + server.address() + "/", {});
      EXPECT_EQ(bytes_of(storage, files.at(1)), on_disk("Item.qvd"));
    });
  }
}

std::vector<std::string> names_of(const std::vector<Storage::Step>& steps) {
  std::vector<std::string> names;
  for (const Storage::Step& step : steps) names.push_back(step.name + (step.passed ? "" : "!"));
  return names;
}

TEST_F(StorageOver, ProbeEndsAtTheFirstStepThatFails) {
  const RcloneServed server("webdav", root_.string(), login());
  const std::string url = "webdav://" + server.address() + "/";
  EXPECT_THAT(names_of(Storage(access()).probe(url, {})),
              ElementsAre("resolve", "connect", "credentials", "list", "first bytes"));
  Access wrong = access();
  wrong.password = "wrong-" + wrong.password;
  const auto steps = Storage(wrong).probe(url, {});
  EXPECT_THAT(names_of(steps), ElementsAre("resolve", "connect", "credentials", "list!"));
  EXPECT_THAT(steps.back().detail, AllOf(HasSubstr("401"), Not(HasSubstr(kPassword))));
  EXPECT_NE(steps.back().fix, "");
  const std::string dead = "127.0.0.1:" + std::to_string(free_port());
  EXPECT_THAT(names_of(Storage(access()).probe("http://" + dead + "/", {})),
              ElementsAre("resolve", "connect!"));
  EXPECT_THAT(names_of(Storage(access()).probe("https://" + server.address() + "/", {})),
              ElementsAre("resolve", "connect", "tls!"));
  EXPECT_THAT(names_of(Storage(access()).probe("gopher://host/", {})), ElementsAre("credentials!"));
  EXPECT_THAT(names_of(Storage(access()).probe(root_.string(), {})),
              ElementsAre("list", "first bytes"));
}

}  // namespace
}  // namespace qvdhouse::source
