#include "sync/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <vector>

#include "base/byte_source.h"

namespace qvdhouse::sync {
namespace {

constexpr std::size_t kPiece = 64 << 10;

std::string fingerprint(const std::vector<std::byte>& bytes) {
  return fingerprint_of(base::MemorySource(bytes));
}

// Counts what is read, and ends the test when that lies outside.
class CountingSource : public base::MemorySource {
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
    const CountingSource source(bytes);
    fingerprint_of(source);
    EXPECT_LE(source.reads, 3U) << size;
    EXPECT_EQ(source.bytes, std::min(size, 3 * kPiece)) << size;
  }
}

}  // namespace
}  // namespace qvdhouse::sync
