// Pipelines that claim tables of a server from each other, on the oldest and the newest one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/workers.h"
#include "claim/lease.h"
#include "tests/servers/clickhouse.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using claim::Lease;
using claim::LeaseOptions;
using claim::LeaseRow;
using claim::LeaseTable;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kDatabase = "claims of 'all' kinds";

class Claims : public ::testing::TestWithParam<ServerKind> {
 protected:
  void SetUp() override try {
    work_ = fs::canonical(fs::temp_directory_path()) / fmt::format("qvdhouse_cl_{}", ::getpid());
    server_ = std::make_unique<ClickHouseServer>(GetParam(), work_);
    endpoint_ = server_->endpoint("default");
    clickhouse::Connection(endpoint_).query(fmt::format("CREATE DATABASE `{}`", kDatabase));
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(work_);
  }

  std::unique_ptr<Lease> claim(const std::set<std::string>& tables,
                               const LeaseOptions& options = {}, const std::stop_token& stop = {}) {
    return std::make_unique<Lease>(endpoint_, kDatabase, tables, "run", options, log_, stop);
  }
  std::string refusal(const std::set<std::string>& tables) {
    try {
      claim(tables, {.patience = seconds(0)});
    } catch (const base::ServerError& error) {
      return error.what();
    }
    return "none";
  }
  // What a pipeline that was killed leaves, on another machine unless told otherwise.
  LeaseRow left_behind(const std::string& table, seconds expiry) {
    LeaseTable rows(endpoint_, kDatabase, {});
    rows.create();
    LeaseRow row{.lease_id = "left",
                 .sequence = 1,
                 .state = claim::LeaseState::kHeld,
                 .started = rows.now(),
                 .expiry = static_cast<std::uint32_t>(expiry.count()),
                 .tables = {table},
                 .run_id = "run'\\\n",
                 .host = "elsewhere",
                 .machine = "another machine",
                 .pid = 4'194'303,
                 .pid_start = 1};
    rows.write(row);
    return row;
  }
  std::vector<LeaseRow> live() { return LeaseTable(endpoint_, kDatabase, {}).live(); }
  // The only live claim; fails the test when there is another number of them.
  LeaseRow only_live() {
    const std::vector<LeaseRow> rows = live();
    EXPECT_EQ(rows.size(), 1U);
    return rows.size() == 1 ? rows.front() : LeaseRow{};
  }

  fs::path work_;
  std::unique_ptr<ClickHouseServer> server_;
  clickhouse::Endpoint endpoint_;
  std::ostringstream logged_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged_)};
};

TEST_P(Claims, SecondWaitsUntilTheFirstIsGivenBack) {
  auto first = claim({"A", "it's\n\\B"});
  EXPECT_FALSE(first->had_to_wait());
  first->check();
  EXPECT_EQ(only_live().tables, (std::vector<std::string>{"A", "it's\n\\B"}));
  EXPECT_EQ(claim::leased_tables(endpoint_, kDatabase, {}),
            (std::set<std::string>{"A", "it's\n\\B"}));
  const std::string message = refusal({"it's\n\\B", "C"});
  EXPECT_THAT(message, HasSubstr(fmt::format("process {}", ::getpid())));
  EXPECT_THAT(message, HasSubstr("it's\n\\B claimed by"));
  EXPECT_EQ(live().size(), 1U) << "who gave up leaves nothing";

  std::atomic<bool> given_back = false;
  auto second = std::async(std::launch::async, [&] {
    auto waiting = claim({"A"});
    EXPECT_TRUE(given_back);
    EXPECT_TRUE(waiting->had_to_wait());
  });
  EXPECT_EQ(second.wait_for(milliseconds(300)), std::future_status::timeout);
  given_back = true;
  first.reset();
  second.get();
  EXPECT_THAT(logged_.str(), HasSubstr("waiting for another pipeline"));
  EXPECT_TRUE(live().empty());
  EXPECT_TRUE(claim::leased_tables(endpoint_, kDatabase, {}).empty());
}

