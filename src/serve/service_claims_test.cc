// Services of several machines on one target. The engine of the test stands in for a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "claim/claims.h"
#include "claim/lease.h"
#include "claim/test_lease.h"
#include "serve/test_service.h"
#include "sync/recorded_run.h"

namespace qvdhouse::serve {
namespace {

using testing::SizeIs;
using tracking::RunRecord;
using tracking::RunState;
using tracking::RunTrigger;

class SharedWorkflows : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    is_embedded_ = false;
    options_.needs_lease = true;
    put("a.qvd", sync::qvd_bytes(10));
  }
  void TearDown() override {
    other_.reset();
    ServiceTest::TearDown();
  }
  void start_both() {
    start();
    other_ = new_service(folder() / "other_locks");
    other_->start();
  }
  // All runs that have ended are these many, and nothing is under way or claimed.
  bool have_settled(std::size_t count) {
    return eventually([&] {
      return ended().size() >= count && service_->live().empty() && other_->live().empty() &&
             schedule_claims() == 0;
    });
  }
  // How many are held just now.
  std::size_t schedule_claims() {
    claim::LeaseTable table(endpoint(), kDatabase, {});
    table.create();
    const auto rows = table.live();
    return static_cast<std::size_t>(std::ranges::count_if(rows, [](const claim::LeaseRow& row) {
      return std::ranges::find(row.tables, claim::schedule_claim("default")) != row.tables.end();
    }));
  }
  tracking::Runs runs() { return {endpoint(), kDatabase, 0}; }

  // What the service of another machine does at a due time: it claims the workflow and writes down
  // that it runs it.
  claim::LeaseRow claim_elsewhere(std::chrono::seconds expiry) {
    // In order, lest a service of the test hold it, too; then as a row that nobody renews.
    const std::string name = claim::schedule_claim("default");
    const claim::Lease lease(endpoint(), kDatabase, {name}, "serve_elsewhere", {}, log_, {});
    claim::LeaseTable table(endpoint(), kDatabase, {});
    return claim::write_left_behind(table, name, "serve_elsewhere", expiry);
  }
  void release(claim::LeaseRow row) {
    ++row.sequence;
    row.state = claim::LeaseState::kReleased;
    claim::LeaseTable(endpoint(), kDatabase, {}).write(row);
  }
  RunRecord begin_elsewhere(RunTrigger trigger) {
    RunRecord run = sync::new_run("default", trigger);
    run.host = "elsewhere";
    run.scheduled_at_us = now_s_ * 1'000'000;
    sync::touch_run(run);
    runs().record(run);
    tracking::WorkflowRecord state = runs().workflows().at(0);
    state.last_due_us = run.scheduled_at_us;
    ++state.version;
    runs().record(state);
    return run;
  }

  std::unique_ptr<Service> other_;
};

TEST_F(SharedWorkflows, EachDueTimeIsRunOnce) {
  start_both();
  ASSERT_TRUE(have_settled(1));
  for (std::size_t run = 2; run <= 21; ++run) {
    now_s_ += 3'600;
    ASSERT_TRUE(have_settled(run)) << run;
  }
  std::set<std::int64_t> due;
  for (const RunRecord& run : ended()) {
    EXPECT_EQ(run.status, RunState::kCompleted);
    due.insert(run.scheduled_at_us);
  }
  EXPECT_THAT(ended(), SizeIs(21));
  EXPECT_THAT(due, SizeIs(21));
  const std::string newest = ended()[0].run_id;
  for (Service* service : {service_.get(), other_.get()}) {
    EXPECT_TRUE(eventually([&] {
      const WorkflowState state = service->workflows().at(0);
      return state.last && state.last->run_id == newest && state.last_good && !state.current;
    }));
  }
  EXPECT_EQ(service_->workflows().at(0).next_run, other_->workflows().at(0).next_run);
}

TEST_F(SharedWorkflows, APauseThroughOneHoldsTheOther) {
  start_both();
  ASSERT_TRUE(have_settled(1));
  service_->set_paused("default", true, "test");
  ASSERT_TRUE(eventually([&] { return other_->workflows().at(0).is_paused; }));
  now_s_ += 7'200;
  other_->set_paused("default", false, "test");
  ASSERT_TRUE(eventually([&] { return !service_->workflows().at(0).is_paused; }));
  now_s_ += 3'600;
  ASSERT_TRUE(have_settled(2));
  EXPECT_THAT(ended(), SizeIs(2));
  EXPECT_EQ(ended()[0].trigger, RunTrigger::kSchedule);
}

