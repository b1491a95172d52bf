#include "tracking/runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "clickhouse/test_engine.h"

namespace qvdhouse::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kNow = 1'783'851'300'123'456;

class RunsTest : public tests::SharedEngine {
 protected:
  static Runs runs(unsigned history_days = 0) { return {endpoint(), kDatabase, history_days}; }

  static RunRecord run(const std::string& id, std::int64_t started_at_us) {
    RunRecord record;
    record.run_id = id;
    record.workflow = "lake";
    record.trigger = tracking::RunTrigger::kSchedule;
    record.status = tracking::RunState::kRunning;
    record.started_at_us = started_at_us;
    record.version = 1;
    return record;
  }
  static std::vector<std::string> ids(const std::vector<RunRecord>& found) {
    std::vector<std::string> names;
    for (const RunRecord& record : found) names.push_back(record.run_id);
    return names;
  }
};

TEST_F(RunsTest, NothingIsThereBeforeTheTablesAre) {
  EXPECT_THAT(runs().find({}), IsEmpty());
  EXPECT_THAT(runs().workflows(), IsEmpty());
}

TEST_F(RunsTest, ARunComesBackExactlyAndItsNewestRowCounts) {
  Runs table = runs();
  table.ensure_tables();
  table.ensure_tables();
  RunRecord record = run("r1", kNow);
  table.record(record);
  record.status = tracking::RunState::kFailed;
  record.scheduled_at_us = kNow - 1;
  record.finished_at_us = kNow + 5;
  record.attempt = 3;
  record.files_loaded = 1;
  record.files_skipped = 2;
  record.files_waiting = 3;
  record.files_failed = 4;
  record.rows = UINT64_MAX;
  record.bytes = 6;
  record.error = "it's \\ odd\n\xff";
  record.error_class = tracking::ErrorClass::kIo;
  record.host = "here";
  record.version = 2;
  table.record(record);
  const auto found = table.find({});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].status, tracking::RunState::kFailed);
  EXPECT_EQ(found[0].scheduled_at_us, kNow - 1);
  EXPECT_EQ(found[0].started_at_us, kNow);
  EXPECT_EQ(found[0].finished_at_us, kNow + 5);
  EXPECT_EQ(found[0].attempt, 3U);
  EXPECT_EQ(found[0].files_failed, 4U);
  EXPECT_EQ(found[0].rows, UINT64_MAX);
  EXPECT_EQ(found[0].error, "it's \\ odd\n\xff");
  EXPECT_EQ(found[0].host, "here");
  // A row of an earlier state does not answer a question for that state.
  EXPECT_THAT(table.find({.status = tracking::RunState::kRunning}), IsEmpty());
  EXPECT_THAT(table.find({.status = tracking::RunState::kFailed}), SizeIs(1));
}

TEST_F(RunsTest, AreFoundByWorkflowAndIdAndPaged) {
  Runs table = runs();
  table.ensure_tables();
  for (int i = 0; i < 10; ++i) {
    RunRecord record = run("r" + std::to_string(i), kNow + i);
    if (i % 2 == 1) record.workflow = "o'dd";
    table.record(record);
  }
  EXPECT_THAT(ids(table.find({.limit = 3})), ElementsAre("r9", "r8", "r7"));
  EXPECT_THAT(ids(table.find({.before_us = kNow + 7, .limit = 2})), ElementsAre("r6", "r5"));
  EXPECT_THAT(ids(table.find({.workflow = "o'dd", .limit = 2})), ElementsAre("r9", "r7"));
  EXPECT_THAT(ids(table.find({.run_id = "r4"})), ElementsAre("r4"));
  EXPECT_THAT(table.find({.run_id = "r' OR 1"}), IsEmpty());
}

TEST_F(RunsTest, ExpireByTheSetting) {
  runs(7).ensure_tables();
  const std::string engine =
      "SELECT engine_full FROM system.tables WHERE database = 'tested' AND name = 'QvdRunHistory'";
  EXPECT_THAT(query(engine), HasSubstr("TTL toDateTime(started_at) + toIntervalDay(7)"));
  runs(8).ensure_tables();
  EXPECT_THAT(query(engine), HasSubstr("toIntervalDay(8)"));
}

