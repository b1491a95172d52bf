#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "sync/content.h"
#include "sync/spooled_file.h"

namespace qvdhouse::sync {
namespace {

std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

std::string hash_of(const std::vector<std::byte>& bytes) {
  return content_hash_of(base::MemorySource(bytes));
}

// Counts what is read.
class CountingSource : public base::MemorySource {
 public:
  using base::MemorySource::MemorySource;
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    count += out.size();
    base::MemorySource::read_at(offset, out);
  }
  mutable std::atomic<std::size_t> count = 0;
};

TEST(ContentHash, IsTheSameEverywhereAndForEver) {
  // It is kept in the tracking table: a change of the recipe would load every touched file again.
  EXPECT_EQ(hash_of({}), "bb4acc98ce8c711964969695ecb6faf4");
  EXPECT_EQ(hash_of(std::vector<std::byte>(kWholeBytes + 1, std::byte{'q'})),
            "31b0d3ecb89a53e4df0d5a58232c5781");
}

TEST(ContentHash, OfASmallFileIsItsFingerprint) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{70'000},
                                 static_cast<std::size_t>(kWholeBytes)}) {
    const std::vector<std::byte> bytes = random_bytes(size);
    EXPECT_EQ(hash_of(bytes), fingerprint_of(base::MemorySource(bytes))) << size;
  }
}

TEST(ContentHash, EveryByteAndTheSizeCount) {
  std::vector<std::byte> bytes(400'000);
  std::set<std::string> seen{hash_of(bytes)};
  std::size_t changes = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 9'973) {
    bytes[at] = std::byte{1};
    seen.insert(hash_of(bytes));
    bytes[at] = std::byte{0};
    ++changes;
  }
  bytes.push_back(std::byte{0});
  seen.insert(hash_of(bytes));
  EXPECT_EQ(seen.size(), changes + 2);
}

TEST(ContentHash, IsTakenOfBytesInAnyOrderFromManyThreadsAndReadsOnlyWhatIsMissing) {
  const std::vector<std::byte> bytes = random_bytes(3'000'000);
  const std::string expected = hash_of(bytes);
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const CountingSource source(bytes);
    HashedSource hashed(source);
    std::vector<std::pair<std::size_t, std::size_t>> pieces;  // begin, size
    std::mt19937 random(seed);
    const std::size_t left_out = seed % 2 == 0 ? 500'000 : 0;
    for (std::size_t at = 0; at < bytes.size() - left_out;) {
      const std::size_t size =
          std::min<std::size_t>(1 + random() % 150'000, bytes.size() - left_out - at);
      pieces.emplace_back(at, size);
      at += size;
    }
    pieces.emplace_back(100'000, 200'000);  // again
    std::shuffle(pieces.begin(), pieces.end(), random);
    std::atomic<std::size_t> next = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          for (std::size_t piece = next++; piece < pieces.size(); piece = next++) {
            std::vector<std::byte> out(pieces[piece].second);
            hashed.read_at(pieces[piece].first, out);
          }
        });
      }
    }
    const std::size_t before = source.count;
    EXPECT_EQ(hashed.hash(), expected) << seed;
    EXPECT_LE(source.count - before, left_out == 0 ? 0 : left_out + (64 << 10)) << seed;
  }
}

TEST(ContentHash, AStopEndsIt) {
  const std::vector<std::byte> bytes(1'000'000);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(content_hash_of(base::MemorySource(bytes), stop.get_token()), base::Cancelled);
}

