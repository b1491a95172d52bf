// Rules of columns by the real program on every kind of target (docs/validation.md).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/modes_fixture.h"
#include "tests/e2e/target_fixture.h"

namespace qvdhouse::tests {
namespace {

namespace fs = std::filesystem;
using qvd::Value;
using ::testing::HasSubstr;

constexpr const char* kRuled = R"(
[[table]]
match = "Sales_*.qvd"
name = "Sales"
[table.rules]
amount = { min = 0, action = "quarantine" }
id = { not_null = true, unique = true }

[[table]]
match = "Log_*.qvd"
name = "Log"
mode = "append"
[table.rules]
amount = [{ min = 0, action = "drop" }, { max = 90, action = "quarantine" }]

[[table]]
match = ["item.qvd", "thing.qvd"]
max_errors = 10
[table.types]
amount = "Int32"
[table.rules.amount]
fits_type = true
min = 0
action = "quarantine"
)";

// Ids from `first` on, amounts of row % 90; -1 in each row of `bad`, and `text` in row 0 unless it
// is empty.
std::vector<TestField> ruled_rows(int first, int count, const std::vector<int>& bad,
                                  const std::string& text = "") {
  std::vector<TestField> fields{{.name = "id"}, {.name = "amount"}, {.name = "note"}};
  for (int row = 0; row < count; ++row) {
    fields[0].cells.emplace_back(Value::of(first + row));
    const bool is_bad = std::ranges::find(bad, row) != bad.end();
    fields[1].cells.emplace_back(Value::of(is_bad ? -1 : row % 90));
    if (row == 0 && !text.empty()) fields[1].cells.back() = Value::of(text);
    fields[2].cells.push_back(row % 3 == 0 ? std::nullopt
                                           : std::optional(Value::of(std::string_view("é;=\n"))));
  }
  return fields;
}

class Ruled : public TargetCommandLine, public ::testing::WithParamInterface<TargetKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
    if (IsSkipped()) return;
    write_text("qvdhouse.toml", kRuled);
    write_table(qvd("Sales_1.qvd"), ruled_rows(0, 1'000, {3, 4, 500}));
    write_table(qvd("Sales_2.qvd"), ruled_rows(1'000, 500, {}));
    write_table(qvd("Log_1.qvd"), ruled_rows(0, 100, {7}));
    write_table(qvd("item.qvd"), ruled_rows(0, 50, {9}, "many"));
  }
  // The file's name, row, rule and value of each row in a quarantine, and how many cells it has.
  std::string quarantined(const std::string& table) const {
    const char* cells = GetParam() == TargetKind::kOldest ? "length(cells.name)" : "length(cells)";
    return query(fmt::format(
        "SELECT arrayStringConcat(arraySort(groupArray(concat(splitByChar('/', _file)[-1], ' ', "
        "toString(row), ' ', rule, ' ', value, ' ', toString({})))), ', ') FROM {}__quarantine",
        cells, table));
  }
  static const nlohmann::json& file_of(const nlohmann::json& answer, const std::string& name) {
    for (const auto& file : answer["files"]) {
      if (file.value("name", "") == name) return file;
    }
    ADD_FAILURE() << name << " is not in " << answer;
    return answer;
  }
};

TEST_P(Ruled, EachRowIsSomewhereAndCounted) {
  auto done = sync();
  EXPECT_EQ(done["loaded"], 4);
  EXPECT_EQ(done["rows"], 997 + 500 + 99 + 48);
  EXPECT_EQ(done["rows_quarantined"], 5);
  EXPECT_EQ(done["rows_dropped"], 1);
  EXPECT_EQ(file_of(done, "Sales_1.qvd")["rows_quarantined"], 3);
  EXPECT_EQ(file_of(done, "Sales_1.qvd")["rows"], 997);
  EXPECT_EQ(quarantined("Sales"),
            "Sales_1.qvd 4 min = 0 -1 2, Sales_1.qvd 5 min = 0 -1 3, Sales_1.qvd 501 min = 0 -1 3");
  EXPECT_EQ(quarantined("QvdItem"),
            "item.qvd 1 fits_type (Int32) many 2, item.qvd 10 min = 0 -1 2");
  EXPECT_EQ(query("SELECT count(), min(amount) FROM QvdItem"), "48\t1");
  expect_all_is_well();

  // Nothing to do: nothing changes. Each place that counts says the same.
  EXPECT_EQ(sync()["loaded"], 0);
  const Finished status = on_target({"status"});
  EXPECT_THAT(status.out, HasSubstr("rows, 5 quarantined, 1 dropped"));
  EXPECT_THAT(on_target({"verify"}).out,
              HasSubstr("rows that break rules: 5 quarantined, 1 dropped"));
  EXPECT_EQ(query("SELECT sum(row_count), sum(rows_quarantined), sum(rows_dropped) FROM "
                  "QvdFileTracking FINAL"),
            "1644\t5\t1");
  EXPECT_EQ(query("SELECT sum(rows_quarantined), sum(rows_dropped) FROM QvdFileHistory"), "5\t1");
  EXPECT_EQ(query("SELECT max(rows_quarantined), max(rows_dropped) FROM QvdRunHistory FINAL"),
            "5\t1");

  // Mended, and gone.
  write_table(qvd("Sales_1.qvd"), ruled_rows(0, 1'000, {}));
  write_table(qvd("item.qvd"), ruled_rows(0, 50, {9}));
  done = sync();
  EXPECT_EQ(done["rows_quarantined"], 1);
  EXPECT_EQ(quarantined("Sales"), "");
  EXPECT_EQ(quarantined("QvdItem"), "item.qvd 10 min = 0 -1 2");
  expect_all_is_well();
}

TEST_P(Ruled, WhatFailsLeavesEverythingAsItWas) {
  sync();
  // Two rows of one id, and more bad rows than max_errors.
  write_table(qvd("Sales_2.qvd"), [] {
    auto fields = ruled_rows(1'000, 500, {1});
    fields[0].cells[7] = Value::of(1'008);
    return fields;
  }());
  write_table(qvd("item.qvd"), ruled_rows(0, 50, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  const auto done = sync(7);
  EXPECT_EQ(done["failed"], 2);
  EXPECT_THAT(
      file_of(done, "Sales_2.qvd")["error"].get<std::string>(),
      HasSubstr("2 rows break the rule \"id\" unique, the first of them row 8 with '1008'"));
  EXPECT_THAT(file_of(done, "item.qvd")["error"].get<std::string>(),
              HasSubstr("11 of 50 rows break rules (11 quarantined, 0 dropped), more than "
                        "max_errors = 10 allows"));
  EXPECT_EQ(quarantined("QvdItem"),
            "item.qvd 1 fits_type (Int32) many 2, item.qvd 10 min = 0 -1 2");
  EXPECT_EQ(query("SELECT count() FROM Sales"), "1497");
  EXPECT_EQ(query("SELECT rows_quarantined FROM QvdFileTracking FINAL WHERE table_name = "
                  "'QvdItem'"),
            "2");
}

TEST_P(Ruled, MovedForgottenAndVanishedFilesTakeTheirRowsAlong) {
  sync();
  fs::rename(qvd("item.qvd"), qvd("thing.qvd"));
  auto done = sync();
  EXPECT_EQ(done["adopted"], 1);
  EXPECT_EQ(query("SELECT count() FROM QvdThing__quarantine"), "2");
  EXPECT_EQ(query("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = "
                  "'QvdItem__quarantine'"),
            "0");
  EXPECT_EQ(on_target({"reset", "--file", "Sales_1.qvd", "--with-data", "--force"}).exit_code, 0);
  EXPECT_EQ(quarantined("Sales"), "");
  EXPECT_EQ(on_target({"reset", "--table", "QvdThing", "--with-data", "--force"}).exit_code, 0);
  EXPECT_EQ(query("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name "
                  "LIKE 'QvdThing%'"),
            "0");
  sync();
  EXPECT_EQ(query("SELECT count() FROM Sales__quarantine"), "3");
  fs::remove(qvd("Sales_1.qvd"));
  EXPECT_EQ(sync(0, {{"QVD_VANISHED", "delete"}})["removed"], 1);
  EXPECT_EQ(quarantined("Sales"), "");
  expect_all_is_well();
}

TEST_P(Ruled, PlanAndInspectSayWhatHolds) {
  const Finished plan = on_target({"plan", "qvds"});
  EXPECT_THAT(plan.out,
              HasSubstr("Sales_1.qvd: rule \"amount\" min = 0 (quarantine): 3 rows break it, the "
                        "first of them row 4 with '-1'"));
  EXPECT_THAT(plan.out, HasSubstr("of 1,000 rows, 3 would be quarantined, 0 dropped"));
  const Finished inspect = on_target({"inspect", "qvds/Sales_2.qvd"});
  EXPECT_THAT(inspect.out, HasSubstr("rule \"id\" unique (error): no row breaks it"));
}

INSTANTIATE_TEST_SUITE_P(On, Ruled,
                         ::testing::Values(TargetKind::kEmbedded, TargetKind::kNewest,
                                           TargetKind::kOldest),
                         ::testing::PrintToStringParamName());

// docs/validation.md, "The quarantine table".
TEST_F(CommandLine, TheExampleOfValidationIsWhatHappens) {
  if (!engine_is_installed()) GTEST_SKIP() << "libchdb.so is not installed";
  write_text("qvdhouse.toml", R"([table.QvdOrders.rules]
"%OrderKey" = { not_null = true, unique = true }
"Order date" = { min = 2024-01-01, max = "2024-12-30", action = "quarantine" }
Status = { in = ["open", "shipped", "paid"], action = "warn" }
)");
  EXPECT_EQ(qvdhouse({"sample", "qvds", "--rows", "10000"}).exit_code, 0);
  const Finished synced = qvdhouse({"sync", "qvds/orders.qvd"});
  EXPECT_THAT(synced.out, HasSubstr("orders.qvd: warning: 352 rows break the rule \"Status\" in = "
                                    "[open, shipped, paid], the first of them row 18"));
  EXPECT_THAT(synced.out, HasSubstr("\n2,494 rows loaded, 6 quarantined, 59 kB in "));
  EXPECT_THAT(qvdhouse({"query",
                        "SELECT row, rule, column, value, cells['%CustomerKey'] AS customer FROM "
                        "QvdOrders__quarantine ORDER BY row LIMIT 3"})
                  .out,
              HasSubstr("379\tmax = 2024-12-30\tOrder date\t2024-12-31\t1\n"));
  EXPECT_THAT(qvdhouse({"verify"}).out, HasSubstr("rows that break rules: 6 quarantined\n"));
}

// kill -9 of the program at random moments of loads that change the rows of table and quarantine.
class RuledAndKilled : public TargetCommandLine {};

TEST_F(RuledAndKilled, NoRowIsUnaccountedFor) {
  start(TargetKind::kEmbedded);
  if (IsSkipped()) return;
  write_text("qvdhouse.toml", kRuled);
  const std::uint64_t kills = number_from("QVDHOUSE_KILLS", 8);
  const std::uint64_t seed = number_from("QVDHOUSE_SEED", std::random_device{}());
  fmt::print("{} kills, seed {}\n", kills, seed);
  std::mt19937_64 random(seed);
  const auto write = [&](int generation) {
    for (int file = 0; file < 3; ++file) {
      std::vector<int> bad;
      for (int i = 0; i <= generation % 5; ++i) bad.push_back(generation * 3 + i * 11);
      write_table(qvd(fmt::format("Sales_{}.qvd", file)),
                  ruled_rows(file * 100'000, 20'000 + generation, bad));
    }
    write_table(qvd("item.qvd"), ruled_rows(0, 5'000 + generation, {generation % 3 + 1}));
  };
  const auto expect_exact = [&](int generation) {
    expect_all_is_well();
    EXPECT_EQ(query("SELECT (SELECT count() FROM Sales) + (SELECT count() FROM "
                    "Sales__quarantine), (SELECT count() FROM Sales__quarantine)"),
              fmt::format("{}\t{}", 3 * (20'000 + generation), 3 * (generation % 5 + 1)));
    EXPECT_EQ(query("SELECT count() FROM QvdItem__quarantine"), "1");
  };
  write(0);
  const auto start_of_load = std::chrono::steady_clock::now();
  sync();
  const auto whole = std::chrono::steady_clock::now() - start_of_load;
  expect_exact(0);
  for (std::uint64_t kill = 1; kill <= kills && !HasFailure(); ++kill) {
    SCOPED_TRACE(fmt::format("kill {} of seed {}", kill, seed));
    const int generation = static_cast<int>(kill);
    write(generation);
    Process victim(binary(), {"sync", "qvds", "--quiet"}, target, folder);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(whole).count();
    std::this_thread::sleep_for(
        std::chrono::microseconds(random() % static_cast<std::uint64_t>(micros)));
    ::kill(victim.pid(), SIGKILL);
    victim.wait();
    sync();
    expect_exact(generation);
  }
}

}  // namespace
}  // namespace qvdhouse::tests
