// Runs on several machines that share the files of one table: on one server, and on clusters, where
// each machine works through a node of its own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "tests/cluster/cluster_fixture.h"
#include "tests/support/eventually.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;

// No kind: one server.
class Sharing : public ClusterCommandLine,
                public ::testing::WithParamInterface<std::optional<ClusterKind>> {
 protected:
  static constexpr int kFiles = 12;

  void SetUp() override {
    CommandLine::SetUp();
    if (GetParam()) {
      start(*GetParam());
    } else {
      TargetCommandLine::start(TargetKind::kNewest);
    }
    if (IsSkipped() || HasFailure()) return;
    write_text("qvdhouse.toml", settings("", ""));
    for (int i = 0; i < kFiles; ++i) write_sales(i, plain_rows(100 * i, 3 + i));
  }
  // Each file takes a second at least.
  static std::string settings(const std::string& of_all, const std::string& of_table) {
    return of_all +
           "parallel_files = 1\n[[table]]\nmatch = 'Sales_*.qvd'\nname = 'Sales'\n"
           "pre_sql = ['SELECT sleep(1)']\n" +
           of_table;
  }
  void write_sales(int number, const std::vector<TestField>& fields) const {
    write_table(qvd(fmt::format("Sales_{:02}.qvd", number)), fields);
  }
  // `sync` with a data directory of its own.
  std::unique_ptr<Process> begin(std::size_t machine) {
    if (GetParam()) through(machine % cluster().node_count());
    Environment environment = target;
    environment.emplace_back("QVD_DATA_DIR", (folder / fmt::format("machine{}", machine)).string());
    return std::make_unique<Process>(
        binary(), std::vector<std::string>{"sync", "qvds", "--verbose"}, environment, folder);
  }
  // So many runs hold single files of the table.
  void await_sharing_of(int runs) const {
    const std::string rows =
        GetParam() ? "QvdPipelineClaims"
                   : "(SELECT * FROM QvdPipelineClaims ORDER BY sequence DESC LIMIT 1 BY claim)";
    const std::string sql = fmt::format(
        "SELECT countIf(state = 2 AND arrayExists(t -> position(t, '\\0') != 0, "
        "tables)) >= {} FROM {}",
        runs, rows);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    // The first looks find no such table.
    while (on_target({"query", sql, "--format", "TSVRaw", "--quiet"}).out != "1\n") {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << sql;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  // Stops `holder` with the files that it holds until `waiting` has said this.
  void expect_said_while_stopped(const Process& holder, const Process& waiting,
                                 const std::string& text) const {
    ::kill(holder.pid(), SIGSTOP);
    const bool is_said =
        eventually([&] { return waiting.errors_so_far().find(text) != std::string::npos; });
    ::kill(holder.pid(), SIGCONT);
    EXPECT_TRUE(is_said) << text << " in\n" << waiting.errors_so_far();
  }
  void expect_done(Process& machine, int files) const {
    const Finished done = machine.wait();
    if (GetParam()) await_all();
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
    EXPECT_THAT(done.out, HasSubstr(fmt::format("{} files: ", files))) << done.err;
  }
  void expect_exact() {
    if (GetParam()) {
      expect_the_same_everywhere();
    } else {
      expect_all_is_well();
    }
    EXPECT_EQ(sync()["loaded"], 0);
  }
};

TEST_P(Sharing, EachFileOfATableIsLoadedByOneOfTwoMachines) {
  if (IsSkipped()) return;
  const auto one = begin(0);
  const auto two = begin(1);
  expect_done(*one, kFiles);
  expect_done(*two, kFiles);
  EXPECT_EQ(query("SELECT count(), uniqExact(file_path) FROM QvdFileHistory"), "12\t12");
  EXPECT_EQ(query("SELECT count(), min(c) >= 4, max(c) <= 8 FROM (SELECT count() AS c FROM "
                  "QvdFileTracking FINAL GROUP BY run_id)"),
            "2\t1\t1");
  EXPECT_EQ(query("SELECT count(), uniqExact(_file) FROM Sales"), "102\t12");
  expect_exact();
}

TEST_P(Sharing, AFileThatNeedsAnotherColumnComesWhenNobodyElseIsThere) {
  if (IsSkipped()) return;
  write_text("qvdhouse.toml", settings("claim_expiry = '10m'\n", ""));
  const auto one = begin(0);
  const auto two = begin(1);
  await_sharing_of(2);
  std::vector<TestField> wider = plain_rows(5'000, 7);
  wider.push_back(wider.front());
  wider.back().name = "more";
  write_sales(kFiles, wider);
  const auto three = begin(2);
  expect_said_while_stopped(*one, *three,
                            "Sales_12.qvd waits until no other run loads files of table Sales: the "
                            "table has to be changed for it");
  expect_done(*one, kFiles);
  expect_done(*two, kFiles);
  const Finished done = three->wait();
  if (GetParam()) await_all();
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_EQ(query("SELECT count(), uniqExact(file_path) FROM QvdFileHistory"), "13\t13");
  EXPECT_EQ(query("SELECT count(), count(more), uniqExact(_file) FROM Sales"), "109\t7\t13");
  expect_exact();
}

TEST_P(Sharing, AFileWhoseRowsMoveToAnotherPartitionComesWhenNobodyElseIsThere) {
  if (IsSkipped()) return;
  write_text("qvdhouse.toml",
             settings("claim_expiry = '10m'\n", "partition_by = 'intDiv(id, 10000)'\n"));
  write_sales(kFiles, plain_rows(0, 7));
  EXPECT_EQ(on_target({"sync", "qvds/Sales_12.qvd"}).exit_code, 0);
  const auto one = begin(0);
  const auto two = begin(1);
  await_sharing_of(2);
  write_sales(kFiles, plain_rows(50'000, 8));
  const auto three = begin(2);
  expect_said_while_stopped(*one, *three,
                            "Sales_12.qvd waits until no other run loads files of table Sales: the "
                            "table has to be rebuilt to take its rows");
  expect_done(*one, kFiles + 1);
  expect_done(*two, kFiles + 1);
  const Finished done = three->wait();
  if (GetParam()) await_all();
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_EQ(query("SELECT count(), uniqExact(file_path) FROM QvdFileHistory"), "14\t13");
  EXPECT_EQ(query("SELECT count(), uniqExact(_file) FROM Sales"), "110\t13");
  expect_exact();
}

TEST_P(Sharing, WhatAKilledMachineHeldIsLoadedByTheOther) {
  if (IsSkipped()) return;
  const auto one = begin(0);
  const auto two = begin(1);
  await_sharing_of(2);
  ::kill(one->pid(), SIGKILL);
  one->wait();
  expect_done(*two, kFiles);
  EXPECT_EQ(query("SELECT count(), uniqExact(file_path) FROM QvdFileHistory"), "12\t12");
  EXPECT_EQ(query("SELECT count(), uniqExact(_file) FROM Sales"), "102\t12");
  expect_exact();
}

INSTANTIATE_TEST_SUITE_P(OneServer, Sharing, ::testing::Values(std::nullopt));
INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, Sharing,
                         ::testing::Values(ClusterKind::kReplicatedDatabase));
INSTANTIATE_TEST_SUITE_P(OnCluster, Sharing, ::testing::Values(ClusterKind::kOnCluster));

}  // namespace
}  // namespace qvdhouse::tests
