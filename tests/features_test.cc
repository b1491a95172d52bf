// Keeps docs/features.md true: each test that it names exists, each row is there, and once. Tests
// are found in the sources, not by running programs, which need not be built. The rules are checked
// on made-up texts too, so that they can fail.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace qvdhouse {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

// --- The page ---

struct Row {
  std::string id;                  // "S1"
  std::vector<std::string> tests;  // what stands in backticks in the last column
};

struct Page {
  std::vector<Row> rows;               // of the tables with tests
  std::vector<std::string> other_ids;  // behind "Not there yet"
};

std::vector<std::string> all_matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) {
    found.push_back((*match)[1]);
  }
  return found;
}

Page parse_page(const std::string& markdown) {
  static const std::regex kRow(R"(\| ([A-Z][0-9]+) \| .* \| ([^|]*) \|)");
  static const std::regex kTest("`([^`]+)`");
  static const std::regex kId(R"(\b([A-Z][0-9]+)\b)");
  Page page;
  const std::size_t end = markdown.find("## Not there yet\n");
  std::istringstream lines(markdown.substr(0, end));
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kRow)) {
      page.rows.push_back({match[1], all_matches(match[2], kTest)});
    }
  }
  if (end == std::string::npos) return page;
  // The first column of the table there, and no other.
  std::istringstream rest(markdown.substr(end));
  for (std::string line; std::getline(rest, line);) {
    if (line.starts_with("| ")) line.resize(line.find('|', 1));
    for (std::string& id : all_matches(line, kId)) page.other_ids.push_back(std::move(id));
  }
  return page;
}

// What is wrong with the ids: one that is there twice, or one that is not there although a greater
// one of its letter is.
std::vector<std::string> faulty_ids(const Page& page) {
  std::vector<std::string> faults;
  std::set<std::string> seen;
  const auto see = [&](const std::string& id) {
    if (!seen.insert(id).second) faults.push_back(id + " is there twice");
  };
  for (const Row& row : page.rows) see(row.id);
  const std::set<std::string> with_tests = std::exchange(seen, {});
  for (const std::string& id : page.other_ids) see(id);
  seen.insert(with_tests.begin(), with_tests.end());
  std::map<char, int> greatest;
  for (const std::string& id : seen) {
    int& number = greatest[id[0]];
    number = std::max(number, std::stoi(id.substr(1)));
  }
  for (const auto& [letter, count] : greatest) {
    for (int number = 1; number < count; ++number) {
      const std::string id = letter + std::to_string(number);
      if (!seen.contains(id)) faults.push_back(id + " is missing");
    }
  }
  return faults;
}

// --- The tests ---

// Names as ctest has them, without the parameters of tests that have some: "qvd_test.Rows.Name",
// "golden_test.Cases/Types.AsExpected", "browser.story".
using Names = std::set<std::string>;

// Tests of `texts`, the sources of `program`.
void add_tests(const std::string& program, const std::vector<std::string>& texts, Names& names) {
  static const std::regex kTest(R"(\nTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\))");
  static const std::regex kPrefix(R"(INSTANTIATE_TEST_SUITE_P\(\s*(\w+),\s*(\w+),)");
  std::multimap<std::string, std::string> prefixes;  // by suite
  for (const std::string& text : texts) {
    for (std::sregex_iterator match(text.begin(), text.end(), kPrefix), end; match != end;
         ++match) {
      prefixes.emplace((*match)[2], (*match)[1].str() + "/");
    }
  }
  for (const std::string& text : texts) {
    for (std::sregex_iterator match(text.begin(), text.end(), kTest), end; match != end; ++match) {
      const std::string suite = (*match)[1];
      const std::string name = suite + "." + (*match)[2].str();
      const auto [first, last] = prefixes.equal_range(suite);
      if (first == last) names.insert(program + "." + name);
      for (auto prefix = first; prefix != last; ++prefix) {
        names.insert(program + "." + prefix->second + name);
      }
    }
  }
}

