// Sets of files that share a table, run after run, into the real engine.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "claim/locks.h"
#include "sync/failure.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using schema::LoadMode;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

// A field `id` from `first` on, and `more` fields of texts.
std::string sales(std::int32_t first, std::uint32_t rows, const std::vector<std::string>& more = {},
                  const qvd::Value& text = qvd::Value::of(std::string_view("x"))) {
  qvd::TableData table{.name = "Sales", .fields = {{.name = "id"}}, .row_count = rows};
  for (std::uint32_t row = 0; row < rows; ++row) {
    table.fields[0].values.push_back(qvd::Value::of(first + static_cast<std::int32_t>(row)));
    table.fields[0].codes.push_back(row + 1);
  }
  for (const std::string& name : more) {
    table.fields.push_back({.name = name, .values = {text}, .codes = {}});
    table.fields.back().codes.assign(rows, 1);
  }
  return as_text(qvd::write_qvd(table));
}

// Takes minutes to plan: no text is a rendering of its number, and each is compared with all
// patterns of a date.
std::string slow_to_plan() {
  constexpr std::uint32_t kSymbols = 3'000'000;
  qvd::FieldData field{.name = "d"};
  field.values.reserve(kSymbols);
  for (std::uint32_t i = 0; i < kSymbols; ++i) {
    field.values.push_back(qvd::Value::dual(static_cast<std::int32_t>(i), "2000-01-01 x"));
  }
  field.codes = {1, 2};
  return as_text(qvd::write_qvd({.name = "T", .fields = {field}, .row_count = 2}));
}

class SetTest : public SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    use(LoadMode::kReplaceByFile);
  }
  void use(LoadMode mode) {
    options_.tables = {{.match = "Sales_*.qvd", .name = "Sales", .where = "test", .mode = mode}};
  }
  schema::TableRules& rules() { return options_.tables.front(); }

  // Rows, sum of id, least and greatest id of each file, by the last part of `_file`.
  static std::string rows_by_file() {
    return query(
        "SELECT arrayStringConcat(groupArray(concat(f, ':', toString(c), ':', toString(s))), ' ') "
        "FROM (SELECT splitByChar('/', toString(_file))[-1] AS f, count() AS c, sum(id) AS s FROM "
        "tested.Sales GROUP BY f ORDER BY f)");
  }
  static std::string staging_left() {
    return query(
        "SELECT count() FROM system.tables WHERE database = 'tested' AND name LIKE '%\\_\\_%'");
  }
  static std::string partition_key() {
    return query(
        "SELECT partition_key FROM system.tables WHERE database = 'tested' AND name = 'Sales'");
  }
  static std::string columns() {
    return query(
        "SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM system.columns "
        "WHERE database = 'tested' AND table = 'Sales'");
  }
  std::string path(const std::string& name) const { return (source_ / name).string(); }
};

TEST_F(SetTest, FilesOwnTheirRowsAndAChangedOneReplacesItsOwn) {
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", sales(100, 10));
  put("Sales_3.qvd", sales(200, 0));
  put("other.qvd", qvd_bytes(3));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 4U);
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:10:1045");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdOther"), "3");
  EXPECT_THAT(partition_key(), StartsWith("_file"));

  put("Sales_2.qvd", sales(100, 2), 3'000);
  put("Sales_3.qvd", sales(200, 1), 3'000);
  put("Sales_4.qvd", sales(300, 1));
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("Sales_1.qvd", "unchanged"), Pair("Sales_2.qvd", "LOADED changed"),
                          Pair("Sales_3.qvd", "LOADED changed"), Pair("Sales_4.qvd", "LOADED new"),
                          Pair("other.qvd", "unchanged")));
  const std::string rows =
      "Sales_1.qvd:10:45 Sales_2.qvd:2:201 Sales_3.qvd:1:200 Sales_4.qvd:1:300";
  EXPECT_EQ(rows_by_file(), rows);

  EXPECT_EQ(sync().count(Outcome::kSkipped), 5U);
  options_.full = true;
  EXPECT_EQ(sync().count(Outcome::kLoaded), 5U);
  EXPECT_EQ(rows_by_file(), rows);
  EXPECT_EQ(staging_left(), "0");
  EXPECT_EQ(tracked("length(fingerprint) = 32"), "1\n1\n1\n1\n1");
}

