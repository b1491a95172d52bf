// Tables of newest rows while loads are killed: readers see each key once, all the time, and in the
// end what a plain model says.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "clickhouse/connection.h"
#include "tests/e2e/modes_fixture.h"
#include "tests/support/process.h"

namespace qvdhouse::tests {
namespace {

using qvd::Value;

constexpr int kIds = 1'000;
constexpr int kLasting = 500;  // ids below that are never gone

class UpsertKills : public ModesCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  struct Row {
    int amount = 0;
    bool is_gone = false;
  };
  using Rows = std::map<int, Row>;  // by id

  int below(int n) { return std::uniform_int_distribution<>(0, n - 1)(random_); }

  void write(const std::string& name, const Rows& rows) {
    std::vector<TestField> fields{{.name = "id"}, {.name = "amount"}, {.name = "gone"}};
    for (const auto& [id, row] : rows) {
      fields[0].cells.emplace_back(Value::of(id));
      fields[1].cells.emplace_back(Value::of(row.amount));
      fields[2].cells.emplace_back(Value::of(row.is_gone ? 1 : 0));
    }
    write_table(qvd(name), fields);
    std::erase_if(files_, [&](const auto& file) { return file.first == name; });
    files_.emplace_back(name, rows);
  }
  void write_some(int round) {
    for (int i = 1 + below(3); i > 0; --i) {
      Rows rows;
      for (int id = below(20); id < kIds; id += 1 + below(40)) {
        rows[id] = {.amount = round * 10 + i, .is_gone = id >= kLasting && below(3) == 0};
      }
      write(fmt::format("Orders_{}.qvd", 1 + below(6)), rows);
    }
  }
  std::string expected() const {
    Rows newest;
    for (const auto& [name, rows] : files_) {
      for (const auto& [id, row] : rows) newest[id] = row;
    }
    std::string text;
    for (const auto& [id, row] : newest) {
      if (!row.is_gone) text += fmt::format("{}\t{}\n", id, row.amount);
    }
    return text;
  }

  std::vector<std::pair<std::string, Rows>> files_;  // the newest last
  std::mt19937 random_{static_cast<unsigned>(number_from("QVDHOUSE_SEED", 1))};
};

TEST_P(UpsertKills, LeaveEachKeyOnceAndInTheEndTheNewest) {
  start(GetParam());
  if (IsSkipped()) return;
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Orders_*.qvd'\nname = 'Orders'\nmode = 'upsert'\nkey = ['id']\n"
             "deleted = 'gone = 1'\n");
  Rows all;
  for (int id = 0; id < kIds; ++id) all[id] = {.amount = id};
  write("Orders_0.qvd", all);
  EXPECT_EQ(sync()["loaded"], 1);

  std::atomic<int> looks = 0;
  std::vector<std::string> problems;
  std::jthread reader([&](const std::stop_token& stop) {
    clickhouse::Connection connection(endpoint());
    while (!stop.stop_requested()) {
      const std::string seen = connection.query(fmt::format(
          "SELECT count() - uniqExact(id), countIf(id < {}) FROM Orders FORMAT TSV", kLasting));
      if (seen != fmt::format("0\t{}\n", kLasting)) problems.push_back(seen);
      ++looks;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const auto rounds = static_cast<int>(number_from("QVDHOUSE_KILLS", 12));
  int killed = 0;
  for (int round = 1; round <= rounds; ++round) {
    write_some(round);
    {
      Process loading(binary(), {"sync", "qvds", "--quiet"}, target, folder);
      std::this_thread::sleep_for(std::chrono::milliseconds(below(600)));
      ::kill(loading.pid(), SIGKILL);
      killed += loading.wait().exit_code != 0 ? 1 : 0;
    }
    if (below(3) != 0) continue;  // the next run finds what two have left
    repair();
    ASSERT_EQ(query("SELECT id, amount FROM Orders ORDER BY id FORMAT TSV") + "\n", expected())
        << "round " << round;
  }
  repair();
  reader.request_stop();
  reader.join();
  EXPECT_EQ(query("SELECT id, amount FROM Orders ORDER BY id FORMAT TSV") + "\n", expected());
  EXPECT_TRUE(problems.empty()) << problems.size() << " times, such as " << problems.front();
  EXPECT_GT(looks, 10);
  EXPECT_GT(killed, 0);
  expect_all_is_well();
}

INSTANTIATE_TEST_SUITE_P(Targets, UpsertKills,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
