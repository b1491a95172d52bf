#include "serve/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "claim/locks.h"
#include "serve/judge.h"
#include "serve/test_relay.h"
#include "serve/test_service.h"
#include "serve/test_time.h"
#include "sync/recorded_run.h"
#include "tracking/overview.h"

namespace qvdhouse::serve {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST_F(ServiceTest, ANewWorkflowRunsAtOnceAndSaysSo) {
  schedule_ = "@yearly";
  put("a.qvd", sync::qvd_bytes(10));
  start();
  ASSERT_TRUE(have_ended(1));
  const tracking::RunRecord run = ended()[0];
  EXPECT_EQ(run.status, tracking::RunState::kCompleted);
  EXPECT_EQ(run.trigger, tracking::RunTrigger::kFirst);
  EXPECT_EQ(run.workflow, "default");
  EXPECT_EQ(run.files_loaded, 1U);
  EXPECT_EQ(run.rows, 10U);
  EXPECT_GE(run.finished_at_us, run.started_at_us);
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "10");
  EXPECT_EQ(query("SELECT run_id FROM tested.QvdFileHistory"), run.run_id);
  for (const char* type : {"run_started", "file_finished", "run_finished"}) {
    EXPECT_THAT(event_types(), Contains(type));
  }
  EXPECT_EQ(last_event("run_finished")["failing_files"], 0);
  EXPECT_TRUE(service_->health().is_ready());
  const WorkflowState state = service_->workflows().at(0);
  ASSERT_TRUE(state.last);
  EXPECT_EQ(state.last->run_id, run.run_id);
  EXPECT_FALSE(state.current);
  EXPECT_TRUE(state.next_run);
}

TEST_F(ServiceTest, AStartIsNoFailure) {
  start();
  ASSERT_TRUE(eventually([&] { return service_->health().is_ready(); }));
  for (const Event& event : service_->events().after(0, 1'000)) {
    if (event.type != "health_changed") continue;
    EXPECT_NE(event.data["ready"], event.data["starting"]) << event.data;
  }
}

TEST_F(ServiceTest, RunsByTheClockAndNoRunIsDoneTwiceAfterARestart) {
  put("a.qvd", sync::qvd_bytes(10));
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kSchedule);
  const std::int64_t first = ended()[0].scheduled_at_us;
  now_s_ += 3'600;
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].scheduled_at_us, first + 3'600'000'000);
  EXPECT_EQ(ended()[0].files_skipped, 1U);
  service_.reset();
  start();
  ASSERT_TRUE(is_scheduled());
  now_s_ += 3'599;
  ASSERT_TRUE(eventually([&] { return service_->live().empty(); }));
  EXPECT_THAT(ended(), SizeIs(2));
  // After a downtime of some hours, one run makes up for all that were missed.
  service_.reset();
  now_s_ += 5 * 3'600;
  start();
  ASSERT_TRUE(have_ended(3));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kCatchUp);
}

TEST_F(ServiceTest, ABrokenFileIsNeverGreenUntilItIsRepaired) {
  schedule_ = "@yearly";
  put("bad.qvd", "this is no QVD");
  put("good.qvd", sync::qvd_bytes(5));
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kPartial);
  EXPECT_EQ(ended()[0].files_failed, 1U);
  EXPECT_THAT(ended()[0].error, HasSubstr("1 file failed: bad.qvd: "));
  EXPECT_EQ(ended()[0].error_class, tracking::ErrorClass::kInput);
  EXPECT_EQ(last_event("run_finished")["failing_files"], 1);
  // It is left alone now, and still that is not a good run.
  run_now();
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kPartial);
  EXPECT_EQ(ended()[0].files_failed, 0U);
  EXPECT_THAT(ended()[0].error, HasSubstr("failed before and has not changed since"));
  // A retry of the one file that was chosen.
  put("bad.qvd", sync::qvd_bytes(7), 3'000);
  run_now({(source_ / "bad.qvd").string()});
  ASSERT_TRUE(have_ended(3));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCompleted);
  EXPECT_EQ(ended()[0].files_loaded, 1U);
  EXPECT_EQ(ended()[0].files_skipped, 0U);
  EXPECT_EQ(last_event("run_finished")["failing_files"], 0);
  EXPECT_EQ(query("SELECT count() FROM tested.QvdBad"), "7");
}

