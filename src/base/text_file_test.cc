#include "base/text_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace qvdhouse::base {
namespace {

namespace fs = std::filesystem;

TEST(ReadText, GivesAllBytesOrNothing) {
  const fs::path folder = fs::temp_directory_path() / ("read_text_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  for (const std::size_t size : {0U, 1U, 16384U, 16385U, 100'000U}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7);
    std::ofstream(folder / "file", std::ios::binary) << bytes;
    EXPECT_EQ(read_text(folder / "file"), bytes);
  }
  EXPECT_FALSE(read_text(folder / "none"));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(read_text(folder));
  EXPECT_EQ(errno, EISDIR);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::base
