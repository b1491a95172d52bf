// Files that are moved or deleted after their load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class TakeTest : public SyncTest {
 protected:
  void SetUp() override {
    SyncTest::SetUp();
    options_.selection.pattern = "*.qvd";
    // Whoever takes a file that vanished for one that was taken loses its rows.
    schema::TableRules all;
    all.vanished = schema::VanishedPolicy::kDelete;
    schema::TableRules sales = all;
    sales.match = "Sales_{month}.qvd";
    sales.name = "Sales";
    options_.tables = {sales, all};
  }
  static std::string rows_of(const std::string& table) {
    return query("SELECT count() FROM tested." + table);
  }
};

TEST_F(TakeTest, AFileIsMovedOnceItsLoadIsWrittenDownAndItsRowsStay) {
  options_.after_load = AfterLoad::kMove;
  options_.selection.pattern = "{*,below/*}.qvd";
  put("Sales_Mai's.qvd", qvd_bytes(2));
  put("below/item.qvd", qvd_bytes(3));
  put("bad.qvd", qvd_bytes(3).substr(0, 500));
  const Summary first = sync();
  EXPECT_THAT(fates(first), testing::Contains(Pair("bad.qvd", "FAILED new")));
  EXPECT_FALSE(fs::exists(source_ / "Sales_Mai's.qvd"));
  EXPECT_TRUE(fs::exists(source_ / "done/Sales_Mai's.qvd"));
  EXPECT_TRUE(fs::exists(source_ / "done/below/item.qvd"));
  EXPECT_TRUE(fs::exists(source_ / "bad.qvd"));
  EXPECT_EQ(tracked("taken"), fmt::format("{0}/Sales_Mai\\'s.qvd\n\n{0}/below/item.qvd",
                                          (source_ / "done").string()));
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("bad.qvd", "failed-unchanged")));
  EXPECT_EQ(rows_of("Sales"), "2");
  // The next version under the same name, which does not replace the first one.
  put("Sales_Mai's.qvd", qvd_bytes(5), 60);
  EXPECT_THAT(fates(sync()), testing::Contains(Pair("Sales_Mai's.qvd", "LOADED changed")));
  EXPECT_EQ(rows_of("Sales"), "5");
  EXPECT_TRUE(fs::exists(source_ / "done/Sales_Mai's.2.qvd"));
}

TEST_F(TakeTest, WhatAKilledRunLeftIsTakenByTheNextOne) {
  put("Sales_1.qvd", qvd_bytes(2));
  put("Sales_2.qvd", qvd_bytes(3));
  sync();
  options_.after_load = AfterLoad::kDelete;
  // Killed after it was written down that the file is taken, and before it was.
  query(
      "INSERT INTO tested.QvdFileTracking SELECT * REPLACE ('deleted' AS taken, version + 1 AS "
      "version) FROM tested.QvdFileTracking FINAL WHERE file_name = 'Sales_1.qvd'");
  const Summary summary = sync();
  EXPECT_THAT(fates(summary),
              ElementsAre(Pair("Sales_1.qvd", "unchanged"), Pair("Sales_2.qvd", "unchanged")));
  EXPECT_TRUE(fs::is_empty(source_));
  EXPECT_EQ(tracked("taken"), "deleted\ndeleted");
  EXPECT_EQ(summary.files[0].taken, "deleted");
  // The source is empty now, and that is well.
  const Summary after = sync();
  EXPECT_EQ(after.source_error, nullptr);
  EXPECT_TRUE(after.files.empty());
  EXPECT_EQ(rows_of("Sales"), "5");
}

TEST_F(TakeTest, AFileThatChangedSinceItsLoadStaysAndIsLoaded) {
  options_.after_load = AfterLoad::kDelete;
  put("Sales_1.qvd", qvd_bytes(2));
  sync({}, [&](const FileOutcome&) { put("Sales_1.qvd", qvd_bytes(4), 30); });
  EXPECT_TRUE(fs::exists(source_ / "Sales_1.qvd"));
  EXPECT_EQ(tracked("taken"), "");
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("Sales_1.qvd", "LOADED changed")));
  EXPECT_FALSE(fs::exists(source_ / "Sales_1.qvd"));
  EXPECT_EQ(rows_of("Sales"), "4");
}

TEST_F(TakeTest, AFileThatAnotherRunTookMeanwhileKeepsItsRows) {
  options_.after_load = AfterLoad::kDelete;
  put("Sales_1.qvd", qvd_bytes(2));
  put("item.qvd", qvd_bytes(3));
  // As if the other run had taken it between the look of this one and its deletion.
  sync({}, [&](const FileOutcome& file) { fs::remove(file.decision.file.path); });
  EXPECT_EQ(tracked("taken"), "deleted\ndeleted");
  put("other.qvd", qvd_bytes(1));
  EXPECT_THAT(fates(sync()), ElementsAre(Pair("other.qvd", "LOADED new")));
  EXPECT_EQ(rows_of("Sales"), "2");
}

TEST_F(TakeTest, AFileThatComesBackUnderAnotherNameIsNoNewOne) {
  options_.after_load = AfterLoad::kMove;
  options_.tables[0].mode = schema::LoadMode::kAppend;
  options_.tables[0].name = "Appended";
  put("Sales_1.qvd", qvd_bytes(2));
  sync();
  fs::rename(source_ / "done/Sales_1.qvd", source_ / "Sales_1 again.qvd");
  options_.tables[0].match = "Sales_*.qvd";
  sync();
  EXPECT_EQ(rows_of("Appended"), "2");
}

TEST_F(TakeTest, AFolderInWhichFilesWouldBeFoundAgainIsRefused) {
  options_.after_load = AfterLoad::kMove;
  options_.selection.pattern = "**/*.qvd";
  put("item.qvd", qvd_bytes(2));
  EXPECT_THROW(sync(), base::ConfigError);
  EXPECT_TRUE(fs::exists(source_ / "item.qvd"));
  options_.selection.exclude = {"done/**"};
  sync();
  EXPECT_TRUE(fs::exists(source_ / "done/item.qvd"));
  EXPECT_EQ(tracked("status"), "completed");
}

TEST_F(TakeTest, ASourceThatCanOnlyBeReadIsRefused) {
  options_.after_load = AfterLoad::kDelete;
  options_.source = "http://127.0.0.1:1/item.qvd";
  const Summary summary = sync();
  EXPECT_THROW(std::rethrow_exception(summary.source_error), base::ConfigError);
}

}  // namespace
}  // namespace qvdhouse::sync