TEST_F(ServiceTest, ABrokenFileThatVanishesIsNoFailureAnyMore) {
  schedule_ = "@yearly";
  put("bad.qvd", "this is no QVD");
  put("good.qvd", sync::qvd_bytes(5));
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(last_event("run_finished")["failing_files"], 1);
  std::filesystem::remove(source_ / "bad.qvd");
  run_now({(source_ / "bad.qvd").string()});
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCompleted);
  EXPECT_EQ(last_event("run_finished")["failing_files"], 0);
}

TEST_F(ServiceTest, ASourceThatIsGoneIsTriedAgainAndSaid) {
  schedule_ = "@yearly";
  run_attempts_ = 2;
  std::filesystem::remove_all(source_);
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kFailed);
  EXPECT_EQ(ended()[0].error_class, tracking::ErrorClass::kIo);
  EXPECT_THAT(service_->health().problems, SizeIs(1));
  std::filesystem::create_directories(source_);
  put("a.qvd", sync::qvd_bytes(1));
  now_s_ += 31;
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCompleted);
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kRetry);
  EXPECT_EQ(ended()[0].attempt, 2U);
  EXPECT_TRUE(service_->health().is_ready());
}

TEST_F(ServiceTest, TwoFilesForOneTableAreNotTriedAgainAllTheTime) {
  put("x/item.qvd", sync::qvd_bytes(1));
  put("y/Item.qvd", sync::qvd_bytes(2));
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kFailed);
  for (std::size_t runs = 2; runs < 5; ++runs) {
    now_s_ += 600;
    run_now();
    ASSERT_TRUE(have_ended(runs));
  }
  for (const tracking::RunRecord& run : ended())
    EXPECT_NE(run.trigger, tracking::RunTrigger::kRetry);
  // Each run looks whether they still stand against each other.
  std::filesystem::remove(source_ / "y/Item.qvd");
  run_now();
  ASSERT_TRUE(have_ended(5));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCompleted);
  EXPECT_EQ(query("SELECT count() FROM tested.QvdItem"), "1");
}

TEST_F(ServiceTest, ASourceThatLostAllItsFilesFailsUntilTheyAreBack) {
  run_attempts_ = 2;
  put("a.qvd", sync::qvd_bytes(1));
  start();
  ASSERT_TRUE(have_ended(1));
  std::filesystem::rename(source_ / "a.qvd", folder() / "elsewhere");
  run_now();
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kFailed);
  EXPECT_EQ(ended()[0].error_class, tracking::ErrorClass::kIo);
  EXPECT_THAT(ended()[0].error, HasSubstr("may not be mounted"));
  EXPECT_THAT(service_->health().problems, SizeIs(1));
  std::filesystem::rename(folder() / "elsewhere", source_ / "a.qvd");
  now_s_ += 31;
  ASSERT_TRUE(have_ended(3));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kRetry);
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCompleted);
  EXPECT_EQ(ended()[0].files_skipped, 1U);
  EXPECT_TRUE(service_->health().is_ready());
}

TEST_F(ServiceTest, AFileThatIsStillWrittenIsLookedAtAgainSoon) {
  schedule_ = "@yearly";
  options_.settle = std::chrono::seconds(3'600);
  put("a.qvd", sync::qvd_bytes(100).substr(0, 300), 0);
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].files_waiting, 1U);
  put("a.qvd", sync::qvd_bytes(100), 0);
  now_s_ += 3'601;
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kRetry);
  EXPECT_EQ(ended()[0].files_loaded, 1U);
}

