// Every folder of tests/golden/types is a test: what the type rules make of input.json must be
// expected.txt, to the byte. With QVDHOUSE_UPDATE_GOLDEN=1 the files are written instead; read the
// difference before it is committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/golden/type_case.h"

namespace qvdhouse::golden {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(QVDHOUSE_SOURCE_DIR) / "tests/golden/types")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Types : public testing::TestWithParam<std::string> {};

TEST_P(Types, AsExpected) {
  const fs::path folder = fs::path(QVDHOUSE_SOURCE_DIR) / "tests/golden/types" / GetParam();
  const std::string actual = report(folder / "input.json");
  if (std::getenv("QVDHOUSE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(folder / "expected.txt", std::ios::binary) << actual;
    GTEST_SKIP() << "expected.txt was written, not compared";
  }
  std::ifstream file(folder / "expected.txt", std::ios::binary);
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Cases, Types, testing::ValuesIn(case_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace qvdhouse::golden
