// Whole runs into the real engine.
#include "sync/sync.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "claim/locks.h"
#include "load/staging.h"
#include "schema/plan.h"
#include "sync/failure.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST_F(SyncTest, TheSecondRunLoadsNothingAndAChangeReloadsOnlyItsFile) {
  put("a.qvd", qvd_bytes(10));
  put("sub/b.QVD", qvd_bytes(20));
  put("c.qvd", qvd_bytes(0));
  const Summary first = sync();
  EXPECT_THAT(fates(first), ElementsAre(Pair("a.qvd", "LOADED new"), Pair("b.QVD", "LOADED new"),
                                        Pair("c.qvd", "LOADED new")));
  EXPECT_EQ(first.rows, 30U);
  EXPECT_EQ(query("SELECT (SELECT count() FROM tested.QvdA), (SELECT count() FROM tested.QvdB)"),
            "10\t20");
  EXPECT_EQ(tracked("file_name, table_name, row_count, status, error_message, schema"),
            "a.qvd\tQvdA\t10\tcompleted\t\t[[\"id\",\"Int64\"]]\n"
            "b.QVD\tQvdB\t20\tcompleted\t\t[[\"id\",\"Int64\"]]\n"
            "c.qvd\tQvdC\t0\tcompleted\t\t[[\"id\",\"Nullable(String)\"]]");
  EXPECT_EQ(query("SELECT uniqExact(run_id) = 1, min(has(mapKeys(steps), 'list')), "
                  "min(has(mapKeys(steps), 'swap')) FROM tested.QvdFileHistory"),
            "1\t1\t1");

  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "unchanged"), Pair("b.QVD", "unchanged"),
                                         Pair("c.qvd", "unchanged")));
  put("a.qvd", qvd_bytes(11), 3'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED changed"),
                                         Pair("b.QVD", "unchanged"), Pair("c.qvd", "unchanged")));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "11");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdFileHistory"), "4");

  options_.full = true;
  EXPECT_EQ(sync().count(Outcome::kLoaded), 3U);
  EXPECT_EQ(query("SELECT count() FROM tested.QvdB"), "20");
}

TEST_F(SyncTest, OfAFileThatHasGrownOnlyNewRowsAreSent) {
  constexpr std::uint64_t kRows = 300'000;
  put("a.qvd", qvd_bytes(kRows));
  const std::uint64_t sent = sync().files.at(0).result.bytes_sent;
  put("a.qvd", qvd_bytes(kRows + 3'000), 3'000);
  const FileOutcome grown = sync().files.at(0);
  EXPECT_EQ(grown.result.rows_kept, kRows);
  EXPECT_LT(grown.result.bytes_sent, sent * 15 / 100);
  EXPECT_EQ(query("SELECT count(), uniqExact(id) FROM tested.QvdA"), "303000\t303000");
  EXPECT_EQ(tracked("row_count"), "303000");
  options_.full = true;
  put("a.qvd", qvd_bytes(kRows + 6'000), 4'000);
  EXPECT_EQ(sync().files.at(0).result.rows_kept, 0U);
  options_.full = false;
  query("TRUNCATE TABLE tested.QvdA");
  put("a.qvd", qvd_bytes(kRows + 9'000), 5'000);
  EXPECT_EQ(sync().files.at(0).result.rows_kept, 0U);
  EXPECT_EQ(query("SELECT count(), uniqExact(id) FROM tested.QvdA"), "309000\t309000");
}

TEST_F(SyncTest, ATableThatIsGoneIsLoadedAgain) {
  put("a.qvd", qvd_bytes(10));
  sync();
  query("DROP TABLE tested.QvdA SYNC");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED missing")));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "10");
}

TEST_F(SyncTest, ABadFileFailsAloneAndIsTriedAgainOnlyWhenItChanges) {
  put("bad.qvd", "this is no QVD");
  put("good.qvd", qvd_bytes(5));
  const Summary first = sync();
  EXPECT_THAT(fates(first),
              ElementsAre(Pair("bad.qvd", "FAILED new"), Pair("good.qvd", "LOADED new")));
  EXPECT_EQ(first.files[0].error_class, tracking::ErrorClass::kInput);
  EXPECT_EQ(first.files[0].attempts, 1U);
  EXPECT_EQ(tracked("file_name, status, error_class, failure_count, toUnixTimestamp(retry_at)"),
            "bad.qvd\tfailed\tinput\t1\t0\ngood.qvd\tcompleted\t\t0\t0");
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("bad.qvd", "failed-unchanged"), Pair("good.qvd", "unchanged")));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdFileHistory"), "2");

  put("bad.qvd", qvd_bytes(7), 3'000);
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("bad.qvd", "LOADED changed"), Pair("good.qvd", "unchanged")));
  EXPECT_EQ(tracked("status, failure_count"), "completed\t0\ncompleted\t0");
}

