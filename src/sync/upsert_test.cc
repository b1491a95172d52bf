// Tables of newest rows: what readers see is what a plain model says, whatever files came in which
// order.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using ::testing::HasSubstr;

// A row of an order: its key in two parts, a value, and what says which row is newer.
struct OrderRow {
  int order = 0;
  std::optional<std::string> line;
  int amount = 0;
  std::optional<double> changed;
  bool is_gone = false;
};

// A field with a value in each row.
class FieldWriter {
 public:
  FieldWriter(qvd::TableData& table, std::string name) : field_(table.fields.emplace_back()) {
    field_.name = std::move(name);
  }
  void add(const std::optional<qvd::Value>& value) {
    if (value) field_.values.push_back(*value);
    field_.codes.push_back(value ? static_cast<std::uint32_t>(field_.values.size()) : 0);
  }

 private:
  qvd::FieldData& field_;
};

std::string created_at(int minute) {
  return fmt::format("2024-05-06 {:02}:{:02}:00", minute / 60, minute % 60);
}

// `created`: minutes of the day. Without `with_values` a file of keys that are gone.
std::string order_file(const std::vector<OrderRow>& rows, int created, bool with_values = true) {
  qvd::TableData table{
      .name = "Orders", .row_count = rows.size(), .created_at = created_at(created)};
  table.fields.reserve(5);
  FieldWriter order(table, "OrderID");
  FieldWriter line(table, "Line");
  FieldWriter changed(table, "Changed");
  std::optional<FieldWriter> amount;
  std::optional<FieldWriter> state;
  if (with_values) {
    amount.emplace(table, "Amount");
    state.emplace(table, "State");
  }
  const auto number = [](double value) { return qvd::Value::of(value); };
  for (const OrderRow& row : rows) {
    order.add(qvd::Value::of(row.order));
    line.add(row.line ? std::optional(qvd::Value::of(std::string_view(*row.line))) : std::nullopt);
    changed.add(row.changed ? std::optional(number(*row.changed)) : std::nullopt);
    if (!with_values) continue;
    amount->add(qvd::Value::of(row.amount));
    state->add(qvd::Value::of(std::string_view(row.is_gone ? "gone" : "open")));
  }
  return as_text(qvd::write_qvd(table));
}

class UpsertTest : public SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    query(fmt::format("DROP DATABASE IF EXISTS {} SYNC", kDatabase));
    query(fmt::format("CREATE DATABASE {}", kDatabase));
    schema::TableRules rules{.match = "Orders*.qvd",
                             .name = "Orders",
                             .where = "test",
                             .mode = schema::LoadMode::kUpsert};
    rules.key = {"OrderID", "Line"};
    rules.deleted = "State = gone";
    schema::TableRules deletes = rules;
    deletes.match = "Gone*.qvd";
    deletes.is_deletes = true;
    options_.tables = {deletes, rules};
  }
  void set(const std::function<void(schema::TableRules&)>& change) {
    for (schema::TableRules& rules : options_.tables) change(rules);
  }
  static std::string orders() {
    return query(
        "SELECT OrderID, Line, Amount FROM tested.Orders ORDER BY OrderID, Line FORMAT TSV");
  }
  // The error of the only file that failed.
  static std::string error_of(const Summary& summary) {
    std::string error;
    for (const FileOutcome& file : summary.files) error += file.error;
    return error;
  }
};

