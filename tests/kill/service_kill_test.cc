// kill -9 of the service at random moments while it loads, each time followed by a start that is
// left alone: tables, history and schedule are right afterwards.
//
// QVDHOUSE_SERVICE_KILLS (default 5) and QVDHOUSE_KILL_SEED set how many moments and which.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "base/error.h"
#include "clickhouse/connection.h"
#include "tests/e2e/modes_fixture.h"
#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class ServiceKill : public ModesCommandLine {
 protected:
  std::unique_ptr<Process> serve() {
    Environment environment = target;
    environment.emplace_back("QVD_SOURCE", "qvds");
    environment.emplace_back("QVD_SCHEDULE", "@every 2s");
    environment.emplace_back("QVD_PORT", std::to_string(free_port()));
    return std::make_unique<Process>(binary(), std::vector<std::string>{"serve", "--quiet"},
                                     environment, folder);
  }

  // The answer of the target; empty while it has none.
  std::string ask(const std::string& sql) {
    try {
      std::string answer = clickhouse::Connection(endpoint()).query(sql);
      if (answer.ends_with('\n')) answer.pop_back();
      return answer;
    } catch (const base::Error&) {
      return "";
    }
  }

  // Whether a run that began from now on ends well, long before the limit if it does.
  bool completes_a_run() {
    constexpr std::chrono::seconds kLimit{240};
    const std::string now = ask("SELECT toUnixTimestamp64Micro(now64(6))");
    const auto deadline = steady_clock::now() + kLimit;
    while (steady_clock::now() < deadline) {
      const std::string good = ask(
          fmt::format("SELECT count() > 0 FROM QvdRunHistory FINAL WHERE status = 'completed' AND "
                      "toUnixTimestamp64Micro(started_at) > {} AND "
                      "(SELECT count() FROM QvdFileTracking FINAL WHERE status != 'completed') = 0",
                      now.empty() ? "0" : now));
      if (good == "1") return true;
      std::this_thread::sleep_for(milliseconds(50));
    }
    return false;
  }

  void expect_history_is_right() {
    EXPECT_EQ(query("SELECT count() FROM QvdRunHistory FINAL WHERE status = 'running'"), "0");
    EXPECT_EQ(query("SELECT count() FROM QvdRunHistory FINAL WHERE finished_at < started_at"), "0");
    EXPECT_EQ(query("SELECT count() FROM QvdFileHistory WHERE run_id NOT IN "
                    "(SELECT run_id FROM QvdRunHistory)"),
              "0");
    EXPECT_EQ(query("SELECT count() FROM QvdFileTracking FINAL WHERE status != 'completed'"), "0");
    // The schedule is that of the first start, and no due time was run to its end twice.
    EXPECT_EQ(query("SELECT count(), uniqExact(anchor) FROM QvdWorkflowState FINAL"), "1\t1");
    EXPECT_EQ(query("SELECT countIf((toUnixTimestamp(scheduled_at) - (SELECT "
                    "toUnixTimestamp(any(anchor)) FROM QvdWorkflowState FINAL)) % 2 != 0) "
                    "FROM QvdRunHistory FINAL WHERE trigger = 'schedule'"),
              "0");
    EXPECT_EQ(query("SELECT count() FROM (SELECT scheduled_at FROM QvdRunHistory FINAL WHERE "
                    "trigger IN ('schedule', 'catch-up') AND status = 'completed' AND "
                    "toUnixTimestamp(scheduled_at) > 0 GROUP BY scheduled_at HAVING count() > 1)"),
              "0");
  }
};

TEST_F(ServiceKill, EverythingIsRightAfterTheNextStart) {
  CommandLine::SetUp();
  start_with_files(TargetKind::kEmbedded);
  if (IsSkipped() || HasFailure()) return;
  const std::uint64_t kills = number_from("QVDHOUSE_SERVICE_KILLS", 5);
  const std::uint64_t seed = number_from("QVDHOUSE_KILL_SEED", 20261123);
  std::mt19937_64 random(seed);
  fmt::print("{} kills, seed {}\n", kills, seed);

  // One start that is left alone says how long the moments may be.
  write_generation(1);
  const auto begin = steady_clock::now();
  {
    const auto undisturbed = serve();
    ASSERT_TRUE(completes_a_run());
    ::kill(undisturbed->pid(), SIGTERM);
    const Finished ended = undisturbed->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }
  const auto whole = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin).count();
  expect_exact();
  expect_history_is_right();

  for (std::uint64_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE(fmt::format("kill {} of seed {}", kill, seed));
    write_generation(newest + 1);
    {
      const auto victim = serve();
      std::this_thread::sleep_for(milliseconds(random() % static_cast<std::uint64_t>(whole)));
      ::kill(victim->pid(), SIGKILL);
      victim->wait();
    }
    const auto next = serve();
    ASSERT_TRUE(completes_a_run());
    ::kill(next->pid(), SIGTERM);
    const Finished ended = next->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    expect_exact();
    expect_history_is_right();
  }
}

}  // namespace
}  // namespace qvdhouse::tests
