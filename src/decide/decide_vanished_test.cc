// Files that are not there any more, and what a source can have at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/test_decide.h"

namespace qvdhouse::decide {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Sales_1 is loaded and gone, Sales_2 is there; rows of Sales go with their file.
class DecideVanished : public testing::Test, protected DecideFixture {
 protected:
  DecideVanished() {
    facts.rules[0].vanished = schema::VanishedPolicy::kDelete;
    facts.rules.emplace_back();  // the defaults
    track("/data/Sales_1.qvd");
  }
  void delete_by_default() { facts.rules.back().vanished = schema::VanishedPolicy::kDelete; }
};

TEST_F(DecideVanished, RowsGoWhereTheRulesSaySo) {
  record(0).stored_as = "/data/first.qvd";
  const auto decisions = decide({"/data/Sales_2.qvd"});
  ASSERT_EQ(decisions.size(), 2U);
  EXPECT_EQ(decisions[0].file.path, "/data/Sales_1.qvd");
  EXPECT_EQ(decisions[0].action, Action::kRemove);
  EXPECT_EQ(decisions[0].reason_code, Reason::kVanished);
  EXPECT_THAT(decisions[0].reason, HasSubstr("rows in Sales go"));
  EXPECT_EQ(decisions[0].table, "Sales");
  EXPECT_TRUE(decisions[0].placement.is_set());
  EXPECT_EQ(decisions[0].stored_as, "/data/first.qvd");
  EXPECT_EQ(decisions[1].reason_code, Reason::kNew);
}

TEST_F(DecideVanished, RowsAreKeptByDefaultWhichOnlyTheTellingOneSays) {
  facts.rules[0].vanished = schema::VanishedPolicy::kKeep;
  EXPECT_THAT(codes({"/data/Sales_2.qvd"}), ElementsAre(Pair("/data/Sales_2.qvd", "new")));
  const auto told = decide_and_tell_kept({file_at("/data/Sales_2.qvd")}, facts);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].action, Action::kSkip);
  EXPECT_EQ(told[0].reason_code, Reason::kVanished);
  EXPECT_THAT(told[0].reason, HasSubstr("it vanished; its rows in Sales are kept"));
}

TEST_F(DecideVanished, WhatFailedOrWaitedIsSettled) {
  using tracking::FileState;
  track("/data/item.qvd");
  for (const FileState status : {FileState::kFailed, FileState::kWaiting, FileState::kCancelled}) {
    record(1).status = status;
    const auto decisions = decide({"/data/Sales_1.qvd"});
    ASSERT_EQ(decisions.size(), 2U);
    EXPECT_EQ(decisions[1].file.path, "/data/item.qvd");
    EXPECT_EQ(decisions[1].action, Action::kAdopt);
    EXPECT_EQ(decisions[1].reason_code, Reason::kVanished);
  }
  for (const FileState status : {FileState::kVanished, FileState::kReset}) {
    record(1).status = status;
    EXPECT_EQ(decide({"/data/Sales_1.qvd"}).size(), 1U);
  }
  // Rows of a set go all the same, where they are to go.
  record(0).status = FileState::kFailed;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"})[0].action, Action::kRemove);
  facts.rules[0].vanished = schema::VanishedPolicy::kKeep;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"})[0].action, Action::kAdopt);
}

TEST_F(DecideVanished, ASourceWithoutAnyFileDeletesNothing) {
  EXPECT_TRUE(decide({}).empty());
  source::FileEntry hidden = file_at("/data/.lock.qvd");
  hidden.skip_code = "hidden";
  hidden.skip_reason = "a dot";
  EXPECT_EQ(decide_files({hidden}, facts).size(), 1U);
  EXPECT_THAT(decide_and_tell_kept({}, facts).at(0).reason, HasSubstr("not mounted"));
}

TEST_F(DecideVanished, ASourceThatLostAllItsFilesHasFailed) {
  EXPECT_THAT(why_source_is_lost({}, facts),
              HasSubstr("had 1 file before, such as /data/Sales_1.qvd"));
  source::FileEntry hidden = file_at("/data/.lock.qvd");
  hidden.skip_code = "hidden";
  EXPECT_NE(why_source_is_lost({hidden}, facts), "");
  EXPECT_EQ(why_source_is_lost({file_at("/data/item.qvd")}, facts), "");
  // Whatever the rules say of vanished files, and whatever became of the file.
  facts.rules[0].vanished = schema::VanishedPolicy::kKeep;
  using tracking::FileState;
  for (const FileState status : {FileState::kCompleted, FileState::kFailed, FileState::kWaiting}) {
    record(0).status = status;
    EXPECT_NE(why_source_is_lost({}, facts), "") << base::to_string(status);
  }
  track("/data/item.qvd");
  EXPECT_THAT(why_source_is_lost({}, facts), HasSubstr("had 2 files before"));
  // Files of another source, that moved, or that `reset` forgot are no files of this one.
  facts.tracked = {loaded(file_at("/other/item.qvd"))};
  EXPECT_EQ(why_source_is_lost({}, facts), "");
  facts.tracked = {loaded(file_at("/data/item.qvd"))};
  for (const FileState status : {FileState::kMoved, FileState::kReset, FileState::kVanished}) {
    record(0).status = status;
    EXPECT_EQ(why_source_is_lost({}, facts), "") << base::to_string(status);
  }
  facts.tracked.clear();
  EXPECT_EQ(why_source_is_lost({}, facts), "");
}

