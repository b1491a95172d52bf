#include "base/text_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/error.h"

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

TEST(WriteText, ReplacesTheFileOrLeavesIt) {
  const fs::path folder = fs::temp_directory_path() / ("write_text_" + std::to_string(::getpid()));
  const fs::path file = folder / "deep" / "file";
  write_text(file, "one");
  write_text(file, std::string("two\0", 4));
  EXPECT_EQ(read_text(file), std::string("two\0", 4));
  EXPECT_THROW(write_text(file / "below a file", "x"), IoError);
  EXPECT_THROW(write_text(folder / "deep", "x"), IoError);  // a folder, with something in it
  EXPECT_EQ(read_text(file), std::string("two\0", 4));
  EXPECT_THROW(write_text("/dev/null", "x"), IoError);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("deep/file", folder / "link");
  write_text(folder / "link", "three");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_text(file), "three");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::remove(folder / "link");
  // Nothing half written is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "deep"), {}), 1);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::base
