// The flows of the README with the embedded engine.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "qvd/writer.h"
#include "tests/e2e/command_line.h"
#include "tests/support/terminal.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

using Sync = EngineCommandLine;
using RemoteSync = CommandLine;

TEST_F(Sync, LoadsOnceAndTellsEverything) {
  EXPECT_EQ(qvdhouse({"sample", "samples", "--rows", "200"}).exit_code, 0);
  EXPECT_EQ(json({"sync", "samples", "--dry-run"}).size(), 6U);

  const Finished first = qvdhouse({"sync", "samples"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("6 files: 6 loaded"));
  EXPECT_THAT(first.err, HasSubstr("loaded order_lines.qvd into QvdOrderLines: 200 rows"));

  const auto second = json({"sync", "samples"});
  EXPECT_EQ(second["loaded"], 0);
  EXPECT_EQ(second["skipped"], 6);

  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM QvdOrderLines"}).out, "200\n");
  const auto answer = qvdhouse({"query", "SELECT 1 AS one", "--format", "JSON"});
  EXPECT_EQ(nlohmann::json::parse(answer.out)["data"][0]["one"], 1);
  const Finished wrong = qvdhouse({"query", "SELECT nonsense FROM nowhere"});
  EXPECT_EQ(wrong.exit_code, 5);
  EXPECT_THAT(wrong.err, HasSubstr("nowhere"));

  const auto status = json({"status"});
  ASSERT_EQ(status.size(), 6U);
  for (const auto& file : status) EXPECT_EQ(file["status"], "completed") << file;
  EXPECT_EQ(json({"history", "order_lines"}).size(), 1U);
  EXPECT_THAT(qvdhouse({"history"}).out, HasSubstr("order_lines.qvd"));
  const Finished explained = qvdhouse({"explain", "order_lines", "--source", "samples"});
  EXPECT_THAT(explained.out, HasSubstr("Next sync  skip"));
  EXPECT_EQ(qvdhouse({"explain", "no such file", "--source", "samples"}).exit_code, 1);
  const auto plan = json({"plan", "samples", "--full"});
  EXPECT_THAT(plan[0]["ddl"].get<std::string>(), HasSubstr("CREATE TABLE"));
}

// A field ValidTo of days; under outsiders = "serial" one beyond the year 2299 makes it a number or
// text.
void write_days(const fs::path& path, const std::vector<std::int32_t>& serials) {
  qvd::FieldData days{.name = "ValidTo", .values = {}, .codes = {}};
  days.number_format = {.type = "DATE", .format = "YYYY-MM-DD"};
  for (const std::int32_t serial : serials) {
    days.values.push_back(qvd::Value::of(serial));
    days.codes.push_back(static_cast<std::uint32_t>(days.values.size()));
  }
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {days}, .row_count = serials.size()});
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