TEST_F(ServiceTest, APauseSurvivesARestart) {
  put("a.qvd", sync::qvd_bytes(1));
  start();
  ASSERT_TRUE(have_ended(1));
  service_->set_paused("default", true, "test");
  EXPECT_TRUE(service_->workflows().at(0).is_paused);
  EXPECT_FALSE(service_->workflows().at(0).next_run);
  service_.reset();
  now_s_ += 7'200;
  start();
  ASSERT_TRUE(is_scheduled());
  EXPECT_TRUE(workflow_state()->is_paused);
  // What is asked for by hand runs all the same.
  run_now();
  ASSERT_TRUE(have_ended(2));
  service_->set_paused("default", false, "test");
  now_s_ += 3'600;
  ASSERT_TRUE(have_ended(3));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kSchedule);
  EXPECT_THAT(ended(), SizeIs(3));
  EXPECT_THROW(service_->set_paused("other", true, "test"), base::ConfigError);
  Service::RunRequest other;
  other.workflow = "other";
  EXPECT_THROW(service_->run_now(other), base::ConfigError);
}

TEST_F(ServiceTest, WhatIsBrokenAtTheStartIsSaidAndMendsItself) {
  put("a.qvd", sync::qvd_bytes(1));
  config_problem_ = "schedule: 'often' is not allowed";
  failing_opens_ = 2;
  start();
  ASSERT_TRUE(eventually([&] {
    const Health health = service_->health();
    return !health.problems.empty() && health.problems[0] == config_problem_;
  }));
  EXPECT_FALSE(service_->configuration());
  config_problem_.clear();
  service_->reload();
  ASSERT_TRUE(have_ended(1));
  EXPECT_TRUE(service_->health().is_ready());
  EXPECT_THAT(event_types(), Contains("health_changed"));
  EXPECT_EQ(last_event("health_changed")["starting"], false);
  // A wrong one later changes nothing.
  config_problem_ = "wrong";
  service_->reload();
  ASSERT_TRUE(eventually([&] { return !service_->health().is_ready(); }));
  EXPECT_THAT(service_->workflows(), SizeIs(1));
}

TEST_F(ServiceTest, AfterARestartAFailedFileIsTriedWhenItsBackOffIsOver) {
  schedule_ = "@yearly";
  clock_ = [this] { return now_s_ * 1'000'000; };
  put("a.qvd", sync::qvd_bytes(10));
  put("b.qvd", sync::qvd_bytes(10));
  start();
  ASSERT_TRUE(have_ended(1));
  service_.reset();
  tracking::Tracking tracking(endpoint(), kDatabase);
  for (tracking::FileRecord file : tracking.files()) {
    file.status = tracking::FileState::kFailed;
    file.error_class = tracking::ErrorClass::kIo;
    file.failure_count = 1;
    if (file.file_name == "a.qvd") file.retry_at_us = (now_s_ + 600) * 1'000'000;
    ++file.version;
    tracking.record(file);
  }
  start();
  ASSERT_TRUE(is_scheduled());
  now_s_ += 601;
  ASSERT_TRUE(have_ended(2));
  EXPECT_THAT(ended(), SizeIs(2));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kRetry);
  EXPECT_EQ(ended()[0].asked_for, "1 file");
  EXPECT_EQ(tracking.find((source_ / "a.qvd").string())->status, tracking::FileState::kCompleted);
  EXPECT_EQ(tracking.find((source_ / "b.qvd").string())->status, tracking::FileState::kFailed);
}

class HeldUp : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    put("a.qvd", sync::qvd_bytes(10));
    held_.emplace(claim::lock_table(options_.lock_dir, kDatabase, "QvdA", {}));
  }
  bool is_running() {
    return eventually([&] {
      const auto live = service_->live();
      return !live.empty() && live[0].progress.active.size() + live[0].progress.files_total > 0;
    });
  }
  std::optional<base::FileLock> held_;  // the run waits for it
};