TEST_F(SharedWorkflows, ARunOfAMachineThatDiedIsMadeUpForOnce) {
  start_both();
  ASSERT_TRUE(have_settled(1));
  claim_elsewhere(std::chrono::seconds(2));
  now_s_ += 3'600;
  const RunRecord dead = begin_elsewhere(RunTrigger::kSchedule);
  ASSERT_TRUE(have_settled(3));
  now_s_ += 3'600;
  ASSERT_TRUE(have_settled(4));
  std::vector<RunRecord> all = ended();
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(all[0].trigger, RunTrigger::kSchedule);
  EXPECT_EQ(all[1].trigger, RunTrigger::kCatchUp);
  EXPECT_EQ(all[1].status, RunState::kCompleted);
  EXPECT_EQ(all[2].run_id, dead.run_id);
  EXPECT_EQ(all[2].status, RunState::kLost);
}

TEST_F(SharedWorkflows, ARunElsewhereCountsAsUnderWay) {
  start();
  ASSERT_TRUE(have_ended(1));
  ASSERT_TRUE(eventually([&] { return schedule_claims() == 0; }));
  const claim::LeaseRow claim = claim_elsewhere(std::chrono::seconds(3'600));
  now_s_ += 3'600;
  RunRecord run = begin_elsewhere(RunTrigger::kSchedule);
  ASSERT_TRUE(eventually([&] {
    const auto state = workflow_state();
    return state && state->current && state->current->run_id == run.run_id;
  }));
  // It is due here; that machine leaves it out, and says so.
  now_s_ += 3'600;
  tracking::WorkflowRecord state = runs().workflows().at(0);
  state.last_due_us = now_s_ * 1'000'000;
  ++state.version;
  runs().record(state);
  run.status = RunState::kCompleted;
  run.finished_at_us = sync::now_us();
  sync::touch_run(run);
  runs().record(run);
  release(claim);
  ASSERT_TRUE(eventually([&] { return workflow_state()->last->run_id == run.run_id; }));
  EXPECT_FALSE(workflow_state()->current);
  now_s_ += 3'600;
  ASSERT_TRUE(have_ended(3));
  EXPECT_THAT(ended(), SizeIs(3));
  EXPECT_EQ(ended()[0].trigger, RunTrigger::kSchedule);
}

TEST_F(SharedWorkflows, ARetryOfAMachineThatDiedIsTakenOver) {
  start_both();
  ASSERT_TRUE(have_settled(1));
  claim_elsewhere(std::chrono::seconds(2));
  now_s_ += 3'600;
  RunRecord failed = begin_elsewhere(RunTrigger::kSchedule);
  failed.status = RunState::kFailed;
  failed.error_class = tracking::ErrorClass::kIo;
  failed.finished_at_us = sync::now_us();
  sync::touch_run(failed);
  runs().record(failed);
  ASSERT_TRUE(have_settled(3));
  EXPECT_THAT(ended(), SizeIs(3));
  EXPECT_EQ(ended()[0].trigger, RunTrigger::kRetry);
  EXPECT_EQ(ended()[0].attempt, 2U);
  EXPECT_EQ(ended()[0].scheduled_at_us, failed.scheduled_at_us);
}

TEST_F(SharedWorkflows, WhatFailedForGoodIsNotTriedAgainElsewhere) {
  start_both();
  ASSERT_TRUE(have_settled(1));
  put("bad.qvd", "this is no QVD");
  now_s_ += 3'600;
  ASSERT_TRUE(have_settled(2));
  EXPECT_EQ(ended()[0].status, RunState::kPartial);
  // Both know of it, and neither has anything to do.
  const std::string partial = ended()[0].run_id;
  for (Service* service : {service_.get(), other_.get()}) {
    ASSERT_TRUE(eventually([&] { return service->workflows().at(0).last->run_id == partial; }));
  }
  now_s_ += 3'600;
  ASSERT_TRUE(have_settled(3));
  EXPECT_THAT(ended(), SizeIs(3));
}

TEST_F(SharedWorkflows, WhatOneStoppedTheOtherMakesUpFor) {
  patience_ = std::chrono::seconds(0);
  start_both();
  ASSERT_TRUE(have_settled(1));
  put("b.qvd", sync::qvd_bytes(10));
  // Whoever runs it waits for the table.
  claim::Lease table(endpoint(), kDatabase, {"QvdB"}, "test", {}, log_, {});
  now_s_ += 3'600;
  ASSERT_TRUE(eventually([&] { return service_->live().size() + other_->live().size() == 1; }));
  if (service_->live().empty()) std::swap(service_, other_);
  ASSERT_TRUE(eventually([&] {
    const auto live = service_->live();
    return !live.empty() && live[0].run.status == RunState::kRunning && schedule_claims() == 1;
  }));
  service_->stop();
  ASSERT_TRUE(eventually([&] { return other_->live().size() == 1; }));
  EXPECT_EQ(other_->live().at(0).run.trigger, RunTrigger::kCatchUp);
  other_->stop();
}

}  // namespace
}  // namespace qvdhouse::serve