// Its failure is nobody's business any more.
TEST_F(SyncTest, EachAttemptOfAFileIsInTheHistory) {
  query("CREATE DATABASE tested");
  query("CREATE TABLE tested.tries (n UInt8) ENGINE = Memory");
  // Twice the server has too many parts; a statement before the load that fails stops the file.
  options_.tables = {
      {.match = "*.qvd",
       .where = "test",
       .pre_sql = {
           "INSERT INTO tested.tries SELECT 1",
           "INSERT INTO tested.tries SELECT throwIf((SELECT count() FROM tested.tries) < 3, "
           "'busy', toInt16(252)) SETTINGS allow_custom_error_code_in_throwif = 1"}}};
  put("a.qvd", qvd_bytes(10));
  options_.max_attempts = 2;
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "FAILED new")));
  EXPECT_EQ(query("EXISTS TABLE tested.QvdA"), "0");
  query("TRUNCATE TABLE tested.tries");
  options_.max_attempts = 3;
  options_.retry_failed = true;
  const Summary summary = sync();
  EXPECT_THAT(fates(summary), ElementsAre(Pair("a.qvd", "LOADED retry")));
  EXPECT_EQ(summary.files[0].attempts, 3U);
  EXPECT_EQ(query("SELECT attempt, status, position(error_message, 'busy') > 0 FROM "
                  "tested.QvdFileHistory ORDER BY started_at"),
            "1\tfailed\t1\n2\tfailed\t1\n1\tfailed\t1\n2\tfailed\t1\n3\tcompleted\t0");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "10");
}

TEST_F(SyncTest, AFailedFileThatVanishedIsSettled) {
  put("bad.qvd", "this is no QVD");
  put("good.qvd", qvd_bytes(5));
  sync();
  fs::remove(source_ / "bad.qvd");
  const Summary second = sync();
  EXPECT_THAT(fates(second),
              ElementsAre(Pair("bad.qvd", "vanished"), Pair("good.qvd", "unchanged")));
  EXPECT_FALSE(is_failing(second.files[0]));
  EXPECT_EQ(tracked("status, error_class, error_message, failure_count"),
            "vanished\t\t\t0\ncompleted\t\t\t0");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("good.qvd", "unchanged")));  // told once
  put("bad.qvd", qvd_bytes(7));
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("bad.qvd", "LOADED changed"), Pair("good.qvd", "unchanged")));
}

TEST_F(SyncTest, TablesOfOtherSettingsAreToldOrLoadedAgain) {
  put("a.qvd", qvd_bytes(5));
  put("b.qvd", qvd_bytes(6));
  EXPECT_EQ(sync().other_settings(), "");
  options_.load.policy.naming = schema::NamingPolicy::kSnake;
  const Summary told = sync();
  EXPECT_EQ(told.count(Outcome::kSkipped), 2U);
  EXPECT_THAT(told.other_settings(),
              AllOf(HasSubstr("2 tables were loaded under other settings"), HasSubstr("--full"),
                    HasSubstr("settings_changed = \"reload\""), HasSubstr(": QvdA, QvdB")));
  options_.settings_changed = SettingsChanged::kReload;
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("a.qvd", "LOADED settings"), Pair("b.qvd", "LOADED settings")));
  const Summary settled = sync();
  EXPECT_EQ(settled.count(Outcome::kSkipped), 2U);
  EXPECT_EQ(settled.other_settings(), "");
}