TEST_F(SetTest, AppendAddsEachVersionOnce) {
  use(LoadMode::kAppend);
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", sales(100, 1));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:1:100");
  put("Sales_1.qvd", sales(0, 11), 3'000);
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
  const std::string rows = "Sales_1.qvd:21:100 Sales_2.qvd:1:100";
  EXPECT_EQ(rows_by_file(), rows);
  EXPECT_EQ(query("SELECT uniqExact(_version) FROM tested.Sales"), "3");

  // As after a crash between commit and tracking row, and touched besides.
  query("TRUNCATE TABLE tested.QvdFileTracking");
  put("Sales_1.qvd", sales(0, 11), 2'000);
  options_.full = true;
  EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
  EXPECT_EQ(rows_by_file(), rows);
  EXPECT_EQ(staging_left(), "0");
}

TEST_F(SetTest, ColumnsAreTheUnionOfAllFilesAndOfEarlierRuns) {
  put("Sales_1.qvd", sales(0, 2, {"a"}));
  put("Sales_2.qvd", sales(10, 2, {"b"}));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
  EXPECT_EQ(query("SELECT countIf(a = 'x'), countIf(isNull(a)), countIf(b = 'x'), "
                  "countIf(isNull(b)) FROM tested.Sales"),
            "2\t2\t2\t2");
  put("Sales_3.qvd", sales(20, 1, {"b", "c"}));
  put("Sales_1.qvd", sales(0, 3), 3'000);
  EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
  EXPECT_EQ(query("SELECT count(), countIf(isNull(a)), countIf(b = 'x'), countIf(c = 'x') FROM "
                  "tested.Sales"),
            "6\t6\t3\t1");
  EXPECT_EQ(staging_left(), "0");
}

TEST_F(SetTest, NumbersThatBecomeTextsKeepEveryValue) {
  put("Sales_1.qvd", sales(0, 2, {"a"}, qvd::Value::of(7)));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
  EXPECT_THAT(columns(), HasSubstr("a Int64"));
  put("Sales_2.qvd", sales(10, 2, {"a"}));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
  EXPECT_EQ(query("SELECT arrayStringConcat(groupArray(a), ' ') FROM (SELECT a FROM tested.Sales "
                  "ORDER BY id)"),
            "7 7 x x");
}

TEST_F(SetTest, ABadFileFailsAloneAndLeavesItsOldRows) {
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", "this is no QVD");
  put("Sales_3.qvd", sales(200, 1));
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("Sales_1.qvd", "LOADED new"), Pair("Sales_2.qvd", "FAILED new"),
                          Pair("Sales_3.qvd", "LOADED new")));
  put("Sales_1.qvd", "nor is this", 3'000);
  put("Sales_2.qvd", sales(100, 1), 3'000);
  const Summary second = sync();
  EXPECT_THAT(fates(second),
              ElementsAre(Pair("Sales_1.qvd", "FAILED changed"),
                          Pair("Sales_2.qvd", "LOADED changed"), Pair("Sales_3.qvd", "unchanged")));
  EXPECT_EQ(second.files[0].error_class, tracking::ErrorClass::kInput);
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:1:100 Sales_3.qvd:1:200");
  EXPECT_EQ(staging_left(), "0");
}

TEST_F(SetTest, ASetOfBadFilesOnlyMakesNoTable) {
  put("Sales_1.qvd", "this is no QVD");
  put("Sales_2.qvd", "nor is this");
  EXPECT_EQ(sync().count(Outcome::kFailed), 2U);
  EXPECT_EQ(query("EXISTS tested.Sales"), "0");
}

TEST_F(SetTest, FreezeFailsTheFileThatDriftsAndChangesNothing) {
  rules().drift = schema::DriftPolicy::kFreeze;
  put("Sales_1.qvd", sales(0, 2));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
  const std::string before = columns();
  put("Sales_2.qvd", sales(10, 2, {"a"}));
  put("Sales_3.qvd", sales(20, 2));
  const Summary second = sync();
  EXPECT_THAT(fates(second),
              ElementsAre(Pair("Sales_1.qvd", "unchanged"), Pair("Sales_2.qvd", "FAILED new"),
                          Pair("Sales_3.qvd", "LOADED new")));
  EXPECT_EQ(second.files[1].error_class, tracking::ErrorClass::kSchema);
  EXPECT_EQ(columns(), before);
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:2:1 Sales_3.qvd:2:41");
}

TEST_F(SetTest, DiscardLeavesNewColumnsOutAndSaysSo) {
  rules().drift = schema::DriftPolicy::kDiscard;
  put("Sales_1.qvd", sales(0, 2));
  sync();
  const std::string before = columns();
  put("Sales_2.qvd", sales(10, 2, {"extra"}));
  const Summary second = sync();
  ASSERT_EQ(second.count(Outcome::kLoaded), 1U);
  EXPECT_THAT(second.files[1].result.warnings, Contains(HasSubstr("extra")));
  EXPECT_EQ(columns(), before);
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:2:1 Sales_2.qvd:2:21");
}

TEST_F(SetTest, RunsAtTheSameTimeLoadEachFileOnce) {
  constexpr int kFiles = 8;
  for (int i = 0; i < kFiles; ++i) put(fmt::format("Sales_{}.qvd", i), sales(i * 100, 10));
  for (int i = 0; i < kFiles; ++i) put(fmt::format("z{}.qvd", i), qvd_bytes(1));
  std::vector<Summary> summaries(3);
  {
    std::vector<std::jthread> runs;
    for (Summary& summary : summaries) runs.emplace_back([&] { summary = sync(); });
  }
  std::uint64_t loaded = 0;
  for (const Summary& summary : summaries) loaded += summary.count(Outcome::kLoaded);
  EXPECT_EQ(loaded, 2U * kFiles);
  EXPECT_EQ(query("SELECT count(), uniqExact(id), uniqExact(_file) FROM tested.Sales"),
            "80\t80\t8");
  EXPECT_EQ(staging_left(), "0");
}

TEST_F(SetTest, AStopInBetweenLeavesWholeFilesAndTheNextRunGoesOn) {
  constexpr std::uint64_t kFiles = 12;
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    put(fmt::format("Sales_{:02}.qvd", i), sales(static_cast<std::int32_t>(i) * 100, 10));
  }
  options_.parallel_files = 2;
  std::stop_source stop;
  const Summary first = sync(stop.get_token(), [&](const FileOutcome&) { stop.request_stop(); });
  EXPECT_GE(first.count(Outcome::kCancelled), 1U);
  EXPECT_EQ(first.count(Outcome::kCancelled) + first.count(Outcome::kLoaded), kFiles);
  EXPECT_EQ(sync().count(Outcome::kLoaded), kFiles - first.count(Outcome::kLoaded));
  EXPECT_EQ(query("SELECT count(), uniqExact(id), uniqExact(_file) FROM tested.Sales"),
            "120\t120\t12");
  EXPECT_EQ(staging_left(), "0");
}

TEST_F(SetTest, PastTheLimitOfPartitionsTheSetIsRebuiltAsAWhole) {
  for (const LoadMode mode : {LoadMode::kReplaceByFile, LoadMode::kAppend}) {
    use(mode);
    query("DROP DATABASE IF EXISTS tested SYNC");
    options_.max_file_partitions = 3;
    put("Sales_1.qvd", sales(0, 10));
    put("Sales_2.qvd", sales(100, 10));
    EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
    EXPECT_THAT(partition_key(), HasSubstr("_file"));

    put("Sales_2.qvd", mode == LoadMode::kAppend ? sales(150, 1) : sales(100, 1), 3'000);
    put("Sales_3.qvd", sales(200, 1));
    put("Sales_4.qvd", sales(300, 1));
    EXPECT_EQ(sync().count(Outcome::kLoaded), 3U);
    EXPECT_EQ(partition_key(), "");
    const std::string second =
        mode == LoadMode::kAppend ? "Sales_2.qvd:11:1195" : "Sales_2.qvd:1:100";
    EXPECT_EQ(rows_by_file(),
              "Sales_1.qvd:10:45 " + second + " Sales_3.qvd:1:200 Sales_4.qvd:1:300");

    put("Sales_4.qvd", "bad", 2'000);
    put("Sales_5.qvd", sales(400, 1, {"more"}));
    options_.full = true;
    EXPECT_THAT(fates(sync()),
                ElementsAre(Pair("Sales_1.qvd", "LOADED full"), Pair("Sales_2.qvd", "LOADED full"),
                            Pair("Sales_3.qvd", "LOADED full"), Pair("Sales_4.qvd", "FAILED full"),
                            Pair("Sales_5.qvd", "LOADED new")));
    options_.full = false;
    EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 " + second +
                                  " Sales_3.qvd:1:200 Sales_4.qvd:1:300 Sales_5.qvd:1:400");
    EXPECT_EQ(query("SELECT countIf(more = 'x') FROM tested.Sales"), "1");
    EXPECT_EQ(staging_left(), "0");
    fs::remove_all(source_);
  }
}

TEST_F(SetTest, TouchedAndMovedFilesAreNotLoadedAgain) {
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", sales(100, 10));
  put("single.qvd", qvd_bytes(5));
  ASSERT_EQ(sync().count(Outcome::kLoaded), 3U);
  put("Sales_1.qvd", sales(0, 10), 3'000);
  fs::rename(source_ / "Sales_2.qvd", source_ / "Sales_9.qvd");
  fs::rename(source_ / "single.qvd", source_ / "renamed.qvd");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "ADOPTED touched"),
                                         Pair("Sales_9.qvd", "ADOPTED moved"),
                                         Pair("renamed.qvd", "ADOPTED moved")));
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:10:1045");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdRenamed"), "5");
  EXPECT_EQ(query("EXISTS tested.QvdSingle"), "0");
  EXPECT_EQ(tracked("file_name, stored_as = '" + path("Sales_2.qvd") + "'"),
            "Sales_1.qvd\t0\nSales_9.qvd\t1\nrenamed.qvd\t0");
  EXPECT_THAT(fates(sync()), Each(Pair(testing::_, "unchanged")));

  // The moved file's rows are still its own, and the old path is free for another one.
  put("Sales_9.qvd", sales(900, 1), 3'000);
  put("Sales_2.qvd", sales(200, 1), 3'000);
  EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
  EXPECT_EQ(query("SELECT count(), sum(id), uniqExact(_file) FROM tested.Sales"), "12\t1145\t3");
}

TEST_F(SetTest, RowsOfVanishedFilesGoOnlyWhereTheRulesSaySo) {
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", sales(100, 10));
  ASSERT_EQ(sync().count(Outcome::kLoaded), 2U);
  fs::remove(source_ / "Sales_2.qvd");
  sync();
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:10:1045");
  rules().vanished = schema::VanishedPolicy::kDelete;
  EXPECT_THAT(fates(sync()), Contains(Pair("Sales_2.qvd", "REMOVED vanished")));
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45");
  EXPECT_EQ(tracked("file_name"), "Sales_1.qvd");
  EXPECT_EQ(sync().files.size(), 1U);
}

TEST_F(SetTest, ASourceThatLostAllItsFilesFailsAndNothingIsDeleted) {
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", sales(100, 10));
  rules().vanished = schema::VanishedPolicy::kDelete;
  ASSERT_EQ(sync().count(Outcome::kLoaded), 2U);
  fs::rename(source_, folder() / "mounted");
  fs::create_directories(source_);
  const Summary lost = sync();
  ASSERT_TRUE(lost.source_error);
  const Failure failure = describe_failure(lost.source_error);
  EXPECT_THAT(failure.message, HasSubstr("had 2 files before"));
  EXPECT_EQ(failure.error_class, tracking::ErrorClass::kIo);
  EXPECT_TRUE(lost.files.empty());
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:10:1045");
  EXPECT_EQ(tracked("status"), "completed\ncompleted");
  fs::remove_all(source_);
  fs::rename(folder() / "mounted", source_);
  const Summary found = sync();
  EXPECT_FALSE(found.source_error);
  EXPECT_THAT(fates(found), Each(Pair(testing::_, "unchanged")));
}

TEST_F(SetTest, AnotherModeMakesTheTableAnew) {
  put("Sales_1.qvd", sales(0, 10));
  put("Sales_2.qvd", sales(100, 10));
  ASSERT_EQ(sync().count(Outcome::kLoaded), 2U);
  use(LoadMode::kAppend);
  EXPECT_THAT(fates(sync()), Each(Pair(testing::_, "LOADED mode")));
  EXPECT_THAT(partition_key(), HasSubstr("_version"));
  EXPECT_EQ(rows_by_file(), "Sales_1.qvd:10:45 Sales_2.qvd:10:1045");
  EXPECT_EQ(staging_left(), "0");
}

TEST_F(SetTest, AStopWhileItWaitsForTheTableIsNoFailure) {
  put("Sales_1.qvd", sales(0, 1));
  put("Sales_2.qvd", sales(10, 1));
  const auto other = claim::try_lock_table(options_.lock_dir, kDatabase, "Sales");
  std::stop_source stop;
  Summary summary;
  std::jthread waiting([&] { summary = sync(stop.get_token()); });
  while (query("EXISTS tested.QvdFileHistory") != "1") std::this_thread::yield();
  stop.request_stop();
  waiting.join();
  EXPECT_THAT(fates(summary), Each(Pair(testing::_, "CANCELLED new")));
  EXPECT_EQ(tracked("status"), "");
}

TEST_F(SetTest, FileTimeoutEndsThePlanning) {
  put("Sales_1.qvd", slow_to_plan());
  options_.file_timeout = std::chrono::seconds(1);
  for (const LoadMode mode : {LoadMode::kReplaceByFile, LoadMode::kAppend, LoadMode::kReplace}) {
    use(mode);
    options_.full = true;
    const Summary summary = sync();
    ASSERT_EQ(summary.files.size(), 1U);
    EXPECT_EQ(summary.files[0].outcome, Outcome::kFailed);
    EXPECT_EQ(summary.files[0].error_class, tracking::ErrorClass::kTimeout);
    EXPECT_THAT(summary.files[0].error, HasSubstr("longer than file_timeout allows (1 s)"));
  }
}

TEST_F(SetTest, AStopEndsThePlanning) {
  put("Sales_1.qvd", slow_to_plan());
  std::stop_source stop;
  Summary summary;
  std::jthread run([&] { summary = sync(stop.get_token()); });
  while (query("EXISTS tested.QvdFileHistory") != "1") std::this_thread::yield();
  stop.request_stop();
  run.join();
  EXPECT_THAT(fates(summary), ElementsAre(Pair("Sales_1.qvd", "CANCELLED new")));
  EXPECT_EQ(tracked("status"), "");
}

}  // namespace
}  // namespace qvdhouse::sync
