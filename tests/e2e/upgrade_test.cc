// What an upgrade does to tables that an earlier version made: nothing. made_by/VERSION.sql has the
// tables and the rows of tracking exactly as that version's `sync` left them for the files of this
// test; all that are there are played. A release adds its own: run this program with
// QVDHOUSE_RECORD=VERSION and QVDHOUSE_PROGRAM=/path/to/qvdhouse of that version.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "qvd/writer.h"
#include "tests/e2e/target_fixture.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using testing::HasSubstr;
using testing::Not;

const fs::path kRecordings = fs::path(QVDHOUSE_SOURCE_DIR) / "tests/e2e/made_by";
constexpr std::string_view kEnd = "\n-- end\n";
// All but those of the tracking.
const std::string kLoadedTables =
    "SELECT name FROM system.tables WHERE database = 'local' AND NOT match(name, "
    "'^Qvd(File|Run|Workflow)(Tracking|History|State)$') ORDER BY name";
constexpr std::string_view kFolder = "@FOLDER@";

constexpr std::int32_t kDay = 46'010;           // 2025-12-19
constexpr std::int32_t kEndOfTime = 2'958'465;  // 9999-12-31

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

qvd::FieldData field(const std::string& name, const std::string& type, const std::string& format,
                     const std::vector<Value>& values) {
  qvd::FieldData data{.name = name, .values = values, .codes = {}};
  data.number_format = {.type = type, .format = format};
  for (std::uint32_t i = 0; i < values.size(); ++i) data.codes.push_back(i + 1);
  return data;
}

// What rules of types and renderings were changed for, and what they were not.
std::map<std::string, std::vector<Value>> kinds_of_values() {
  return {
      {"plain", {Value::of(7), Value::of(9), Value::of(8)}},
      {"dates", {Value::of(kDay), Value::of(kDay + 1), Value::of(kDay - 1)}},
      {"dates_and_end", {Value::of(kDay), Value::of(kEndOfTime), Value::of(kDay + 2)}},
      {"dates_and_text",
       {Value::of(kDay), Value::of(std::string_view("2009-02-29")), Value::of(kDay + 2)}},
      {"times_to_24", {Value::of(0.5), Value::of(1), Value::of(0.25)}},
      {"times_of_stamps", {Value::of(0.5), Value::of(kDay + 0.25), Value::of(0.75)}},
      {"nulls_as_text", {Value::of(12.5), Value::of(std::string_view("NULL")), Value::of(1.25)}}};
}

// A file with so many values of the kind, each in a row.
std::vector<std::byte> file_of(const std::string& kind, std::uint32_t rows) {
  const bool is_time = kind.starts_with("times");
  const bool is_date = kind.starts_with("dates");
  std::vector<Value> ids;
  for (std::uint32_t row = 0; row < rows; ++row) {
    ids.push_back(Value::of(static_cast<std::int32_t>(row)));
  }
  std::vector<Value> values = kinds_of_values().at(kind);
  values.resize(rows);
  return qvd::write_qvd({.name = "T",
                         .fields = {field("id", "", "", ids), field("v",
                                                                    is_time   ? "TIME"
                                                                    : is_date ? "DATE"
                                                                              : "",
                                                                    is_time   ? "hh:mm:ss"
                                                                    : is_date ? "YYYY-MM-DD"
                                                                              : "",
                                                                    values)},
                         .row_count = rows});
}

class Upgrade : public TargetCommandLine, public testing::WithParamInterface<fs::path> {
 protected:
  Upgrade() { database = "local"; }
  void SetUp() override {
    TargetCommandLine::SetUp();
    write_text("qvdhouse.toml",
               "source = 'qvds'\nfile_pattern = '**/*.qvd'\n"
               "[[table]]\nmatch = 'Sales_{year}.qvd'\nname = 'Sales'\n"
               "[[table]]\nmatch = 'log_{day}.qvd'\nname = 'Log'\nmode = 'append'\n"
               "[[table]]\nmatch = '{region}/Stock.qvd'\nname = 'Stock'\n");
    write_files(2);
  }

  // All files, each with its own fixed time; with more rows they are newer.
  void write_files(std::uint32_t rows) const {
    std::map<std::string, std::string> files = {
        {"Sales_2025", "dates"},   {"Sales_2026", "dates_and_end"}, {"Sales_bak", "dates"},
        {"log_20250101", "plain"}, {"log_Budget", "plain"},         {"north/Stock", "plain"},
        {"south/Stock", "plain"}};
    for (const auto& [kind, values] : kinds_of_values()) files[kind] = kind;
    int minutes = static_cast<int>(rows);
    for (const auto& [name, kind] : files) {
      const fs::path path = qvd(name + ".qvd");
      fs::create_directories(path.parent_path());
      write(path, file_of(kind, rows), minutes += 10);
    }
    std::vector<std::byte> broken = file_of("plain", 2);
    broken.pop_back();
    write(qvd("broken.qvd"), broken, 0);
  }

  // The definitions of all tables after the version of the recording loaded newer files into them;
  // where there is none (0.1), they stayed as they were.
  static fs::path then_of(const fs::path& recording) {
    return fs::path(recording).replace_extension(".then");
  }