// Program → its sources, as qvdhouse_test() of a CMakeLists.txt has them.
std::map<std::string, std::vector<std::string>> parse_programs(const std::string& cmake) {
  static const std::regex kProgram(R"(qvdhouse_test\((\w+)\s([^)]*)\))");
  static const std::regex kSource(R"(([\w/]+\.cc)\b)");
  std::map<std::string, std::vector<std::string>> programs;
  for (std::sregex_iterator match(cmake.begin(), cmake.end(), kProgram), end; match != end;
       ++match) {
    programs[(*match)[1]] = all_matches((*match)[2], kSource);
  }
  return programs;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files_of(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().ends_with(ending)) files.push_back(entry.path());
  }
  return files;
}

void add_tests_of_files(const std::string& program, const std::vector<fs::path>& files,
                        Names& names) {
  std::vector<std::string> texts;
  for (const fs::path& file : files) texts.push_back(read_file(file));
  add_tests(program, texts, names);
}

// Those of scripts: what CMake makes of a list has its own rule each.
void add_script_tests(const fs::path& tests, Names& names) {
  static const std::regex kName(R"(add_test\(NAME ([a-z_]+\.\w+)\s)");
  static const std::regex kCase(R"(\ncase_([a-z_]+)\(\))");
  const auto stem = [](const fs::path& path, const std::string& ending) {
    const std::string name = path.filename().string();
    return name.substr(0, name.size() - ending.size());
  };
  for (const auto& entry : fs::directory_iterator(tests)) {
    const fs::path cmake = entry.path() / "CMakeLists.txt";
    if (!fs::exists(cmake)) continue;
    for (const std::string& name : all_matches(read_file(cmake), kName)) names.insert(name);
  }
  for (const std::string& name : all_matches(read_file(tests / "CMakeLists.txt"), kName)) {
    names.insert(name);
  }
  for (const std::string& name : all_matches(read_file(tests / "packaging/install_test"), kCase)) {
    names.insert("install." + name);
  }
  for (const fs::path& file : files_of(tests / "browser", "_test.mjs")) {
    names.insert("browser." + stem(file, "_test.mjs"));
  }
  for (const fs::path& file : files_of(tests / "fuzz", "_fuzz.cc")) {
    names.insert(stem(file, ".cc") + ".replay");
  }
}

Names all_tests(const fs::path& root) {
  Names names;
  for (const auto& entry : fs::directory_iterator(root / "src")) {
    if (!entry.is_directory()) continue;
    add_tests_of_files(entry.path().filename().string() + "_test",
                       files_of(entry.path(), "_test.cc"), names);
  }
  std::vector<fs::path> folders = {root / "tests"};
  for (const auto& entry : fs::directory_iterator(root / "tests")) {
    if (fs::exists(entry.path() / "CMakeLists.txt")) folders.push_back(entry.path());
  }
  for (const fs::path& folder : folders) {
    for (const auto& [program, sources] : parse_programs(read_file(folder / "CMakeLists.txt"))) {
      std::vector<fs::path> files;
      for (const std::string& source : sources) files.push_back(folder / source);
      add_tests_of_files(program, files, names);
    }
  }
  add_script_tests(root / "tests", names);
  return names;
}

// Whether it is a test, all tests of a suite ("sync_test.SetTest.*"), a case of golden_test, or a
// script of the repository.
bool is_there(const std::string& test, const Names& names, const fs::path& root) {
  static const std::string kGolden = "golden_test.Cases/Types.AsExpected/";
  if (test.ends_with(".*")) {
    const std::string suite = test.substr(0, test.size() - 1);
    const auto first = names.lower_bound(suite);
    return first != names.end() && first->starts_with(suite);
  }
  if (test.starts_with(kGolden)) {
    return fs::exists(root / "tests/golden/types" / test.substr(kGolden.size()) / "expected.txt");
  }
  return names.contains(test) || fs::is_regular_file(root / test);
}

