#include "unload/file_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"

namespace qvdhouse::unload {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(SelectFromFile, TakesTheFormatFromTheName) {
  const fs::path folder = fs::temp_directory_path() / ("file_query_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto select = [&](const std::string& name) {
    std::ofstream(folder / name) << "x";
    return select_from_file(folder / name);
  };
  EXPECT_THAT(select("it's ü.PARQUET"), EndsWith("/it\\'s ü.PARQUET', 'Parquet')"));
  EXPECT_THAT(select("a.csv"), HasSubstr("'CSVWithNames'"));
  EXPECT_THAT(select("a.tsv.gz"), HasSubstr("'TSVWithNames'"));
  EXPECT_THAT(select("a.jsonl"), HasSubstr("'JSONEachRow'"));
  EXPECT_THROW(select("a.xlsx"), base::ConfigError);
  EXPECT_THROW(select("a"), base::ConfigError);
  EXPECT_THROW(select("a{1,2}.csv"), base::ConfigError);
  EXPECT_THROW(select("a?.csv"), base::ConfigError);
  EXPECT_THROW(select("a::b.csv"), base::ConfigError);
  EXPECT_THROW(select_from_file(folder / "none.csv"), base::IoError);
  fs::create_directories(folder / "folder.csv");
  EXPECT_THROW(select_from_file(folder / "folder.csv"), base::IoError);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::unload