TEST_F(DecideVanished, NothingIsKnownOfAFolderThatWasNotEntered) {
  track("/data/eu/Sales_3.qvd");
  source::FileEntry folder = file_at("/data/eu");
  folder.skip_code = "unreadable";
  folder.skip_reason = "no permission";
  const auto decisions = decide_files({folder, file_at("/data/Sales_1.qvd")}, facts);
  ASSERT_EQ(decisions.size(), 2U);
  EXPECT_EQ(decisions[0].reason_code, Reason::kUnchanged);
  EXPECT_EQ(decisions[1].reason_code, Reason::kUnreadable);
}

TEST_F(DecideVanished, NothingIsKnownOfAnArchiveThatCannotBeRead) {
  facts.is_gone = [](const std::string& path) { return path.starts_with("zip://"); };
  facts.tracked = {loaded(file_at("zip://Sales_1.qvd::/data/a.zip")),
                   loaded(file_at("zip://Sales_2.qvd::/data/b.zip"))};
  source::FileEntry archive = file_at("/data/a.zip");
  archive.skip_code = "unreadable";
  archive.skip_reason = "an archive that cannot be read";
  const auto decisions = decide_files({archive, file_at("/data/Sales_3.qvd")}, facts);
  ASSERT_EQ(decisions.size(), 3U);
  for (const Decision& decision : decisions) {
    EXPECT_EQ(decision.action == Action::kRemove,
              decision.file.path == "zip://Sales_2.qvd::/data/b.zip")
        << decision.file.path;
  }
}

TEST_F(DecideVanished, FilesOfOtherSourcesAndThoseThatAreLeftOutStay) {
  facts.tracked = {loaded(file_at("/other/Sales_1.qvd"))};
  EXPECT_THAT(codes({"/data/Sales_2.qvd"}), ElementsAre(Pair("/data/Sales_2.qvd", "new")));
  facts.is_gone = nullptr;
  track("/data/Sales_1.qvd");
  EXPECT_THAT(codes({"/data/Sales_2.qvd"}), ElementsAre(Pair("/data/Sales_2.qvd", "new")));
}

TEST_F(DecideVanished, AFileWhoseLastLoadFailedMayHaveRowsInASet) {
  record(0).status = tracking::FileState::kFailed;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).action, Action::kRemove);
  delete_by_default();
  facts.tracked = {loaded(file_at("/data/item.qvd"))};
  record(0).status =
      tracking::FileState::kFailed;  // by a collision, it may be: the table is another's
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(1).action, Action::kAdopt);  // nothing is removed
}

TEST_F(DecideVanished, RowsThatAreAnotherFilesByNowStay) {
  track("/data/Sales_2.qvd");
  record(1).stored_as = "/data/Sales_1.qvd";  // the move of a run that was killed
  EXPECT_THAT(codes({"/data/Sales_2.qvd"}), ElementsAre(Pair("/data/Sales_2.qvd", "unchanged")));
}

TEST_F(DecideVanished, ATableOfOneFileGoesWithIt) {
  delete_by_default();
  facts.tracked = {loaded(file_at("/data/item.qvd"))};
  const Decision decision = decide({"/data/Sales_2.qvd"}).at(1);
  EXPECT_EQ(decision.action, Action::kRemove);
  EXPECT_EQ(decision.table, "QvdItem");
  EXPECT_FALSE(decision.placement.is_set());
}

TEST_F(DecideVanished, ATableThatAnotherFileHasOrTakesStays) {
  delete_by_default();
  facts.tracked = {loaded(file_at("/data/item.qvd"))};
  EXPECT_THAT(codes({"/data/sub/item.qvd"}), ElementsAre(Pair("/data/sub/item.qvd", "new")));
  facts.tracked.push_back(loaded(file_at("/other/item.qvd")));
  EXPECT_THAT(codes({"/data/Sales_2.qvd"}), ElementsAre(Pair("/data/Sales_2.qvd", "new")));
}

TEST_F(DecideVanished, ATableOfOtherRulesThanTodaysStays) {
  record(0).table_name = "Before";
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).size(), 1U);
  record(0).table_name = "Sales";
  record(0).settings_hash = "today";  // loaded when the table was of one file
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).size(), 1U);
}

}  // namespace
}  // namespace qvdhouse::decide
