#include "unload/stored_codes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>

namespace qvdhouse::unload {
namespace {

namespace fs = std::filesystem;

TEST(StoredCodes, GivesAllRowsBackAndLeavesNoFile) {
  const fs::path folder =
      fs::temp_directory_path() / ("stored_codes_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  constexpr std::size_t kColumns = 3;
  std::vector<std::vector<std::uint32_t>> wanted(kColumns);
  StoredCodes stored(folder, "OUT", kColumns);
  // Codes that take one, two and four bytes, in blocks smaller and larger than a batch.
  for (const std::size_t rows : {1U, 20'000U, 16'384U, 70'000U, 3U}) {
    stored.start_block(rows);
    for (std::size_t column = 0; column < kColumns; ++column) {
      std::vector<std::uint32_t> codes(rows);
      std::iota(codes.begin(), codes.end(), column == 0 ? 0U : 250U);
      if (column == 0) {
        for (auto& code : codes) code %= 256;
      }
      if (column == 2) codes.back() = 4'294'967'295U;
      stored.add(codes);
      wanted[column].insert(wanted[column].end(), codes.begin(), codes.end());
    }
  }
  EXPECT_EQ(stored.row_count(), wanted[0].size());
  std::vector<std::vector<std::uint32_t>> found(kColumns);
  stored.for_each_batch([&](std::span<const std::vector<std::uint32_t>> codes) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      found[column].insert(found[column].end(), codes[column].begin(), codes[column].end());
    }
  });
  EXPECT_EQ(found, wanted);
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::unload
