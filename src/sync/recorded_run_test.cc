#include "sync/recorded_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "claim/locks.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tracking::RunRecord;

FileOutcome outcome(const std::string& name, Outcome what, Reason code) {
  FileOutcome file;
  file.decision.file.name = name;
  file.decision.reason_code = code;
  file.decision.reason = "it failed before";
  file.outcome = what;
  if (what == Outcome::kFailed) {
    file.error = "it is cut";
    file.error_class = tracking::ErrorClass::kInput;
  }
  return file;
}

RunRecord concluded(std::vector<FileOutcome> files) {
  Summary summary;
  summary.files = std::move(files);
  RunRecord run = new_run("w", tracking::RunTrigger::kManual);
  conclude_run(run, summary);
  return run;
}

TEST(ConcludeRun, IsCompletedOnlyWhenEveryFileIsAsItShouldBe) {
  const FileOutcome loaded = outcome("a", Outcome::kLoaded, Reason::kNew);
  const FileOutcome same = outcome("b", Outcome::kSkipped, Reason::kUnchanged);
  const FileOutcome failed = outcome("c", Outcome::kFailed, Reason::kNew);
  FileOutcome stands = outcome("d", Outcome::kSkipped, Reason::kFailedUnchanged);
  stands.decision.error_class = tracking::ErrorClass::kSchema;
  EXPECT_EQ(concluded({}).status, tracking::RunState::kCompleted);
  EXPECT_EQ(concluded({loaded, same}).status, tracking::RunState::kCompleted);
  EXPECT_EQ(concluded({loaded, same}).files_loaded, 1U);
  EXPECT_EQ(concluded({loaded, same}).files_skipped, 1U);
  EXPECT_EQ(concluded({same, failed}).status, tracking::RunState::kPartial);
  EXPECT_EQ(concluded({same, failed}).error, "1 file failed: c: it is cut");
  EXPECT_EQ(concluded({failed}).status, tracking::RunState::kFailed);
  EXPECT_EQ(concluded({failed}).error_class, tracking::ErrorClass::kInput);
  EXPECT_EQ(concluded({same, stands}).status, tracking::RunState::kPartial);
  EXPECT_EQ(concluded({stands}).status, tracking::RunState::kFailed);
  EXPECT_EQ(concluded({stands}).error_class, tracking::ErrorClass::kSchema);
  EXPECT_EQ(concluded({failed, stands, stands}).error,
            "1 file failed, 2 files failed before and have not changed since: c: it is cut");
  EXPECT_EQ(concluded({loaded, outcome("e", Outcome::kCancelled, Reason::kNew)}).status,
            tracking::RunState::kCancelled);
}

class RecordedRunTest : public SyncTest {
 protected:
  RecordedRun record(const RunHooks& hooks = {}, std::stop_token stop = {}) {
    Monitor monitor;
    spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    return run_recorded(options_, storage_, endpoint(), new_run("w", tracking::RunTrigger::kManual),
                        monitor, log, hooks, std::move(stop));
  }
  static std::vector<RunRecord> rows() { return tracking::Runs(endpoint(), kDatabase).find({}); }
};

TEST_F(RecordedRunTest, IsOneRowWithTheIdOfItsFiles) {
  put("a.qvd", qvd_bytes(10));
  tracking::RunState status_at_begin{};
  RunHooks hooks;
  hooks.on_begin = [&](const RunRecord& run) {
    const auto found = rows();
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].run_id, run.run_id);
    status_at_begin = found[0].status;
  };
  const RecordedRun done = record(hooks);
  EXPECT_EQ(status_at_begin, tracking::RunState::kRunning);
  EXPECT_TRUE(done.is_recorded);
  EXPECT_FALSE(done.error);
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].status, tracking::RunState::kCompleted);
  EXPECT_EQ(rows()[0].rows, 10U);
  EXPECT_EQ(query("SELECT run_id FROM tested.QvdFileHistory"), done.record.run_id);
  EXPECT_TRUE(fs::is_empty(options_.lock_dir / "runs"));
}

TEST_F(RecordedRunTest, TakesOnlyTheFilesThatWereChosen) {
  put("a.qvd", qvd_bytes(1));
  put("b.qvd", qvd_bytes(1));
  options_.only = {(source_ / "b.qvd").string()};
  EXPECT_THAT(fates(record().summary), testing::ElementsAre(testing::Pair("b.qvd", "LOADED new")));
}

TEST_F(RecordedRunTest, TriesFailedFilesAgainWhenThatIsAskedFor) {
  put("bad.qvd", "this is no QVD");
  EXPECT_EQ(record().summary.count(Outcome::kFailed), 1U);
  EXPECT_EQ(record().summary.count(Outcome::kSkipped), 1U);
  options_.retry_failed = true;
  EXPECT_EQ(record().summary.count(Outcome::kFailed), 1U);
}

TEST_F(RecordedRunTest, BeginsNoFileOnceItIsToFinish) {
  put("a.qvd", qvd_bytes(1));
  std::stop_source finish;
  finish.request_stop();
  options_.finish = finish.get_token();
  const RecordedRun done = record();
  EXPECT_EQ(done.record.status, tracking::RunState::kCancelled);
  EXPECT_EQ(done.summary.count(Outcome::kCancelled), 1U);
}

TEST_F(RecordedRunTest, WhatRunThrowsIsWrittenDown) {
  put("a.qvd", qvd_bytes(1));
  RunHooks hooks;
  hooks.on_begin = [](const RunRecord&) { throw base::IoError("the disk is gone"); };
  const RecordedRun done = record(hooks);
  EXPECT_TRUE(done.error);
  EXPECT_TRUE(done.is_recorded);
  EXPECT_EQ(rows()[0].status, tracking::RunState::kFailed);
  EXPECT_THAT(rows()[0].error, HasSubstr("the disk is gone"));
}

TEST_F(RecordedRunTest, OnlyRunsWithoutALivingProcessAreLost) {
  tracking::Runs table(endpoint(), kDatabase);
  table.ensure_tables();
  RunRecord alive = new_run("w", tracking::RunTrigger::kManual);
  RunRecord silent = new_run("w", tracking::RunTrigger::kManual);
  RunRecord elsewhere = new_run("w", tracking::RunTrigger::kManual);
  touch_run(alive);
  touch_run(elsewhere);
  constexpr std::chrono::microseconds kTenMinutes = std::chrono::minutes{10};
  silent.started_at_us -= kTenMinutes.count();
  silent.version = static_cast<std::uint64_t>(silent.started_at_us);
  for (const RunRecord& run : {alive, silent, elsewhere}) table.record(run);
  const claim::RunLock lock(options_.lock_dir, alive.run_id);
  const auto lost = settle_lost_runs(options_, endpoint());
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].run_id, silent.run_id);
  EXPECT_EQ(lost[0].status, tracking::RunState::kLost);
  EXPECT_THAT(settle_lost_runs(options_, endpoint()), IsEmpty());
}

}  // namespace
}  // namespace qvdhouse::sync
