// Archives as sources: every format gives the bytes that went in, and what is wrong with one has
// its name. Made here byte by byte, and by the tools of others where these are installed.
#include "source/archives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "base/workers.h"
#include "source/storage.h"
#include "source/test_archives.h"
#include "tests/support/rclone_served.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Neither all the same nor all different, so that it can be packed and is not packed to nothing.
std::string some_bytes(std::size_t count, unsigned seed) {
  std::string bytes;
  while (bytes.size() < count) {
    seed = seed * 1'664'525 + 1'013'904'223;
    bytes += std::to_string(seed >> 20) + " and on; ";
  }
  bytes.resize(count);
  return bytes;
}

class InArchives : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qvdhouse_archives_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::path(name);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string put(const std::string& name, const std::string& bytes) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << bytes;
    return root_ / name;
  }
  Storage storage() const { return Storage(Access{.unpack_folder = root_ / "unpacked"}); }

  static std::string bytes_of(const base::ByteSource& source) {
    constexpr std::uint64_t kMostBytes = 1 << 26;
    if (std::byte last{}; source.size() > kMostBytes) {  // a lie
      source.read_at(source.size() - 1, {&last, 1});
    }
    std::string bytes(std::min(source.size(), kMostBytes), '\0');
    source.read_at(0, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }
  // What `work` throws as an `Error`; fails when it does not.
  template <typename Error>
  static std::string error_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "another error: " << error.what();
      return "";
    }
    ADD_FAILURE() << "no error";
    return "";
  }
  // What is listed to be loaded, with its bytes, by the paths in the archives.
  static std::map<std::string, std::string> loaded(
      Storage& storage, const std::string& source,
      const Selection& selection = {.pattern = "**/*.qvd", .include = {}, .exclude = {}}) {
    std::map<std::string, std::string> found;
    for (const FileEntry& entry : storage.list(source, selection)) {
      if (entry.skip_code.empty()) {
        found[chained_place(entry.path)->member] = bytes_of(*storage.open(entry));
      }
    }
    return found;
  }

  fs::path root_;
};

// Every format.

struct Format {
  std::string scheme;
  std::string ending;
  std::function<std::string(const std::vector<TarEntry>&)> make;
  friend std::ostream& operator<<(std::ostream& out, const Format& format) {
    return out << format.ending;
  }
};

std::string zip_by(const std::vector<TarEntry>& files, unsigned method, const ZipForm& form = {}) {
  std::vector<ZipEntry> entries;
  for (const TarEntry& file : files) {
    entries.push_back({.name = file.name, .bytes = file.bytes, .method = method});
  }
  return zip_of(entries, form);
}

std::vector<Format> formats() {
  using Files = std::vector<TarEntry>;
  return {{"zip", ".zip", [](const Files& files) { return zip_by(files, 0); }},
          {"zip", ".ZIP", [](const Files& files) { return zip_by(files, 8); }},
          {"zip", ".zip", [](const Files& files) { return zip_by(files, 93); }},
          {"zip", ".zip", [](const Files& files) { return zip_by(files, 0, {.is_64 = true}); }},
          {"zip", ".zip",
           [](const Files& files) {
             return zip_by(files, 8,
                           {.is_64 = true, .before = "a program", .comment = std::string(70, 'c')});
           }},
          {"zip", ".zip",
           [](const Files& files) {
             return zip_by(files, 8, {.before = "MZ", .comment = std::string(0xFFFF, 'c')});
           }},
          {"tar", ".tar", [](const Files& files) { return tar_of(files); }},
          {"tar", ".tar.gz", [](const Files& files) { return gzipped(tar_of(files)); }},
          {"tar", ".TGZ", [](const Files& files) { return gzipped(tar_of(files)); }},
          {"tar", ".tar.zst", [](const Files& files) { return zstd_packed(tar_of(files)); }}};
}