TEST_F(HeldUp, ACancelledRunIsRolledBack) {
  start();
  ASSERT_TRUE(is_running());
  EXPECT_TRUE(service_->cancel(service_->live().at(0).run.run_id));
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCancelled);
  EXPECT_EQ(ended()[0].error_class, tracking::ErrorClass::kCancelled);
  EXPECT_FALSE(service_->cancel(ended()[0].run_id));
}

TEST_F(HeldUp, ARunThatTakesTooLongHasFailed) {
  run_timeout_ = std::chrono::seconds(1);
  run_attempts_ = 1;
  start();
  ASSERT_TRUE(have_ended(1));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kFailed);
  EXPECT_EQ(ended()[0].error_class, tracking::ErrorClass::kTimeout);
}

TEST_F(HeldUp, DueTimesDuringARunAreOneSkippedRow) {
  start();
  ASSERT_TRUE(is_running());
  now_s_ += 3'600;
  ASSERT_TRUE(eventually([&] { return ended().size() == 1; }));
  now_s_ += 3'600;
  ASSERT_TRUE(eventually([&] { return ended().at(0).attempt == 2; }));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kSkipped);
  EXPECT_THAT(ended()[0].error, HasSubstr("2 due times were left out"));
  held_.reset();
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "10");
}

TEST_F(HeldUp, AStoppedRunGoesOnAfterTheRestart) {
  patience_ = std::chrono::seconds(0);
  start();
  ASSERT_TRUE(is_running());
  service_->stop();
  ASSERT_THAT(ended(), SizeIs(1));
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCancelled);
  EXPECT_EQ(ended()[0].error_class, tracking::ErrorClass::kStopped);
  EXPECT_THROW(run_now(), base::ConfigError);
  held_.reset();
  start();
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kCatchUp);
  EXPECT_EQ(ended()[0].status, tracking::RunState::kCompleted);
}

TEST_F(HeldUp, WhatWaitsIsTakenOnceAndCanBeCancelled) {
  start();
  ASSERT_TRUE(is_running());
  const std::string id = run_now();
  EXPECT_EQ(run_now(), id);
  EXPECT_THAT(service_->live(), SizeIs(2));
  EXPECT_EQ(service_->live().at(1).run.status, tracking::RunState::kWaiting);
  EXPECT_TRUE(service_->cancel(id));
  EXPECT_THAT(service_->live(), SizeIs(1));
  held_.reset();
  ASSERT_TRUE(have_ended(2));
}

TEST_F(ServiceTest, ARunWhoseProcessDiedIsLostAndMadeUpFor) {
  put("a.qvd", sync::qvd_bytes(10));
  tracking::Runs runs(endpoint(), kDatabase, 0);
  runs.ensure_tables();
  tracking::WorkflowRecord state;
  state.name = "default";
  state.anchor_us = now_s_ * 1'000'000;
  state.last_due_us = state.anchor_us;
  state.schedule = "";
  state.version = 1;
  runs.record(state);
  tracking::RunRecord dead = sync::new_run("default", tracking::RunTrigger::kSchedule);
  sync::touch_run(dead);
  runs.record(dead);
  const auto lock = options_.lock_dir / "runs" / (dead.run_id + ".lock");
  std::filesystem::create_directories(lock.parent_path());
  std::ofstream(lock).flush();
  // One of another machine that gave a sign of life just now.
  tracking::RunRecord alive = sync::new_run("default", tracking::RunTrigger::kCommand);
  sync::touch_run(alive);
  runs.record(alive);
  start();
  ASSERT_TRUE(have_ended(2));
  EXPECT_EQ(runs.find({.run_id = dead.run_id}).at(0).status, tracking::RunState::kLost);
  EXPECT_EQ(runs.find({.run_id = alive.run_id}).at(0).status, tracking::RunState::kRunning);
  EXPECT_EQ(ended()[0].trigger, tracking::RunTrigger::kCatchUp);
  EXPECT_FALSE(std::filesystem::exists(lock));
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "10");
}

