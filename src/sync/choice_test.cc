// Runs of a part of the files: a window, an order, a limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr int kDaySeconds = 86'400;

class ChoiceSyncTest : public SyncTest {
 protected:
  void ask(const decide::ChoiceTexts& texts) {
    options_.choice = decide::parse_choice(texts, "--", "", now_us());
  }
  void one_table(const std::string& pattern, schema::VanishedPolicy vanished) {
    schema::TableRules rules;
    rules.match = pattern;
    rules.name = "Sales";
    rules.vanished = vanished;
    options_.tables = {rules};
  }
};

TEST_F(ChoiceSyncTest, AWindowLoadsItsFilesAndLeavesAllOthersAlone) {
  put("old.qvd", qvd_bytes(1), 10 * kDaySeconds);
  put("older broken.qvd", qvd_bytes(2).substr(0, 500), 20 * kDaySeconds);
  put("young.qvd", qvd_bytes(3), kDaySeconds);
  ask({.since = "3d", .until = "", .by = ""});
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("old.qvd", "window"), Pair("older broken.qvd", "window"),
                          Pair("young.qvd", "LOADED new")));
  EXPECT_EQ(tracked("file_name"), "young.qvd");
  ask({.since = "", .until = "3d", .by = "modified"});
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("old.qvd", "LOADED new"), Pair("older broken.qvd", "FAILED new"),
                          Pair("young.qvd", "window")));
}

TEST_F(ChoiceSyncTest, AMonthOfAMultiFileTableIsBackfilledAndNoOtherLosesARow) {
  one_table("Продажи {month:6 digits}.qvd", schema::VanishedPolicy::kDelete);
  for (const char* month : {"202401", "202402", "202403"}) {
    put(fmt::format("Продажи {}.qvd", month), qvd_bytes(2));
  }
  sync();
  put("Продажи 202402.qvd", qvd_bytes(5), 1'800);
  put("Продажи 202403.qvd", qvd_bytes(7), 1'800);
  fs::remove(source_ / "Продажи 202401.qvd");
  ask({.since = "2024-02", .until = "2024-02", .by = "month"});
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Продажи 202402.qvd", "LOADED changed"),
                                         Pair("Продажи 202403.qvd", "window")));
  EXPECT_EQ(query("SELECT month, count() FROM tested.Sales GROUP BY month ORDER BY month"),
            "202401\t2\n202402\t5\n202403\t2");
  options_.choice = {};
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Продажи 202401.qvd", "REMOVED vanished"),
                                         Pair("Продажи 202402.qvd", "unchanged"),
                                         Pair("Продажи 202403.qvd", "LOADED changed")));
}

TEST_F(ChoiceSyncTest, TheTimeOfTheHeaderIsReadFromFilesThatWereNotLoaded) {
  const auto bytes = [](const std::string& created_at) {
    return as_text(
        qvd::write_qvd({.name = "T",
                        .fields = {{.name = "id", .values = {qvd::Value::of(1)}, .codes = {1}}},
                        .row_count = 1,
                        .created_at = created_at}));
  };
  put("a.qvd", bytes("2024-05-01 10:00:00"));
  put("b.qvd", bytes("2024-06-01 10:00:00"));
  put("c.qvd", bytes(""));
  put("empty.qvd", "");
  ask({.since = "2024-05", .until = "2024-05", .by = "created"});
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED new"), Pair("b.qvd", "window"),
                                         Pair("c.qvd", "window"), Pair("empty.qvd", "window")));
  EXPECT_THAT(fates(sync()), testing::Contains(Pair("a.qvd", "unchanged")));
}

TEST_F(ChoiceSyncTest, ALimitLoadsTheFirstOfItsOrderAndTheNextRunTheRest) {
  one_table("Sales_{part}.qvd", schema::VanishedPolicy::kKeep);
  put("Sales_a.qvd", qvd_bytes(30), 3 * kDaySeconds);
  put("Sales_b.qvd", qvd_bytes(10), 2 * kDaySeconds);
  put("item.qvd", qvd_bytes(20), kDaySeconds);
  options_.parallel_files = 1;
  options_.choice.limit = 1;
  options_.choice.order = decide::Order::kLargest;
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_a.qvd", "LOADED new"),
                                         Pair("Sales_b.qvd", "limit"), Pair("item.qvd", "limit")));
  put("Sales_c.qvd", qvd_bytes(15), 5 * kDaySeconds);
  options_.choice.order = decide::Order::kNewest;
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("Sales_a.qvd", "unchanged"), Pair("Sales_b.qvd", "limit"),
                          Pair("Sales_c.qvd", "limit"), Pair("item.qvd", "LOADED new")));
  options_.choice.limit = 0;
  options_.choice.order = decide::Order::kSmallest;
  std::vector<std::string> order;
  put("A_first_by_name.qvd", qvd_bytes(12), kDaySeconds);
  sync({}, [&](const FileOutcome& file) {
    if (file.outcome == Outcome::kLoaded) order.push_back(file.decision.file.name);
  });
  EXPECT_THAT(order, ElementsAre("Sales_b.qvd", "Sales_c.qvd", "A_first_by_name.qvd"));
  EXPECT_EQ(query("SELECT part, count() FROM tested.Sales GROUP BY part ORDER BY part"),
            "a\t30\nb\t10\nc\t15");
}

TEST_F(ChoiceSyncTest, APartThatNoPatternHasEndsTheRunBeforeItBegins) {
  put("item.qvd", qvd_bytes(1));
  ask({.since = "2024", .until = "", .by = "month"});
  EXPECT_THROW(sync(), base::ConfigError);
  EXPECT_EQ(tracked("file_name"), "");
}

class BatchSyncTest : public SyncTest {};

TEST_F(BatchSyncTest, NothingIsLoadedBeforeTheMarkerAndTheOldOneBeginsNoOtherBatch) {
  options_.wait_for = {"_DONE"};
  put("a.qvd", qvd_bytes(1), 600);
  put("below/b.qvd", qvd_bytes(2), 600);
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("a.qvd", "WAITING wait-for"), Pair("b.qvd", "WAITING wait-for")));
  EXPECT_EQ(tracked("file_name"), "");
  put("_DONE", "", 500);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED new"), Pair("b.qvd", "LOADED new")));
  put("a.qvd", qvd_bytes(3), 400);
  put("c.qvd", qvd_bytes(4), 300);
  EXPECT_THAT(fates(sync()),
              ElementsAre(Pair("a.qvd", "WAITING wait-for"), Pair("b.qvd", "unchanged"),
                          Pair("c.qvd", "WAITING wait-for")));
  EXPECT_EQ(tracked("row_count"), "1\n2");
  put("_DONE", "", 300);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED changed"),
                                         Pair("b.qvd", "unchanged"), Pair("c.qvd", "LOADED new")));
}

TEST_F(BatchSyncTest, OneFileWaitsForAMarkerBesideIt) {
  options_.source = (source_ / "a.qvd").string();
  options_.wait_for = {"a.ok"};
  put("a.qvd", qvd_bytes(1), 600);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "WAITING wait-for")));
  put("a.ok", "", 600);
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("a.qvd", "LOADED new")));
}

}  // namespace
}  // namespace qvdhouse::sync
