// Many files of one table: what collides, what they are known by, and what a changed rule means.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/test_decide.h"

namespace qvdhouse::decide {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class DecideSets : public testing::Test, protected DecideFixture {};

TEST_F(DecideSets, ManyFilesOfOneTableAreNoCollision) {
  const std::vector<Decision> decisions = decide({"/data/Sales_1.qvd", "/data/eu/Sales_1.qvd"});
  ASSERT_EQ(decisions.size(), 2U);
  for (const Decision& decision : decisions) {
    EXPECT_EQ(decision.reason_code, Reason::kNew) << decision.reason;
    EXPECT_EQ(decision.table, "Sales");
    EXPECT_EQ(decision.placement.mode, schema::LoadMode::kReplaceByFile);
    EXPECT_EQ(decision.stored_as, decision.file.path);
    EXPECT_THAT(decision.settings_hash, testing::EndsWith("/replace_by_file"));
  }
}

TEST_F(DecideSets, AFileThatArrivesLateOrSortsEarlyIsNeverMissed) {
  track("/data/Sales_2.qvd");
  track("/data/Sales_4.qvd");
  source::FileEntry early = file_at("/data/Sales_1.qvd");
  early.mtime_us = 0;  // older than all that was ever loaded
  const source::FileEntry between = file_at("/data/Sales_3.qvd");
  const auto decisions = decide_files(
      {early, file_at("/data/Sales_2.qvd"), between, file_at("/data/Sales_4.qvd")}, facts);
  std::vector<Reason> codes;
  for (const Decision& decision : decisions) codes.push_back(decision.reason_code);
  EXPECT_THAT(codes,
              ElementsAre(Reason::kNew, Reason::kUnchanged, Reason::kNew, Reason::kUnchanged));
}

TEST_F(DecideSets, TwoFilesOfATableOfOneFileCollideByRuleToo) {
  facts.rules[0].mode = schema::LoadMode::kReplace;
  const auto decisions = decide({"/data/Sales_1.qvd", "/data/Sales_2.qvd", "/data/item.qvd"});
  EXPECT_EQ(decisions[0].reason_code, Reason::kCollision);
  EXPECT_EQ(decisions[1].reason_code, Reason::kCollision);
  EXPECT_EQ(decisions[2].reason_code, Reason::kNew);
  EXPECT_THAT(decisions[0].reason,
              AllOf(HasSubstr("expected one file for table Sales"),
                    HasSubstr("Sales_1.qvd and /data/Sales_2.qvd"), HasSubstr("replace_by_file")));
}

TEST_F(DecideSets, OfManyThatCollideAFewAreNamed) {
  facts.rules[0].mode = schema::LoadMode::kReplace;
  std::vector<std::string> paths;
  for (int i = 0; i < 1'000; ++i) paths.push_back("/data/Sales_" + std::to_string(i) + ".qvd");
  const auto decisions = decide(paths);
  EXPECT_EQ(decisions[7].action, Action::kRefuse);
  EXPECT_THAT(decisions[7].reason, HasSubstr(" and 994 more;"));
  EXPECT_LT(decisions[7].reason.size(), 600U);
}

TEST_F(DecideSets, TwoModesForOneTableAreRefusedAndBothRulesNamed) {
  schema::TableRules other;
  other.match = "{name}_archive.qvd";
  other.name = "{name}";
  other.mode = schema::LoadMode::kReplace;
  other.where = "qvdhouse.toml:20";
  facts.rules.push_back(other);
  const auto decisions = decide({"/data/Sales_1.qvd", "/data/Sales_archive.qvd"});
  // The first rule that matches takes the archive, so nothing collides yet.
  EXPECT_EQ(decisions[1].placement.rules.where, "qvdhouse.toml:3");
  facts.rules[0].match = "Sales_?.qvd";
  for (const Decision& decision : decide({"/data/Sales_1.qvd", "/data/Sales_archive.qvd"})) {
    EXPECT_EQ(decision.reason_code, Reason::kCollision);
    EXPECT_THAT(decision.reason,
                AllOf(HasSubstr("one load mode for table Sales"), HasSubstr("qvdhouse.toml:3"),
                      HasSubstr("qvdhouse.toml:20"), HasSubstr("replace_by_file")));
  }
}

TEST_F(DecideSets, ATableThatAnotherSourcesFileOwnsIsNotMadeASet) {
  facts.tracked = {loaded(file_at("/other/item.qvd"))};
  record(0).table_name = "Sales";
  elsewhere = {"/other/item.qvd"};
  EXPECT_THAT(codes({"/data/Sales_1.qvd"}), ElementsAre(Pair("/data/Sales_1.qvd", "collision")));
  elsewhere.clear();  // it exists no more
  EXPECT_THAT(codes({"/data/Sales_1.qvd"}), ElementsAre(Pair("/data/Sales_1.qvd", "new")));
}

TEST_F(DecideSets, FellowsFromAnotherSourceAreNoCollision) {
  facts.tracked = {loaded(file_at("/other/Sales_9.qvd"))};
  elsewhere = {"/other/Sales_9.qvd"};
  EXPECT_THAT(codes({"/data/Sales_1.qvd"}), ElementsAre(Pair("/data/Sales_1.qvd", "new")));
}

TEST_F(DecideSets, ASetIsNotReplacedByOneFile) {
  track("/data/Sales_1.qvd");
  elsewhere = {"/data/Sales_1.qvd"};
  schema::TableRules one;
  one.match = "all.qvd";
  one.name = "Sales";
  facts.rules = {one};
  EXPECT_THAT(codes({"/data/all.qvd"}), ElementsAre(Pair("/data/all.qvd", "collision")));
}

TEST_F(DecideSets, AnotherModeOrNameLoadsAgainAndSaysWhy) {
  track("/data/Sales_1.qvd");
  EXPECT_THAT(codes({"/data/Sales_1.qvd"}), ElementsAre(Pair("/data/Sales_1.qvd", "unchanged")));
  facts.rules[0].mode = schema::LoadMode::kAppend;
  const Decision mode = decide({"/data/Sales_1.qvd"}).at(0);
  EXPECT_EQ(mode.reason_code, Reason::kMode);
  EXPECT_THAT(mode.reason, HasSubstr("in mode replace_by_file, and its table's mode is append"));
  facts.rules[0].name = "Turnover";
  EXPECT_EQ(decide({"/data/Sales_1.qvd"}).at(0).reason_code, Reason::kRenamed);
  // Loaded by a version that knew one mode only.
  facts.rules[0] = {};
  facts.rules[0].name = "QvdItem";
  facts.rules[0].mode = schema::LoadMode::kReplaceByFile;
  facts.tracked = {loaded(file_at("/data/item.qvd"))};
  record(0).settings_hash = "0123456789abcdef";
  EXPECT_EQ(decide({"/data/item.qvd"}).at(0).reason_code, Reason::kMode);
}

TEST_F(DecideSets, ARefusedFileIsTriedAgainWhenTheRulesOfItsTableChange) {
  track("/data/Sales_1.qvd");
  record(0).status = tracking::FileState::kFailed;
  record(0).error_class = tracking::ErrorClass::kSchema;
  EXPECT_EQ(decide({"/data/Sales_1.qvd"}).at(0).reason_code, Reason::kFailedUnchanged);
  facts.rules[1].drift = schema::DriftPolicy::kFreeze;  // of another table
  EXPECT_EQ(decide({"/data/Sales_1.qvd"}).at(0).reason_code, Reason::kFailedUnchanged);
  facts.rules[0].exclude = {"Price"};
  EXPECT_EQ(decide({"/data/Sales_1.qvd"}).at(0).reason_code, Reason::kSettings);
}

TEST_F(DecideSets, APathThatComesBackGetsAKeyOfItsOwn) {
  track("/data/Sales_2.qvd");
  record(0).stored_as = "/data/Sales_1.qvd";  // it was that file once
  const auto decisions = decide({"/data/Sales_1.qvd", "/data/Sales_2.qvd"});
  EXPECT_EQ(decisions[0].stored_as, "/data/Sales_1.qvd#2");
  EXPECT_EQ(decisions[1].stored_as, "/data/Sales_1.qvd");

  // And keeps it while its first load fails.
  track("/data/Sales_1.qvd");
  record(1).status = tracking::FileState::kFailed;
  record(1).retry_at_us = 1;
  record(1).stored_as = "/data/Sales_1.qvd#2";
  EXPECT_EQ(decide({"/data/Sales_1.qvd"}).at(0).stored_as, "/data/Sales_1.qvd#2");
}

TEST_F(DecideSets, AChangedFileReplacesTheRowsThatItHas) {
  track("/data/Sales_2.qvd");
  record(0).stored_as = "/data/Sales_1.qvd";
  record(0).file_size = 99;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kChanged);
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).stored_as, "/data/Sales_1.qvd");
  record(0).table_name = "Before";  // there it had that key; here it has none yet
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).stored_as, "/data/Sales_2.qvd");
}