TEST_F(SyncTest, AFailedReloadLeavesTheOldRows) {
  put("a.qvd", qvd_bytes(10));
  sync();
  std::string cut = qvd_bytes(20);
  cut.pop_back();
  put("a.qvd", cut, 3'000);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "FAILED changed")));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "10");
  EXPECT_EQ(tracked("status"), "failed");
}

TEST_F(SyncTest, AFileThatStillGrowsWaits) {
  const std::string whole = qvd_bytes(1'000);
  put("a.qvd", whole.substr(0, whole.size() - 10), 0);
  const Summary first = sync();
  EXPECT_THAT(fates(first), ElementsAre(Pair("a.qvd", "WAITING unfinished")));
  EXPECT_THAT(first.files[0].decision.reason,
              HasSubstr(fmt::format("{} of {} bytes", whole.size() - 10, whole.size())));
  const std::string since = tracked("status, processed_at");
  EXPECT_THAT(since, testing::StartsWith("waiting"));
  sync();
  EXPECT_EQ(tracked("status, processed_at"), since);  // since when it waits
  put("a.qvd", whole, 0);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED changed")));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "1000");
}

TEST_F(SyncTest, TwoFilesThatClaimOneTableFailAndTheOthersLoad) {
  put("x/item.qvd", qvd_bytes(1));
  put("y/Item.qvd", qvd_bytes(2));
  put("other.qvd", qvd_bytes(3));
  const Summary summary = sync();
  EXPECT_THAT(fates(summary), UnorderedElementsAre(Pair("item.qvd", "FAILED collision"),
                                                   Pair("Item.qvd", "FAILED collision"),
                                                   Pair("other.qvd", "LOADED new")));
  EXPECT_EQ(tracked("status"), "failed\nfailed\ncompleted");
  fs::remove(source_ / "y/Item.qvd");
  EXPECT_THAT(fates(sync()),
              UnorderedElementsAre(Pair("item.qvd", "LOADED retry"), Pair("Item.qvd", "vanished"),
                                   Pair("other.qvd", "unchanged")));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdItem"), "1");
}

TEST_F(SyncTest, AnotherProgramsTableFailsOneFileAndIsLeftAlone) {
  query("CREATE DATABASE tested");
  query("CREATE TABLE tested.QvdA (mine Int8) ENGINE = MergeTree ORDER BY mine");
  put("a.qvd", qvd_bytes(1));
  put("b.qvd", qvd_bytes(2));
  const Summary summary = sync();
  EXPECT_THAT(fates(summary),
              ElementsAre(Pair("a.qvd", "FAILED new"), Pair("b.qvd", "LOADED new")));
  EXPECT_EQ(summary.files[0].error_class, tracking::ErrorClass::kSchema);
  EXPECT_THAT(query("SHOW CREATE tested.QvdA"), HasSubstr("mine"));
  EXPECT_THAT(fates(sync()), testing::Contains(Pair("a.qvd", "failed-unchanged")));
  options_.load.policy.table_prefix = "Other";
  EXPECT_THAT(fates(sync()), testing::Contains(Pair("a.qvd", "LOADED settings")));
}

TEST_F(SyncTest, RunsAtTheSameTimeLoadEachFileOnce) {
  constexpr int kFiles = 20;
  for (int i = 0; i < kFiles; ++i) put(fmt::format("f{}.qvd", i), qvd_bytes(100));
  std::vector<Summary> summaries(3);
  {
    std::vector<std::jthread> runs;
    for (Summary& summary : summaries) runs.emplace_back([&] { summary = sync(); });
  }
  std::uint64_t loaded = 0;
  for (const Summary& summary : summaries) {
    loaded += summary.count(Outcome::kLoaded);
    EXPECT_EQ(summary.count(Outcome::kLoaded) + summary.count(Outcome::kSkipped), kFiles);
  }
  EXPECT_EQ(loaded, kFiles);
  EXPECT_EQ(query("SELECT count(), uniqExact(file_path) FROM tested.QvdFileHistory"), "20\t20");
}

TEST_F(SyncTest, StagingTablesOfKilledRunsAreDroppedAndNothingElse) {
  put("a.qvd", qvd_bytes(1));
  query("CREATE DATABASE tested");
  const auto make = [](const std::string& table, const std::string& comment) {
    query(fmt::format("CREATE TABLE tested.{} (x Int8) ENGINE = MergeTree ORDER BY x COMMENT '{}'",
                      table, comment));
  };
  const std::string ours = std::string(schema::kTableCommentPrefix) + "x";
  const auto staging = [](const std::string& target) {
    return load::staging_table(kDatabase, target, "r");
  };
  make(staging("QvdA"), ours);
  make(staging("QvdNoFileAnyMore"), ours);
  make(staging("QvdTheirs"), "not made by us");
  make(staging("QvdBusy"), ours);
  make("QvdA__staging_20240101T000000_0123abcd", ours);
  make("QvdNoFileAnyMore__staging_20240101T000000_0123abcd", ours);
  make("QvdB__staging_mine", ours);
  make("QvdBusy__staging_20240101T000000_0123abcd", ours);
  const auto busy = claim::try_lock_table(options_.lock_dir, kDatabase, "QvdBusy");
  ASSERT_TRUE(busy);
  sync();
  const std::string left =
      query("SELECT name FROM system.tables WHERE database = 'tested' AND name LIKE '%staging%'");
  std::istringstream lines(left);
  std::set<std::string> names;
  for (std::string name; std::getline(lines, name);) names.insert(name);
  EXPECT_THAT(names,
              UnorderedElementsAre(staging("QvdTheirs"), staging("QvdBusy"), "QvdB__staging_mine",
                                   "QvdBusy__staging_20240101T000000_0123abcd"));
}

TEST_F(SyncTest, AStopLeavesNothingHalfDone) {
  put("a.qvd", qvd_bytes(10));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(fates(sync(stop.get_token())), ElementsAre(Pair("a.qvd", "CANCELLED new")));
  EXPECT_EQ(tracked("status"), "");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED new")));
}

TEST_F(SyncTest, AStopWhileItWaitsForAnotherRunIsNoFailure) {
  put("a.qvd", qvd_bytes(10));
  const auto other = claim::try_lock_table(options_.lock_dir, kDatabase, "QvdA");
  std::stop_source stop;
  Summary summary;
  std::jthread waiting([&] { summary = sync(stop.get_token()); });
  while (query("EXISTS tested.QvdFileHistory") != "1") std::this_thread::yield();
  stop.request_stop();
  waiting.join();
  EXPECT_THAT(fates(summary), ElementsAre(Pair("a.qvd", "CANCELLED new")));
  EXPECT_EQ(tracked("status"), "");
}

TEST_F(SyncTest, EachFileIsReportedOnceAndTheMonitorAddsUp) {
  put("a.qvd", qvd_bytes(10));
  put("b.qvd", "no QVD");
  put(".c.qvd", "hidden");
  Monitor monitor;
  spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  std::map<std::string, int> reported;
  run(options_, storage_, endpoint(), monitor, log,
      [&](const FileOutcome& file) { ++reported[file.decision.file.name]; });
  EXPECT_THAT(reported, ElementsAre(Pair(".c.qvd", 1), Pair("a.qvd", 1), Pair("b.qvd", 1)));
  const Monitor::Snapshot end = monitor.snapshot();
  EXPECT_EQ(end.files_total, 2U);
  EXPECT_EQ(end.files_done, 2U);
  EXPECT_EQ(end.files_failed, 1U);
  EXPECT_EQ(end.rows_done, 10U);
  EXPECT_EQ(end.bytes_done, end.bytes_total);
  EXPECT_THAT(end.active, IsEmpty());
}

TEST_F(SyncTest, ATargetThatCanNotBeReachedIsAnErrorOfTheRun) {
  put("a.qvd", qvd_bytes(10));
  Monitor monitor;
  spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  clickhouse::Endpoint nowhere = endpoint();
  nowhere.url = "http://127.0.0.1:1";
  EXPECT_THROW(run(options_, storage_, nowhere, monitor, log, {}), base::IoError);
}

TEST_F(SyncTest, ASourceThatIsDownFailsItsOwnFilesOnly) {
  put("a.qvd", qvd_bytes(10));
  ASSERT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED new")));
  const Options up = options_;
  for (const char* down : {"/not/there", "http://127.0.0.1:1/qvds/b.qvd", "unheard-of://x"}) {
    options_.source = down;
    const Summary summary = sync();
    ASSERT_TRUE(summary.source_error) << down;
    EXPECT_EQ(describe_failure(summary.source_error).error_class,
              down[0] == 'u' ? tracking::ErrorClass::kConfig : tracking::ErrorClass::kIo)
        << down;
    EXPECT_THAT(summary.files, IsEmpty());
  }
  options_ = up;
  put("c.qvd", qvd_bytes(5));
  const Summary summary = sync();
  EXPECT_FALSE(summary.source_error);
  EXPECT_THAT(fates(summary), ElementsAre(Pair("a.qvd", "unchanged"), Pair("c.qvd", "LOADED new")));
  EXPECT_EQ(tracked("status"), "completed\ncompleted");
}

}  // namespace
}  // namespace qvdhouse::sync