TEST_F(Sync, ATypeThatGivesUpIsToldWhereverALoadIsShown) {
  write_text("qvdhouse.toml",
             "source = 'src'\noutsiders = 'serial'\n"
             "[[table]]\nmatch = 'Prices_{year}.qvd'\nname = 'Prices'\n");
  fs::create_directories(folder / "src");
  write_days(folder / "src/Prices_2025.qvd", {46'010, 46'011});
  EXPECT_EQ(json({"sync"})["files"][0]["warnings"].size(), 0U);
  write_days(folder / "src/Prices_2026.qvd", {46'010, 2'958'465});
  const Finished second = qvdhouse({"sync", "-q"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("Prices_2026.qvd: warning:"));
  EXPECT_THAT(second.out, HasSubstr("Date32"));
  EXPECT_THAT(qvdhouse({"query", "SELECT warnings FROM QvdFileTracking FINAL"}).out,
              HasSubstr("was Date32"));
  fs::remove(folder / "src/Prices_2025.qvd");
  EXPECT_EQ(qvdhouse({"reset", "--all", "--with-data", "--force"}).exit_code, 0);
  fs::remove(folder / "src/Prices_2026.qvd");
  write_days(folder / "src/Prices_2025.qvd", {46'010, 46'012});
  EXPECT_EQ(json({"sync"})["loaded"], 1);
  write_days(folder / "src/Prices_2026.qvd", {46'010, 2'958'465});
  const auto told = json({"sync"});
  EXPECT_THAT(told["files"][1]["warnings"][0].get<std::string>(), HasSubstr("was Date32"));
}

TEST_F(Sync, OneDateBeyondTheCalendarLeavesAColumnOfDates) {
  write_text("qvdhouse.toml",
             "source = 'src'\n[[table]]\nmatch = 'Prices_{year:4 digits}.qvd'\nname = 'Prices'\n");
  fs::create_directories(folder / "src");
  write_days(folder / "src/Prices_2025.qvd", {46'010, 46'011});
  write_days(folder / "src/Prices_2026.qvd", {46'010, 46'012, 2'958'465, 0});
  write_days(folder / "src/Prices_Budget.qvd", {46'010});
  const auto told = json({"sync"});
  EXPECT_EQ(told["loaded"], 3) << told;
  EXPECT_THAT(qvdhouse({"inspect", "src/Prices_2026.qvd"}).out,
              HasSubstr("that are not a day of 1900-01-01"));
  EXPECT_THAT(told.dump(), HasSubstr("is not {year:4 digits}; it has a table of its own"));
  EXPECT_EQ(
      qvdhouse({"query", "SELECT year, ValidTo, ValidTo__outside FROM Prices ORDER BY ALL"}).out,
      "2025\t2025-12-19\t\\N\n2025\t2025-12-20\t\\N\n2026\t1900-01-01\t0\n"
      "2026\t2025-12-19\t\\N\n2026\t2025-12-21\t\\N\n2026\t2299-12-31\t2958465\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM QvdPricesBudget"}).out, "1\n");
  const Finished verified = qvdhouse({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  // A later file without any keeps the column; nothing to do is nothing to do.
  write_days(folder / "src/Prices_2027.qvd", {46'013});
  EXPECT_EQ(json({"sync"})["loaded"], 1);
  EXPECT_EQ(json({"sync"})["loaded"], 0);
  EXPECT_EQ(qvdhouse({"verify"}).exit_code, 0);
}

TEST_F(Sync, APartThatTakesAnythingSaysWhatItTook) {
  write_text("qvdhouse.toml",
             "source = 'src'\n[[table]]\nmatch = 'Prices_{yyyymm}.qvd'\nname = 'Prices'\n");
  fs::create_directories(folder / "src");
  write_days(folder / "src/Prices_202601.qvd", {46'010});
  write_days(folder / "src/Prices_Budget.qvd", {46'011});
  const Finished told = qvdhouse({"sync"});
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("Prices_Budget.qvd: warning: The pattern"));
  EXPECT_THAT(told.out, HasSubstr("bind the part, as in {yyyymm:6 digits}"));
  EXPECT_THAT(told.out, Not(HasSubstr("Prices_202601.qvd: warning")));
}

TEST_F(Sync, ATableOfNumbersStaysOneWhenDatesHaveOutsiders) {
  const std::string table = "[[table]]\nmatch = 'Prices_{year}.qvd'\nname = 'Prices'\n";
  write_text("qvdhouse.toml", "source = 'src'\noutsiders = 'serial'\n" + table);
  fs::create_directories(folder / "src");
  write_days(folder / "src/Prices_2025.qvd", {46'010, 2'958'465});
  EXPECT_EQ(json({"sync"})["loaded"], 1);
  // As a table of version 0.1 was made; now with today's default.
  write_text("qvdhouse.toml", "source = 'src'\n" + table);
  write_days(folder / "src/Prices_2026.qvd", {46'010, 46'011, 2'958'465});
  const auto told = json({"sync"});
  EXPECT_EQ(told["loaded"], 1) << told;
  EXPECT_EQ(
      qvdhouse({"query", "SELECT toTypeName(ValidTo), sum(ValidTo) FROM Prices GROUP BY 1"}).out,
      "Int64\t6054961\n");
  EXPECT_EQ(qvdhouse({"verify"}).exit_code, 0);
}

TEST_F(Sync, FilesOfOneNameHaveTablesOfTheirFolders) {
  for (const char* name : {"1.Extract", "2.Transform"}) {
    fs::create_directories(folder / "src" / name);
    write_days(folder / "src" / name / "Orders.qvd", {46'010});
  }
  const Finished refused = qvdhouse({"sync", "src", "--pattern", "**/*.qvd"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.out + refused.err,
              HasSubstr("match = \"Orders.qvd\" and name = \"{folder}_{file}\""));
  write_text("qvdhouse.toml",
             "source = 'src'\nfile_pattern = '**/*.qvd'\n"
             "[[table]]\nmatch = \"Orders.qvd\"\nname = \"{folder}_{file}\"\n");
  EXPECT_EQ(json({"sync"})["loaded"], 2);
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM `1.Extract_Orders`"}).out, "1\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM `2.Transform_Orders`"}).out, "1\n");
}

constexpr const char* kThreeSources = R"(
[source.a]
url = "a"

[source.b]
url = "b"
table_prefix = "B"

[source.down]
url = "http://loader:hunter2@127.0.0.1:1/c.qvd"
attempts = 1
)";

TEST_F(Sync, ASourceThatIsDownFailsAlone) {
  write_text("qvdhouse.toml", kThreeSources);
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    fs::rename(write_qvd("item.qvd"), folder / name / "item.qvd");
  }
  const auto first = json({"sync"}, 7);
  EXPECT_EQ(first["loaded"], 2) << first;
  ASSERT_EQ(first["sources"].size(), 3U);
  EXPECT_EQ(first["sources"][0]["error"], "");
  EXPECT_EQ(first["sources"][2]["name"], "down");
  EXPECT_EQ(first["sources"][2]["error_class"], "io");
  EXPECT_EQ(qvdhouse({"query", "SELECT (SELECT count() FROM QvdItem) + count() FROM BItem"}).out,
            "6\n");
  // Alone, its failure is that of the command.
  EXPECT_EQ(qvdhouse({"sync", "down"}).exit_code, 4);
  EXPECT_EQ(qvdhouse({"doctor", "--source", "down"}).exit_code, 4);
  EXPECT_EQ(qvdhouse({"ls"}).exit_code, 7);
  const auto second = json({"sync", "--source", "b"});
  EXPECT_EQ(second["skipped"], 1);
  EXPECT_EQ(second["files"][0]["source"], "b");
  EXPECT_EQ(json({"status", "--source", "a"}).size(), 1U);
  for (const auto& table : json({"verify"})) EXPECT_EQ(table["result"], "exact") << table;
  EXPECT_EQ(qvdhouse({"-q", "sync", "a"}).out, "") << "all is well";
}

TEST_F(Sync, NoPasswordOfASourceIsShown) {
  write_text("qvdhouse.toml", kThreeSources);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"config"},
        {"config", "--json"},
        {"sync", "-v"},
        {"sync", "--json"},
        {"ls", "-v"},
        {"plan"},
        {"doctor"},
        {"doctor", "--source", "down"},
        {"explain", "x"},
        {"inspect", "http://loader:hunter2@127.0.0.1:1/c.qvd"},
        {"sync", "http://loader:hunter2@127.0.0.1:1/*.qvd?sig=hunter2"},
        {"sync", "http://loader:hunter2@127.0.0 1/c.qvd"},
        {"history", "http://loader:hunter2@127.0.0.1:1/c.qvd"},
        {"reset", "--file", "http://loader:hunter2@127.0.0.1:1/c.qvd"}}) {
    const Finished done = qvdhouse(command, {{"QVD_SOURCE_ATTEMPTS", "1"}});
    EXPECT_THAT(done.out + done.err, Not(HasSubstr("hunter2"))) << command[0];
  }
}

TEST_F(Sync, ExplainKnowsASourceThatOnlyACommandNamed) {
  fs::create_directories(folder / "qvds" / "region=eu");
  write_qvd("Item.qvd");
  fs::copy(folder / "qvds" / "Item.qvd", folder / "qvds" / "region=eu" / "Stock.qvd");
  write_text("qvdhouse.toml",
             "file_pattern = '**/*.qvd'\n[types]\ntxet = 'String'\nid = 'Int64'\n"
             "[[table]]\nmatch = 'region={region}/Stock.qvd'\nname = 'Stock'\n");
  const Finished sync = qvdhouse({"sync", "./qvds"});
  ASSERT_EQ(sync.exit_code, 0) << sync.err;
  EXPECT_THAT(sync.err, HasSubstr("[types] names \"txet\" (qvdhouse.toml:3), which is no field or "
                                  "column of any table; did you mean text?"));
  EXPECT_THAT(sync.err, Not(HasSubstr("\"id\"")));
  for (const char* name : {"Item", "Stock.qvd"}) {
    const auto next = json({"explain", name})[0]["next"];
    EXPECT_EQ(next["action"], "skip") << name << next;
    EXPECT_EQ(next["reason_code"], "unchanged") << name;
  }
  // Also beside a source that is configured, and of a file that changed.
  fs::create_directory(folder / "other");
  write_text("qvds/Item.qvd", "no qvd");
  const Finished other = qvdhouse({"explain", "Item"}, {{"QVD_SOURCE", "other"}});
  EXPECT_THAT(other.out, HasSubstr("Next sync  load")) << other.err;
  fs::remove(folder / "qvds" / "Item.qvd");
  EXPECT_THAT(qvdhouse({"explain", "Item"}).out, HasSubstr("not in the source any more"));
}

TEST_F(Sync, QueryEscapesControlBytesOnATerminalOnly) {
  fs::create_directory(folder / "qvdhouse-data");
  const std::string sql = "SELECT '\\x1b]0;pwned\\x07Склад' AS a";
  for (const char* format : {"PrettyCompact", "TSV", "JSON"}) {
    Terminal terminal(binary(), {"query", sql, "--format", format}, {}, folder);
    EXPECT_EQ(terminal.wait(), 0);
    EXPECT_THAT(terminal.shown(), HasSubstr("Склад")) << format;
    EXPECT_THAT(terminal.shown(), Not(HasSubstr("\x1b]0;pwned"))) << format;
  }
  EXPECT_EQ(qvdhouse({"query", sql}).out, "\x1b]0;pwned\x07Склад\n");
}

TEST_F(Sync, ProgressIsShownOnATerminalOnly) {
  write_qvd("a.qvd");
  write_text("qvdhouse.toml", "[[table]]\nmatch = '*.qvd'\npre_sql = ['SELECT sleep(1)']\n");
  Terminal terminal(binary(), {"sync", "qvds"}, {}, folder);
  EXPECT_TRUE(terminal.shows("0/1 files")) << terminal.shown();
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_THAT(terminal.shown(), HasSubstr("1 file: 1 loaded"));
  const Finished piped = qvdhouse({"sync", "qvds", "--full"});
  EXPECT_THAT(piped.err, HasSubstr("loaded a.qvd into QvdA: 3 rows"));
  EXPECT_THAT(piped.out + piped.err, Not(HasSubstr("0/1 files")));
  EXPECT_THAT(piped.out + piped.err, Not(HasSubstr("\x1b")));
  const Finished quiet = qvdhouse({"-q", "sync", "qvds", "--full"});
  EXPECT_EQ(quiet.out + quiet.err, "");
}

TEST_F(Sync, ATableThatWasSortedByAnotherRuleStaysSoUntilAFullLoad) {
  write_qvd("a.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  const auto key = [&] {
    return qvdhouse({"query", "SELECT sorting_key FROM system.tables WHERE name = 'QvdA'"}).out;
  };
  EXPECT_EQ(key(), "id, text\n");
  ASSERT_EQ(qvdhouse({"query", "--write",
                      "CREATE TABLE old AS QvdA ENGINE = MergeTree ORDER BY text COMMENT "
                      "'qvdhouse: a.qvd'; EXCHANGE TABLES old AND QvdA; DROP TABLE old"})
                .exit_code,
            0);
  EXPECT_EQ(key(), "text\n");
  // The next version of the file, with a row more.
  qvd::FieldData id{.name = "id"};
  qvd::FieldData text{.name = "text"};
  for (std::uint32_t row = 0; row < 4; ++row) {
    id.values.push_back(qvd::Value::of(static_cast<std::int32_t>(row + 1)));
    text.values.push_back(qvd::Value::of(std::string_view("abcd").substr(row, 1)));
    for (qvd::FieldData* field : {&id, &text}) field->codes.push_back(row + 1);
  }
  const auto bytes = qvd::write_qvd({.name = "T", .fields = {id, text}, .row_count = 4});
  std::ofstream(folder / "qvds/a.qvd", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const auto plan = json({"plan", "qvds"});
  EXPECT_THAT(plan[0]["ddl"].get<std::string>(), HasSubstr("ORDER BY (`text`)"));
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  EXPECT_EQ(key(), "(text)\n");
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM QvdA"}).out, "4\n");
  ASSERT_EQ(qvdhouse({"sync", "qvds", "--full"}).exit_code, 0);
  EXPECT_EQ(key(), "id, text\n");
}

TEST_F(Sync, VerifyFindsWhatWasTamperedWith) {
  write_qvd("a.qvd");
  write_qvd("b.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  for (const auto& table : json({"verify"})) EXPECT_EQ(table["result"], "exact") << table;
  ASSERT_EQ(qvdhouse({"query", "--write", "INSERT INTO QvdA SELECT * FROM QvdB LIMIT 1"}).exit_code,
            0);
  const auto result = json({"verify", "QvdA"}, 6);
  EXPECT_EQ(result[0]["result"], "different");
  EXPECT_THAT(qvdhouse({"verify"}).out, HasSubstr("\n2 files: 1 exact, 1 different\n"));
  EXPECT_EQ(qvdhouse({"verify", "QvdB"}).exit_code, 0);
  EXPECT_EQ(qvdhouse({"verify", "QvdNone"}).exit_code, 1);
  // What the tables really have.
  EXPECT_EQ(json({"status"})[0]["row_count"], 4);
  ASSERT_EQ(qvdhouse({"query", "--write", "DROP TABLE QvdB"}).exit_code, 0);
  EXPECT_THAT(qvdhouse({"status"}).out, HasSubstr("2 completed; 4 rows\nAll 2 tables current\n"));
}

TEST_F(Sync, FilesThatVanishedAreNoFailures) {
  write_qvd("a.qvd");
  write_qvd("kept.qvd");
  write_broken_qvd("bad.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 7);
  fs::remove(folder / "qvds/kept.qvd");
  fs::remove(folder / "qvds/bad.qvd");
  const Finished before = qvdhouse({"status"});
  EXPECT_THAT(before.out, HasSubstr("3 files: 1 completed, 1 vanished, 1 vanished, rows kept; 6"));
  EXPECT_THAT(before.out, Not(HasSubstr("bad.qvd: ")));
  EXPECT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  EXPECT_EQ(json({"status"})[1]["status"], "vanished");
  const Finished verified = qvdhouse({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("kept.qvd is not there any more; 3 rows of it are kept"));
  EXPECT_THAT(verified.out, HasSubstr("\n2 files: 1 exact, 1 vanished\n"));
}

TEST_F(Sync, TablesOfOtherSettingsAreNamed) {
  write_qvd("a.qvd", "Text Field");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  const Finished told = qvdhouse({"sync", "qvds", "--naming", "snake"});
  EXPECT_THAT(told.out, HasSubstr("1 skipped\n1 table was loaded under other settings"));
  EXPECT_THAT(qvdhouse({"explain", "a", "--source", "qvds", "--naming", "snake"}).out,
              HasSubstr("which was under other settings: --full or settings_changed"));
  EXPECT_EQ(qvdhouse({"sync", "-q", "qvds", "--naming", "snake"}).out, "");
  EXPECT_THAT(qvdhouse({"sync", "qvds", "--naming", "snake", "--settings-changed", "reload"}).out,
              HasSubstr("1 file: 1 loaded"));
  EXPECT_EQ(qvdhouse({"query", "SELECT text_field FROM QvdA ORDER BY id LIMIT 1"}).out, "a\n");
}

// The example of docs/configuration.md, "Views over tables".
TEST_F(Sync, ViewsThatGetNoRowsAreWarnedOfAndRefreshableOnesWork) {
  const auto with_post_sql = [&](const std::string& sql) {
    write_text("qvdhouse.toml",
               "source = 'src'\n[[table]]\nmatch = 'Sales_{year:4 digits}.qvd'\nname = 'Sales'\n"
               "post_sql = [" +
                   sql + "]\n");
  };
  with_post_sql("");
  fs::create_directories(folder / "src");
  write_days(folder / "src/Sales_2025.qvd", {46'010, 46'011});
  ASSERT_EQ(json({"sync"})["loaded"], 1);
  const auto make = [&](const std::string& view, const std::string& refresh) {
    const Finished made =
        qvdhouse({"query", "--write",
                  "CREATE MATERIALIZED VIEW " + view + refresh +
                      " ENGINE = MergeTree ORDER BY day AS SELECT ValidTo AS day, count() "
                      "AS amount FROM Sales GROUP BY day"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  };
  make("SalesByDay", " REFRESH EVERY 100 YEAR");
  EXPECT_EQ(qvdhouse({"doctor"}).exit_code, 0);
  EXPECT_THAT(qvdhouse({"doctor"}).out, Not(HasSubstr("view")));
  with_post_sql("'SYSTEM REFRESH VIEW SalesByDay', 'SYSTEM WAIT VIEW SalesByDay'");
  write_days(folder / "src/Sales_2026.qvd", {46'020});
  ASSERT_EQ(json({"sync"})["loaded"], 1);
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM SalesByDay"}).out, "3\n");
  make("Fed", "");
  write_days(folder / "src/Sales_2027.qvd", {46'030});
  const std::string warning = "local.Fed is a materialized view that is fed by inserts into Sales";
  EXPECT_THAT(qvdhouse({"plan"}).out, HasSubstr("-- " + warning));
  ASSERT_EQ(json({"sync"})["loaded"], 1);
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM Fed"}).out, "0\n");
  EXPECT_THAT(qvdhouse({"doctor"}).out, HasSubstr(warning));
}

TEST_F(Sync, ResetForgetsAndAsksFirst) {
  write_qvd("a.qvd");
  write_qvd("b.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  const Finished unasked = qvdhouse({"reset", "--file", "a"});
  EXPECT_EQ(unasked.exit_code, 1) << "there is no terminal to ask on";
  EXPECT_THAT(unasked.err, HasSubstr("--force"));
  EXPECT_EQ(json({"sync", "qvds"})["loaded"], 0);
  EXPECT_EQ(json({"reset", "--file", "A.qvd", "--force"})["forgotten"].size(), 1U);
  EXPECT_EQ(json({"sync", "qvds"})["loaded"], 1);
  EXPECT_EQ(json({"reset", "--all", "--with-data", "--force"})["dropped"].size(), 2U);
  EXPECT_EQ(qvdhouse({"query", "EXISTS TABLE QvdA"}).out, "0\n");
}

TEST_F(Sync, OneBrokenFileAmongGoodOnesExits7AndAloneIts) {
  write_qvd("good.qvd");
  write_broken_qvd("bad.qvd");
  const Finished finished = qvdhouse({"sync", "qvds"});
  EXPECT_EQ(finished.exit_code, 7) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("1 loaded, 1 failed"));
  EXPECT_THAT(finished.out, HasSubstr("bad.qvd: "));
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM QvdGood"}).out, "3\n");
  EXPECT_EQ(json({"sync", "qvds/bad.qvd", "--full"}, 4)["failed"], 1);
}

TEST_F(Sync, AFileThatStandsFailedKeepsTheExitCodeRed) {
  write_qvd("good.qvd");
  write_broken_qvd("bad.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 7);
  const Finished again = qvdhouse({"sync", "qvds"});
  EXPECT_EQ(again.exit_code, 7) << "nothing was taken up, and bad.qvd is still not loaded";
  EXPECT_THAT(again.out, HasSubstr("2 files: 1 skipped, 1 failed before"));
  EXPECT_THAT(again.out, HasSubstr("bad.qvd: it failed"));
  const auto said = json({"sync", "qvds"}, 7);
  EXPECT_EQ(said["exit_code"], 7);
  EXPECT_EQ(said["failed"], 1);
  EXPECT_EQ(said["failed_before"], 1);
  EXPECT_EQ(said["skipped"], 1);
  EXPECT_EQ(said["files"][0]["error_class"], "input") << said;
  EXPECT_NE(said["files"][0]["error"], "");
  EXPECT_EQ(said["files"][1]["error"], "");
  const Finished quiet = qvdhouse({"sync", "-q", "qvds"});
  EXPECT_EQ(quiet.exit_code, 7);
  EXPECT_THAT(quiet.out, HasSubstr("bad.qvd: it failed"));
  EXPECT_EQ(qvdhouse({"sync", "qvds/bad.qvd"}).exit_code, 4) << "alone, it has its own class";
  EXPECT_EQ(qvdhouse({"query",
                      "SELECT DISTINCT status FROM QvdRunHistory FINAL WHERE "
                      "files_skipped = 2"})
                .out,
            "partial\n");
  write_qvd("bad.qvd");
  EXPECT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  EXPECT_EQ(qvdhouse({"sync", "-q", "qvds"}).out, "");
}

TEST_F(Sync, VerifyAndStatusShowRowsOfFilesThatBroke) {
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = \"Log_*.qvd\"\nname = \"Log\"\n"
             "mode = \"append\"\n\n[[table]]\nmatch = \"Part_*.qvd\"\n"
             "name = \"Part\"\nmode = \"replace_by_file\"\n");
  for (const char* name : {"a", "b", "Log_1", "Log_2", "Part_1", "Part_2"}) {
    write_qvd(std::string(name) + ".qvd");
  }
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  for (const char* name : {"a", "Log_1", "Part_1", "Part_3", "never"}) {
    write_broken_qvd(std::string(name) + ".qvd");
  }
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 7);

  std::map<std::string, std::string> words;
  std::map<std::string, int> rows;
  for (const auto& file : json({"verify"}, 6)) {
    const std::string name = fs::path(file["file_path"].get<std::string>()).filename();
    words[name] = file["result"];
    rows[name] = file["rows"];
  }
  using Words = std::map<std::string, std::string>;
  EXPECT_EQ(words, (Words{{"a.qvd", "different"},
                          {"b.qvd", "exact"},
                          {"Log_1.qvd", "different"},
                          {"Log_2.qvd", "exact"},
                          {"Part_1.qvd", "different"},
                          {"Part_2.qvd", "exact"}}));
  for (const auto& [name, count] : rows) EXPECT_EQ(count, 3) << name;

  const Finished one = qvdhouse({"verify", "QvdA"});
  EXPECT_EQ(one.exit_code, 6) << one.err;
  EXPECT_THAT(one.out, HasSubstr("3 rows of an earlier load; a.qvd as it is now failed at"));
  EXPECT_EQ(qvdhouse({"verify", "a.qvd"}).exit_code, 6);
  EXPECT_EQ(qvdhouse({"verify", "QvdB"}).exit_code, 0);
  const Finished never = qvdhouse({"verify", "QvdNever"});
  EXPECT_EQ(never.exit_code, 1);
  EXPECT_THAT(never.err, HasSubstr("no rows of never.qvd are in a table: it is failed"));

  for (const auto& file : json({"status"})) {
    const bool was_loaded = words.contains(file["file_name"].get<std::string>());
    EXPECT_EQ(file["row_count"], was_loaded ? 3 : 0) << file;
  }
  EXPECT_THAT(qvdhouse({"status"}).out, HasSubstr("; 18 rows"));
}

TEST_F(Sync, VerifyComparesAFileThatFailedWithoutBeingWrong) {
  write_qvd("a.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  // The file is as it was; its record says that it was loaded again in vain.
  ASSERT_EQ(qvdhouse({"query", "--write",
                      "INSERT INTO QvdFileTracking SELECT * REPLACE ('failed' AS status, "
                      "0 AS row_count, version + 1 AS version) FROM QvdFileTracking FINAL"})
                .exit_code,
            0);
  ASSERT_EQ(json({"status"})[0]["status"], "failed");
  const auto result = json({"verify", "QvdA"});
  EXPECT_EQ(result[0]["result"], "exact");
  EXPECT_EQ(result[0]["rows"], 3);
}

TEST_F(Sync, NamesMayHoldAnything) {
  const std::string name = "O'Brien \"x\" `y` \\ Склад.qvd";
  const std::string field = "col`umn 'q' \"d\" \\ \n Имя";
  write_qvd(name, field);
  const auto summary = json({"sync", "qvds"});
  EXPECT_EQ(summary["loaded"], 1) << summary;
  const auto status = json({"status"});
  EXPECT_EQ(status[0]["file_name"], name);
  EXPECT_EQ(json({"verify"})[0]["result"], "exact");
  EXPECT_EQ(json({"explain", name, "--source", "qvds"})[0]["next"]["action"], "skip");
}

// The engine is asked, though there is none yet.
TEST_F(Sync, PlanRefusesNamesOfClickHouseBeforeAnythingIsMade) {
  write_qvd("a.qvd", "_row_exists");
  write_qvd("b.qvd", "_mine");
  const Finished one = qvdhouse({"plan", "qvds/a.qvd"});
  EXPECT_EQ(one.exit_code, 3) << one.err;
  EXPECT_THAT(one.out, HasSubstr("rename = { \"_row_exists\" = \"row_exists\" }"));
  EXPECT_EQ(qvdhouse({"plan", "qvds/b.qvd"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder / "qvdhouse-data"));
}

TEST_F(Sync, DoctorAndClientMakeNoDataDirectory) {
  const Finished doctor = qvdhouse({"doctor"});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out;
  EXPECT_THAT(doctor.out, HasSubstr("made by the first sync"));
  for (const auto& command : {std::vector<std::string>{"client"}, {"client", "--exec"}}) {
    const Finished client = qvdhouse(command);
    EXPECT_EQ(client.exit_code, 2) << client.out;
    EXPECT_THAT(client.err, HasSubstr("there is no data directory"));
  }
  EXPECT_FALSE(fs::exists(folder / "qvdhouse-data"));
}

TEST_F(Sync, CommandsShareAnEngineThatRuns) {
  Process keeper(binary(), {"client", "--keep"}, {}, folder);
  const fs::path card = folder / "qvdhouse-data" / "engine.json";
  for (int i = 0; i < 600 && !fs::exists(card); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(fs::exists(card));
  EXPECT_EQ(fs::status(card).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_EQ(qvdhouse({"query", "--write", "CREATE TABLE kept (a Int8) ENGINE = Memory"}).exit_code,
            0);
  EXPECT_EQ(qvdhouse({"query", "EXISTS TABLE kept"}).out, "1\n");
  kill(keeper.pid(), SIGINT);
  const Finished finished = keeper.wait();
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(finished.out, HasSubstr("clickhouse-client --host 127.0.0.1 --port "));
}

TEST_F(Sync, StopSignalEndsAQueryWith130) {
  fs::create_directory(folder / "qvdhouse-data");
  Process query(binary(),
                {"query",
                 "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1, "
                 "function_sleep_max_microseconds_per_block = 0"},
                {}, folder);
  const fs::path card = folder / "qvdhouse-data" / "engine.json";
  for (int i = 0; i < 600 && !fs::exists(card); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  kill(query.pid(), SIGTERM);
  const Finished finished = query.wait();
  EXPECT_EQ(finished.exit_code, 130) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("Stopping"));
}

TEST_F(Sync, ASourceThatLostAllItsFilesExits4UntilTheyAreForgotten) {
  write_qvd("a.qvd");
  ASSERT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
  fs::rename(folder / "qvds", folder / "mounted");
  fs::create_directories(folder / "qvds");
  for (const char* flag : {"--full", "--dry-run", "--json", "-q"}) {
    const Finished lost = qvdhouse({"sync", "qvds", flag});
    EXPECT_EQ(lost.exit_code, 4) << flag << lost.err;
    EXPECT_THAT(lost.err, HasSubstr("may not be mounted")) << flag;
  }
  EXPECT_EQ(qvdhouse({"plan", "qvds"}).exit_code, 4);
  EXPECT_EQ(qvdhouse({"query", "SELECT count() FROM QvdA"}).out, "3\n");
  ASSERT_EQ(qvdhouse({"reset", "--all", "--force"}).exit_code, 0);
  EXPECT_EQ(qvdhouse({"sync", "qvds"}).exit_code, 0);
}

TEST_F(Sync, DoctorIsContentAndSaysWhatIsMissing) {
  for (const auto& check : json({"doctor", "--source", "qvds"})) {
    EXPECT_TRUE(check["good"].get<bool>()) << check;
  }
  const Finished missing = qvdhouse({"doctor"}, {{"QVD_ENGINE_LIBRARY", "/nowhere/libchdb.so"}});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_THAT(missing.out, HasSubstr("Fix: "));
}

TEST_F(RemoteSync, AServerThatIsNotThereExits5) {
  write_qvd("a.qvd");
  // Port 9 (discard) is served nowhere.
  const Finished finished =
      qvdhouse({"sync", "qvds"}, {{"CLICKHOUSE_URL", "http://u:hunter2@127.0.0.1:9"}});
  EXPECT_EQ(finished.exit_code, 5) << finished.err;
  EXPECT_THAT(finished.err, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace qvdhouse::tests