TEST_F(RunsTest, QuietRunsExpireEarlier) {
  Runs table(endpoint(), kDatabase, 90, 7);
  table.ensure_tables();
  const std::int64_t days_ago = std::stoll(query("SELECT toUnixTimestamp(now() - 8 * 86400)"));
  const auto write = [&](const std::string& id, RunTrigger trigger, std::uint64_t files_loaded) {
    RunRecord record = run(id, days_ago * 1'000'000);
    record.trigger = trigger;
    table.record(record);
    record.status = RunState::kCompleted;
    record.files_loaded = files_loaded;
    record.version = 2;
    table.record(record);
    return record;
  };
  EXPECT_TRUE(is_quiet(write("quiet", RunTrigger::kSchedule, 0)));
  EXPECT_FALSE(is_quiet(write("busy", RunTrigger::kSchedule, 1)));
  EXPECT_FALSE(is_quiet(write("asked", RunTrigger::kManual, 0)));
  table.record(run("new", (days_ago + 3 * 86'400) * 1'000'000));
  query("OPTIMIZE TABLE tested.QvdRunHistory FINAL");
  EXPECT_THAT(ids(table.find({})), ElementsAre("new", "busy", "asked"));
  EXPECT_THAT(table.find({.status = RunState::kRunning}), SizeIs(1));
  // The same setting changes nothing, another one does.
  const std::string changes = "SELECT count() FROM system.mutations WHERE database = 'tested'";
  table.ensure_tables();
  EXPECT_EQ(query(changes), "0");
  Runs(endpoint(), kDatabase, 90, 9).ensure_tables();
  EXPECT_EQ(query(changes), "1");
}

TEST_F(RunsTest, AWorkflowIsWhatWasWrittenLast) {
  Runs table = runs();
  table.ensure_tables();
  WorkflowRecord record;
  record.name = "lake";
  record.anchor_us = kNow;
  record.version = 1;
  table.record(record);
  record.is_paused = true;
  record.last_due_us = kNow + 1;
  record.changed_by = "api";
  record.version = 2;
  table.record(record);
  const auto found = table.workflows();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].is_paused);
  EXPECT_EQ(found[0].anchor_us, kNow);
  EXPECT_EQ(found[0].last_due_us, kNow + 1);
  EXPECT_EQ(found[0].changed_by, "api");
}

// A run that begins on another machine at the same moment writes what it knows of the workflow.
TEST_F(RunsTest, APauseIsNotTakenBackByARunThatDoesNotKnowOfIt) {
  Runs table = runs();
  table.ensure_tables();
  WorkflowRecord pause;
  pause.name = "lake";
  pause.is_paused = true;
  pause.changed_by = "api";
  pause.schedule = "@daily";
  pause.version = 5;
  table.record_pause(pause);
  WorkflowRecord run = pause;
  run.is_paused = false;
  run.last_due_us = kNow;
  run.changed_by = "schedule";
  run.version = 6;
  table.record(run);
  const auto one = [&] {
    const auto found = table.workflows();
    EXPECT_THAT(found, SizeIs(1));
    return found.empty() ? WorkflowRecord() : found[0];
  };
  EXPECT_TRUE(one().is_paused);
  EXPECT_EQ(one().pause_version, 5U);
  EXPECT_EQ(one().version, 6U);
  EXPECT_EQ(one().last_due_us, kNow);
  EXPECT_EQ(one().changed_by, "api");
  EXPECT_EQ(one().schedule, "@daily");
  pause.is_paused = false;
  pause.version = 7;
  table.record_pause(pause);
  EXPECT_FALSE(one().is_paused);
}

TEST_F(RunsTest, AForeignTableIsRefused) {
  query("CREATE DATABASE tested");
  query("CREATE TABLE tested.QvdRunHistory (run_id UInt8) ENGINE = Memory");
  EXPECT_THROW(runs().ensure_tables(), base::ConfigError);
}

}  // namespace
}  // namespace qvdhouse::tracking