TEST_F(UpsertTest, TheNewestRowOfEachKeyIsShown) {
  put("Orders.qvd", order_file({{1, "a", 10}, {1, "b", 20}, {2, "a", 30}}, 0));
  sync();
  EXPECT_EQ(orders(), "1\ta\t10\n1\tb\t20\n2\ta\t30");
  put("Orders_2.qvd", order_file({{1, "b", 21}, {3, "a", 40}}, 20));
  sync();
  EXPECT_EQ(orders(), "1\ta\t10\n1\tb\t21\n2\ta\t30\n3\ta\t40");
  // An older file that comes late changes what is older still, and adds what nothing else has.
  put("Orders_1.qvd", order_file({{1, "b", -1}, {2, "a", 31}, {4, "a", 50}}, 10));
  sync();
  EXPECT_EQ(orders(), "1\ta\t10\n1\tb\t21\n2\ta\t31\n3\ta\t40\n4\ta\t50");
  // A row that says that its key is gone, and one that brings it back.
  put("Orders_3.qvd", order_file({{1, "a", 0, {}, true}, {2, "a", 0, {}, true}}, 30));
  put("Orders_4.qvd", order_file({{2, "a", 32}}, 40));
  put("Gone_5.qvd", order_file({{3, "a"}, {9, "a"}}, 50, false));
  EXPECT_EQ(error_of(sync()), "");
  EXPECT_EQ(orders(), "1\tb\t21\n2\ta\t32\n4\ta\t50");
  // Nothing is to be done for the same files. A file that was written again has its new rows only.
  EXPECT_EQ(sync().count(Outcome::kLoaded), 0U);
  put("Gone_5.qvd", order_file({{4, "a"}}, 50, false), 3'000);
  sync();
  EXPECT_EQ(orders(), "1\tb\t21\n2\ta\t32\n3\ta\t40");
  EXPECT_EQ(query("SELECT engine FROM system.tables WHERE database = 'tested' AND name = 'Orders'"),
            "View");
  EXPECT_EQ(query("SELECT groupArray(name) FROM system.columns WHERE database = 'tested' AND table "
                  "= 'Orders'"),
            "['OrderID','Line','Changed','Amount','State','_file']");
}

TEST_F(UpsertTest, AFieldSaysWhichRowIsNewer) {
  set([](schema::TableRules& rules) { rules.version = "Changed"; });
  put("Orders_1.qvd", order_file({{1, "a", 10, 5.5}, {2, "a", 20, -1.0}, {3, "a", 30, {}}}, 50));
  put("Orders_2.qvd", order_file({{1, "a", 11, 5.25}, {2, "a", 21, 0.0}, {3, "a", 31, -9.0}}, 60));
  put("Gone_3.qvd", order_file({{1, "a", 0, 5.4}, {2, "a", 0, 0.0}}, 70, false));
  EXPECT_EQ(error_of(sync()), "");
  // Where values are equal the later file counts; NULL is older than any value.
  EXPECT_EQ(orders(), "1\ta\t10\n3\ta\t31");
}

TEST_F(UpsertTest, SeveralRowsOfAKeyInOneFileAreRefused) {
  put("Orders.qvd", order_file({{1, "a", 10}, {2, "it's", 1}, {2, "it's", 2}}, 0));
  EXPECT_THAT(error_of(sync()),
              HasSubstr("1 value of the key (OrderID, Line) have several rows in this file "
                        "((2,'it\\'s') has 2 rows)"));
  EXPECT_EQ(query("SELECT count() FROM tested.Orders"), "0");
}

TEST_F(UpsertTest, TheLastRowOfAKeyInAFileCountsWhereThatIsWanted) {
  set([](schema::TableRules& rules) { rules.duplicate_keys = schema::DuplicateKeys::kLast; });
  put("Orders.qvd",
      order_file({{1, "a", 10}, {2, "b", 1}, {1, "a", 11}, {2, "b", 2}, {1, "a", 12}}, 0));
  const Summary summary = sync();
  ASSERT_EQ(error_of(summary), "");
  EXPECT_EQ(orders(), "1\ta\t12\n2\tb\t2");
  EXPECT_THAT(summary.files.at(0).result.alerts,
              ::testing::ElementsAre(HasSubstr("3 rows left out, since a later row of the file")));
  EXPECT_EQ(summary.files.at(0).result.row_count, 2U);
  EXPECT_EQ(query("SELECT count() FROM tested.Orders__rows"), "2");
}

TEST_F(UpsertTest, NullInAKeyIsRefusedOrAValue) {
  put("Orders.qvd", order_file({{1, "a", 10}, {1, {}, 11}}, 0));
  EXPECT_THAT(error_of(sync()), HasSubstr("key names \"Line\", which is NULL in rows of the file"));
  set([](schema::TableRules& rules) { rules.null_keys = schema::NullKeys::kKeep; });
  put("Orders_2.qvd", order_file({{1, {}, 12}, {2, {}, 1}}, 10));
  put("Gone.qvd", order_file({{2, {}}}, 20, false));
  EXPECT_EQ(error_of(sync()), "");
  EXPECT_EQ(orders(), "1\ta\t10\n1\t\\N\t12");
}

TEST_F(UpsertTest, AFileWithoutAWholeKeyStopsNoOther) {
  put("Orders.qvd", order_file({{1, "a", 10}}, 0));
  put("Orders_2.qvd", order_file({{1, {}, 11}, {2, "a", 12}}, 10));
  EXPECT_THAT(error_of(sync()), HasSubstr("key names \"Line\", which is NULL in rows of the file"));
  EXPECT_EQ(orders(), "1\ta\t10");
  qvd::FieldData order{.name = "OrderID", .values = {qvd::Value::of(1)}, .codes = {1}};
  put("Gone.qvd", as_text(qvd::write_qvd({.name = "T", .fields = {order}, .row_count = 1})));
  EXPECT_THAT(error_of(sync()), HasSubstr("key names \"Line\", which is neither a field"));
  EXPECT_EQ(orders(), "1\ta\t10");
}

TEST_F(UpsertTest, ARowThatARuleTakesOutSupersedesNone) {
  set([](schema::TableRules& rules) {
    rules.duplicate_keys = schema::DuplicateKeys::kLast;
    rules.column_rules = {
        {.columns = "Amount", .min = "0", .action = schema::RuleAction::kQuarantine}};
  });
  put("Orders.qvd", order_file({{1, "a", 9}, {1, "a", 10}, {1, "a", -1}, {2, "a", -2}}, 0));
  put("Gone.qvd", order_file({{3, "a"}}, 5, false));
  const Summary summary = sync();
  ASSERT_EQ(error_of(summary), "");
  EXPECT_EQ(orders(), "1\ta\t10");
  EXPECT_EQ(query("SELECT count() FROM tested.Orders__quarantine"), "2");
  for (const FileOutcome& file : summary.files) {
    EXPECT_EQ(file.result.alerts.size(), file.decision.file.name == "Gone.qvd" ? 0U : 2U);
  }
}

TEST_F(UpsertTest, TheOrderOfTheRowsHasToStay) {
  put("Orders.qvd", order_file({{1, "a", 10, 5.0}}, 0));
  sync();
  set([](schema::TableRules& rules) { rules.version = "Changed"; });
  put("Orders_2.qvd", order_file({{1, "a", 11, 1.0}}, 10));
  EXPECT_THAT(error_of(sync()), HasSubstr("the rows of table Orders are ordered by the time of the "
                                          "file, and by the settings would be by \"Changed\""));
  EXPECT_EQ(orders(), "1\ta\t10");
}

TEST_F(UpsertTest, RowsThatWereDroppedComeAgain) {
  put("Orders.qvd", order_file({{1, "a", 10}}, 0));
  put("Orders_2.qvd", order_file({{2, "a", 11}}, 10));
  sync();
  query("DROP TABLE tested.Orders__rows SYNC");
  EXPECT_EQ(sync().count(Outcome::kLoaded), 2U);
  EXPECT_EQ(orders(), "1\ta\t10\n2\ta\t11");
}

TEST_F(UpsertTest, AFileThatIsNoLongerOneOfKeysThatAreGoneIsRead) {
  put("Orders.qvd", order_file({{1, "a", 10}}, 0));
  put("Gone_1.qvd", order_file({{1, "a", 11}}, 10));
  sync();
  EXPECT_EQ(orders(), "");
  fs::rename(source_ / "Gone_1.qvd", source_ / "Orders_1.qvd");
  sync();
  fs::rename(source_ / "Orders.qvd", source_ / "Orders_0.qvd");  // moved: not read again
  EXPECT_EQ(sync().count(Outcome::kLoaded), 0U);
  EXPECT_EQ(query("SELECT count() FROM tested.Orders__rows WHERE Amount = 11"), "1");
}

TEST_F(UpsertTest, WhatTheTableIsHasToStay) {
  put("Orders.qvd", order_file({{1, "a", 10}}, 0));
  sync();
  // Another key.
  set([](schema::TableRules& rules) { rules.key = {"OrderID"}; });
  put("Orders_2.qvd", order_file({{1, "b", 11}}, 10));
  EXPECT_THAT(
      error_of(sync()),
      HasSubstr("table Orders has the key (OrderID, Line), and the settings say (OrderID)"));
  // Another mode.
  options_.tables = {{.match = "Orders*.qvd", .name = "Orders", .where = "test"}};
  EXPECT_THAT(error_of(sync()), HasSubstr("was loaded with mode = \"upsert\""));
  // A file whose table would be the one with the rows.
  options_.tables = {{.match = "X.qvd", .name = "Orders__rows", .where = "test"}};
  options_.selection.pattern = "X.qvd";
  put("X.qvd", order_file({{1, "b", 11}}, 10));
  EXPECT_THAT(error_of(sync()), HasSubstr("table Orders__rows has the rows of a table with mode"));
  EXPECT_EQ(query("SELECT OrderID, Amount FROM tested.Orders"), "1\t10");
}

TEST_F(UpsertTest, ATableOfAnotherModeIsNotReplaced) {
  options_.tables = {{.match = "Orders*.qvd", .name = "Orders", .where = "test"}};
  put("Orders.qvd", order_file({{1, "a", 10}}, 0));
  sync();
  const std::vector<schema::TableRules> as_it_is = options_.tables;
  options_.tables.front().mode = schema::LoadMode::kUpsert;
  options_.tables.front().key = {"OrderID", "Line"};
  put("Orders_2.qvd", order_file({{1, "a", 11}}, 10));
  EXPECT_THAT(error_of(sync()),
              HasSubstr("is of the engine MergeTree, and with mode = \"upsert\""));
  EXPECT_EQ(orders(), "1\ta\t10");
  options_.tables = as_it_is;
  EXPECT_EQ(error_of(sync()), "");
  EXPECT_EQ(query("SELECT count() FROM tested.Orders"), "2");
}

// Files with random keys, versions and deletions, in any order, changed and loaded again.
class RandomUpsertTest : public UpsertTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  struct File {
    std::vector<OrderRow> rows;
    int created = 0;
    bool is_deletes = false;
  };

  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }

  File draw(bool is_deletes) {
    File file{.created = static_cast<int>(below(1'000)), .is_deletes = is_deletes};
    std::map<std::pair<int, std::string>, OrderRow> rows;
    for (unsigned i = 1 + below(12); i > 0; --i) {
      OrderRow row{.order = static_cast<int>(below(8)),
                   .line = std::string(1, static_cast<char>('a' + below(3))),
                   .amount = static_cast<int>(below(1'000))};
      if (below(4) != 0) row.changed = static_cast<double>(below(40)) / 4 - 3;
      row.is_gone = is_deletes || below(5) == 0;
      rows[{row.order, *row.line}] = row;
    }
    for (const auto& [key, row] : rows) file.rows.push_back(row);
    return file;
  }

  // What readers are to see.
  std::string expected(bool has_version) const {
    using Order = std::tuple<double, int, std::string>;  // version, time, and one of both the same
    std::map<std::pair<int, std::string>, std::pair<Order, OrderRow>> newest;
    for (const auto& [name, file] : files_) {
      for (const OrderRow& row : file.rows) {
        const double version = has_version && row.changed ? *row.changed : -1e300;
        const Order order(version, file.created, "");
        const auto [found, is_new] = newest.try_emplace({row.order, *row.line}, order, row);
        if (!is_new && order > found->second.first) found->second = {order, row};
      }
    }
    std::string text;
    for (const auto& [key, found] : newest) {
      const OrderRow& row = found.second;
      if (row.is_gone) continue;
      text +=
          fmt::format("{}{}\t{}\t{}", text.empty() ? "" : "\n", row.order, *row.line, row.amount);
    }
    return text;
  }

  std::map<std::string, File> files_;
  std::mt19937 random_{GetParam()};
};

TEST_P(RandomUpsertTest, IsWhatAPlainModelSays) {
  constexpr int kRuns = 4;
  const bool has_version = GetParam() % 2 == 0;
  if (has_version) set([](schema::TableRules& rules) { rules.version = "Changed"; });
  std::set<int> times;
  for (int run = 0; run < kRuns; ++run) {
    for (unsigned i = 1 + below(4); i > 0; --i) {
      const bool is_deletes = below(4) == 0 && run > 0;
      const std::string name = fmt::format("{}_{}.qvd", is_deletes ? "Gone" : "Orders", below(6));
      File file = draw(is_deletes);
      while (!times.insert(file.created).second) ++file.created;  // none is as old as another
      put(name, order_file(file.rows, file.created, !is_deletes),
          90'000 - 100 * run - static_cast<int>(below(99)));
      files_[name] = std::move(file);
    }
    const Summary summary = sync();
    ASSERT_EQ(error_of(summary), "");
    ASSERT_EQ(orders(), expected(has_version)) << "run " << run;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomUpsertTest, ::testing::Range(1U, 13U));

}  // namespace
}  // namespace qvdhouse::sync
