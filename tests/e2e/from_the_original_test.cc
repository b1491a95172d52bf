// docs/from-the-original.md, run line by line: each numbered row's command, by the real binary,
// must print what tests/golden/from-the-original/NUMBER.txt says. With QVDHOUSE_UPDATE_GOLDEN=1 the
// files are written instead; read the difference before it is committed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "serve/test_client.h"
#include "tests/e2e/command_line.h"
#include "tests/servers/cloud.h"
#include "tests/servers/served.h"
#include "tests/support/loopback.h"
#include "tests/support/terminal.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kDocument = fs::path(QVDHOUSE_SOURCE_DIR) / "docs/from-the-original.md";
const fs::path kGoldens = fs::path(QVDHOUSE_SOURCE_DIR) / "tests/golden/from-the-original";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A row of a table of the document: "| # | the original's | here | what is different |".
struct Row {
  std::string number;   // empty: not one that is run
  std::string command;  // the first code of the third cell
};

std::vector<Row> mapped_rows() {
  std::vector<Row> rows;
  std::istringstream lines(text_of(kDocument));
  const std::regex row_of_four(R"(\| *(\d*) *\| (.*) \| (.*) \| (.*) \|)");
  const std::regex code("`([^`]+)`.*");
  for (std::string line; std::getline(lines, line);) {
    std::smatch cells;
    if (!std::regex_match(line, cells, row_of_four)) continue;
    std::smatch command;
    const std::string here = cells[3];
    if (!std::regex_match(here, command, code)) continue;
    rows.push_back({cells[1], command[1]});
  }
  return rows;
}

// Its block of Mustache.
std::string template_of_document() {
  const std::string text = text_of(kDocument);
  const std::string fence = "```mustache\n";
  const std::size_t begin = text.find(fence);
  if (begin == std::string::npos) return "";
  const std::size_t start = begin + fence.size();
  return text.substr(start, text.find("```", start) - start);
}

fs::path golden_of(const Row& row) { return kGoldens / fmt::format("{:0>2}.txt", row.number); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// What differs from run to run, taken out: times, how long things took, ids, widths of columns.
std::string without_what_varies(std::string text) {
  const std::vector<std::pair<const char*, const char*>> rules = {
      {R"([^\n]*Z debug: [^\n]*\n)", ""},
      {R"(debug: [^\n]*\n)", ""},
      {R"([^\n]*Z info: (starting: [^\n]*|ready|ClickHouse answers)\n)", ""},
      {R"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?)", "TIME"},
      {R"(\d{8}T\d{6}_[0-9a-f]{8})", "RUN"},
      {R"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", "UUID"},
      {R"(store/[0-9a-f]{3}/)", "store/UUI/"},
      // Before IDs: a number may have sixteen digits behind its point.
      {R"re((seconds|per_second)": [0-9.e+-]+)re", "$1\": NUMBER"},
      {R"(\b[0-9a-f]{16,32}\b)", "ID"},
      {R"(\b\d+(\.\d+)? m?s\b)", "SECONDS s"},
      {R"re((syncs_today)": \d+)re", "$1\": NUMBER"},
      {R"(\t\d+\.\d+\t)", "\tSECONDS\t"},
      {R"(qvdhouse \d+\.\d+\.\d+)", "qvdhouse VERSION"},
      {R"((\S) {2,})", "$1  "},
  };
  for (const auto& [pattern, with] : rules) {
    text = std::regex_replace(text, std::regex(pattern), with);
  }
  return text;
}