TEST(RulesHash, ChangesWithEveryRuleThatMattersAndWithNoOther) {
  Placement placement;
  const auto hash = [&] { return settings_hash("general", placement); };
  EXPECT_EQ(hash(), "general");  // what an older version wrote
  placement.rules.where = "qvdhouse.toml:1";
  placement.rules.match = "*.qvd";
  placement.rules.vanished = schema::VanishedPolicy::kDelete;
  placement.rules.pre_sql = {"SELECT 1"};
  EXPECT_EQ(hash(), "general");

  std::set<std::string> seen{hash()};
  schema::TableRules& rules = placement.rules;
  const auto changed = [&] { EXPECT_TRUE(seen.insert(hash()).second) << seen.size(); };
  rules.drift = schema::DriftPolicy::kDiscard, changed();
  rules.include = {"a"}, changed();
  rules.exclude = {"a"}, changed();
  rules.include.clear(), changed();
  rules.rename = {{"a", "b"}}, changed();
  rules.types = {{"a", "b"}}, changed();
  rules.codecs = {{"a", "b"}}, changed();
  rules.types.clear(), changed();
  rules.settings = {{"a", "b"}}, changed();
  rules.with_file = true, changed();
  rules.with_row = true, changed();
  rules.with_loaded_at = true, changed();
  rules.with_run_id = true, changed();
  rules.order_by = {"a"}, changed();
  rules.partition_by = "a", changed();
  rules.engine = "MergeTree", changed();
  rules.ttl = "a", changed();
  rules.column_rules = {{.columns = "a", .min = "1"}}, changed();
  rules.column_rules[0].max = "1", changed();
  rules.column_rules[0].action = schema::RuleAction::kDrop, changed();
  rules.column_rules.push_back({.columns = "a", .in = {"b"}}), changed();
  rules.column_rules[1] = {.columns = "a", .matches = "b"}, changed();
  rules.max_errors = 1, changed();
  rules.max_error_ratio = 0.5, changed();
  placement.name_parts = {{"day", "1"}}, changed();
  const std::string of_day_1 = hash();
  placement.name_parts = {{"day", "2"}};
  EXPECT_EQ(hash(), of_day_1);
  placement.mode = schema::LoadMode::kAppend, changed();
  EXPECT_EQ(mode_of_hash(hash()), schema::LoadMode::kAppend);
  placement.mode = schema::LoadMode::kReplaceByFile, changed();
  EXPECT_EQ(mode_of_hash(hash()), schema::LoadMode::kReplaceByFile);
  EXPECT_EQ(mode_of_hash(of_day_1), schema::LoadMode::kReplace);
}

}  // namespace
}  // namespace qvdhouse::decide
