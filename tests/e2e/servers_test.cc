// The same suite on the embedded engine and on servers: what a user does with files, and what the
// tables hold afterwards.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <set>
#include <string_view>

#include "tests/e2e/target_fixture.h"
#include "tests/servers/credentials.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using ::testing::HasSubstr;

// What facts() says of those rows.
std::string facts_of(const std::vector<std::pair<int, int>>& ranges) {
  long count = 0;
  long ids = 0;
  double halves = 0;
  long nulls = 0;
  for (const auto& [first, size] : ranges) {
    for (int id = first; id < first + size; ++id) {
      ++count;
      ids += id;
      if (id % 7 == 0) ++nulls;
      if (id % 7 != 0) halves += id + 0.5;
    }
  }
  return fmt::format("{}\t{}\t{}\t{}", count, ids, halves, nulls);
}

constexpr const char* kTables = R"(
[[table]]
match = "Sales_{yyyymm}.qvd"
name = "Sales"
vanished = "delete"

[[table]]
match = "Log_*.qvd"
name = "Log"
mode = "append"
row_column = true

[[table]]
match = "Frozen_*.qvd"
name = "Frozen"
drift = "freeze"
)";

class Tables : public TargetCommandLine {
 protected:
  void start_with_tables(TargetKind kind) {
    CommandLine::SetUp();
    start(kind);
    write_text("qvdhouse.toml", kTables);
  }
  std::string facts(const std::string& table, const std::string& where = "1") const {
    return query(
        fmt::format("SELECT count(), sum(toInt64(id)), toFloat64(sum(toFloat64(half))), "
                    "countIf(isNull(half)) FROM {} WHERE {}",
                    table, where));
  }
};

class Target : public Tables, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override { start_with_tables(GetParam()); }
};

// What a server without EXCHANGE leaves when it is killed within its RENAME.
TEST_F(Tables, ThatHaveLostTheirRowsAreLoadedAgain) {
  start_with_tables(TargetKind::kOldest);
  if (IsSkipped() || HasFailure()) return;
  write_table(qvd("item.qvd"), plain_rows(0, 100));
  write_table(qvd("empty.qvd"), plain_rows(0, 0));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202402.qvd"), plain_rows(100, 10));
  EXPECT_EQ(sync()["loaded"], 4);
  const auto lose_a_partition = [&](const std::string& table) {
    const std::string id =
        query("SELECT partition_id FROM system.parts WHERE active AND rows > 0 AND table = '" +
              table + "' AND database = currentDatabase() LIMIT 1");
    query(fmt::format("ALTER TABLE {} DROP PARTITION ID '{}'", table, id));
  };
  lose_a_partition("Sales");
  EXPECT_EQ(sync()["loaded"], 0) << "Sales has rows";
  lose_a_partition("Sales");
  lose_a_partition("QvdItem");
  EXPECT_EQ(sync()["loaded"], 3);
  EXPECT_EQ(facts("QvdItem"), facts_of({{0, 100}}));
  EXPECT_EQ(facts("Sales"), facts_of({{0, 10}, {100, 10}}));
  EXPECT_EQ(sync()["loaded"], 0);
}

TEST_F(Tables, AReaderOfAServerChangesNothing) {
  start_with_tables(TargetKind::kOldest);
  if (IsSkipped() || HasFailure()) return;
  write_table(qvd("item.qvd"), plain_rows(0, 3));
  EXPECT_EQ(sync()["loaded"], 1);
  const std::string how_strict = "SELECT value FROM system.settings WHERE name = 'readonly'";
  const std::string removal = "DROP TABLE QvdItem";
  // Without a reader of its own: the user who loads, in a request that only reads.
  EXPECT_EQ(on_target({"query", how_strict}).out, "2\n");
  EXPECT_EQ(on_target({"query", "--read-only", how_strict}).out, "1\n");
  EXPECT_THAT(on_target({"query", removal}).err, HasSubstr("add --write to let it change data"));

  const Environment reader = {{"CLICKHOUSE_READER_USER", kReader},
                              {"CLICKHOUSE_READER_PASSWORD", kPassword}};
  EXPECT_EQ(on_target({"query", how_strict}, reader).out, "2\n");
  const Finished refused = on_target({"query", removal}, reader);
  EXPECT_EQ(refused.exit_code, 5) << refused.out << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("ran as user looker, who can only read: add --write"));
  // The profile allows changes of settings, and no request can take that back.
  const Finished lax = on_target({"query", "--read-only", how_strict}, reader);
  EXPECT_EQ(lax.exit_code, 2) << lax.out << lax.err;
  EXPECT_THAT(lax.err, HasSubstr("the profile of user looker says readonly = 2"));
  EXPECT_EQ(query("SELECT count() FROM QvdItem"), "3");
}