class FromTheOriginal : public EngineCommandLine {
 protected:
  void SetUp() override {
    EngineCommandLine::SetUp();
    if (IsSkipped()) return;
    for (const char* name : {"Item", "PO", "Reception", "Archive", "Temp"}) {
      write_qvd(fmt::format("{}.qvd", name), fmt::format("{} Description", name));
    }
    environment = {
        {"QVD_SOURCE", (folder / "qvds").string()},
        {"QVD_PORT", std::to_string(port)},
        {"QVD_DASHBOARD_PORT", std::to_string(dashboard_port)},
        {"QVD_PARALLEL_FILES", "1"},  // in the order of their names
        {"PATH", fmt::format("{}:{}", binary().parent_path().string(), std::getenv("PATH"))},
        {"no_proxy", "localhost"}};
    // What stands for something in the document, and what that is here; the first of those for one
    // thing is what goldens have.
    places = {{"/path/to/qvd", (folder / "qvds").string()},
              {"/path", (folder / "qvds").string()},
              {"localhost:4000", fmt::format("localhost:{}", port)},
              {"127.0.0.1:4000", fmt::format("127.0.0.1:{}", port)},
              {"localhost:8081", fmt::format("localhost:{}", dashboard_port)},
              {"FOLDER", folder.string()}};
  }

  // A command of the document as a shell is to run it here.
  std::string localised(std::string command) const {
    // From the longest on: one name may hold another.
    std::vector<std::pair<std::string, std::string>> longest_first = places;
    std::ranges::stable_sort(longest_first, std::ranges::greater{},
                             [](const auto& place) { return place.first.size(); });
    std::vector<std::string> put;
    for (const auto& [name, here] : longest_first) {
      command = replaced(command, name, fmt::format("\x01{}\x02", put.size()));
      put.push_back(here);
    }
    for (std::size_t i = 0; i < put.size(); ++i) {
      command = replaced(command, fmt::format("\x01{}\x02", i), put[i]);
    }
    if (command.starts_with("curl ")) return command + " -sS";
    if (command.starts_with("open ")) {
      return "curl -sS -o /dev/null -w '%{http_code} %{content_type}\\n' " + command.substr(5);
    }
    return command;
  }

  std::string generalised(std::string text) const {
    for (const auto& [name, here] : places) text = replaced(text, here, name);
    return without_what_varies(text);
  }

  std::string report(const Row& row, const Finished& finished) const {
    std::string out = finished.out;
    if (const auto json = nlohmann::ordered_json::parse(out, nullptr, false);
        !json.is_discarded() && json.is_object()) {
      out = json.dump(2) + "\n";
    }
    std::string text = fmt::format("$ {}\n{}", row.command, generalised(out));
    if (!finished.err.empty()) text += "standard error:\n" + generalised(finished.err);
    text += models_written();
    return text + fmt::format("exit code {}\n", finished.exit_code);
  }