TEST(SpooledFile, HasTheBytesOfARemoteFileThatIsReadOnceAndLeavesNothing) {
  const std::vector<std::byte> bytes = random_bytes(20'000'000);
  const CountingSource remote(bytes);
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "spooled_file_test";
  std::filesystem::remove_all(folder);
  {
    const SpooledFile spooled(remote, folder, {});
    EXPECT_FALSE(spooled.is_remote());
    EXPECT_EQ(content_hash_of(spooled), hash_of(bytes));
    std::vector<std::byte> out(1'000'000);
    spooled.read_at(17'000'001, out);
    EXPECT_TRUE(std::equal(out.begin(), out.end(), bytes.begin() + 17'000'001));
    EXPECT_THROW(spooled.read_at(19'999'999, out), base::ChangedError);
    EXPECT_EQ(remote.count, bytes.size());
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(SpooledFile(remote, folder, stop.get_token()), base::Cancelled);
  std::filesystem::remove_all(folder);
}

class RowVersion : public testing::Test {
 protected:
  std::uint64_t choose(const tracking::FileRecord* previous, bool holds = false) {
    return choose_version(file_, previous, [&](std::uint64_t version) {
      EXPECT_EQ(version, kBefore);
      return holds;
    });
  }
  static constexpr std::uint64_t kBefore = 0xff;
  static constexpr std::uint64_t kNow = 0xaa;
  decide::ContentNames file_{.fingerprint = "00000000000000ff0000000000000000",
                             .content_hash = "00000000000000aa0000000000000000"};
};

TEST_F(RowVersion, IsOfTheContent) { EXPECT_EQ(choose(nullptr), kNow); }

TEST_F(RowVersion, RowsThatWereLoadedWithoutAContentHashKeepTheirs) {
  EXPECT_EQ(choose(nullptr, true), kBefore);
  const tracking::FileRecord old{.fingerprint = file_.fingerprint, .stored_as = {}};
  EXPECT_EQ(choose(&old, true), kBefore);
  EXPECT_EQ(version_of_rows(old), kBefore);
}

TEST_F(RowVersion, ARecordWithAContentHashTells) {
  tracking::FileRecord record{.fingerprint = file_.fingerprint,
                              .stored_as = {},
                              .content_hash = file_.content_hash,
                              .rows_version = kBefore};
  EXPECT_EQ(choose(&record), kBefore);
  EXPECT_EQ(version_of_rows(record), kBefore);
  record.content_hash = "another";
  EXPECT_EQ(choose(&record, true), kNow);
}

constexpr std::size_t kPiece = 64 << 10;

std::string fingerprint(const std::vector<std::byte>& bytes) {
  return fingerprint_of(base::MemorySource(bytes));
}

// Counts what is read, and ends the test when that lies outside.
class ReadsSource : public base::MemorySource {
 public:
  using base::MemorySource::MemorySource;
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    EXPECT_LE(offset + out.size(), size());
    ++reads;
    bytes += out.size();
    base::MemorySource::read_at(offset, out);
  }
  mutable std::size_t reads = 0;
  mutable std::size_t bytes = 0;
};

TEST(Fingerprint, IsTheSameEverywhereAndForEver) {
  // It is kept in the tracking table: a change of the recipe would load every touched file again.
  EXPECT_EQ(fingerprint({}), "bb4acc98ce8c711964969695ecb6faf4");
  EXPECT_EQ(fingerprint(std::vector<std::byte>(3 * kPiece + 1, std::byte{'q'})),
            "fc25adad4dc7827aaf91aa2ab7421eb0");
}

TEST(Fingerprint, EveryByteOfASmallFileCounts) {
  std::vector<std::byte> bytes(200);
  std::set<std::string> seen{fingerprint(bytes)};
  for (std::byte& byte : bytes) {
    byte = std::byte{1};
    seen.insert(fingerprint(bytes));
    byte = std::byte{0};
  }
  EXPECT_EQ(seen.size(), bytes.size() + 1);
  std::vector<std::byte> longest_read_whole(3 * kPiece);
  const std::string before = fingerprint(longest_read_whole);
  longest_read_whole[kPiece + kPiece / 2] = std::byte{1};
  EXPECT_NE(fingerprint(longest_read_whole), before);
}

TEST(Fingerprint, StartMiddleEndAndSizeOfALargeFileCount) {
  std::vector<std::byte> bytes(10 * kPiece);
  std::set<std::string> seen{fingerprint(bytes)};
  const std::size_t middle = (bytes.size() - kPiece) / 2;
  for (const std::size_t place : {std::size_t{0}, kPiece - 1, middle, middle + kPiece - 1,
                                  bytes.size() - kPiece, bytes.size() - 1}) {
    bytes[place] = std::byte{1};
    seen.insert(fingerprint(bytes));
    bytes[place] = std::byte{0};
  }
  bytes.resize(bytes.size() + 1);
  seen.insert(fingerprint(bytes));
  EXPECT_EQ(seen.size(), 8U);
}

TEST(Fingerprint, NoMoreThanThreeShortReads) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kPiece, 3 * kPiece, 3 * kPiece + 1, 100 * kPiece + 7}) {
    const std::vector<std::byte> bytes(size);
    const ReadsSource source(bytes);
    fingerprint_of(source);
    EXPECT_LE(source.reads, 3U) << size;
    EXPECT_EQ(source.bytes, std::min(size, 3 * kPiece)) << size;
  }
}

}  // namespace
}  // namespace qvdhouse::sync