class EveryArchive : public InArchives, public testing::WithParamInterface<Format> {
 protected:
  std::vector<TarEntry> files_ = {{"Item.qvd", some_bytes(300'000, 1)},
                                  {"./2024//May.QVD", some_bytes(2'000, 2)},
                                  {"2024/empty.qvd", ""},
                                  {"2024/notes.txt", "n"},
                                  {".hidden.qvd", "h"},
                                  {"Item.qvd.tmp", "t"},
                                  {"last.qvd", some_bytes(1'500'000, 3)}};
  std::string archive_ = "all" + GetParam().ending;
};

TEST_P(EveryArchive, IsAFolderOfItsMembers) {
  const std::string place = put(archive_, GetParam().make(files_));
  Storage all = storage();
  const std::string start = GetParam().scheme + "://";
  const auto entries = all.list(place, {.pattern = "**/*.qvd", .include = {}, .exclude = {}});
  std::map<std::string, const FileEntry*> by_name;
  for (const FileEntry& entry : entries) by_name[entry.name] = &entry;
  ASSERT_EQ(by_name.size(), 6U);
  EXPECT_EQ(by_name["Item.qvd"]->path, start + "Item.qvd::" + place);
  EXPECT_EQ(by_name["May.QVD"]->path, start + "2024/May.QVD::" + place);
  EXPECT_EQ(by_name["Item.qvd"]->size, 300'000U);
  EXPECT_EQ(by_name["Item.qvd"]->mtime_us, 1'715'952'604'000'000);
  EXPECT_EQ(by_name[".hidden.qvd"]->skip_code, "hidden");
  EXPECT_EQ(by_name["Item.qvd.tmp"]->skip_code, "temporary");
  const std::map<std::string, std::string> expected = {{"Item.qvd", files_[0].bytes},
                                                       {"2024/May.QVD", files_[1].bytes},
                                                       {"2024/empty.qvd", ""},
                                                       {"last.qvd", files_[6].bytes}};
  EXPECT_TRUE(loaded(all, place) == expected);
  EXPECT_EQ(loaded(all, place, {}).size(), 2U) << "the folder itself only";
}

TEST_P(EveryArchive, ReadsAMemberAtAnyOffsetByItsIdentityAlone) {
  const std::string place = put(archive_, GetParam().make(files_));
  std::vector<FileEntry> entries;
  {
    Storage lister = storage();
    entries = lister.list(place, {.pattern = "last.qvd", .include = {}, .exclude = {}});
  }
  ASSERT_EQ(entries.size(), 1U);
  Storage other = storage();
  const auto file = other.open(entries[0]);
  for (const std::uint64_t offset : {1'499'999U, 0U, 700'000U, 1'400'000U}) {
    std::string bytes(std::min<std::uint64_t>(100'000, 1'500'000 - offset), '\0');
    file->read_at(offset, std::as_writable_bytes(std::span(bytes)));
    EXPECT_TRUE(bytes == files_[6].bytes.substr(offset, bytes.size())) << offset;
  }
  std::byte behind{};
  EXPECT_THROW(file->read_at(1'500'000, {&behind, 1}), base::ChangedError);
  file->check_unchanged();
  EXPECT_EQ(file->name(), entries[0].path);
  EXPECT_TRUE(other.exists(entries[0].path));
  put(archive_, GetParam().make({files_[0]}));
  EXPECT_THROW(file->check_unchanged(), base::ChangedError);
  EXPECT_THROW(other.open(entries[0]), base::ChangedError);
  EXPECT_FALSE(other.exists(entries[0].path));
}

// A shorter one is never taken for whole, and never brings down more than itself.
TEST_P(EveryArchive, CutAnywhereSaysSo) {
  const std::vector<TarEntry> small = {{"a.qvd", some_bytes(3'000, 4)},
                                       {"b.qvd", some_bytes(2'500, 5)}};
  const std::string whole = GetParam().make(small);
  const std::size_t step = whole.size() > 60'000 ? 4'096 : 256;
  for (std::size_t size = 0; size < whole.size(); size += step) {
    const std::string place = put(archive_, whole.substr(0, size));
    Storage all = storage();
    try {
      const auto found = loaded(all, place);
      // A tar may end where a member does.
      for (const auto& [path, bytes] : found) {
        EXPECT_TRUE(bytes == small[path == "a.qvd" ? 0 : 1].bytes) << size;
      }
      EXPECT_EQ(GetParam().ending, ".tar") << size;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(archive_), HasSubstr("again"))) << size;
    }
  }
}

// Whatever a byte is changed to, it is an error with a name or none at all.
TEST_P(EveryArchive, DamagedAnywhereThrowsNothingElse) {
  const std::string whole = GetParam().make({{"a.qvd", some_bytes(700, 6)}, {"b/c.qvd", "c"}});
  const std::size_t step = whole.size() > 10'000 ? 97 : 3;
  for (std::size_t at = 0; at < whole.size(); at += step) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (at % 2 == 0 ? 0xFF : 0x10));
    const std::string place = put(archive_, damaged);
    Storage all = storage();
    try {
      loaded(all, place);
    } catch (const base::InputError&) {
    } catch (const base::ChangedError&) {
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, EveryArchive, testing::ValuesIn(formats()),
                         [](const auto& form) { return "Form" + std::to_string(form.index); });

// Zip.

TEST_F(InArchives, ADirectoryThatLiesIsFoundOut) {
  const std::string bytes = some_bytes(5'000, 7);
  const auto message = [&](const ZipEntry& entry) {
    const std::string place = put("a.zip", zip_of({entry, {.name = "good.qvd", .bytes = "good"}}));
    Storage all = storage();
    EXPECT_EQ(bytes_of(*all.open(all.list("zip://good.qvd::" + place, {}).at(0))), "good");
    const FileEntry listed = all.list("zip://a.qvd::" + place, {}).at(0);
    return error_of<base::InputError>([&] { bytes_of(*all.open(listed)); });
  };
  const ZipEntry good{.name = "a.qvd", .bytes = bytes, .method = 8};
  ZipEntry entry = good;
  entry.size_more = -1'000;
  EXPECT_THAT(message(entry), HasSubstr("expected 4000 bytes, as the archive says, found more"));
  entry.size_more = 7;
  EXPECT_THAT(message(entry), HasSubstr("expected 5007 bytes, as the archive says, found 5000"));
  entry = good;
  entry.crc_more = 1;
  EXPECT_THAT(message(entry), HasSubstr("expected the CRC-32"));
  entry = good;
  entry.flags = 1;
  EXPECT_THAT(message(entry), HasSubstr("it is encrypted"));
  entry = good;
  entry.method = 9;
  EXPECT_THAT(message(entry), HasSubstr("found method 9"));
  entry = good;
  entry.method = 0;
  entry.size_more = 1;
  EXPECT_THAT(message(entry), HasSubstr("expected 5001 bytes that are stored"));
}

TEST_F(InArchives, TimesAreThoseOfTheArchive) {
  const auto mtime = [&](const ZipEntry& entry) {
    Storage all = storage();
    return all.list(put("a.zip", zip_of({entry})), {}).at(0).mtime_us;
  };
  ZipEntry entry{.name = "a.qvd", .bytes = "a"};
  EXPECT_EQ(mtime(entry), 1'715'952'604'000'000);
  entry.extra = le(0x5455, 2) + le(5, 2) + le(1, 1) + le(1'700'000'001, 4);
  EXPECT_EQ(mtime(entry), 1'700'000'001'000'000);
  entry.extra = le(0x000a, 2) + le(32, 2) + le(0, 4) + le(1, 2) + le(24, 2) +
                le((11'644'473'600 + 1'700'000'002) * 10'000'000, 8) + le(0, 8) + le(0, 8);
  EXPECT_EQ(mtime(entry), 1'700'000'002'000'000);
  entry.extra = "";
  entry.dos_date = 0;
  EXPECT_EQ(mtime(entry), 0);
}

TEST_F(InArchives, NamesLeadNowhereElse) {
  const std::string place =
      put("in/a.zip",
          zip_of({{.name = "../../out.qvd", .bytes = "1"},
                  {.name = "/abs.qvd", .bytes = "2"},
                  {.name = "sub\\win.qvd", .bytes = "3", .host = 0},
                  {.name = "a::b.qvd", .bytes = "4"},
                  {.name = std::string("n\0l.qvd", 7), .bytes = "5"},
                  {.name = "folder.qvd/", .bytes = ""},
                  {.name = "link.qvd", .bytes = "/etc/passwd", .attributes = 0120777U << 16},
                  {.name = "same.qvd", .bytes = "first"},
                  {.name = "./same.qvd", .bytes = "last"}}));
  Storage all = storage();
  const auto found = loaded(all, place);
  const std::map<std::string, std::string> expected = {
      {"abs.qvd", "2"}, {"sub/win.qvd", "3"}, {"same.qvd", "last"}};
  EXPECT_EQ(found, expected);
  std::set<std::string> skipped;
  for (const FileEntry& entry :
       all.list(place, {.pattern = "**/*.qvd", .include = {}, .exclude = {}})) {
    if (!entry.skip_code.empty()) skipped.insert(entry.skip_code + " " + entry.name);
  }
  EXPECT_THAT(skipped, ElementsAre("hidden ..", "unreadable a::b.qvd",
                                   std::string("unreadable n\0l.qvd", 18)));
  EXPECT_FALSE(fs::exists(root_ / "out.qvd"));
  EXPECT_FALSE(fs::exists(root_.parent_path() / "out.qvd"));
}

TEST_F(InArchives, AMemberChangesWithItsContentAndNotWithItsArchive) {
  const std::vector<ZipEntry> before = {
      {.name = "a.qvd", .bytes = some_bytes(900, 1), .method = 8},
      {.name = "b.qvd", .bytes = some_bytes(900, 2), .method = 8}};
  const std::string place = put("a.zip", zip_of(before));
  Storage all = storage();
  const auto first = all.list(place, {});
  std::vector<ZipEntry> after = {{.name = "0.qvd", .bytes = "new"}, before[0], before[1]};
  after[2].bytes = some_bytes(900, 3);
  put("a.zip", zip_of(after));
  EXPECT_EQ(bytes_of(*all.open(first[0])), before[0].bytes) << "the same member elsewhere";
  EXPECT_THAT(error_of<base::ChangedError>([&] { all.open(first[1]); }), HasSubstr("crc32:"));
  const auto second = all.list(place, {});
  EXPECT_EQ(second[1].etag, first[0].etag);
  EXPECT_NE(second[2].etag, first[1].etag);
}

TEST_F(InArchives, OfSeveralArchivesADamagedOneIsLeftOut) {
  put("d/one.zip", zip_of({{.name = "x.qvd", .bytes = "x"}}));
  put("d/two.ZIP", zip_of({{.name = "sub/y.qvd", .bytes = "y"}}));
  put("d/cut.zip", zip_of({{.name = "z.qvd", .bytes = "z"}}).substr(0, 60));
  put("d/other.qvd", "no archive");
  Storage all = storage();
  const Selection deep{.pattern = "**/*.qvd", .include = {}, .exclude = {}};
  for (const std::string place : {root_ / "d", root_ / "d/*.[zZ]*"}) {
    const auto entries = all.list("zip://::" + place, deep);
    ASSERT_EQ(entries.size(), 3U) << place;
    EXPECT_EQ(entries[0].path, root_ / "d/cut.zip");
    EXPECT_EQ(entries[0].skip_code, "unreadable");
    EXPECT_THAT(entries[0].skip_reason, HasSubstr("expected the directory of a zip archive"));
    EXPECT_EQ(entries[1].path, "zip://sub/y.qvd::" + (root_ / "d/two.ZIP").string());
  }
  EXPECT_EQ(all.list("zip://*/y.qvd::" + (root_ / "d/*.ZIP").string(), {}).size(), 1U);
  EXPECT_EQ(all.list("zip://sub::" + (root_ / "d/two.ZIP").string(), {}).size(), 1U);
  EXPECT_THAT(error_of<base::IoError>(
                  [&] { all.list("zip://no.qvd::" + (root_ / "d/one.zip").string(), {}); }),
              HasSubstr("expected a file or a folder no.qvd in the archive"));
  EXPECT_THROW(all.list(root_ / "d/cut.zip", {}), base::InputError);
  EXPECT_THROW(all.list(root_ / "d/none.zip", {}), base::IoError);
}

TEST_F(InArchives, AFolderOfThatNameIsAFolder) {
  put("folder.zip/x.qvd", "x");
  Storage all = storage();
  EXPECT_EQ(all.list(root_ / "folder.zip", {}).at(0).path, root_ / "folder.zip/x.qvd");
  EXPECT_TRUE(Storage::can_take(root_ / "folder.zip"));
  EXPECT_FALSE(Storage::can_take(root_ / "file.zip"));
  EXPECT_FALSE(Storage::can_take("zip://::s3://b/a.zip"));
}

TEST_F(InArchives, WhatIsUnpackedLeavesNothing) {
  const std::string place =
      put("a.tar.gz", gzipped(tar_of({{"a.qvd", some_bytes(90'000, 1)}, {"b.qvd", "b"}})));
  {
    Storage all = storage();
    EXPECT_EQ(loaded(all, place).size(), 2U);
  }
  EXPECT_TRUE(fs::is_empty(root_ / "unpacked"));
}

// Tar.

TEST_F(InArchives, NamesAndTimesOfTarsMayStandBeforeTheirHeaders) {
  const auto record = [](const std::string& key, const std::string& value) {
    std::string text = " " + key + "=" + value + "\n";
    std::size_t size = text.size() + 1;
    while (std::to_string(size).size() + text.size() != size) ++size;
    return std::to_string(size) + text;
  };
  const std::string long_name = std::string(150, 'n') + ".qvd";
  const std::string place = put(
      "a.tar",
      tar_of({{"pax", record("path", "pax/" + long_name) + record("mtime", "1700000000.25"), 'x'},
              {"short", "pax"},
              {"././@LongLink", "gnu/" + long_name + '\0', 'L'},
              {"short", "gnu"},
              {"dir.qvd/", "", '5'},
              {"link.qvd", "", '2'},
              {"hard.qvd", "", '1'},
              {"sparse.qvd", "s", 'S'},
              {"after.qvd", "after"}}));
  Storage all = storage();
  std::map<std::string, std::string> expected = {
      {"pax/" + long_name, "pax"}, {"gnu/" + long_name, "gnu"}, {"after.qvd", "after"}};
  const Selection without{.pattern = "**/*.qvd", .include = {}, .exclude = {"sparse"}};
  EXPECT_EQ(loaded(all, place, without), expected);
  EXPECT_EQ(all.list("tar://pax::" + place, {}).at(0).mtime_us, 1'700'000'000'250'000);
  EXPECT_THAT(error_of<base::InputError>(
                  [&] { all.open(all.list("tar://sparse.qvd::" + place, {}).at(0)); }),
              HasSubstr("sparse"));
}

TEST_F(InArchives, WhatIsNoTarSaysSo) {
  Storage all = storage();
  const auto message = [&](const std::string& bytes) {
    return error_of<base::InputError>([&] { all.list(put("a.tar", bytes), {}); });
  };
  EXPECT_THAT(message(""), HasSubstr("expected a tar archive, found no byte"));
  EXPECT_THAT(message(std::string(2'000, 'x')), HasSubstr("header"));
  EXPECT_THAT(message(tar_of({{"a.qvd", some_bytes(2'000, 1)}}).substr(0, 1'200)),
              HasSubstr("expected 2000 bytes of a member at byte 512, found the end after 688"));
  EXPECT_THAT(message(gzipped(tar_of({{"a.qvd", some_bytes(9'000, 1)}})).substr(0, 900)),
              HasSubstr("its compressed bytes end at byte 900, too early"));
}

TEST_F(InArchives, ATarMayLeaveItsLastBlockUnfilledAndItsEndAway) {
  const std::string bytes = some_bytes(700, 1);
  const std::string tar = tar_header({"a.qvd", bytes}) + bytes;
  Storage all = storage();
  EXPECT_EQ(loaded(all, put("unfilled.tar", tar)).at("a.qvd"), bytes);
  EXPECT_EQ(loaded(all, put("unfilled.tgz", gzipped(tar))).at("a.qvd"), bytes);
  EXPECT_THAT(
      error_of<base::InputError>([&] { all.list(put("cut.tar", tar.substr(0, 1'211)), {}); }),
      HasSubstr("expected 700 bytes of a member at byte 512, found the end after 699"));
}

// libarchive believes the map of a sparse file, which may say that there is no hole.
TEST_F(InArchives, ATarMemberHasItsBytesBeforeTheNextOne) {
  std::string tar = tar_of({{"a.qvd", "s", 'S'}, {"b.qvd", "b"}});
  for (const auto& [at, octal] :
       {std::pair(386, "00000000000"), {398, "00000001750"}, {483, "00000001750"}}) {
    tar.replace(static_cast<std::size_t>(at), 11, octal);
  }
  tar.replace(148, 8, "        ");
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[i]);
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%06o", sum);
  tar.replace(148, 7, text.data(), 7);
  Storage all = storage();
  EXPECT_THAT(error_of<base::InputError>([&] { all.list(put("a.tar", tar), {}); }),
              HasSubstr("expected 1000 bytes of a member at byte 512, found the end after 512"));
}

TEST_F(InArchives, WhatATarSaysBeforeAHeaderIsBounded) {
  Storage all = storage();
  const auto message = [&](const std::vector<TarEntry>& entries) {
    return error_of<base::InputError>([&] { all.list(put("a.tar", tar_of(entries)), {}); });
  };
  EXPECT_THAT(message({{"././@LongLink", std::string(1'100'000, 'n'), 'L'}, {"a.qvd", "a"}}),
              HasSubstr("expected the header of a member at byte"));
  EXPECT_THAT(message(std::vector<TarEntry>(20'000, {"././@LongLink", "name", 'L'})),
              HasSubstr("expected the header of a member at byte"));
}

// Files that are compressed on their own.

TEST_F(InArchives, CompressedFilesStandWhereTheirFilesStand) {
  const std::string bytes = some_bytes(2'500'000, 8);
  put("plain.qvd", bytes);
  put("one.qvd.gz", gzipped(bytes));
  put("TWO.QVD.ZST", zstd_packed(bytes));
  put("several.qvd.gz",
      gzipped(bytes.substr(0, 10)) + gzipped(bytes.substr(10)) + std::string(700, '\0'));
  put("frames.qvd.zst", zstd_packed(bytes.substr(0, 999)) + zstd_packed(bytes.substr(999)));
  put("notes.txt.gz", "n");
  put("late.qvd.gz.tmp", "t");
  Storage all = storage();
  const auto entries = all.list(root_, {});
  ASSERT_EQ(entries.size(), 6U);
  for (const FileEntry& entry : entries) {
    if (entry.name == "late.qvd.gz.tmp") {
      EXPECT_EQ(entry.skip_code, "temporary");
      continue;
    }
    EXPECT_TRUE(bytes_of(*all.open(entry)) == bytes) << entry.path;
    EXPECT_THAT(entry.name,
                testing::AnyOf("plain.qvd", "one.qvd", "TWO.QVD", "several.qvd", "frames.qvd"));
    EXPECT_EQ(entry.size, fs::file_size(entry.path));
  }
  EXPECT_EQ(all.list(root_ / "one.qvd.gz", {}).at(0).name, "one.qvd");
  EXPECT_EQ(
      all.list(root_, {.pattern = "*.qvd", .include = {"one"}, .exclude = {}}).at(3).skip_code, "");
  put("a.zip", zip_of({{.name = "in.qvd.gz", .bytes = gzipped("in")}}));
  EXPECT_EQ(loaded(all, root_ / "a.zip").at("in.qvd.gz"), "in");
}

TEST_F(InArchives, DamagedCompressedFilesSaySo) {
  const std::string bytes = some_bytes(50'000, 9);
  Storage all = storage();
  const auto message = [&](const std::string& name, const std::string& packed) {
    const FileEntry entry = all.list(put(name, packed), {}).at(0);
    return error_of<base::InputError>([&] { bytes_of(*all.open(entry)); });
  };
  for (const auto& [name, packed] :
       {std::pair(std::string("a.qvd.gz"), gzipped(bytes)), {"a.qvd.zst", zstd_packed(bytes)}}) {
    EXPECT_THAT(message(name, ""), HasSubstr("its compressed bytes end at byte 0, too early"));
    EXPECT_THAT(message(name, packed.substr(0, packed.size() / 2)), HasSubstr("too early"));
    EXPECT_THAT(message(name, packed.substr(0, packed.size() - 1)), HasSubstr("too early"));
    EXPECT_THAT(message(name, bytes), HasSubstr("damaged before byte"));
    EXPECT_THAT(message(name, packed + "more of it"), HasSubstr("damaged"));
    for (std::size_t size = 0; size < packed.size(); size += 512) {
      EXPECT_THAT(message(name, packed.substr(0, size)), HasSubstr("too early")) << size;
    }
  }
}

// How much is read and kept.

// Counts what is read of one file in memory.
class Counted : public base::MemorySource {
 public:
  Counted(const std::string& bytes, std::uint64_t& count)
      : MemorySource(std::as_bytes(std::span(bytes)), "/m/a"), count_(count) {}
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    count_ += out.size();
    MemorySource::read_at(offset, out);
  }

 private:
  std::uint64_t& count_;
};

// Nothing of it can be read from a byte on.
class Broken : public base::MemorySource {
 public:
  Broken(const std::string& bytes, std::uint64_t begin, std::uint64_t end)
      : MemorySource(std::as_bytes(std::span(bytes)), "/m/a"), begin_(begin), end_(end) {}
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset < end_ && offset + out.size() > begin_) throw base::IoError("storage is gone");
    MemorySource::read_at(offset, out);
  }

 private:
  std::uint64_t begin_;
  std::uint64_t end_;
};

TEST_F(InArchives, AnErrorOfStorageIsNoDamage) {
  std::vector<TarEntry> files;
  for (int i = 0; i < 2'000; ++i) files.push_back({std::to_string(i) + ".qvd", "bytes"});
  const auto listed = [&](const std::string& bytes, const std::string& scheme, std::uint64_t begin,
                          std::uint64_t end) {
    const FileEntry archive{.path = "/m/a", .name = "a", .size = bytes.size(), .mtime_us = 1};
    Archives archives([&](const auto&, const auto&) { return std::vector{archive}; },
                      [&](const auto&) { return std::make_unique<Broken>(bytes, begin, end); },
                      {.folder = root_ / "unpacked"});
    return archives.list({.scheme = scheme, .member = "", .place = "/m/a"}, {}).size();
  };
  const std::string zip = zip_by(files, 0);
  const std::string tar = tar_of(files);
  EXPECT_EQ(listed(zip, "zip", 0, 1), 2'000U) << "the beginning is not read";
  // The end, the directory before it, a header, in a compressed one too.
  EXPECT_THROW(listed(zip, "zip", zip.size() - 1, zip.size()), base::IoError);
  EXPECT_THROW(listed(zip, "zip", zip.size() - 100'000, zip.size() - 90'000), base::IoError);
  EXPECT_THROW(listed(tar, "tar", 512'000, 513'000), base::IoError);
  const std::string packed = gzipped(tar);
  EXPECT_THROW(listed(packed, "tar", packed.size() / 2, packed.size()), base::IoError);
}

TEST_F(InArchives, NoMoreIsReadThanIsNeeded) {
  std::vector<TarEntry> files;
  for (int i = 0; i < 200; ++i) {
    files.push_back({std::to_string(i) + ".qvd", some_bytes(100'000, static_cast<unsigned>(i))});
  }
  const auto read = [&](const std::string& bytes, const std::string& scheme, std::uint64_t each) {
    std::uint64_t count = 0;
    const FileEntry archive{.path = "/m/a", .name = "a", .size = bytes.size(), .mtime_us = 1};
    Archives archives([&](const auto&, const auto&) { return std::vector{archive}; },
                      [&](const auto&) { return std::make_unique<Counted>(bytes, count); },
                      {.folder = root_ / "unpacked"});
    const auto entries = archives.list({.scheme = scheme, .member = "", .place = "/m/a"}, {});
    EXPECT_EQ(entries.size(), files.size());
    for (const FileEntry& entry : entries) {
      std::string start(each, '\0');
      archives.open(entry, *chained_place(entry.path))
          ->read_at(0, std::as_writable_bytes(std::span(start)));
      EXPECT_TRUE(files[static_cast<std::size_t>(std::stoi(entry.name))].bytes.starts_with(start));
    }
    return count;
  };
  // Directory or headers, and the beginnings alone.
  EXPECT_LT(read(zip_by(files, 0), "zip", 100), 400'000U);
  EXPECT_LT(read(tar_of(files), "tar", 100), 400'000U);
  const std::string big =
      zip_of({{.name = "0.qvd", .bytes = some_bytes(20'000'000, 0), .method = 8}});
  files = {{"0.qvd", some_bytes(20'000'000, 0)}};
  EXPECT_LT(read(big, "zip", 1'000), 200'000U + std::min<std::size_t>(big.size(), 70'000));
  // Once to list it, once for all members together.
  files.clear();
  for (int i = 0; i < 200; ++i) {
    files.push_back({std::to_string(i) + ".qvd", some_bytes(30'000, static_cast<unsigned>(i))});
  }
  const std::string packed = gzipped(tar_of(files));
  EXPECT_LT(read(packed, "tar", 30'000), 2 * packed.size() + 2'000);
}

TEST_F(InArchives, ThreadsReadMembersSideBySide) {
  std::vector<TarEntry> files;
  for (int i = 0; i < 24; ++i) {
    files.push_back({std::to_string(i) + ".qvd", some_bytes(200'000, static_cast<unsigned>(i))});
  }
  const std::string tar = put("a.tgz", gzipped(tar_of(files)));
  const std::string zip = put("a.zip", zip_by(files, 8));
  for (const std::string& place : {tar, zip}) {
    Storage all = storage();
    const auto entries = all.list(place, {});
    ASSERT_EQ(entries.size(), files.size());
    std::vector<char> is_same(entries.size());
    base::for_each_index(entries.size(), 6, [&](std::size_t i) {
      const std::string& expected =
          files[static_cast<std::size_t>(std::stoi(entries[i].name))].bytes;
      is_same[i] = bytes_of(*all.open(entries[i])) == expected;
    });
    EXPECT_EQ(std::ranges::count(is_same, 1), 24) << place;
  }
}

TEST_F(InArchives, AFullDiskHasItsMessage) {
  const FileEntry entry = [&] {
    Storage lister = storage();
    return lister.list(put("a.qvd.gz", gzipped(std::string(9'000'000, 'x'))), {}).at(0);
  }();
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { .rlim_cur = 2'500'000, .rlim_max = before.rlim_max };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Storage all = storage();
  const std::string message = error_of<base::IoError>([&] { bytes_of(*all.open(entry)); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, AllOf(HasSubstr((root_ / "a.qvd.gz").string()),
                             HasSubstr("cannot be written at byte"), HasSubstr("data_dir")));
}

// Made by others.

TEST_F(InArchives, OfOtherToolsAreRead) {
  if (!tests::has_program("python3")) GTEST_SKIP() << "python3 is not installed";
  const std::string bytes = some_bytes(40'000, 10);
  put("tree/Продажи.qvd", bytes);
  put("tree/sub/" + std::string(120, 'l') + ".qvd", "long");
  const std::string script = R"(
import os, sys, tarfile, zipfile
os.chdir(sys.argv[1])
def names():
    return sorted(os.path.join(d, f) for d, _, fs in os.walk('tree') for f in fs)
for name, method in (('stored.zip', zipfile.ZIP_STORED), ('deflated.zip', zipfile.ZIP_DEFLATED)):
    with zipfile.ZipFile(name, 'w', method) as z:
        for n in names():
            with z.open(zipfile.ZipInfo(n), 'w', force_zip64=True) as out:
                out.write(open(n, 'rb').read())
class Pipe:
    def __init__(self, f): self.f = f
    def write(self, b): return self.f.write(b)
    def flush(self): self.f.flush()
with open('piped.zip', 'wb') as f, zipfile.ZipFile(Pipe(f), 'w', zipfile.ZIP_DEFLATED) as z:
    for n in names(): z.write(n)
for name, form in (('pax.tar', tarfile.PAX_FORMAT), ('gnu.tar', tarfile.GNU_FORMAT)):
    with tarfile.open(name, 'w', format=form) as t: t.add('tree')
with tarfile.open('pax.tar.gz', 'w:gz') as t: t.add('tree')
)";
  put("make.py", script);
  ASSERT_EQ(std::system(("python3 " + (root_ / "make.py").string() + " " + root_.string() +
                         " && cd " + root_.string() + " && tar czf tool.tgz tree")
                            .c_str()),
            0);
  for (const char* name : {"stored.zip", "deflated.zip", "piped.zip", "pax.tar", "gnu.tar",
                           "pax.tar.gz", "tool.tgz"}) {
    Storage all = storage();
    const auto found = loaded(all, root_ / name);
    ASSERT_EQ(found.size(), 2U) << name;
    EXPECT_TRUE(found.at("tree/Продажи.qvd") == bytes) << name;
    EXPECT_EQ(found.at("tree/sub/" + std::string(120, 'l') + ".qvd"), "long") << name;
  }
}

}  // namespace
}  // namespace qvdhouse::source
