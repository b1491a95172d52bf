// Each damage of cases.cc against golden/NAME.txt, which holds what reading the file must say. To
// add a case: a line in cases.cc, then run with QVDHOUSE_UPDATE_GOLDEN=1, then read the new golden
// file: is it what a user should be told? A golden file without a case fails.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "tests/malformed/cases.h"
#include "tests/malformed/sample_file.h"

namespace qvdhouse::malformed {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEveryByte = "truncated_at_every_byte";

fs::path golden_folder() {
  return fs::path(QVDHOUSE_SOURCE_DIR) / "tests" / "malformed" / "golden";
}

void expect_golden(const std::string& name, const std::string& found) {
  const fs::path path = golden_folder() / (name + ".txt");
  if (std::getenv("QVDHOUSE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << found;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string expected{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(found, expected) << path;
}

class Malformed : public testing::TestWithParam<Case> {};

TEST_P(Malformed, SaysWhatTheGoldenFileSays) {
  expect_golden(GetParam().name, outcome_of(GetParam().damage(sample_file())));
}

INSTANTIATE_TEST_SUITE_P(Cases, Malformed, testing::ValuesIn(cases()),
                         [](const auto& item) { return item.param.name; });

// One line for each run of lengths that are told the same thing; "{cut}" is the length itself.
TEST(Truncated, AtEveryByte) {
  const std::string file = sample_file();
  std::string found;
  std::string previous;
  std::size_t first = 0;
  const auto add_run = [&](std::size_t last) {
    if (!previous.empty()) found += fmt::format("{} to {}: {}", first, last, previous);
  };
  for (std::size_t length = 0; length < file.size(); ++length) {
    const std::regex number(fmt::format("\\b{}\\b", length));
    const std::string outcome =
        std::regex_replace(outcome_of(file.substr(0, length)), number, "{cut}");
    EXPECT_THAT(outcome, testing::Not(testing::HasSubstr("reads"))) << "cut at " << length;
    if (outcome == previous) continue;
    if (length > 0) add_run(length - 1);
    previous = outcome;
    first = length;
  }
  add_run(file.size() - 1);
  expect_golden(kEveryByte, found);
}

TEST(Golden, EveryFileHasACase) {
  std::set<std::string> names = {kEveryByte};
  for (const Case& item : cases()) {
    EXPECT_TRUE(names.insert(item.name).second) << "two cases are called " << item.name;
  }
  for (const auto& entry : fs::directory_iterator(golden_folder())) {
    EXPECT_TRUE(names.contains(entry.path().stem().string())) << entry.path() << " has no case";
  }
}

}  // namespace
}  // namespace qvdhouse::malformed