TEST(Features, EachTestOfThePageExists) {
  const fs::path root = QVDHOUSE_SOURCE_DIR;
  const Page page = parse_page(read_file(root / "docs/features.md"));
  const Names names = all_tests(root);
  EXPECT_GT(names.size(), 1'000U);
  EXPECT_GT(page.rows.size(), 80U);
  for (const Row& row : page.rows) {
    EXPECT_THAT(row.tests, Not(IsEmpty())) << row.id;
    for (const std::string& test : row.tests) {
      EXPECT_TRUE(is_there(test, names, root)) << row.id << ": " << test;
    }
  }
}

TEST(Features, EachRowOfThePageIsThereOnce) {
  const fs::path root = QVDHOUSE_SOURCE_DIR;
  EXPECT_THAT(faulty_ids(parse_page(read_file(root / "docs/features.md"))), IsEmpty());
}

TEST(Features, ReadsThePage) {
  const Page page = parse_page(
      "A `word`.\n| id | what | tests |\n|---|---|---|\n"
      "| S1 | the `x` of S9 | `a_test.A.B`, `b.c` |\n| S2 | that | `d_test.E.*` |\n\n"
      "## Not there yet\n\nS3, S4.\n\n| id | what is missing |\n|---|---|\n| S2 | all of H1 |\n");
  ASSERT_EQ(page.rows.size(), 2U);
  EXPECT_EQ(page.rows[0].id, "S1");
  EXPECT_THAT(page.rows[0].tests, ElementsAre("a_test.A.B", "b.c"));
  EXPECT_THAT(page.rows[1].tests, ElementsAre("d_test.E.*"));
  EXPECT_THAT(page.other_ids, ElementsAre("S3", "S4", "S2"));
}

TEST(Features, FindsRowsThatAreMissingOrThereTwice) {
  EXPECT_THAT(faulty_ids({.rows = {{"S1", {}}, {"S2", {}}}, .other_ids = {"S2", "S3"}}), IsEmpty());
  EXPECT_THAT(
      faulty_ids({.rows = {{"S1", {}}, {"S4", {}}, {"S1", {}}}, .other_ids = {"S2", "F2", "F2"}}),
      UnorderedElementsAre("S1 is there twice", "F2 is there twice", "F1 is missing",
                           "S3 is missing"));
}

TEST(Features, FindsTestsInSources) {
  Names names;
  add_tests("a_test",
            {"\nTEST(A, One) {\nTEST_F(B,\n       Two) {\n// TEST(A, Three)\n",
             "\nTEST_P(C, Four) {\nINSTANTIATE_TEST_SUITE_P(On, C, Values(1));\n"
             "INSTANTIATE_TEST_SUITE_P(\n    Off, C,\n    Values(1));\n"},
            names);
  EXPECT_THAT(names,
              ElementsAre("a_test.A.One", "a_test.B.Two", "a_test.Off/C.Four", "a_test.On/C.Four"));
  EXPECT_THAT(parse_programs("qvdhouse_test(x_test UNIT TIMEOUT 9 SOURCES a_test.cc\n  b/c.cc\n"
                             "  LIBS fmt::fmt)\nqvdhouse_test(y_test SOURCES d.cc)\n"),
              ElementsAre(Pair("x_test", ElementsAre("a_test.cc", "b/c.cc")),
                          Pair("y_test", ElementsAre("d.cc"))));
}

TEST(Features, FindsNoTestThatIsNotThere) {
  const fs::path root = QVDHOUSE_SOURCE_DIR;
  const Names names = all_tests(root);
  EXPECT_THAT(names, IsSupersetOf({"features_test.Features.ReadsThePage", "install.fresh",
                                   "browser.story", "rows_fuzz.replay", "openapi.valid",
                                   "golden_test.Cases/Types.AsExpected"}));
  for (const char* right :
       {"features_test.Features.*", "golden_test.Cases/Types.AsExpected/text", "dev"}) {
    EXPECT_TRUE(is_there(right, names, root)) << right;
  }
  for (const char* wrong :
       {"features_test.Features.Reads", "features_test.Featur.*", "install.stale", "browser.tale",
        "golden_test.Cases/Types.AsExpected/none", "golden_test.Types.AsExpected",
        "packaging/no_script", "packaging"}) {
    EXPECT_FALSE(is_there(wrong, names, root)) << wrong;
  }
}

}  // namespace
}  // namespace qvdhouse