// After a restart and on other machines only its row is known.
TEST_F(ServiceTest, TheRowOfARunSaysThatClickHouseWasLost) {
  schedule_ = "@yearly";
  run_attempts_ = 1;
  put("a.qvd", sync::qvd_bytes(10));
  const std::string url = endpoint().url;
  Relay relay(static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
  through_ = [&](clickhouse::Endpoint made) {
    made.url = fmt::format("http://127.0.0.1:{}", relay.port());
    return made;
  };
  make_service();
  std::atomic<bool> has_begun = false;
  const Listening listening = service_->events().listen([&](const Event& event) {
    if (event.type == "run_started" && !has_begun.exchange(true)) relay.close();
  });
  service_->start();
  ASSERT_TRUE(eventually([&] { return !last_event("run_finished").is_null(); }));
  relay.open();
  const auto failed = [&] {
    std::vector<tracking::RunRecord> runs = ended();
    std::erase_if(runs, [](const tracking::RunRecord& run) {
      return run.status != tracking::RunState::kFailed;
    });
    return runs;
  };
  ASSERT_TRUE(eventually([&] { return !failed().empty(); }));
  EXPECT_EQ(failed()[0].error_class, tracking::ErrorClass::kServer);
  service_->stop();
}

TEST_F(ServiceTest, AWeekendWithoutStartsIsWithinTheLimitOfALook) {
  schedule_ = "0 8 * * 1-5";
  now_s_ = at("2031-03-14 08:00").time_since_epoch().count();  // a Friday
  clock_ = [this] { return now_s_ * 1'000'000; };
  start();
  ASSERT_TRUE(have_ended(1));
  const WorkflowFacts facts = workflow_state()->facts;
  EXPECT_EQ(facts.last_look, at("2031-03-14 08:00"));
  EXPECT_EQ(facts.stale_after, std::chrono::hours(4 * 24));
}

TEST_F(ServiceTest, ATableIsOfTheWorkflowsWhoseFilesStand) {
  const auto file = [](const std::string& path, tracking::FileState status) {
    tracking::FileRecord record;
    record.file_path = path;
    record.file_name = path.substr(path.rfind('/') + 1);
    record.table_name = "QvdA";
    record.status = status;
    record.version = 1;
    return record;
  };
  tracking::Tracking tracking(endpoint(), kDatabase);
  tracking.ensure_tables();
  const auto examples = [&] {
    return tracking::Overview(endpoint(), kDatabase).tables().at(0).example_paths;
  };
  tracking.record({file("/gone/a.qvd", tracking::FileState::kVanished)});
  EXPECT_THAT(examples(), ElementsAre("/gone/a.qvd"));
  tracking.record({file("/lake/a.qvd", tracking::FileState::kCompleted),
                   file("/lake/b.qvd", tracking::FileState::kCompleted),
                   file("/sales/a.qvd", tracking::FileState::kFailed)});
  EXPECT_THAT(examples(), ElementsAre("/lake/a.qvd", "/sales/a.qvd"));

  auto configuration = std::make_shared<Configuration>();
  for (const char* name : {"sales", "lake", "gone"}) {
    configuration->workflows.push_back(workflow(options_.lock_dir));
    configuration->workflows.back().name = name;
    configuration->workflows.back().options.source = std::string("/") + name;
  }
  tracking::TableOverview table;
  table.example_paths = {"/away/a.qvd", "/lake/a.qvd", "/lake/x/a.qvd", "/sales/a.qvd"};
  EXPECT_THAT(facts_of(table, Owners(configuration)).workflows, ElementsAre("lake", "sales"));
}

}  // namespace
}  // namespace qvdhouse::serve
