// Keeps docs/architecture.md true: which module may include which, how long a file may be, and
// which libraries stay in one place. The rules are checked on a made-up tree too, so that they can
// fail.

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
#include <vector>

namespace qvdhouse {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kMaxLines = 800;

// Module → modules that it may include.
using Modules = std::map<std::string, std::set<std::string>>;

struct SourceFile {
  std::string path;  // from the root of the repository, e.g. "src/qvd/rows.cc"
  std::string text;
};

std::vector<std::string> words(const std::string& text) {
  static const std::regex kWord("[a-z_]+");
  return {std::sregex_token_iterator(text.begin(), text.end(), kWord), {}};
}

// Reads the table whose header is "| module | may include | …".
Modules parse_modules(const std::string& markdown) {
  Modules modules;
  std::istringstream lines(markdown);
  bool in_table = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| module | may include |")) {
      in_table = true;
    } else if (in_table && !line.starts_with("|")) {
      break;
    } else if (in_table && !line.starts_with("|-")) {
      const std::size_t name_end = line.find('|', 1);
      const std::size_t allowed_end = line.find('|', name_end + 1);
      const std::vector<std::string> allowed = words(line.substr(name_end, allowed_end - name_end));
      for (const std::string& module : words(line.substr(0, name_end))) {
        modules[module] = {allowed.begin(), allowed.end()};
      }
    }
  }
  return modules;
}

// "qvd" of "src/qvd/rows.cc"; empty outside src.
std::string module_of(const std::string& path) {
  static const std::regex kModule("src/([^/]+)/.*");
  std::smatch match;
  return std::regex_match(path, match, kModule) ? match[1].str() : "";
}

// What an include line names: quoted ones with their module, all with their text.
struct Include {
  std::size_t line;
  std::string target;
  bool quoted;
};

std::vector<Include> includes_of(const std::string& text) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  std::vector<Include> includes;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::smatch match;
    if (std::regex_match(line, match, kInclude)) {
      includes.push_back({number, match[2], match[1] == "\""});
    }
  }
  return includes;
}

// Empty when `file` may include it, else what is wrong.
std::string include_fault(const SourceFile& file, const Include& include, const Modules& modules) {
  static const std::regex kXmlHome("src/qvd/header[^/]*\\.cc");
  const std::string module = module_of(file.path);
  if (module.empty()) {
    return "";  // tests and benchmarks may use everything
  }
  if (include.target.starts_with("pugixml") && !std::regex_match(file.path, kXmlHome)) {
    return "XML stays in src/qvd/header*.cc";
  }
  if (include.target.starts_with("CLI/") && module != "cli") {
    return "command-line parsing stays in src/cli";
  }
  if (!include.quoted) {
    return "";
  }
  const std::string target_module = include.target.substr(0, include.target.find('/'));
  if (target_module == include.target) {
    return "quoted includes name their module, as in \"qvd/rows.h\"";
  }
  if (target_module == module) {
    return "";
  }
  static const std::regex kTest("src/[^/]+/(test_[^/]*|[^/]*_test)\\.(cc|h)");
  if (target_module == "tests" && std::regex_match(file.path, kTest)) {
    return "";  // a module's tests share what tests/support has
  }
  if (!modules.contains(target_module)) {
    return "no module is called " + target_module;
  }
  if (!modules.at(module).contains(target_module)) {
    return module + " may not include " + target_module;
  }
  return "";
}

// All violations, each as "path:line: what".
std::vector<std::string> violations(const std::vector<SourceFile>& files, const Modules& modules) {
  std::vector<std::string> found;
  std::set<std::string> unknown;
  for (const SourceFile& file : files) {
    const auto line_count = static_cast<std::size_t>(std::ranges::count(file.text, '\n'));
    if (line_count > kMaxLines) {
      found.push_back(file.path + ":" + std::to_string(line_count) + ": longer than " +
                      std::to_string(kMaxLines) + " lines");
    }
    const std::string module = module_of(file.path);
    if (!module.empty() && !modules.contains(module)) {
      if (unknown.insert(module).second) {
        found.push_back("src/" + module + ": not a module of docs/architecture.md");
      }
      continue;
    }
    for (const Include& include : includes_of(file.text)) {
      const std::string fault = include_fault(file, include, modules);
      if (!fault.empty()) {
        found.push_back(file.path + ":" + std::to_string(include.line) + ": " + fault);
      }
    }
  }
  return found;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<SourceFile> tree(const std::filesystem::path& root) {
  std::vector<SourceFile> files;
  for (const char* folder : {"src", "tests", "bench"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension == ".cc" || extension == ".h") {
        files.push_back({std::filesystem::relative(entry.path(), root), read_file(entry.path())});
      }
    }
  }
  return files;
}

const Modules kMadeUp = {{"base", {}}, {"qvd", {"base"}}, {"cli", {"base", "qvd"}}};

TEST(Layering, TheHouseKeepsItsRules) {
  const std::filesystem::path root = QVDHOUSE_SOURCE_DIR;
  const Modules modules = parse_modules(read_file(root / "docs/architecture.md"));
  const std::vector<SourceFile> files = tree(root);
  EXPECT_GT(files.size(), 20U);
  EXPECT_THAT(violations(files, modules), IsEmpty());
}

TEST(Layering, EachRoomOfTheTableExists) {
  const std::filesystem::path root = QVDHOUSE_SOURCE_DIR;
  const Modules modules = parse_modules(read_file(root / "docs/architecture.md"));
  ASSERT_GE(modules.size(), 9U);
  for (const auto& [module, allowed] : modules) {
    EXPECT_TRUE(std::filesystem::is_directory(root / "src" / module)) << module;
    for (const std::string& other : allowed) {
      EXPECT_TRUE(modules.contains(other)) << module << " may include " << other;
    }
  }
}