  // The classes in the files below app/, each with its file.
  std::string models_written() const {
    std::string found;
    if (!fs::exists(folder / "app")) return found;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder / "app")) {
      if (!entry.is_regular_file()) continue;
      found += fmt::format("in {}:\n", fs::relative(entry.path(), folder).string());
      std::istringstream lines(text_of(entry.path()));
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("class Qvd")) found += "  " + line + "\n";
      }
    }
    return found;
  }

  static void compare(const Row& row, const std::string& actual) {
    const fs::path golden = golden_of(row);
    if (std::getenv("QVDHOUSE_UPDATE_GOLDEN") != nullptr) {
      fs::create_directories(kGoldens);
      std::ofstream(golden, std::ios::binary) << actual;
    } else {
      EXPECT_EQ(actual, text_of(golden)) << golden;
    }
  }

  Finished shell(const std::string& command) const {
    return run("/bin/bash", {"-c", command}, environment, folder);
  }

  // Everything loaded, no models unless it is about replacing them, and the document's template:
  // what each row finds.
  void prepare(const Row& row) const {
    fs::remove_all(folder / "app");
    if (row.command.ends_with("--overwrite")) {
      fs::create_directories(folder / "app/ingest");
      write_text("app/ingest/qvd.py", "class QvdOld:\n    pass\n");
    }
    write_text("custom.py.mustache", template_of_document());
    if (row.command == "qvdhouse sync") shell("qvdhouse reset --all --force");
  }

  void run_row(const Row& row) const {
    SCOPED_TRACE(row.number + ": " + row.command);
    prepare(row);
    compare(row, report(row, shell(localised(row.command))));
    if (row.command.find("--reset-state") != std::string::npos) shell("qvdhouse sync");
  }

  // Starts the service and waits for the end of its first run.
  void serve_until_loaded() {
    service =
        std::make_unique<Process>(binary(), std::vector<std::string>{"serve"}, environment, folder);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto answer = Json::parse(serve::call(port, "/api/runs?limit=1").body, nullptr, false);
      const auto runs = answer.is_object() ? answer.value("runs", Json::array()) : Json();
      if (!runs.empty() && !runs[0]["finished_at"].is_null()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    FAIL() << "the service has not loaded anything";
  }

  // init_qvd at a terminal, with everything loaded.
  std::unique_ptr<Terminal> at_terminal(const std::vector<std::string>& arguments) const {
    return std::make_unique<Terminal>(binary().parent_path() / "init_qvd", arguments, environment,
                                      folder);
  }

  std::size_t tracked_files() const { return json({"status"}).size(); }

  std::uint16_t port = free_port();
  std::uint16_t dashboard_port = free_port();
  Environment environment;
  std::vector<std::pair<std::string, std::string>> places;
  std::unique_ptr<Process> service;
};

bool is_of_s3(const Row& row) { return row.command.find("s3://") != std::string::npos; }

TEST(FromTheOriginalDocument, EachCommandHasANumberAndEachNumberAGolden) {
  const std::vector<Row> rows = mapped_rows();
  std::set<fs::path> goldens;
  std::size_t numbered = 0;
  for (const Row& row : rows) {
    const std::string program = row.command.substr(0, row.command.find(' '));
    const bool is_runnable =
        program == "init_qvd" || program == "qvdhouse" || program == "curl" || program == "open";
    EXPECT_EQ(is_runnable, !row.number.empty()) << row.command;
    if (row.number.empty()) continue;
    EXPECT_EQ(row.number, std::to_string(++numbered)) << row.command;
    goldens.insert(golden_of(row));
    EXPECT_THAT(text_of(golden_of(row)), StartsWith("$ " + row.command + "\n"));
  }
  EXPECT_GE(numbered, 25U);
  for (const fs::directory_entry& entry : fs::directory_iterator(kGoldens)) {
    EXPECT_TRUE(goldens.contains(entry.path())) << entry.path() << ": no row has this number";
  }
}

TEST_F(FromTheOriginal, CommandsPrintTheirGoldens) {
  std::vector<Row> rows = mapped_rows();
  std::erase_if(rows, [](const Row& row) { return row.number.empty() || is_of_s3(row); });
  ASSERT_FALSE(rows.empty());
  Row serve_row;
  for (const Row& row : rows) {
    if (row.command == "qvdhouse serve") {
      serve_row = row;
      serve_until_loaded();
      if (HasFatalFailure()) return;
    } else {
      run_row(row);
    }
  }
  ASSERT_NE(service, nullptr);
  ::kill(service->pid(), SIGTERM);
  compare(serve_row, report(serve_row, service->wait()));
}

