// Quarantined rows of a load that ended before it was written down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/test_sync.h"

namespace qvdhouse::sync {
namespace {

TEST_F(SyncTest, AFileWhoseQuarantineIsOfAnotherLoadIsLoadedAgain) {
  schema::TableRules rules{.name = "QvdA", .where = "test"};
  rules.column_rules = {{.columns = "id", .min = "1", .action = schema::RuleAction::kQuarantine}};
  options_.tables = {rules};
  put("A.qvd", qvd_bytes(3));
  EXPECT_EQ(sync().count(Outcome::kLoaded), 1U);
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA__quarantine"), "1");
  EXPECT_EQ(fates(sync()).at("A.qvd"), "unchanged");
  // As a full run leaves it that is killed between the commit and tracking.
  query(
      "INSERT INTO tested.QvdFileTracking SELECT * REPLACE ('an earlier one' AS run_id, version + "
      "1 "
      "AS version) FROM tested.QvdFileTracking FINAL");
  EXPECT_EQ(fates(sync()).at("A.qvd"), "unchanged");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA__quarantine"), "1") << "it may be the only one";
  EXPECT_EQ(fates(sync()).at("A.qvd"), "LOADED retry");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA__quarantine"), "1");
  EXPECT_EQ(query("SELECT count() FROM tested.QvdA"), "2");
  EXPECT_EQ(fates(sync()).at("A.qvd"), "unchanged");
}

}  // namespace
}  // namespace qvdhouse::sync