// Paths in backticks in the table whose header is "| what you look for | where it is |"; NAME and *
// stand for any characters.
std::vector<std::string> parse_map(const std::string& markdown) {
  static const std::regex kPath("`([a-z_/.*A-Z]+/[a-zA-Z_.*]*)`");
  const std::size_t begin = markdown.find("| what you look for | where it is |");
  const std::size_t end = markdown.find("\n\n", begin);
  const std::string table = markdown.substr(std::min(begin, markdown.size()), end - begin);
  std::vector<std::string> paths;
  for (std::sregex_iterator match(table.begin(), table.end(), kPath), last; match != last;
       ++match) {
    paths.push_back((*match)[1]);
  }
  return paths;
}

TEST(Layering, EachPathOfTheMapExists) {
  const std::filesystem::path root = QVDHOUSE_SOURCE_DIR;
  std::vector<std::string> files;
  for (const SourceFile& file : tree(root)) files.push_back(file.path);
  const std::vector<std::string> paths = parse_map(read_file(root / "docs/architecture.md"));
  EXPECT_GE(paths.size(), 50U);
  for (const std::string& path : paths) {
    std::string pattern = path.starts_with("src/") ? path : "src/" + path;
    pattern = std::regex_replace(pattern, std::regex("\\."), "\\.");
    pattern = std::regex_replace(pattern, std::regex("\\*|NAME"), ".*");
    const bool is_there =
        std::filesystem::is_directory(root / "src" / path) ||
        std::ranges::any_of(files, [is_like = std::regex(pattern + ".*")](const auto& file) {
          return std::regex_match(file, is_like);
        });
    EXPECT_TRUE(is_there) << path;
  }
  EXPECT_THAT(parse_map("| what you look for | where it is |\n|---|---|\n| a | `x/a.*`, `b`; `y/` "
                        "|\n\n`z/c.cc`"),
              ElementsAre("x/a.*", "y/"));
}

TEST(Layering, TheBuildLinksAsTheTableSays) {
  const std::filesystem::path root = QVDHOUSE_SOURCE_DIR;
  const std::string cmake = read_file(root / "CMakeLists.txt");
  static const std::regex kModule(R"(qvdhouse_module\((\w+)(?:\s+MODULES\s+([a-z\s]+))?\s+LIBS)");
  Modules linked;
  for (std::sregex_iterator match(cmake.begin(), cmake.end(), kModule), end; match != end;
       ++match) {
    const std::vector<std::string> others = words((*match)[2]);
    linked[(*match)[1]] = {others.begin(), others.end()};
  }
  Modules modules = parse_modules(read_file(root / "docs/architecture.md"));
  modules.erase("engine");  // a program, not a library
  EXPECT_EQ(linked, modules);
}

TEST(Layering, ReadsTheTable) {
  EXPECT_EQ(parse_modules("text\n| module | may include | why |\n|---|---|---|\n| base | – | a |\n"
                          "| qvd, source | base | of base |\n\n| cli | qvd | another table |\n"),
            (Modules{{"base", {}}, {"qvd", {"base"}}, {"source", {"base"}}}));
}

TEST(Layering, FindsForbiddenIncludes) {
  const std::vector<SourceFile> files = {
      {"src/qvd/rows.cc",
       "#include \"qvd/rows.h\"\n#include \"base/error.h\"\n#include <vector>\n"},
      {"src/base/error.cc", "// first line\n  #  include \"qvd/rows.h\"\n"},
      {"src/qvd/symbols.cc", "#include \"symbols.h\"\n#include \"models/sql.h\"\n"},
      {"src/qvd/rows_test.cc", "#include \"tests/support/process.h\"\n"},
      {"src/qvd/rows.h", "#include \"tests/support/process.h\"\n"},
      {"tests/any_test.cc", "#include \"cli/cli.h\"\n#include <pugixml.hpp>\n"},
  };
  EXPECT_THAT(violations(files, kMadeUp),
              ElementsAre("src/base/error.cc:2: base may not include qvd",
                          "src/qvd/symbols.cc:1: quoted includes name their module, as in "
                          "\"qvd/rows.h\"",
                          "src/qvd/symbols.cc:2: no module is called models",
                          "src/qvd/rows.h:1: no module is called tests"));
}

TEST(Layering, FindsLibrariesOutsideTheirPlace) {
  const std::vector<SourceFile> files = {
      {"src/qvd/header.cc", "#include <pugixml.hpp>\n"},
      {"src/qvd/header_text.cc", "#include <pugixml.hpp>\n"},
      {"src/qvd/header.h", "#include <pugixml.hpp>\n"},
      {"src/cli/cli.cc", "#include <CLI/CLI.hpp>\n"},
      {"src/base/error.cc", "#include <CLI/CLI.hpp>\n"},
  };
  EXPECT_THAT(violations(files, kMadeUp),
              ElementsAre("src/qvd/header.h:1: XML stays in src/qvd/header*.cc",
                          "src/base/error.cc:1: command-line parsing stays in src/cli"));
}

TEST(Layering, FindsUnknownModulesAndLongFiles) {
  std::string lines;
  for (std::size_t i = 0; i < kMaxLines; ++i) {
    lines += "\n";
  }
  const std::vector<SourceFile> files = {
      {"src/util/strings.h", ""},
      {"src/util/strings.cc", ""},
      {"src/qvd/at_the_limit.cc", lines},
      {"tests/too_long_test.cc", lines + "\n"},
  };
  EXPECT_THAT(violations(files, kMadeUp),
              ElementsAre("src/util: not a module of docs/architecture.md",
                          "tests/too_long_test.cc:801: longer than 800 lines"));
}

}  // namespace
}  // namespace qvdhouse