TEST_F(FromTheOriginal, CommandsOnS3PrintTheirGoldens) {
  Served served;
  fs::create_directories(folder / "server");
  try {
    served = serve_s3(folder / "qvds", folder / "server");
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  const std::string bucket = served.source.substr(0, served.source.size() - 1);
  places = {{"s3://bucket/path", bucket},
            {"s3://your-bucket/path", bucket},
            {"YOUR_KEY", kAwsKey},
            {"YOUR_SECRET", kAwsSecret},
            {"port 9000", fmt::format("port {}", served.port)},
            {"FOLDER", folder.string()}};
  const Environment ours = environment;
  for (const Row& row : mapped_rows()) {
    if (row.number.empty() || !is_of_s3(row)) continue;
    environment = ours;
    for (const auto& variable : served.environment) {
      const bool is_key =
          variable.first == "AWS_ACCESS_KEY_ID" || variable.first == "AWS_SECRET_ACCESS_KEY";
      if (!is_key || row.command.find("--aws-key") == std::string::npos) {
        environment.push_back(variable);
      }
    }
    run_row(row);
  }
}

TEST_F(FromTheOriginal, SettingsKeepTheirNames) {
  std::istringstream lines(text_of(kDocument));
  const auto settings = json({"config"});
  std::set<std::string> names;
  const std::regex variable("\\| `((QVD|CLICKHOUSE)_[A-Z_]+)(=[^`]*)?` \\|.*");
  std::size_t found = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, variable)) continue;
    ++found;
    const std::string name = match[1];
    EXPECT_TRUE(std::ranges::any_of(settings, [&](const Json& setting) {
      return setting.value("environment", "") == name;
    })) << name;
  }
  EXPECT_GE(found, 6U);
}

TEST_F(FromTheOriginal, ResetAsksAtTheTerminal) {
  ASSERT_EQ(shell("qvdhouse sync").exit_code, 0);
  const std::string question = "Reset all tracking state? [y/N] ";
  struct Case {
    std::string keys;
    int exit_code;
    std::string shown;
  };
  for (const Case& no : {Case{"n\n", 0, "Cancelled\n"}, Case{"\n", 0, "Cancelled\n"},
                         Case{"yesterday\n", 0, "Cancelled\n"}, Case{"\x04", 0, "Cancelled\n"},
                         Case{"\x03", 130, "stopped"}}) {
    const auto terminal = at_terminal({"--reset-state"});
    ASSERT_TRUE(terminal->shows(question)) << terminal->shown();
    EXPECT_THAT(terminal->shown(),
                HasSubstr("Current state (5 files tracked):\n  completed: 5\n\n" + question));
    terminal->press(no.keys);
    EXPECT_EQ(terminal->wait(), no.exit_code) << terminal->shown();
    EXPECT_THAT(terminal->shown(), HasSubstr(no.shown));
    EXPECT_EQ(tracked_files(), 5U);
  }
  const auto terminal = at_terminal({"--reset-state"});
  ASSERT_TRUE(terminal->shows(question));
  terminal->press("Y\n");
  EXPECT_EQ(terminal->wait(), 0);
  EXPECT_THAT(terminal->shown(), HasSubstr("✓ Tracking state reset\n"));
  EXPECT_EQ(tracked_files(), 0U);
  EXPECT_THAT(shell("init_qvd --reset-state").out, HasSubstr("No tracking state found\n"));
}

TEST_F(FromTheOriginal, ResetWithoutATerminalNeedsForce) {
  ASSERT_EQ(shell("qvdhouse sync").exit_code, 0);
  const Finished unsure = shell("init_qvd --reset-state");
  EXPECT_EQ(unsure.exit_code, 2);
  EXPECT_THAT(unsure.out, HasSubstr("Current state (5 files tracked):"));
  EXPECT_THAT(unsure.err, HasSubstr("--force"));
  EXPECT_EQ(tracked_files(), 5U);
  EXPECT_EQ(shell("init_qvd --reset-state --force").exit_code, 0);
  EXPECT_EQ(tracked_files(), 0U);
}

