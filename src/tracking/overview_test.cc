#include "tracking/overview.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "clickhouse/test_engine.h"
#include "tracking/runs.h"

namespace qvdhouse::tracking {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNoon = std::int64_t{1'790'000'000} * kSecond;

class OverviewTest : public tests::SharedEngine {
 protected:
  void SetUp() override {
    SharedEngine::SetUp();
    if (IsSkipped()) return;
    Tracking(endpoint(), kDatabase).ensure_tables();
    Runs(endpoint(), kDatabase, 0).ensure_tables();
  }
  static FileRecord file(const std::string& path, FileState status, std::uint64_t rows) {
    FileRecord record;
    record.file_path = path;
    record.file_name = path.substr(path.rfind('/') + 1);
    record.table_name = "T_" + record.file_name.substr(0, 1);
    record.file_size = rows * 10;
    record.processed_at_us = kNoon + static_cast<std::int64_t>(rows) * kSecond;
    record.processing_duration_seconds = 0.1 * static_cast<double>(rows);
    record.row_count = rows;
    record.status = status;
    record.version = 1;
    record.schema = R"([["id", "Int32"]])";
    return record;
  }
  static Attempt attempt(const FileRecord& record, const std::string& id, std::int64_t at_us) {
    Attempt made;
    made.file = record;
    made.attempt_id = id;
    made.started_at_us = at_us;
    made.finished_at_us = at_us + kSecond;
    return made;
  }
  static std::vector<std::string> names(const std::vector<FileRecord>& files) {
    std::vector<std::string> list;
    for (const FileRecord& one : files) list.push_back(one.file_name);
    return list;
  }
  Overview overview() { return {endpoint(), kDatabase}; }
};

TEST_F(OverviewTest, NothingIsThereYet) {
  query("DROP DATABASE tested SYNC");
  EXPECT_EQ(overview().totals(0).files, 0U);
  EXPECT_TRUE(overview().find_files({}).files.empty());
  EXPECT_TRUE(overview().series(0, 60).empty());
  EXPECT_TRUE(overview().tables().empty());
}

TEST_F(OverviewTest, TotalsCountFilesAsTheyAreNow) {
  Tracking tracking(endpoint(), kDatabase);
  FileRecord again = file("/s/A.qvd", FileState::kFailed, 0);
  tracking.record(again);
  again = file("/s/A.qvd", FileState::kCompleted, 7);
  again.version = 2;
  tracking.record(
      {again, file("/s/B.qvd", FileState::kCompleted, 5), file("/s/C.qvd", FileState::kFailed, 0)});
  tracking.record({attempt(file("/s/A.qvd", FileState::kFailed, 0), "1", kNoon - 10 * kSecond),
                   attempt(file("/s/A.qvd", FileState::kCompleted, 3), "2", kNoon - 9 * kSecond),
                   attempt(again, "3", kNoon)});
  const Totals totals = overview().totals(kNoon);
  EXPECT_EQ(totals.files, 3U);
  EXPECT_EQ(totals.rows, 12U);
  EXPECT_EQ(totals.failed_files, 1U);
  EXPECT_EQ(totals.syncs, 2U);
  EXPECT_EQ(totals.syncs_today, 1U);
  EXPECT_EQ(totals.last_sync_at_us, kNoon + 7 * kSecond);
  EXPECT_THAT(names(overview().failures(10)), ElementsAre("C.qvd"));
}

TEST_F(OverviewTest, FilesAreFoundByEachCondition) {
  Tracking tracking(endpoint(), kDatabase);
  tracking.record({file("/s/Äpfel.qvd", FileState::kCompleted, 3),
                   file("/s/it's.qvd", FileState::kFailed, 2),
                   file("/other/B.v1.qvd", FileState::kCompleted, 1)});
  const auto found = [&](const FileQuery& query) {
    return names(overview().find_files(query).files);
  };
  EXPECT_THAT(found({}), ElementsAre("Äpfel.qvd", "it's.qvd", "B.v1.qvd"));
  EXPECT_THAT(found({.file = "äPFEL"}), ElementsAre("Äpfel.qvd"));
  EXPECT_THAT(found({.file = "IT'S.qvd"}), ElementsAre("it's.qvd"));
  EXPECT_THAT(found({.file = "b.v1"}), ElementsAre("B.v1.qvd"));
  EXPECT_THAT(found({.file = "/OTHER/B.v1.qvd"}), ElementsAre("B.v1.qvd"));
  EXPECT_THAT(found({.file = "B"}), ElementsAre());
  EXPECT_THAT(found({.search = "S/IT'"}), ElementsAre("it's.qvd"));
  EXPECT_THAT(found({.status = FileState::kFailed}), ElementsAre("it's.qvd"));
  EXPECT_THAT(found({.table = "T_B"}), ElementsAre("B.v1.qvd"));
  EXPECT_THAT(found({.path_condition = "startsWith(file_path, '/s/')"}),
              ElementsAre("Äpfel.qvd", "it's.qvd"));
}

// Also where many files are equal in what they are sorted by.
TEST_F(OverviewTest, PagesHaveNoGapsAndNoRepeats) {
  query(
      "INSERT INTO tested.QvdFileTracking (file_path, file_name, table_name, status, row_count, "
      "file_size, processed_at, version, schema) SELECT concat('/s/', toString(number), '.qvd'), "
      "concat(toString(number % 10), '.qvd'), 'T', 'completed', number % 7, 5, "
      "fromUnixTimestamp64Micro(toInt64(1790000000000000 + number % 3)), 1, repeat('x', 1000) "
      "FROM numbers(100000)");
  using Sort = FileQuery::Sort;
  for (const Sort sort :
       {Sort::kProcessedAt, Sort::kName, Sort::kSize, Sort::kRows, Sort::kDuration}) {
    for (const bool is_ascending : {false, true}) {
      std::set<std::string> seen;
      FileQuery query{.search = "/s/99", .sort = sort, .is_ascending = is_ascending, .limit = 500};
      std::size_t pages = 0;
      do {
        const FilePage page = overview().find_files(query);
        EXPECT_EQ(page.total, 1'111U);
        for (const FileRecord& one : page.files) EXPECT_TRUE(seen.insert(one.file_path).second);
        query.after = page.next_after;
      } while (!query.after.empty() && ++pages < 10);
      EXPECT_EQ(seen.size(), 1'111U);
    }
  }
  EXPECT_EQ(overview().totals(0).files, 100'000U);
}

TEST_F(OverviewTest, ACursorOfAnotherListIsRefused) {
  for (const char* wrong : {"x", "zz-00", "-", "6162-2f", "31"}) {
    EXPECT_THROW(overview().find_files({.after = wrong}), base::ConfigError) << wrong;
  }
}

TEST_F(OverviewTest, AttemptsOfManyFilesAreOneQuestion) {
  Tracking tracking(endpoint(), kDatabase);
  std::vector<Attempt> attempts;
  for (int i = 0; i < 5; ++i) {
    FileRecord a = file("/s/A.qvd", FileState::kCompleted, 1);
    FileRecord b = file("/s/B'.qvd", i == 0 ? FileState::kFailed : FileState::kCompleted, 1);
    a.run_id = b.run_id = i == 0 ? "first" : "later";
    attempts.push_back(attempt(a, fmt::format("a{}", i), kNoon + i * kSecond));
    attempts.push_back(attempt(b, fmt::format("b{}", i), kNoon + i * kSecond));
  }
  attempts.back().steps = {{"plan", 0.5}, {"insert", 1.5}};
  tracking.record(attempts);
  const auto ids = [](const std::vector<Attempt>& list) {
    std::vector<std::string> found;
    for (const Attempt& one : list) found.push_back(one.attempt_id);
    return found;
  };
  const auto newest = overview().attempts_of_files({"/s/A.qvd", "/s/B'.qvd", "/s/none"}, 2);
  EXPECT_THAT(ids(newest), ElementsAre("a4", "a3", "b4", "b3"));
  EXPECT_EQ(newest[2].steps.at(1).name, "insert");
  EXPECT_EQ(newest[2].file.schema, "");
  EXPECT_THAT(ids(overview().attempts_of_run("first", 10)), ElementsAre("b0", "a0"));
  EXPECT_THAT(ids(overview().attempts_of_run("later", 1)), ElementsAre("a1"));
}

TEST_F(OverviewTest, RunsAreSummedUpByTheirNewestRow) {
  Runs runs(endpoint(), kDatabase, 0);
  RunRecord run;
  run.run_id = "r1";
  run.status = RunState::kRunning;
  run.started_at_us = kNoon;
  run.version = 1;
  runs.record(run);
  run.status = RunState::kCompleted;
  run.finished_at_us = kNoon + 3 * kSecond;
  run.files_loaded = 4;
  run.rows = 50;
  run.version = 2;
  runs.record(run);
  run.run_id = "r2";
  run.status = RunState::kSkipped;
  runs.record(run);
  const std::vector<SeriesPoint> series = overview().series(kNoon - kSecond, 3'600);
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].at_us, kNoon / (3'600 * kSecond) * 3'600 * kSecond);
  EXPECT_EQ(series[0].runs, 1U);
  EXPECT_EQ(series[0].files_loaded, 4U);
  EXPECT_EQ(series[0].rows, 50U);
  EXPECT_DOUBLE_EQ(series[0].seconds, 3);
}

TEST_F(OverviewTest, AFileThatFailsAgainAndAgainIsOneFailureOfItsStep) {
  constexpr std::int64_t kHour = 3'600 * kSecond;
  constexpr std::int64_t kFirst = kNoon / kHour * kHour;
  const FileRecord a = file("/s/A.qvd", FileState::kFailed, 0);
  const FileRecord b = file("/s/B.qvd", FileState::kFailed, 0);
  Tracking(endpoint(), kDatabase)
      .record({attempt(a, "1", kFirst), attempt(a, "2", kFirst + 60 * kSecond),
               attempt(b, "3", kFirst + 90 * kSecond), attempt(a, "4", kFirst + kHour)});
  const std::vector<SeriesPoint> series = overview().series(kFirst, 3'600);
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].at_us, kFirst);
  EXPECT_EQ(series[0].files_failed, 2U);
  EXPECT_EQ(series[1].files_failed, 1U);
  EXPECT_EQ(series[1].runs, 0U);
}

TEST_F(OverviewTest, TablesHaveTheirRowsAndFiles) {
  query("CREATE TABLE tested.T_A (id Int32) ENGINE = MergeTree ORDER BY id");
  query("INSERT INTO tested.T_A SELECT number FROM numbers(42)");
  Tracking tracking(endpoint(), kDatabase);
  FileRecord loaded = file("/s/A1.qvd", FileState::kCompleted, 2);
  loaded.qvd_created_at = "2026-07-12 10:15:00";
  tracking.record(
      {loaded, file("/s/A2.qvd", FileState::kFailed, 3), file("/s/B.qvd", FileState::kFailed, 1)});
  const std::vector<TableOverview> tables = overview().tables();
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[0].name, "T_A");
  EXPECT_EQ(tables[0].rows, 42U);
  EXPECT_GT(tables[0].bytes, 0U);
  EXPECT_EQ(tables[0].files, 2U);
  EXPECT_EQ(tables[0].failed_files, 1U);
  EXPECT_EQ(tables[0].last_loaded_at_us, kNoon + 2 * kSecond);
  EXPECT_EQ(tables[0].newest_created_at, loaded.qvd_created_at);
  EXPECT_TRUE(tables[0].is_there);
  EXPECT_FALSE(tables[1].is_there) << "its only file never loaded";
  EXPECT_EQ(tables[1].last_loaded_at_us, 0);
  EXPECT_EQ(tables[1].newest_created_at, "");
  EXPECT_EQ(overview().tables("T_B").size(), 1U);
}

TEST_F(OverviewTest, AFileIsBrokenSinceItsFirstFailureAfterItsLastLoad) {
  const FileRecord loaded = file("/s/A.qvd", FileState::kCompleted, 1);
  const FileRecord failed = file("/s/A.qvd", FileState::kFailed, 9);
  const FileRecord never = file("/s/B'.qvd", FileState::kFailed, 8);
  const FileRecord refused = file("/s/C.qvd", FileState::kFailed, 7);
  Tracking tracking(endpoint(), kDatabase);
  tracking.record({failed, never, refused, file("/s/D.qvd", FileState::kCompleted, 1)});
  tracking.record({attempt(failed, "1", kNoon - 9 * kSecond), attempt(loaded, "2", kNoon),
                   attempt(failed, "3", kNoon + 4 * kSecond),
                   attempt(failed, "4", kNoon + 8 * kSecond), attempt(never, "5", kNoon)});
  const std::vector<BrokenFile> broken = overview().broken_files(10);
  ASSERT_EQ(broken.size(), 3U);
  EXPECT_EQ(broken[0].file.file_path, "/s/A.qvd");
  EXPECT_EQ(broken[0].since_us, kNoon + 5 * kSecond);
  EXPECT_EQ(broken[1].since_us, kNoon + kSecond);
  EXPECT_EQ(broken[2].since_us, refused.processed_at_us);
  EXPECT_EQ(overview().broken_files(1).size(), 1U);
}

TEST_F(OverviewTest, TheNewestLoadOfATableIsInTheHistory) {
  FileRecord first = file("/s/A1.qvd", FileState::kCompleted, 2);
  first.qvd_created_at = "2026-07-11 10:15:00";
  FileRecord second = first;
  second.qvd_created_at = "2026-07-12 10:15:00";
  const FileRecord failed = file("/s/A1.qvd", FileState::kFailed, 0);
  Tracking(endpoint(), kDatabase)
      .record({attempt(second, "2", kNoon), attempt(first, "1", kNoon - 10 * kSecond),
               attempt(failed, "3", kNoon + 10 * kSecond),
               attempt(file("/s/B.qvd", FileState::kCompleted, 1), "4", kNoon)});
  const std::vector<NewestLoad> loads = overview().newest_loads({"T_A", "T_C"});
  ASSERT_EQ(loads.size(), 1U);
  EXPECT_EQ(loads[0].table, "T_A");
  EXPECT_EQ(loads[0].finished_at_us, kNoon + kSecond);
  EXPECT_EQ(loads[0].created_at, second.qvd_created_at);
  EXPECT_TRUE(overview().newest_loads({}).empty());
}

}  // namespace
}  // namespace qvdhouse::tracking
