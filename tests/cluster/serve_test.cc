// `qvdhouse serve` on two machines, each talking to another replica: data directories of their own,
// one target.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "serve/test_client.h"
#include "tests/cluster/cluster_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using Json = nlohmann::json;

class ServeOnReplicas : public EachCluster {
 protected:
  struct Machine {
    std::uint16_t port = free_port();
    std::unique_ptr<Process> process;
  };

  void TearDown() override {
    machines_.clear();
    EachCluster::TearDown();
  }

  void configure(const std::string& settings) const {
    write_text("qvdhouse.toml", "source = 'qvds'\nclaim_expiry = '10s'\n" + settings);
  }
  void begin(std::size_t i) {
    through(i);
    Environment environment = target;
    environment.emplace_back("QVD_DATA_DIR", (folder / fmt::format("machine{}", i)).string());
    environment.emplace_back("QVD_PORT", fmt::to_string(machines_[i].port));
    machines_[i].process =
        std::make_unique<Process>(binary(), std::vector<std::string>{"serve"}, environment, folder);
  }
  void begin_both() {
    machines_.resize(2);
    for (std::size_t i = 0; i < machines_.size(); ++i) begin(i);
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      ASSERT_TRUE(
          eventually([&] { return serve::call(machines_[i].port, "/ready").status == 200; }));
    }
  }
  Json get(std::size_t i, const std::string& path) const {
    const serve::Reply reply = serve::call(machines_[i].port, path);
    return reply.status == 200 ? Json::parse(reply.body, nullptr, false) : Json();
  }
  Json workflow(std::size_t i) const {
    const Json answer = get(i, "/api/workflows");
    // It answers before it has read its configuration.
    const Json all = answer.is_object() ? answer.value("workflows", Json::array()) : Json::array();
    return all.empty() ? Json() : all[0];
  }
  // The machine on which a run is under way; -1: on none.
  int running() const {
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      const Json overview = get(i, "/api/overview");
      if (!overview.is_object()) continue;
      for (const Json& run : overview["live"]) {
        if (run["status"] == "running") return static_cast<int>(i);
      }
    }
    return -1;
  }
  void pause(std::size_t i, bool pauses) const {
    EXPECT_EQ(
        serve::call(machines_[i].port,
                    pauses ? "/api/workflows/default/pause" : "/api/workflows/default/unpause",
                    {.method = "POST"})
            .status,
        200);
  }
  // Through the first node.
  std::string runs(const std::string& what, const std::string& where) const {
    ask(0, "SYSTEM SYNC REPLICA QvdRunHistory");
    return ask(0, fmt::format("SELECT {} FROM QvdRunHistory FINAL WHERE {}", what, where));
  }

  std::vector<Machine> machines_;
};

TEST_P(ServeOnReplicas, EachDueTimeIsRunByOneOfThem) {
  if (IsSkipped()) return;
  write_table(qvd("a.qvd"), plain_rows(0, 10));
  configure("schedule = '@every 2s'\n");
  begin_both();
  ASSERT_TRUE(eventually([&] {
    return std::stoi(runs("count()", "status = 'completed' AND trigger = 'schedule'")) >= 8;
  }));
  pause(1, true);
  ASSERT_TRUE(eventually([&] { return workflow(0)["paused"] == true && running() < 0; }));
  EXPECT_EQ(runs("count() - uniqExact(scheduled_at), countIf(status != 'completed')",
                 "trigger = 'schedule' AND status != 'skipped'"),
            "0\t0");
  // Whichever answers knows the newest run.
  const std::string newest = runs("argMax(run_id, started_at)", "status != 'skipped'");
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    EXPECT_TRUE(eventually([&] { return workflow(i)["last"]["run_id"] == newest; })) << i;
  }
  const std::string count = runs("count()", "1");
  pause(0, false);
  ASSERT_TRUE(eventually([&] { return runs("count()", "1") != count; }));
  EXPECT_TRUE(eventually([&] { return workflow(1)["paused"] == false; }));
}

TEST_P(ServeOnReplicas, ARunWhoseMachineDiesIsMadeUpForOnce) {
  if (IsSkipped()) return;
  write_table(qvd("a.qvd"), plain_rows(0, 10));
  configure(
      "schedule = '@yearly'\n[[table]]\nmatch = '*.qvd'\npre_sql = ['SELECT sleep(3)', 'SELECT "
      "sleep(3)']\n");
  begin_both();
  // Its rows are written.
  ASSERT_TRUE(eventually([&] {
    return running() >= 0 && runs("count()", "status = 'running'") == "1" &&
           ask(0, "SELECT count() > 0 FROM QvdWorkflowState") == "1";
  }));
  const int victim = running();
  ASSERT_GE(victim, 0);
  ::kill(machines_[static_cast<std::size_t>(victim)].process->pid(), SIGKILL);
  ASSERT_TRUE(eventually(
      [&] { return runs("count()", "trigger = 'catch-up' AND status = 'completed'") == "1"; }));
  begin(static_cast<std::size_t>(victim));
  ASSERT_TRUE(eventually([&] {
    const Json last = workflow(static_cast<std::size_t>(victim))["last"];
    return last.is_object() && last["trigger"] == "catch-up";
  }));
  EXPECT_EQ(runs("countIf(trigger = 'first'), countIf(status = 'lost'), count()", "1"), "1\t1\t2");
  machines_.clear();
  expect_the_same_everywhere();
}

// It may die before anything is written: then its run is not made up for but done.
TEST_P(ServeOnReplicas, AMachineThatDiesAtAnyMomentLeavesNothingUndone) {
  if (IsSkipped()) return;
  write_table(qvd("a.qvd"), plain_rows(0, 10));
  configure("schedule = '@yearly'\n[[table]]\nmatch = '*.qvd'\npre_sql = ['SELECT sleep(3)']\n");
  begin_both();
  ASSERT_TRUE(eventually([&] { return running() >= 0; }));
  const int victim = running();
  ASSERT_GE(victim, 0);
  ::kill(machines_[static_cast<std::size_t>(victim)].process->pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] {
    return runs("countIf(status = 'completed') > 0, countIf(status = 'running')", "1") == "1\t0";
  })) << runs("groupArray((trigger, status, host, started_at))", "1")
      << workflow(victim == 0 ? 1 : 0);
  machines_.clear();
  expect_the_same_everywhere();
}

INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, ServeOnReplicas,
                         ::testing::Values(ClusterKind::kReplicatedDatabase),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(OnCluster, ServeOnReplicas, ::testing::Values(ClusterKind::kOnCluster),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