TEST_F(FromTheOriginal, WrongCommandLinesExit2AndSayWhy) {
  const std::pair<const char*, const char*> wrong[] = {
      {"init_qvd", "exactly one of --list-files"},
      {"init_qvd --list-files --reset-state --force", "exactly one of --list-files"},
      {"init_qvd --lisst-files", "did you mean --list-files?"},
      {"init_qvd --list-files --o x", "'--o' is not known"},
      {"env -u QVD_SOURCE init_qvd --list-files", "--source"},
      {"qvdhouse init-qvd --list-files extra", "'extra' is not known"}};
  for (const auto& [command, why] : wrong) {
    const Finished finished = shell(command);
    EXPECT_EQ(finished.exit_code, 2) << command;
    EXPECT_EQ(finished.out, "") << command;
    EXPECT_THAT(finished.err, HasSubstr(why)) << command;
  }
  EXPECT_EQ(shell("init_qvd --list-files --source nowhere").exit_code, 4);
}

TEST_F(FromTheOriginal, ModelsAreNotReplacedUnasked) {
  fs::create_directories(folder / "app/ingest");
  write_text("app/ingest/qvd.py", "mine\n");
  const Finished finished = shell("init_qvd --generate-models");
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_EQ(finished.out, "");
  EXPECT_THAT(finished.err, HasSubstr("app/ingest/qvd.py is there already; --overwrite"));
  EXPECT_EQ(text_of(folder / "app/ingest/qvd.py"), "mine\n");
}

TEST_F(FromTheOriginal, AFileThatCanNotBeReadIsSaidAndTheOthersGoOn) {
  write_broken_qvd("Broken.qvd");
  const Finished most = shell("init_qvd --generate-models");
  EXPECT_EQ(most.exit_code, 7);
  EXPECT_THAT(most.out, HasSubstr("Found 5 files to process\n\n  Archive\n    → Class: "));
  EXPECT_THAT(most.err, HasSubstr("Broken.qvd: "));
  EXPECT_THAT(models_written(), HasSubstr("class QvdItem("));
  fs::remove_all(folder / "app");
  const Finished none = shell("init_qvd --generate-models --files Broken");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.out, ::testing::EndsWith("Found 0 files to process\n\n"));
  EXPECT_FALSE(fs::exists(folder / "app"));
}

TEST_F(FromTheOriginal, WithoutSourceAllThatAreConfiguredAreListed) {
  write_text("qvdhouse.toml", "[source.a]\nurl = 'qvds'\n[source.b]\nurl = 'nowhere'\n");
  const Finished finished = shell("env -u QVD_SOURCE init_qvd --list-files --files po");
  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_EQ(finished.out,
            "Listing QVD files from: a (qvds)\n\nFound 1 QVD files:\n\n  - PO\n\n"
            "Listing QVD files from: b (nowhere)\n\n");
  EXPECT_THAT(finished.err, HasSubstr("nowhere"));
}

TEST_F(FromTheOriginal, ItIsTheSameProgramUnderAnyOfItsNames) {
  fs::create_symlink(binary(), folder / "init_qvd.py");
  const std::string expected = shell("qvdhouse init-qvd --list-files --verbose").out;
  EXPECT_THAT(expected, HasSubstr("Found 5 QVD files:\n\n  - Archive\n    Size: "));
  EXPECT_EQ(shell("init_qvd --list-files -v").out, expected);
  EXPECT_EQ(shell("init_qvd -v --list").out, expected);
  EXPECT_EQ(shell("./init_qvd.py --list-files --verbose").out, expected);
  EXPECT_THAT(shell("./init_qvd.py --help").out, HasSubstr("Example:\n  init_qvd --list-files"));
  write_text(".env", fmt::format("QVD_SOURCE={}\n", (folder / "qvds").string()));
  EXPECT_EQ(shell("env -u QVD_SOURCE init_qvd --list-files -v").out, expected);
}

TEST_F(FromTheOriginal, SecretsAreNotPrinted) {
  const Finished finished = shell(
      "init_qvd --list-files --source 'https://me:hunter2@localhost:1/x?token=hunter3' "
      "--aws-key k --aws-sec=hunter4");
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_THAT(finished.out + finished.err, ::testing::Not(HasSubstr("hunter")));
}

}  // namespace
}  // namespace qvdhouse::tests