TEST_P(Claims, OtherTablesAndNoTablesDoNotWait) {
  const auto first = claim({"A", "B"});
  const auto second = claim({"C"});
  const auto none = claim({});
  EXPECT_FALSE(second->had_to_wait());
  EXPECT_FALSE(none->had_to_wait());
  EXPECT_EQ(live().size(), 2U);
}

TEST_P(Claims, AHolderThatEndedOnThisMachineCountsForNothing) {
  const auto mine = claim({"B"});
  const std::string here = only_live().machine;
  ASSERT_NE(here, "");
  LeaseRow row = left_behind("A", seconds(3'600));
  EXPECT_THAT(refusal({"A"}), HasSubstr("on host elsewhere"));
  EXPECT_EQ(claim::leased_tables(endpoint_, kDatabase, {}), (std::set<std::string>{"A", "B"}));
  row.machine = here;
  ++row.sequence;
  LeaseTable(endpoint_, kDatabase, {}).write(row);
  EXPECT_EQ(refusal({"A"}), "none");
  EXPECT_EQ(claim::leased_tables(endpoint_, kDatabase, {}), (std::set<std::string>{"B"}));
  // A process of this number runs, but is not the one.
  row.pid = static_cast<std::uint32_t>(::getpid());
  ++row.sequence;
  LeaseTable(endpoint_, kDatabase, {}).write(row);
  EXPECT_EQ(refusal({"A"}), "none");
}

TEST_P(Claims, AHolderElsewhereThatFallsSilentExpires) {
  left_behind("A", seconds(2));
  EXPECT_THAT(refusal({"A"}), HasSubstr("last heartbeat"));
  const auto next = claim({"A"}, {.patience = seconds(60)});
  EXPECT_TRUE(next->had_to_wait());
}

TEST_P(Claims, HeartbeatsKeepAClaimBeyondItsExpiry) {
  const auto first = claim({"A"}, {.heartbeat = seconds(1), .expiry = seconds(4)});
  const std::uint64_t sequence = only_live().sequence;
  while (only_live().sequence < sequence + 6) std::this_thread::sleep_for(milliseconds(100));
  EXPECT_NE(refusal({"A"}), "none");
  first->check();
}

TEST_P(Claims, WithoutHeartbeatsNothingMayBeCommitted) {
  const auto first = claim({"A"}, {.heartbeat = seconds(1), .expiry = seconds(2)});
  server_->kill();
  const auto forbidden = [&] {
    try {
      first->check();
      return false;
    } catch (const base::ServerError& error) {
      EXPECT_THAT(error.what(), HasSubstr("may have expired"));
      return true;
    }
  };
  while (!forbidden()) std::this_thread::sleep_for(milliseconds(50));
  std::this_thread::sleep_for(seconds(2));  // now it has expired
  server_->restart();
  std::this_thread::sleep_for(milliseconds(1'500));
  EXPECT_TRUE(forbidden()) << "it must not come to life again";
  EXPECT_EQ(refusal({"A"}), "none");
}

TEST_P(Claims, AStopEndsTheWait) {
  const auto first = claim({"A"});
  std::stop_source stop;
  auto second = std::async(std::launch::async, [&] { claim({"A"}, {}, stop.get_token()); });
  EXPECT_EQ(second.wait_for(milliseconds(300)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_THROW(second.get(), base::Cancelled);
  EXPECT_EQ(live().size(), 1U);
}

TEST_P(Claims, NeverTwoHoldersAtOnce) {
  constexpr unsigned kThreads = 8;
  constexpr int kRounds = 15;
  std::atomic<int> holders_of_a = 0;
  std::atomic<int> holders_of_b = 0;
  std::atomic<int> twice = 0;
  std::atomic<unsigned> next = 0;
  base::run_workers(
      kThreads,
      [&] {
        const unsigned thread = next++;
        // A, B, or both.
        const bool takes_a = thread % 3 != 1;
        const bool takes_b = thread % 3 != 0;
        std::set<std::string> tables;
        if (takes_a) tables.insert("A");
        if (takes_b) tables.insert("B");
        for (int round = 0; round < kRounds; ++round) {
          const auto held = claim(tables);
          if (takes_a) twice += holders_of_a++;
          if (takes_b) twice += holders_of_b++;
          std::this_thread::sleep_for(milliseconds(1));
          if (takes_a) --holders_of_a;
          if (takes_b) --holders_of_b;
        }
      },
      [] {});
  EXPECT_EQ(twice, 0);
  EXPECT_TRUE(live().empty());
}

std::vector<claim::TableGroup> groups(const std::set<std::string>& tables) {
  std::vector<claim::TableGroup> groups;
  for (const std::string& table : tables) groups.push_back({table});
  return groups;
}

TEST_P(Claims, WhoHasNothingToDoGetsAShareOfWhatIsNotBegun) {
  Lease first(endpoint_, kDatabase, "first", {}, log_, {});
  const std::set<std::string> all = {"A", "B", "C", "D"};
  EXPECT_EQ(first.take(groups(all)), all) << "it is alone";
  EXPECT_EQ(first.others_waiting(), 0U);
  auto second = std::async(std::launch::async, [&] {
    Lease lease(endpoint_, kDatabase, "second", {}, log_, {});
    const std::set<std::string> taken = lease.take(groups(all));
    EXPECT_TRUE(lease.had_to_wait());
    EXPECT_THAT(lease.holder_of("D"), HasSubstr("run first"));
    return taken;
  });
  while (first.others_waiting() == 0) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(claim::leased_tables(endpoint_, kDatabase, {}), all);
  first.give_back({"C", "D"});
  EXPECT_THAT(second.get(), testing::AnyOf(std::set<std::string>{"C"}, std::set<std::string>{"D"}))
      << "half of it, since another run works there, too";
  EXPECT_THAT(logged_.str(), HasSubstr("waiting for another pipeline: A, B, C, D claimed by"));
  EXPECT_EQ(claim::leased_tables(endpoint_, kDatabase, {}), (std::set<std::string>{"A", "B"}));
}

TEST_P(Claims, TablesThatBelongTogetherAreTakenTogether) {
  const auto other = claim({"B"});
  Lease lease(endpoint_, kDatabase, "shared", {}, log_, {});
  EXPECT_EQ(lease.take({{"A", "B"}, {"C", "D"}}), (std::set<std::string>{"C", "D"}));
}

TEST_P(Claims, RunsThatShareTakeEachTableOnce) {
  std::set<std::string> all;
  for (int i = 0; i < 24; ++i) all.insert(fmt::format("T{}", i));
  std::mutex mutex;
  std::multiset<std::string> done;
  std::set<std::string> held;
  std::atomic<int> next = 0;
  base::run_workers(
      4,
      [&] {
        Lease lease(endpoint_, kDatabase, fmt::format("run {}", next++), {}, log_, {});
        while (true) {
          std::set<std::string> left = all;
          {
            const std::lock_guard lock(mutex);
            std::erase_if(left, [&](const auto& table) { return done.contains(table); });
          }
          if (left.empty()) return;
          const std::set<std::string> taken = lease.take(groups(left));
          {
            const std::lock_guard lock(mutex);
            for (const std::string& table : taken) {
              EXPECT_TRUE(held.insert(table).second) << table;
              if (!done.contains(table)) done.insert(table);
            }
          }
          std::this_thread::sleep_for(milliseconds(2));
          {
            const std::lock_guard lock(mutex);
            for (const std::string& table : taken) held.erase(table);
          }
          lease.give_back(taken);
        }
      },
      [] {});
  EXPECT_EQ(done.size(), all.size());
  EXPECT_TRUE(live().empty());
}

INSTANTIATE_TEST_SUITE_P(Server, Claims,
                         ::testing::Values(ServerKind::kOldest, ServerKind::kNewest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
