#include "base/files.h"

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
  write_text(file, "three");
  EXPECT_EQ(read_text(file), "three");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  // Nothing half written is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "deep"), {}), 1);
  fs::remove_all(folder);
}

TEST(WriteText, KeepsWhatIsThereWhenAskedTo) {
  const fs::path folder = fs::temp_directory_path() / ("keep_text_" + std::to_string(::getpid()));
  const fs::path file = folder / "file";
  write_text(file, "one", Existing::kKeep);
  EXPECT_THROW(write_text(file, "two", Existing::kKeep), IoError);
  EXPECT_EQ(read_text(file), "one");
  // What appears while the file is written stays too.
  fs::remove(file);
  OutputFile late(file, Existing::kKeep);
  late.write("late");
  write_text(file, "first");
  EXPECT_THROW(late.finish(), IoError);
  EXPECT_EQ(read_text(file), "first");
  fs::remove_all(folder);
}

// What a stranger could plant in a folder that all may write to.
TEST(WriteText, FollowsNoLink) {
  const fs::path folder = fs::temp_directory_path() / ("link_text_" + std::to_string(::getpid()));
  write_text(folder / "victim", "mine");
  fs::create_symlink("victim", folder / "link");
  fs::create_symlink("absent", folder / "dangling");
  for (const char* name : {"link", "dangling"}) {
    for (const Existing existing : {Existing::kReplace, Existing::kKeep}) {
      EXPECT_THROW(write_text(folder / name, "x", existing), IoError);
    }
    EXPECT_TRUE(fs::is_symlink(folder / name));
  }
  EXPECT_EQ(read_text(folder / "victim"), "mine");
  EXPECT_FALSE(fs::exists(folder / "absent"));
  { const OutputFile unfinished(folder / "unfinished", Existing::kReplace); }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 3);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::base