// What is limited is the pipeline: the engine runs on between commands.
TEST_F(Tables, OfManyRowsAreLoadedAndVerifiedInBoundedMemory) {
  start_with_tables(TargetKind::kEmbedded);
  if (IsSkipped() || HasFailure()) return;
  constexpr std::uint32_t kRows = 8'000'000;  // 256 MB where they were in memory at once
  constexpr std::uint32_t kValues = 200;
  qvd::TableData table{.name = "T", .row_count = kRows};
  for (const char* name : {"a", "b", "c", "d"}) {
    qvd::FieldData field{.name = name};
    for (std::uint32_t i = 0; i < kValues; ++i) {
      field.values.push_back(Value::of(static_cast<std::int32_t>(i)));
    }
    for (std::uint32_t row = 0; row < kRows; ++row) field.codes.push_back(row % kValues + 1);
    table.fields.push_back(std::move(field));
  }
  const auto bytes = qvd::write_qvd(table);
  fs::create_directories(folder / "qvds");
  write_text("qvds/many.qvd", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  Environment environment = target;
  environment.emplace_back("QVD_MEMORY", "16MiB");
  for (const char* command : {"sync qvds", "verify"}) {
    const Finished done =
        run("/bin/bash", {"-c", fmt::format("ulimit -d 196608; exec \"$0\" {}", command), binary()},
            environment, folder);
    EXPECT_EQ(done.exit_code, 0) << command << done.out << done.err;
  }
  EXPECT_EQ(
      query("SELECT count(), sum(a), sum(d) FROM QvdMany"),
      fmt::format("{}\t{}\t{}", kRows, kRows / kValues * 19'900UL, kRows / kValues * 19'900UL));
}

// A machine has a data directory of its own.
TEST_F(Tables, TwoMachinesShareTheTables) {
  for (const TargetKind kind : {TargetKind::kNewest, TargetKind::kOldest}) {
    start_with_tables(kind);
    if (IsSkipped() || HasFailure()) return;
    write_text("qvdhouse.toml",
               "parallel_files = 1\n[[table]]\nmatch = '*.qvd'\npre_sql = ['SELECT sleep(1)']\n");
    for (int i = 0; i < 9; ++i) write_table(qvd(fmt::format("t{}.qvd", i)), plain_rows(0, 3));
    EXPECT_THAT(on_target({"status", "--workers"}).out, HasSubstr("No run claims a table"));
    std::vector<std::unique_ptr<Process>> machines;
    const auto start_machines = [&](const std::vector<std::string>& command) {
      machines.clear();
      for (const char* name : {"one", "two"}) {
        Environment environment = target;
        environment.emplace_back("QVD_DATA_DIR", (folder / name).string());
        machines.push_back(std::make_unique<Process>(binary(), command, environment, folder));
      }
    };
    start_machines({"sync", "qvds"});
    nlohmann::json workers;
    for (int looks = 0; looks < 600 && workers.size() < 2; ++looks) {
      workers = nlohmann::json::parse(on_target({"status", "--workers", "--json"}).out);
    }
    EXPECT_EQ(workers.size(), 2U) << workers;
    for (const auto& worker : workers) {
      EXPECT_TRUE(worker["process"] == machines[0]->pid() ||
                  worker["process"] == machines[1]->pid());
      EXPECT_GT(worker["table_count"], 0);
    }
    for (const auto& machine : machines) {
      const Finished done = machine->wait();
      EXPECT_EQ(done.exit_code, 0) << done.err;
      EXPECT_THAT(done.out, HasSubstr("9 files: "));
    }
    EXPECT_EQ(query("SELECT count(), uniqExact(file_path) FROM QvdFileHistory"), "9\t9");
    EXPECT_EQ(query("SELECT count(), min(c) >= 3 FROM (SELECT count() AS c FROM QvdFileTracking "
                    "FINAL GROUP BY run_id)"),
              "2\t1");
    // All again: what one has loaded meanwhile is new enough for the other, but for a file that it
    // had begun before the other started.
    start_machines({"sync", "qvds", "--full"});
    for (const auto& machine : machines) {
      const Finished done = machine->wait();
      EXPECT_EQ(done.exit_code, 0) << done.err;
    }
    const int loads = std::stoi(query("SELECT count() FROM QvdFileHistory"));
    EXPECT_GE(loads, 9 + 9);
    EXPECT_LE(loads, 9 + 9 + 2);
    expect_all_is_well();
    TearDown();
  }
}

TEST_P(Target, AFileReplacesItsTable) {
  write_table(qvd("item.qvd"), plain_rows(0, 5'000));
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(facts("QvdItem"), facts_of({{0, 5'000}}));
  EXPECT_EQ(sync()["skipped"], 1);
  write_table(qvd("item.qvd"), plain_rows(100, 3));
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(facts("QvdItem"), facts_of({{100, 3}}));
  expect_all_is_well();
}

TEST_P(Target, ShowCreateIsWhatPlanPrinted) {
  const bool is_oldest = GetParam() == TargetKind::kOldest;  // it knows no TTL and few codecs
  write_text("qvdhouse.toml",
             std::string(kTables) + R"toml(
[table.QvdItem]
order_by = ["id", "text"]
partition_by = "intDiv(id, 1000)"
rename = { half = "Half `of` 'it'" }
exclude = ["t_*"]
row_column = true
settings = { index_granularity = 1024 }
types = { id = "UInt32" }
)toml" +
                 (is_oldest ? ""
                            : "codecs = { id = \"Delta, ZSTD(3)\" }\n"
                              "primary_key = [\"id\"]\nsample_by = \"id\"\n"
                              "indexes = { \"by 'text'\" = \"(text, lower(text)) TYPE set(100) "
                              "GRANULARITY 2\" }\n"
                              "ttl = \"toDate(assumeNotNull(id)) + INTERVAL 900 YEAR\"\n"));
  write_table(qvd("item.qvd"), plain_rows(0, 500));
  write_table(qvd("plain's file.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202402.qvd"), plain_rows(100, 10));
  write_table(qvd("Log_a.qvd"), plain_rows(0, 10));
  const Finished plan = on_target({"plan", "qvds", "--json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_EQ(sync()["loaded"], 5);
  const auto show = [&](const std::string& table) { return query("SHOW CREATE TABLE " + table); };
  std::set<std::string> seen;
  for (const auto& file : nlohmann::json::parse(plan.out)) {
    const std::string table = file["table"];
    if (!seen.insert(table).second) continue;
    const std::string made_by_sync = show(table);
    query("DROP TABLE " + table + (is_oldest ? "" : " SYNC"));
    const Finished made = on_target({"query", "--write", file["ddl"].get<std::string>()});
    ASSERT_EQ(made.exit_code, 0) << file["ddl"] << made.err;
    EXPECT_EQ(show(table), made_by_sync);
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST_P(Target, WhatATableHasNoColumnsForIsRescued) {
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Saved_*.qvd'\nname = 'Saved'\ndrift = 'rescue'\n"
             "[table.QvdItem]\ndrift = 'rescue'\n");
  const auto with_more = [](int first) {
    std::vector<TestField> fields = plain_rows(first, 4);
    fields.push_back(
        {.name = "it's \"new\"",
         .cells = {Value::of("a\n\"b\""), std::nullopt, Value::of("Ключ"), std::nullopt}});
    fields.push_back(
        {.name = "n", .cells = {Value::of(1.5), Value::of(2), std::nullopt, std::nullopt}});
    return fields;
  };
  const auto rescued = [&](const std::string& table) {
    return query("SELECT arrayStringConcat(groupArray(_rescued), '|') FROM (SELECT _rescued FROM " +
                 table + " ORDER BY toInt64(id))");
  };
  write_table(qvd("Saved_1.qvd"), plain_rows(0, 2));
  write_table(qvd("Item.qvd"), plain_rows(0, 2));
  EXPECT_EQ(sync()["loaded"], 2);
  EXPECT_EQ(rescued("Saved"), "|");
  const std::string columns =
      "SELECT arrayStringConcat(groupArray(name), ' ') FROM (SELECT name FROM system.columns WHERE "
      "database = currentDatabase() AND table = 'Saved' ORDER BY name)";
  const std::string before = query(columns);

  write_table(qvd("Saved_2.qvd"), with_more(10));
  write_table(qvd("Item.qvd"), with_more(0));
  const auto done = sync();
  EXPECT_EQ(done["loaded"], 2) << done;
  EXPECT_THAT(done.dump(), HasSubstr("keeps its values in _rescued"));
  const std::string values =
      R"({"it's \"new\"":"a\n\"b\"","n":"1.5"}|{"n":"2"}|{"it's \"new\"":"Ключ"}|)";
  EXPECT_EQ(rescued("Saved"), "||" + values);
  EXPECT_EQ(rescued("QvdItem"), values);
  EXPECT_EQ(query(columns), before);
  expect_all_is_well();

  // A table that was made without the column waits for all its files.
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Later_*.qvd'\nname = 'Later'\ndrift = 'discard'\n");
  write_table(qvd("Later_1.qvd"), plain_rows(0, 2));
  write_table(qvd("Later_2.qvd"), plain_rows(10, 2));
  EXPECT_EQ(sync()["failed"], 0);
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Later_*.qvd'\nname = 'Later'\ndrift = 'rescue'\n");
  write_table(qvd("Later_2.qvd"), with_more(10));
  const Finished alone = on_target({"sync", "qvds"});
  EXPECT_NE(alone.exit_code, 0) << alone.out;
  EXPECT_THAT(alone.out + alone.err, HasSubstr("--full"));
  const Finished full = on_target({"sync", "qvds", "--full"});
  EXPECT_EQ(full.exit_code, 0) << full.out << full.err;
  EXPECT_EQ(rescued("Later"), "||" + values);
  expect_all_is_well();
  EXPECT_EQ(sync()["loaded"], 0);
}

TEST_P(Target, IndexesComeWithAFullRun) {
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202402.qvd"), plain_rows(100, 10));
  EXPECT_EQ(sync()["loaded"], 2);
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Sales_{yyyymm}.qvd'\nname = 'Sales'\n"
             "indexes = { ids = 'id TYPE minmax' }\n");
  if (GetParam() == TargetKind::kOldest) {
    write_table(qvd("Sales_202403.qvd"), plain_rows(0, 10));
    const Finished refused = on_target({"sync", "qvds"});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.out + refused.err,
                HasSubstr("ClickHouse 18.16 knows no data skipping indexes"));
    return;
  }
  EXPECT_EQ(sync()["loaded"], 0);
  const auto indexes = [&] {
    return query(
        "SELECT name, type, granularity FROM system.data_skipping_indices WHERE database "
        "= currentDatabase() AND table = 'Sales'");
  };
  EXPECT_EQ(indexes(), "");
  // A file that comes by itself goes into the table as it is.
  write_table(qvd("Sales_202402.qvd"), plain_rows(200, 20));
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(indexes(), "");
  const Finished full = on_target({"sync", "qvds", "--full"});
  EXPECT_EQ(full.exit_code, 0) << full.err;
  EXPECT_EQ(indexes(), "ids\tminmax\t1");
  write_table(qvd("Sales_202401.qvd"), plain_rows(50, 5));
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(indexes(), "ids\tminmax\t1");
  EXPECT_EQ(facts("Sales"), facts_of({{50, 5}, {200, 20}}));
  expect_all_is_well();
}

TEST_P(Target, FilesOfASetReplaceTheirOwnRows) {
  write_table(qvd("Sales_202402.qvd"), plain_rows(2'000, 500));
  write_table(qvd("Sales_202403.qvd"), plain_rows(3'000, 700));
  EXPECT_EQ(sync()["loaded"], 2);
  EXPECT_EQ(facts("Sales"), facts_of({{2'000, 500}, {3'000, 700}}));
  EXPECT_EQ(facts("Sales", "yyyymm = '202403'"), facts_of({{3'000, 700}}));
  // One is written again, one arrives late and sorts early.
  write_table(qvd("Sales_202403.qvd"), plain_rows(5'000, 20));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  const auto summary = sync();
  EXPECT_EQ(summary["loaded"], 2) << summary;
  EXPECT_EQ(summary["skipped"], 1) << summary;
  EXPECT_EQ(facts("Sales"), facts_of({{0, 10}, {2'000, 500}, {5'000, 20}}));
  EXPECT_EQ(query("SELECT uniqExact(_file) FROM Sales"), "3");
  EXPECT_EQ(query("SELECT count() FROM Sales WHERE NOT endsWith(toString(_file), "
                  "concat(toString(yyyymm), '.qvd'))"),
            "0");
  // With --full all come again, and nothing changes.
  EXPECT_EQ(on_target({"sync", "qvds", "--full"}).exit_code, 0);
  EXPECT_EQ(facts("Sales"), facts_of({{0, 10}, {2'000, 500}, {5'000, 20}}));
  expect_all_is_well();
}

TEST_P(Target, VersionsOfALogAreAddedOnce) {
  write_table(qvd("Log_a.qvd"), plain_rows(0, 1'000));
  write_table(qvd("Log_b.qvd"), plain_rows(10'000, 100));
  EXPECT_EQ(sync()["loaded"], 2);
  write_table(qvd("Log_a.qvd"), plain_rows(20'000, 30));
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(sync()["loaded"], 0);
  const std::string all = facts_of({{0, 1'000}, {10'000, 100}, {20'000, 30}});
  EXPECT_EQ(facts("Log"), all);
  EXPECT_EQ(query("SELECT min(_row), max(_row), uniqExact(_row) FROM Log WHERE id < 10000"),
            "0\t999\t1000");
  EXPECT_EQ(on_target({"sync", "qvds", "--full"}).exit_code, 0);
  EXPECT_EQ(facts("Log"), all) << "the same versions again";
  expect_all_is_well();
}

TEST_P(Target, TheNewestRowOfEachKeyIsShown) {
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Orders*.qvd'\ndeletes = 'Gone*.qvd'\nname = 'Orders'\n"
             "mode = 'upsert'\nkey = ['id']\n");
  write_table(qvd("Orders.qvd"), plain_rows(0, 1'000));
  write_table(qvd("Orders_1.qvd"), plain_rows(990, 20));
  write_table(qvd("Gone_1.qvd"), {plain_rows(0, 100).front()});
  if (GetParam() == TargetKind::kOldest) {
    const Finished refused = on_target({"sync", "qvds"});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.err, HasSubstr("needs ClickHouse 23.3 or newer, and this server is 18.16"));
    return;
  }
  const Finished plan = on_target({"plan", "qvds"});
  EXPECT_THAT(plan.out, HasSubstr("CREATE OR REPLACE VIEW"));
  EXPECT_EQ(sync()["loaded"], 3);
  EXPECT_EQ(facts("Orders"), facts_of({{100, 910}}));
  EXPECT_EQ(query("SELECT uniqExact(_file) FROM Orders"), "2");
  expect_all_is_well();
  // A file that says less by now: what it said before is none any more.
  write_table(qvd("Gone_1.qvd"), {plain_rows(0, 50).front()});
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(facts("Orders"), facts_of({{50, 960}}));
  EXPECT_EQ(on_target({"sync", "qvds", "--full"}).exit_code, 0);
  EXPECT_EQ(facts("Orders"), facts_of({{50, 960}}));
  // New columns come into the view.
  auto wider = plain_rows(5'000, 2);
  wider.push_back({.name = "more", .cells = {qvd::Value::of(1), qvd::Value::of(2)}});
  write_table(qvd("Orders_2.qvd"), wider);
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(query("SELECT sum(more), count() FROM Orders"), "3\t962");
  expect_all_is_well();
  // The table goes with all of its rows.
  EXPECT_EQ(on_target({"reset", "--table", "Orders", "--with-data", "--force"}).exit_code, 0);
  EXPECT_EQ(query("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name "
                  "LIKE 'Orders%'"),
            "0");
  EXPECT_EQ(sync()["loaded"], 4);
  expect_all_is_well();
}

TEST_P(Target, ColumnsAreAddedAndWidened) {
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 700));
  EXPECT_EQ(sync()["loaded"], 1);
  auto wider = plain_rows(1'000, 7);
  // Text where numbers were, a new column, and one that is not there any more.
  wider[2].cells[1] = Value::of("about 9");
  wider.push_back({.name = "more", .cells = std::vector(7, std::optional(Value::of(12'345)))});
  wider.erase(wider.begin() + 1);
  write_table(qvd("Sales_202402.qvd"), wider);
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(query("SELECT count(), sum(toInt64(id)), countIf(isNull(half)), countIf(isNull(more)), "
                  "countIf(isNull(text)) FROM Sales"),
            fmt::format("707\t{}\t100\t700\t7", 699 * 350 + 7'021));
  EXPECT_EQ(query("SELECT toString(half) FROM Sales WHERE id IN (5, 1001) ORDER BY id"),
            "5.5\nabout 9");
  EXPECT_EQ(query("SELECT DISTINCT toInt64(more) FROM Sales WHERE id >= 1000"), "12345");
  // The first one is still what it was, also when it comes again.
  EXPECT_EQ(on_target({"sync", "qvds", "--full"}).exit_code, 0);
  EXPECT_EQ(query("SELECT count() FROM Sales"), "707");
  expect_all_is_well();
}

TEST_P(Target, AFrozenTableStaysAsItIs) {
  write_table(qvd("Frozen_1.qvd"), plain_rows(0, 50));
  EXPECT_EQ(sync()["loaded"], 1);
  auto wider = plain_rows(100, 5);
  wider.push_back({.name = "more", .cells = std::vector(5, std::optional(Value::of(1)))});
  write_table(qvd("Frozen_2.qvd"), wider);
  const Finished refused = on_target({"sync", "qvds"});
  EXPECT_EQ(refused.exit_code, 7) << "Frozen_1.qvd is loaded as it is: " << refused.out;
  EXPECT_THAT(refused.out + refused.err, HasSubstr("more"));
  EXPECT_EQ(on_target({"sync", "qvds/Frozen_2.qvd"}).exit_code, 3) << "alone, it has its class";
  EXPECT_EQ(facts("Frozen"), facts_of({{0, 50}}));
  EXPECT_EQ(query("SELECT count() FROM system.columns WHERE database = currentDatabase() AND "
                  "table = 'Frozen' AND name = 'more'"),
            "0");
}

TEST_P(Target, ViewsThatGetNoRowsAreWarnedOf) {
  write_table(qvd("item.qvd"), plain_rows(0, 3));
  EXPECT_EQ(sync()["loaded"], 1);
  query(
      "CREATE MATERIALIZED VIEW fed ENGINE = MergeTree ORDER BY id POPULATE AS SELECT id FROM "
      "QvdItem");
  for (const int count : {5, 7}) {
    write_table(qvd("item.qvd"), plain_rows(0, count));
    EXPECT_THAT(on_target({"plan", "qvds"}).out, HasSubstr("is a materialized view that is fed"));
    EXPECT_EQ(sync()["loaded"], 1);
    EXPECT_EQ(query("SELECT count() FROM fed"), "3");
  }
  EXPECT_THAT(on_target({"doctor"}).out, HasSubstr(database + ".fed is a materialized view"));
}

TEST_P(Target, RowsOfBrokenFilesStayInSight) {
  for (const char* name : {"item.qvd", "Sales_202401.qvd", "Log_a.qvd"}) {
    write_table(qvd(name), plain_rows(0, 10));
  }
  write_table(qvd("Log_b.qvd"), plain_rows(10, 10));
  EXPECT_EQ(sync()["loaded"], 4);
  for (const char* name : {"item.qvd", "Sales_202401.qvd", "Log_a.qvd"}) {
    fs::resize_file(qvd(name), fs::file_size(qvd(name)) - 1);
    fs::last_write_time(qvd(name), fs::file_time_type::clock::now() - std::chrono::hours(24));
  }
  EXPECT_EQ(sync(7)["failed"], 3);
  EXPECT_EQ(sync(7)["failed_before"], 3);
  for (const char* table : {"QvdItem", "Sales", "Log"}) {
    EXPECT_EQ(on_target({"verify", table}).exit_code, 6) << table;
  }
  EXPECT_EQ(on_target({"verify", "Log_b"}).exit_code, 0);
  const auto status = nlohmann::json::parse(on_target({"status", "--json"}).out);
  EXPECT_EQ(status.size(), 4U);
  for (const auto& file : status) EXPECT_EQ(file["row_count"], 10) << file;
}

TEST_P(Target, RowsOfAVanishedFileGoWhereThatIsWanted) {
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202402.qvd"), plain_rows(100, 10));
  write_table(qvd("Log_a.qvd"), plain_rows(0, 20));
  write_table(qvd("Log_b.qvd"), plain_rows(50, 20));
  EXPECT_EQ(sync()["loaded"], 4);
  fs::remove(qvd("Sales_202402.qvd"));
  fs::remove(qvd("Log_b.qvd"));
  sync();
  EXPECT_EQ(facts("Sales"), facts_of({{0, 10}}));
  EXPECT_EQ(facts("Log"), facts_of({{0, 20}, {50, 20}}));
  EXPECT_EQ(on_target({"verify", "Sales"}).exit_code, 0);
  const Finished kept = on_target({"verify", "Log"});
  EXPECT_EQ(kept.exit_code, 0) << "rows that are kept without their file are no difference";
  EXPECT_THAT(kept.out, HasSubstr("2 files: 1 exact, 1 vanished\n"));
}

TEST_P(Target, AFileThatIsNotAsUsualIsHeldAndLetThrough) {
  write_table(qvd("Sales_202402.qvd"), plain_rows(5'000, 10));
  for (const int more : {0, 1, 2}) {
    write_table(qvd("Sales_202401.qvd"), plain_rows(0, 1'000 + more));
    EXPECT_EQ(sync()["anomalies"], 0);
  }
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 100));
  const auto held = sync(0, {{"QVD_ANOMALY", "hold"}});
  EXPECT_EQ(held["waiting"], 1);
  EXPECT_EQ(held["anomalies"], 1);
  EXPECT_EQ(facts("Sales"), facts_of({{0, 1'002}, {5'000, 10}}));
  const Finished let =
      on_target({"sync", "qvds/Sales_202401.qvd", "--full"}, {{"QVD_ANOMALY", "hold"}});
  EXPECT_EQ(let.exit_code, 0) << let.err;
  EXPECT_EQ(facts("Sales"), facts_of({{0, 100}, {5'000, 10}}));
  expect_all_is_well();
}

TEST_P(Target, TouchedAndMovedFilesAreNotLoadedAgain) {
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202402.qvd"), plain_rows(100, 10));
  EXPECT_EQ(sync()["loaded"], 2);
  fs::last_write_time(qvd("Sales_202401.qvd"),
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(sync()["loaded"], 0) << "touched";
  fs::create_directories(qvd("older"));
  fs::rename(qvd("Sales_202402.qvd"), qvd("older/Sales_202402.qvd"));
  const Environment everywhere{{"QVD_FILE_PATTERN", "**/*.qvd"}};
  EXPECT_EQ(sync(0, everywhere)["loaded"], 0) << "moved";
  EXPECT_EQ(sync(0, everywhere)["skipped"], 2) << "and known there";
  EXPECT_EQ(facts("Sales"), facts_of({{0, 10}, {100, 10}}));
  expect_all_is_well();
}

TEST_P(Target, NamesMayHoldAnything) {
  const std::string nasty = "it's \"x\" `y` \\ \\' '; DROP TABLE Sales -- \n\t🦆 é";
  write_text("qvdhouse.toml", R"(
[[table]]
match = "Set_{part}.qvd"
name = "it's \"x\" `y` \\ \\' '; DROP TABLE Sales -- 🦆"
)");
  const auto hostile = [&](int first) {
    auto fields = plain_rows(first, 20);
    fields.push_back({.name = nasty, .cells = std::vector(20, std::optional(Value::of(nasty)))});
    for (const char* name : {"`", "'", "\\", "a`b", "\"; DROP", "{name}", "?", "%s", "$1", " "}) {
      fields.push_back({.name = name, .cells = std::vector(20, std::optional(Value::of(1)))});
    }
    return fields;
  };
  std::string file = nasty;  // no '/' in it
  write_table(qvd(file + ".qvd"), hostile(0));
  write_table(qvd("Set_" + file + ".qvd"), hostile(100));
  write_table(qvd("Set_b.qvd"), hostile(200));
  EXPECT_EQ(sync()["loaded"], 3);
  expect_all_is_well();
  write_table(qvd("Set_b.qvd"), hostile(300));
  auto more = hostile(400);
  more.push_back({.name = nasty + "2", .cells = std::vector(20, std::optional(Value::of(nasty)))});
  write_table(qvd("Set_" + file + ".qvd"), more);
  EXPECT_EQ(sync()["loaded"], 2);
  expect_all_is_well();
  EXPECT_EQ(query("SELECT sum(toUInt64(row_count)) FROM QvdFileTracking FINAL"), "60");
}

TEST_P(Target, TenThousandColumnsAndCellsOfAMegabyte) {
  // 18.16 opens four files a column, and processes may not open so many everywhere; TLS makes no
  // difference to them.
  const bool is_main = GetParam() == TargetKind::kEmbedded || GetParam() == TargetKind::kNewest;
  const int column_count = is_main ? 10'000 : 2'000;
  std::vector<TestField> wide;
  for (int i = 0; i < column_count; ++i) {
    wide.push_back(
        {.name = fmt::format("c{}", i), .cells = {Value::of(i), std::nullopt, Value::of(i + 1)}});
  }
  write_table(qvd("wide.qvd"), wide);
  std::string large(1'048'576, 'x');
  large[7] = '\'';
  large[8] = '\\';
  large[9] = '\n';
  TestField text{.name = "large"};
  TestField id{.name = "id"};
  for (int i = 0; i < 8; ++i) {
    large[0] = static_cast<char>('a' + i);
    text.cells.emplace_back(Value::of(large));
    id.cells.emplace_back(Value::of(i));
  }
  write_table(qvd("large.qvd"), {id, text});
  EXPECT_EQ(sync()["loaded"], 2);
  EXPECT_EQ(query("SELECT count(), sum(toInt64(c0)), sum(toInt64(c1999)) FROM QvdWide"),
            "3\t1\t3999");
  EXPECT_EQ(query("SELECT count() FROM system.columns WHERE database = currentDatabase() AND "
                  "table = 'QvdWide'"),
            std::to_string(column_count));
  EXPECT_EQ(query("SELECT sum(length(large)), uniqExact(large) FROM QvdLarge"),
            fmt::format("{}\t8", 8 * 1'048'576));
  expect_all_is_well();
}

INSTANTIATE_TEST_SUITE_P(On, Target,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kNewestTls, TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
