// What a user does with files, on each kind of cluster: after every step each node has the same
// rows, exactly those of the files.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "load/staging.h"
#include "schema/plan.h"
#include "tests/cluster/cluster_fixture.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using ::testing::HasSubstr;

constexpr const char* kTables = R"(
[[table]]
match = "Sales_{yyyymm}.qvd"
name = "Sales"
vanished = "delete"

[[table]]
match = "Log_*.qvd"
name = "Log"
mode = "append"
)";

class Modes : public EachCluster {
 protected:
  void SetUp() override {
    EachCluster::SetUp();
    write_text("qvdhouse.toml", kTables);
  }
  // The text column of a table on every node.
  std::string count_of(const std::string& table) const {
    return from_each("SELECT count() FROM " + table);
  }
  // `count` more rows, with an `id` that is no number, and another column.
  static std::vector<TestField> wider_rows(int first, int count) {
    auto wider = plain_rows(first, count);
    wider[2].cells[1] = Value::of("about 9");
    wider.push_back({.name = "more", .cells = {}});
    wider.back().cells.assign(static_cast<std::size_t>(count), Value::of(12'345));
    return wider;
  }
};

TEST_P(Modes, RowsThatBreakRulesAreOnEveryNode) {
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Sales_*.qvd'\nname = 'Sales'\nrules.id = { max = 1003, action = "
             "'quarantine' }\n[table.QvdItem]\nrules.half = { not_null = true, action = "
             "'quarantine' }\n");
  write_table(qvd("item.qvd"), plain_rows(1, 20));
  write_table(qvd("Sales_1.qvd"), plain_rows(0, 500));
  write_table(qvd("Sales_2.qvd"), plain_rows(1'000, 7));
  const auto done = sync();
  EXPECT_EQ(done["loaded"], 3);
  EXPECT_EQ(done["rows_quarantined"], 5);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Sales"), "504");
  EXPECT_EQ(count_of("Sales__quarantine"), "3");
  EXPECT_EQ(count_of("QvdItem__quarantine"), "2");

  through(1);
  write_table(qvd("item.qvd"), plain_rows(1, 6));
  write_table(qvd("Sales_2.qvd"), plain_rows(1'001, 7));
  EXPECT_EQ(sync()["rows_quarantined"], 4);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Sales__quarantine"), "4");
  EXPECT_EQ(from_each("SELECT count(), min(row), max(row) FROM Sales__quarantine"), "4\t4\t7");
  EXPECT_EQ(count_of("QvdItem__quarantine"), "0");
}

TEST_P(Modes, FilesOfEachModeAreOnEveryNode) {
  write_table(qvd("item.qvd"), plain_rows(0, 5'000));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 500));
  write_table(qvd("Sales_202402.qvd"), plain_rows(1'000, 700));
  write_table(qvd("Log_a.qvd"), plain_rows(0, 100));
  EXPECT_EQ(sync()["loaded"], 4);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("QvdItem"), "5000");

  // Changed files, by the other node, and a new one.
  through(1);
  write_table(qvd("item.qvd"), plain_rows(7, 60));
  write_table(qvd("Sales_202402.qvd"), plain_rows(5'000, 30));
  write_table(qvd("Sales_202403.qvd"), plain_rows(6'000, 4));
  write_table(qvd("Log_a.qvd"), plain_rows(200, 11));
  EXPECT_EQ(sync()["loaded"], 4);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("QvdItem"), "60");
  EXPECT_EQ(count_of("Sales"), "534");
  EXPECT_EQ(count_of("Log"), "111") << "both versions";

  // Files without rows, and one that is there no more.
  write_table(qvd("item.qvd"), plain_rows(0, 0));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 0));
  write_table(qvd("Log_a.qvd"), plain_rows(0, 0));
  fs::remove(qvd("Sales_202402.qvd"));
  EXPECT_EQ(sync()["loaded"], 3);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("QvdItem"), "0");
  EXPECT_EQ(count_of("Sales"), "4");
  EXPECT_EQ(count_of("Log"), "111");

  // All again changes nothing.
  through(1);
  EXPECT_EQ(on_target({"sync", "qvds", "--full"}).exit_code, 0);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Sales"), "4");
  EXPECT_EQ(count_of("Log"), "111");
}

TEST_P(Modes, TheNewestRowsAreOnEveryNode) {
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Orders*.qvd'\ndeletes = 'Gone*.qvd'\nname = 'Orders'\n"
             "mode = 'upsert'\nkey = ['id']\n");
  write_table(qvd("Orders.qvd"), plain_rows(0, 1'000));
  write_table(qvd("Gone_1.qvd"), {plain_rows(0, 100).front()});
  if (is_oldest()) {
    EXPECT_THAT(on_target({"sync", "qvds"}).err, HasSubstr("needs ClickHouse 23.3 or newer"));
    return;
  }
  EXPECT_EQ(sync()["loaded"], 2);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Orders"), "900");
  through(1);
  auto wider = plain_rows(990, 20);
  wider.push_back({.name = "more", .cells = {}});
  wider.back().cells.assign(20, Value::of(1));
  write_table(qvd("Orders_2.qvd"), wider);
  write_table(qvd("Gone_1.qvd"), {plain_rows(0, 50).front()});
  EXPECT_EQ(sync()["loaded"], 2);
  expect_the_same_everywhere();
  EXPECT_EQ(from_each("SELECT count(), sum(more) FROM Orders"), "960\t20");
  EXPECT_EQ(on_target({"reset", "--table", "Orders", "--with-data", "--force"}).exit_code, 0);
  await_all();
  EXPECT_EQ(from_each("SELECT count() FROM system.tables WHERE database = currentDatabase() AND "
                      "name LIKE 'Orders%'"),
            "0");
}

TEST_P(Modes, ColumnsAreAddedAndWidenedOnEveryNode) {
  const std::vector<std::string> files = {"item.qvd", "Sales_202401.qvd", "Log_a.qvd"};
  for (const std::string& file : files) write_table(qvd(file), plain_rows(0, 70));
  EXPECT_EQ(sync()["loaded"], 3);
  through(1);
  write_table(qvd("item.qvd"), wider_rows(0, 7));
  write_table(qvd("Sales_202402.qvd"), wider_rows(100, 7));
  write_table(qvd("Log_b.qvd"), wider_rows(100, 7));
  EXPECT_EQ(sync()["loaded"], 3);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("QvdItem"), "7");
  for (const char* table : {"Sales", "Log"}) {
    EXPECT_EQ(from_each(fmt::format(
                  "SELECT count(), countIf(isNull(more)), sum(toInt64(id)) FROM {}", table)),
              fmt::format("77\t70\t{}", 69 * 35 + 7 * 103));
    EXPECT_EQ(from_each(fmt::format(
                  "SELECT toString(half) FROM {} WHERE id IN (5, 101) ORDER BY id", table)),
              "5.5\nabout 9");
  }
  // A key column of another type: the table is rebuilt.
  auto texts = plain_rows(200, 5);
  texts[0].cells[0] = Value::of("no number");
  write_table(qvd("Sales_202403.qvd"), texts);
  write_table(qvd("item.qvd"), texts);
  EXPECT_EQ(sync()["loaded"], 2);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Sales"), "82");
  EXPECT_EQ(from_each("SELECT count() FROM Sales WHERE toString(id) = 'no number'"), "1");
}

TEST_P(Modes, AnyNamesAreTheSameOnEveryNode) {
  const std::string nasty = "it's \"x\" `y` \\ \\' '; DROP TABLE Sales -- \n\t🦆 é";
  write_text("qvdhouse.toml", R"(
[[table]]
match = "Set_{part}.qvd"
name = "it's \"x\" `y` \\ \\' '; DROP TABLE Sales -- 🦆"
)");
  const auto hostile = [&](int first) {
    auto fields = plain_rows(first, 20);
    fields.push_back({.name = nasty, .cells = std::vector(20, std::optional(Value::of(nasty)))});
    for (const char* name : {"`", "'", "\\", "a`b", "\"; DROP", "{name}", "?", "{replica}", " "}) {
      fields.push_back({.name = name, .cells = std::vector(20, std::optional(Value::of(1)))});
    }
    return fields;
  };
  const std::string cyrillic = "Продажи за год";
  const std::string longest(is_oldest() ? 180 : 200 - 3, 'A');
  for (const std::string& file : {nasty, cyrillic, longest}) {
    write_table(qvd(file + ".qvd"), hostile(0));
  }
  write_table(qvd("Set_" + nasty + ".qvd"), hostile(100));
  write_table(qvd("Set_b.qvd"), hostile(200));
  EXPECT_EQ(sync()["loaded"], 5);
  expect_the_same_everywhere();

  through(1);
  for (const std::string& file : {nasty, cyrillic, longest}) {
    auto more = hostile(300);
    more.push_back(
        {.name = nasty + "2", .cells = std::vector(20, std::optional(Value::of(nasty)))});
    write_table(qvd(file + ".qvd"), more);
  }
  auto more = hostile(400);
  more.push_back({.name = nasty + "2", .cells = std::vector(20, std::optional(Value::of(nasty)))});
  write_table(qvd("Set_" + nasty + ".qvd"), more);
  EXPECT_EQ(sync()["loaded"], 4);
  expect_the_same_everywhere();
  EXPECT_EQ(from_each("SELECT sum(toUInt64(row_count)) FROM QvdFileTracking FINAL"), "100");
}

TEST_P(Modes, RebuiltTablesAreWholeOnEveryNode) {
  write_text("qvdhouse.toml", std::string(kTables) + R"(
[[table]]
match = "Part_{year}_*.qvd"
name = "Part"
partition_by = "year"
)");
  // So many for each shard.
  const Environment few{{"QVD_MAX_FILE_PARTITIONS", kind == ClusterKind::kShards ? "1" : "3"}};
  for (int i = 1; i <= 3; ++i) {
    write_table(qvd(fmt::format("Sales_20240{}.qvd", i)), plain_rows(i * 1'000, 100));
    write_table(qvd(fmt::format("Log_{}.qvd", i)), plain_rows(i * 1'000, 100));
    write_table(qvd(fmt::format("Part_200{}_a.qvd", i)), plain_rows(i * 1'000, 100));
  }
  EXPECT_EQ(sync(0, few)["loaded"], 9);
  expect_the_same_everywhere();
  // One more than may have a partition each, and one that is replaced.
  through(1);
  for (const int i : {2, 4, 5}) {
    write_table(qvd(fmt::format("Sales_20240{}.qvd", i)), plain_rows(i * 1'000, 10));
    write_table(qvd(fmt::format("Log_{}.qvd", i)), plain_rows(i * 1'000, 10));
    write_table(qvd(fmt::format("Part_200{}_a.qvd", i)), plain_rows(i * 1'000, 10));
  }
  EXPECT_EQ(sync(0, few)["loaded"], 9);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Sales"), "230");
  EXPECT_EQ(count_of("Log"), "330") << "two versions of one of them";
  EXPECT_EQ(count_of("Part"), "230");
  // Without the limit they stay as they lie, and a file goes out of the middle of them.
  fs::remove(qvd("Sales_202402.qvd"));
  write_table(qvd("Part_2001_a.qvd"), plain_rows(0, 1));
  EXPECT_EQ(sync()["loaded"], 1);
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("Sales"), "220");
  EXPECT_EQ(count_of("Part"), "131");
}

TEST_P(Modes, EqualRowsAndEqualFilesAreAllThere) {
  const int rows = kind == ClusterKind::kShards ? 100'000 : 1'000'000;
  const Environment one_partition{{"QVD_MAX_FILE_PARTITIONS", "0"}};
  const std::vector<TestField> equal{
      {.name = "id",
       .cells = std::vector(static_cast<std::size_t>(rows), std::optional(Value::of(7)))}};
  const std::vector<TestField> few{
      {.name = "id", .cells = std::vector(1'000, std::optional(Value::of(7)))}};
  write_table(qvd("item.qvd"), equal);
  for (const char* file :
       {"Sales_202401.qvd", "Sales_202402.qvd", "Sales_202403.qvd", "Log_a.qvd", "Log_b.qvd"}) {
    write_table(qvd(file), few);
  }
  EXPECT_EQ(sync(0, one_partition)["loaded"], 6);
  for (const int round : {1, 2}) {
    expect_the_same_everywhere();
    EXPECT_EQ(count_of("QvdItem"), fmt::to_string(rows)) << round;
    EXPECT_EQ(count_of("Sales"), "3000") << round;
    EXPECT_EQ(count_of("Log"), "2000") << round;
    through(1);
    EXPECT_EQ(on_target({"sync", "qvds", "--full"}, one_partition).exit_code, 0);
  }
}

TEST_P(Modes, PlanPrintsWhatSyncMakes) {
  write_table(qvd("item.qvd"), plain_rows(0, 500));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Log_a.qvd"), plain_rows(0, 10));
  const Finished plan = on_target({"plan", "qvds", "--json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_EQ(sync()["loaded"], 3);
  const std::string on_cluster =
      kind == ClusterKind::kReplicatedDatabase ? "" : " ON CLUSTER `main`";
  const auto made = [&](const std::string& table) {
    const std::string create = from_each("SHOW CREATE TABLE " + table);
    // Where the table is in ZooKeeper is its own.
    const std::size_t open = create.find("MergeTree(");
    const std::size_t close = create.find(')', open);
    return open == std::string::npos ? create
                                     : create.substr(0, open + 9) + create.substr(close + 1);
  };
  for (const auto& file : nlohmann::json::parse(plan.out)) {
    const std::string table = file["table"];
    const std::string ddl = file["ddl"];
    EXPECT_THAT(ddl, HasSubstr("ReplicatedMergeTree"));
    EXPECT_THAT(ddl, HasSubstr(fmt::format("`{}`{}", table, on_cluster)));
    const std::string by_sync = made(table);
    const auto drop = [&](const std::string& name) {
      query(fmt::format("DROP TABLE {}{}{}", name, on_cluster, is_oldest() ? "" : " SYNC"));
    };
    drop(table);
    const std::size_t second = ddl.find(";\n\n");  // the table that shows those of the shards
    EXPECT_EQ(second != std::string::npos, kind == ClusterKind::kShards && table != "QvdItem");
    if (second != std::string::npos) drop(table + "__local");
    for (const std::string& statement :
         {ddl.substr(0, second),
          second == std::string::npos ? "SELECT 1" : ddl.substr(second + 3)}) {
      const Finished done = on_target({"query", "--write", statement});
      ASSERT_EQ(done.exit_code, 0) << statement << done.err;
    }
    EXPECT_EQ(made(table), by_sync);
  }
}

TEST_P(Modes, MovedFilesResetsAndTheCatalogueReachEveryNode) {
  write_table(qvd("item.qvd"), plain_rows(0, 50));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  write_table(qvd("Sales_202402.qvd"), plain_rows(100, 10));
  EXPECT_EQ(sync()["loaded"], 3);
  through(1);
  fs::rename(qvd("item.qvd"), qvd("thing.qvd"));
  EXPECT_EQ(sync()["loaded"], 0) << "it is the same file";
  expect_the_same_everywhere();
  EXPECT_EQ(count_of("QvdThing"), "50");
  for (const int round : {1, 2}) {
    through(round == 1 ? 1 : 0);
    const Finished listed = on_target({"catalog", "qvds"});
    EXPECT_EQ(listed.exit_code, 0) << listed.out << listed.err;
    await_all();
    EXPECT_EQ(count_of("QvdCatalogFiles"), fmt::format("{}", 2 + round));
    EXPECT_EQ(count_of("QvdCatalogFields"), fmt::format("{}", 3 * (2 + round)));
    expect_the_same_everywhere();
    write_table(qvd("other.qvd"), plain_rows(0, 4 + round));
    EXPECT_EQ(sync()["loaded"], 1);
  }
  const Finished gone = on_target({"reset", "--table", "QvdThing", "--with-data", "--force"});
  EXPECT_EQ(gone.exit_code, 0) << gone.out << gone.err;
  EXPECT_EQ(from_each("EXISTS TABLE QvdThing"), "0");
  const auto again = sync();
  EXPECT_EQ(again["loaded"], 1) << again["files"].dump(1);
  expect_the_same_everywhere();
}

// Each is on the server that the dead run talked to.
TEST_P(Modes, StagingTablesOfADeadRunAreDroppedThroughAnyNode) {
  if (is_oldest()) return;  // its servers cannot be asked for each other's tables
  write_table(qvd("item.qvd"), plain_rows(0, 50));
  EXPECT_EQ(sync()["loaded"], 1);
  const auto make = [&](const std::string& table, const std::string& comment) {
    ask(0, fmt::format("CREATE TABLE {} (x Int8) ENGINE = MergeTree ORDER BY x COMMENT '{}'", table,
                       comment));
  };
  const std::string ours(schema::kTableCommentPrefix);
  const std::string theirs = load::staging_table(database, "Theirs", "dead");
  make(load::staging_table(database, "QvdItem", "dead"), ours);
  make(load::staging_table(database, "QvdGone", "dead"), ours);
  make(theirs, "not made by us");
  through(1);
  write_table(qvd("item.qvd"), plain_rows(0, 60));
  EXPECT_EQ(sync()["loaded"], 1);
  EXPECT_EQ(ask(0,
                "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE "
                "'%\\_\\_staging%'"),
            theirs);
  cluster().ask(0, fmt::format("DROP TABLE {} SYNC", theirs), database);
  expect_the_same_everywhere();
}

// As a table that an older version made, or a run without clickhouse.cluster.
TEST_P(Modes, TablesOfOneServerAreLeftAlone) {
  write_table(qvd("item.qvd"), plain_rows(0, 50));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 10));
  EXPECT_EQ(sync()["loaded"], 2);
  const std::string on_cluster =
      kind == ClusterKind::kReplicatedDatabase ? "" : " ON CLUSTER `main`";
  const std::string sales = kind == ClusterKind::kShards ? "Sales__local" : "Sales";
  for (const std::string& table : {std::string("QvdItem"), sales}) {
    std::string made = ask(0, fmt::format("SHOW CREATE TABLE {} FORMAT TSVRaw", table));
    const std::size_t begin = made.find("ReplicatedMergeTree");
    made.replace(begin, made.find(')', begin) + 1 - begin, "MergeTree");
    query(fmt::format("DROP TABLE {}{}{}", table, on_cluster, is_oldest() ? "" : " SYNC"));
    ask(0, made);
  }
  write_table(qvd("item.qvd"), plain_rows(0, 60));
  write_table(qvd("Sales_202401.qvd"), plain_rows(0, 20));
  const Finished refused = on_target({"sync", "qvds"});
  EXPECT_NE(refused.exit_code, 0) << refused.out;
  // There it has not even a comment that tells whose it is.
  const std::string reason = is_oldest() ? "exists and was not made by" : "is on this server only";
  EXPECT_THAT(refused.err, HasSubstr("QvdItem " + reason));
  EXPECT_THAT(refused.err, HasSubstr(sales + " " + reason));
  EXPECT_EQ(ask(0, "SELECT count() FROM QvdItem"), "0");
}

INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, Modes,
                         ::testing::Values(ClusterKind::kReplicatedDatabase));
INSTANTIATE_TEST_SUITE_P(OnCluster, Modes, ::testing::Values(ClusterKind::kOnCluster));
INSTANTIATE_TEST_SUITE_P(Oldest, Modes, ::testing::Values(ClusterKind::kOldest));
INSTANTIATE_TEST_SUITE_P(Shards, Modes, ::testing::Values(ClusterKind::kShards));

}  // namespace
}  // namespace qvdhouse::tests