  std::vector<std::string> tables() const {
    std::vector<std::string> names;
    std::istringstream lines(query(kLoadedTables));
    for (std::string name; std::getline(lines, name);) names.push_back(name);
    return names;
  }
  // The statements that made the tables, with names, columns and keys.
  std::string definitions() const {
    std::string text;
    for (const std::string& table : tables()) text += query("SHOW CREATE TABLE " + table) + "\n";
    return text;
  }
  std::string contents() const {
    std::string text;
    for (const std::string& table : tables()) {
      text += table + "\n" + query("SELECT * FROM " + table + " ORDER BY ALL") + "\n";
    }
    return text;
  }

  void record(const std::string& program, const fs::path& file) const;
  void play(const fs::path& file) const;

 private:
  static void write(const fs::path& path, const std::vector<std::byte>& bytes, int minutes) {
    using namespace std::chrono;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    const sys_seconds time = sys_days(January / 1 / 2026) + std::chrono::minutes(minutes);
    fs::last_write_time(path, file_clock::from_sys(time));
  }
};

void Upgrade::record(const std::string& program, const fs::path& file) const {
  const auto answer = [&](const std::string& sql) {
    const Finished done = run(program, {"query", sql, "--format", "TSVRaw"}, {}, folder);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  };
  const Finished synced = run(program, {"sync"}, {}, folder);
  EXPECT_EQ(synced.exit_code, 7) << synced.out << synced.err;
  std::string script = answer("SHOW CREATE DATABASE local") + std::string(kEnd);
  std::istringstream names(answer("SHOW TABLES FROM local"));
  for (std::string name; std::getline(names, name);) {
    script += answer("SHOW CREATE TABLE " + name) + std::string(kEnd);
    const Finished rows = run(
        program,
        {"query",
         "SELECT * FROM " + name + " SETTINGS output_format_sql_insert_table_name = '" + name + "'",
         "--format", "SQLInsert"},
        {}, folder);
    if (rows.out.starts_with("INSERT")) script += rows.out + std::string(kEnd);
  }
  std::array<char, 256> host{};
  ASSERT_EQ(gethostname(host.data(), host.size() - 1), 0);
  script = replaced(script, folder.string(), kFolder);
  script = replaced(script, host.data(), "recorder");
  std::ofstream(file, std::ios::binary) << script;
  // And what it does with files that come again.
  write_files(3);
  EXPECT_EQ(run(program, {"sync"}, {}, folder).exit_code, 7);
  std::string then;
  std::istringstream loaded(answer(kLoadedTables));
  for (std::string name; std::getline(loaded, name);) {
    then += answer("SHOW CREATE TABLE " + name);
  }
  std::ofstream(then_of(file), std::ios::binary) << then;
}

void Upgrade::play(const fs::path& file) const {
  std::ifstream stream(file, std::ios::binary);
  const std::string script =
      replaced({std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()}, kFolder,
               folder.string());
  for (std::size_t at = 0; at < script.size();) {
    const std::size_t end = script.find(kEnd, at);
    ASSERT_NE(end, std::string::npos);
    const std::string sql = script.substr(at, end - at);
    if (!sql.starts_with("CREATE DATABASE local")) query(sql);
    at = end + kEnd.size();
  }
}

// Those that are kept, or the one that is to be recorded.
std::vector<fs::path> recordings() {
  if (const char* version = std::getenv("QVDHOUSE_RECORD")) {
    return {kRecordings / (std::string(version) + ".sql")};
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kRecordings)) {
    if (entry.path().extension() == ".sql") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST_P(Upgrade, ChangesNoTable) {
  if (std::getenv("QVDHOUSE_RECORD") != nullptr) {
    const char* program = std::getenv("QVDHOUSE_PROGRAM");
    ASSERT_NE(program, nullptr) << "set QVDHOUSE_PROGRAM to the qvdhouse of that version";
    record(program, GetParam());
    GTEST_SKIP() << "recorded " << GetParam();
  }
  start(TargetKind::kEmbedded);
  if (IsSkipped()) return;
  play(GetParam());
  const std::string definitions_before = definitions();
  const std::string contents_before = contents();
  ASSERT_THAT(definitions_before, HasSubstr("CREATE TABLE local.Sales"));

  // Nothing is due, and nothing but the broken file is said.
  const Finished first = on_target({"sync"});
  EXPECT_EQ(first.exit_code, 7) << first.out << first.err;
  EXPECT_THAT(first.out, HasSubstr("15 files: 14 skipped, 1 failed before\n"));
  EXPECT_THAT(first.out, Not(HasSubstr("other settings")));
  EXPECT_EQ(definitions(), definitions_before);
  EXPECT_EQ(contents(), contents_before);
  const Finished compared = on_target({"verify"});
  EXPECT_EQ(compared.exit_code, 0) << compared.out;

  // Files that come again go into the same tables, of the same columns.
  write_files(3);
  const Finished second = on_target({"sync"});
  EXPECT_THAT(second.out, HasSubstr("15 files: 14 loaded, 1 failed before"));
  std::ifstream then(then_of(GetParam()), std::ios::binary);
  const std::string definitions_then{std::istreambuf_iterator<char>(then),
                                     std::istreambuf_iterator<char>()};
  EXPECT_EQ(definitions(), then ? definitions_then : definitions_before);
  const Finished verified = on_target({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
}

INSTANTIATE_TEST_SUITE_P(From, Upgrade, testing::ValuesIn(recordings()), [](const auto& recording) {
  std::string name = "Version" + recording.param.stem().string();
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

}  // namespace
}  // namespace qvdhouse::tests
