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
#include "claim/claims.h"
#include "claim/lease.h"
#include "claim/test_lease.h"
#include "clickhouse/quote.h"
#include "sync/file_task.h"
#include "sync/recorder.h"
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
    return claim::write_left_behind(rows, table, "run'\\\n", expiry);
  }
  std::vector<LeaseRow> live() { return LeaseTable(endpoint_, kDatabase, {}).live(); }
  std::set<std::string> leased() {
    std::set<std::string> tables;
    for (const auto& [table, runs] : claim::leased_tables(endpoint_, kDatabase, {})) {
      tables.insert(table);
    }
    return tables;
  }
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

std::vector<claim::Want> wants(const std::set<std::string>& tables) {
  std::vector<claim::Want> wants;
  for (const std::string& table : tables) wants.push_back({.tables = {table}});
  return wants;
}

TEST_P(Claims, SecondWaitsUntilTheFirstIsGivenBack) {
  auto first = claim({"A", "it's\n\\B"});
  EXPECT_FALSE(first->had_to_wait());
  first->check();
  EXPECT_EQ(only_live().tables, (std::vector<std::string>{"A", "it's\n\\B"}));
  EXPECT_EQ(leased(), (std::set<std::string>{"A", "it's\n\\B"}));
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
  EXPECT_TRUE(leased().empty());
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
  EXPECT_EQ(leased(), (std::set<std::string>{"A", "B"}));
  row.machine = here;
  ++row.sequence;
  LeaseTable(endpoint_, kDatabase, {}).write(row);
  EXPECT_EQ(refusal({"A"}), "none");
  EXPECT_EQ(leased(), (std::set<std::string>{"B"}));
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

// A run whose lease expired, and the one that has its table now.
TEST_P(Claims, WhatARunRecordsAfterItsLeaseExpiredDoesNotCount) {
  clickhouse::Connection connection(endpoint_);
  endpoint_.dialect = clickhouse::ask_dialect(connection);
  tracking::Tracking tracking(endpoint_, kDatabase);
  tracking.ensure_tables();
  // By a clock that goes ahead, and by one that does not.
  std::vector<tracking::FileRecord> before(2);
  before[0] = {.file_path = "/ahead.qvd", .version = 4'000'000'000'000'000};
  before[1] = {.file_path = "/old.qvd", .version = 1};
  tracking.record(before);
  Lease first(endpoint_, kDatabase, "first", {.expiry = seconds(2)}, log_, {});
  EXPECT_EQ(first.clock_us(), 0);
  first.take(wants({"A"}));
  const auto records_of = [&](const Lease& lease, const char* run) {
    std::vector<tracking::FileRecord> records = before;
    for (tracking::FileRecord& record : records) {
      record.run_id = run;
      record.version = sync::version_after(&record, lease.clock_us());
    }
    return records;
  };
  const std::uint64_t early = records_of(first, "first")[1].version;
  server_->kill();
  while (!first.may_have_expired()) std::this_thread::sleep_for(milliseconds(50));
  std::this_thread::sleep_for(seconds(2));  // now it has expired
  server_->restart();
  Lease second(endpoint_, kDatabase, "second", {}, log_, {});
  second.take(wants({"A"}));
  EXPECT_LE(early, records_of(first, "first")[1].version);
  EXPECT_LT(first.clock_us(), second.clock_us());

  // Its recorder writes nothing any more,
  std::string error;
  {
    sync::Recorder recorder(tracking::Tracking(endpoint_, kDatabase), &first, log_);
    recorder.add({.files = records_of(first, "first"),
                  .claim = std::make_shared<int>(),
                  .done = [&](const std::string& said) { error = said; }});
  }
  EXPECT_THAT(error, HasSubstr("the claim on its table expired before that could be recorded"));
  for (const auto& record : tracking.files()) EXPECT_EQ(record.run_id, "");
  // and what was on its way comes too late.
  tracking.record(records_of(second, "second"));
  tracking.record(records_of(first, "first"));
  for (const auto& record : tracking.files())
    EXPECT_EQ(record.run_id, "second") << record.file_path;
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

// How many other runs wait for this or, by default, anything.
std::size_t others_waiting(Lease& lease, const std::string& for_unit = {}) {
  return lease.others_waiting(
      [&](const std::string& unit) { return for_unit.empty() || unit == for_unit; });
}

TEST_P(Claims, WhoHasNothingToDoGetsAShareOfWhatIsNotBegun) {
  Lease first(endpoint_, kDatabase, "first", {}, log_, {});
  const std::set<std::string> all = {"A", "B", "C", "D"};
  EXPECT_EQ(first.take(wants(all)), all) << "it is alone";
  EXPECT_EQ(others_waiting(first), 0U);
  auto second = std::async(std::launch::async, [&] {
    Lease lease(endpoint_, kDatabase, "second", {}, log_, {});
    const std::set<std::string> taken = lease.take(wants(all));
    EXPECT_TRUE(lease.had_to_wait());
    EXPECT_THAT(lease.who_is("first"), HasSubstr("run first"));
    return taken;
  });
  while (others_waiting(first) == 0) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(leased(), all);
  first.give_back({"C", "D"});
  EXPECT_THAT(second.get(), testing::AnyOf(std::set<std::string>{"C"}, std::set<std::string>{"D"}))
      << "half of it, since another run works there, too";
  EXPECT_THAT(logged_.str(), HasSubstr("waiting for another pipeline: A, B, C, D claimed by"));
  EXPECT_EQ(leased(), (std::set<std::string>{"A", "B"}));
}

TEST_P(Claims, TablesThatBelongTogetherAreTakenTogether) {
  const auto other = claim({"B"});
  Lease lease(endpoint_, kDatabase, "shared", {}, log_, {});
  EXPECT_EQ(lease.take({{.tables = {"A", "B"}}, {.tables = {"C", "D"}}}),
            (std::set<std::string>{"C", "D"}));
}

// The table Sales, or these of its files.
std::vector<claim::Want> sales(const std::vector<std::string>& files) {
  return {{.tables = {"Sales"}, .files = files}};
}

std::string of_sales(const std::string& file) { return claim::file_unit("Sales", file); }

TEST_P(Claims, FilesOfATableAreSharedOnceItsRunSaysSo) {
  using Units = std::set<std::string>;
  Lease first(endpoint_, kDatabase, "first", {}, log_, {});
  Lease second(endpoint_, kDatabase, "second", {}, log_, {});
  const std::vector<std::string> files = {"a", "b", "c", "d"};
  EXPECT_EQ(first.take(sales(files)), Units{"Sales"}) << "all of it, while nobody else is there";
  auto taken = std::async(std::launch::async, [&] { return second.take(sales(files)); });
  while (others_waiting(first, claim::any_file_of("Sales")) == 0) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  first.give_back({"Sales"}, {of_sales("a"), of_sales("b")});
  const Units of_second = taken.get();
  EXPECT_THAT(of_second, testing::AnyOf(Units{of_sales("c")}, Units{of_sales("d")}));
  EXPECT_TRUE(second.had_to_wait()) << "the first may have loaded files meanwhile";
  EXPECT_THAT(logged_.str(), HasSubstr("waiting for another pipeline: Sales claimed by"));
  EXPECT_EQ(leased(), Units{"Sales"});

  // The whole table is nobody's until all files are given back.
  EXPECT_THAT(refusal({"Sales"}), HasSubstr("2 files of Sales claimed by"));
  Lease third(endpoint_, kDatabase, "third", {}, log_, {});
  EXPECT_EQ(third.take(sales({"a", "new"})), Units{of_sales("new")});
  third.give_back({of_sales("new")});
  first.give_back({of_sales("a"), of_sales("b")});
  EXPECT_THAT(refusal({"Sales"}), HasSubstr("1 file of Sales claimed by"));
  second.give_back(of_second);
  EXPECT_EQ(third.take(sales(files)), Units{"Sales"});
  EXPECT_THAT(refusal({"Sales"}), HasSubstr(": Sales claimed by"));
}

TEST_P(Claims, AWaitEndsWhenItIsToldTo) {
  const auto first = claim({"A"});
  Lease second(endpoint_, kDatabase, "second", {}, log_, {});
  std::stop_source ends;
  auto waiting =
      std::async(std::launch::async, [&] { second.take(wants({"A"}), ends.get_token()); });
  while (live().size() < 2) std::this_thread::sleep_for(milliseconds(20));
  ends.request_stop();
  EXPECT_THROW(waiting.get(), base::Cancelled);
  EXPECT_EQ(second.take(wants({"B"})), std::set<std::string>{"B"}) << "the lease itself lives";
}

// Each file's holder is alone, and nobody holds the table while another one holds a file of it.
TEST_P(Claims, NeverAFileAndItsTableAtOnce) {
  std::atomic<int> on_table = 0;
  std::atomic<int> on_a = 0;
  std::atomic<int> on_files = 0;
  std::atomic<int> wrong = 0;
  std::atomic<int> next = 0;
  std::atomic<int> shared = 0;
  base::run_workers(
      4,
      [&] {
        Lease lease(endpoint_, kDatabase, fmt::format("run {}", next++), {}, log_, {});
        for (int round = 0; round < 12; ++round) {
          std::set<std::string> held = lease.take(sales({"a", "b"}));
          if (held.contains("Sales")) {
            wrong += on_table++ + on_files;
            std::this_thread::sleep_for(milliseconds(1));
            --on_table;
            ++on_files;
            lease.give_back({"Sales"}, {of_sales("a")});
            held = {of_sales("a")};
          } else {
            ++shared;
            ++on_files;
          }
          const bool has_a = held.contains(of_sales("a"));
          if (has_a) wrong += on_a++;
          wrong += on_table;
          std::this_thread::sleep_for(milliseconds(30));
          if (has_a) --on_a;
          --on_files;
          lease.give_back(held);
        }
      },
      [] {});
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(shared, 0);
  EXPECT_TRUE(live().empty());
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
          const std::set<std::string> taken = lease.take(wants(left));
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

TEST_P(Claims, WorkersAreRunsThatClaimTables) {
  const auto workers = [&] { return claim::workers(endpoint_, kDatabase, {}); };
  EXPECT_TRUE(workers().empty());
  EXPECT_EQ(clickhouse::Connection(endpoint_).query(
                fmt::format("SELECT count() FROM system.tables WHERE database = {}",
                            clickhouse::quote_literal(kDatabase))),
            "0\n")
      << "a look creates nothing";
  const auto schedule = claim({claim::schedule_claim("lake")});
  Lease first(endpoint_, kDatabase, "first", {}, log_, {});
  first.take({{.tables = {"A"}}, {.tables = {"B"}}});
  EXPECT_EQ(first.try_take({"A"}), std::set<std::string>{"A"}) << "it holds it already";
  std::stop_source stop;
  auto second = std::async(std::launch::async, [&] {
    Lease lease(endpoint_, kDatabase, "second", {}, log_, stop.get_token());
    EXPECT_TRUE(lease.try_take({"B"}).empty()) << "it does not wait";
    EXPECT_THROW(lease.take({{.tables = {"B"}}}), base::Cancelled);
  });
  while (first.others_waiting([](const std::string& unit) { return unit == "B"; }) == 0)
    std::this_thread::sleep_for(milliseconds(20));
  const std::vector<claim::Worker> found = workers();
  stop.request_stop();
  second.get();
  ASSERT_EQ(found.size(), 2U) << "a claim on a workflow is no work on a table";
  const claim::Worker& holder = found[found[0].run_id == "first" ? 0 : 1];
  const claim::Worker& waiting = found[found[0].run_id == "first" ? 1 : 0];
  EXPECT_TRUE(holder.is_working);
  EXPECT_EQ(holder.tables, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(holder.process, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(holder.host, claim::host_name());
  EXPECT_GT(holder.since_us, 0);
  EXPECT_EQ(holder.files, 0U);
  EXPECT_FALSE(waiting.is_working);
  EXPECT_EQ(waiting.tables, std::vector<std::string>{"B"});
}

INSTANTIATE_TEST_SUITE_P(Server, Claims,
                         ::testing::Values(ServerKind::kOldest, ServerKind::kNewest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
