// Files that are the same under another time or another name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "decide/test_decide.h"

namespace qvdhouse::decide {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class DecideTouched : public testing::Test, protected DecideFixture {
 protected:
  DecideTouched() { track("/data/item.qvd"); }
  Decision touched() {
    source::FileEntry file = file_at("/data/item.qvd");
    file.mtime_us += kSecond;
    return decide_files({file}, facts).at(0);
  }
};

TEST_F(DecideTouched, TheSameContentIsNotLoadedAgain) {
  record(0).stored_as = "/data/old.qvd";
  const Decision decision = touched();
  EXPECT_EQ(decision.action, Action::kAdopt);
  EXPECT_EQ(decision.reason_code, Reason::kTouched);
  EXPECT_THAT(decision.reason, HasSubstr("09:15:00.000000 UTC → 2026-07-12 09:15:01.000000 UTC"));
  EXPECT_EQ(decision.stored_as, "/data/old.qvd");
  EXPECT_EQ(decision.moved_from, "");
}

TEST_F(DecideTouched, AnotherETagOfTheSameContentToo) {
  record(0).file_etag = "a";
  source::FileEntry file = file_at("/data/item.qvd");
  file.etag = "b";
  EXPECT_EQ(decide_files({file}, facts).at(0).reason_code, Reason::kTouched);
}

TEST_F(DecideTouched, AnotherContentIsLoaded) {
  contents["/data/item.qvd"] = "another";
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
}

TEST_F(DecideTouched, ThreePiecesThatAreTheSameProveNothing) {
  wholes["/data/item.qvd"] = "another in between";
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
  wholes["/data/item.qvd"] = "";  // cannot be read
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
}

TEST_F(DecideTouched, ARecordWithoutContentHashCountsAsChangedUnlessRowsWouldComeTwice) {
  record(0).content_hash = "";
  EXPECT_EQ(touched().reason_code, Reason::kChanged);

  track("/data/log_1.qvd");  // append
  record(1).content_hash = "";
  source::FileEntry log = file_at("/data/log_1.qvd");
  log.mtime_us += kSecond;
  const Decision decision = decide_files({log, file_at("/data/item.qvd")}, facts).at(1);
  EXPECT_EQ(decision.reason_code, Reason::kTouched);
  EXPECT_THAT(decision.reason, HasSubstr("start, middle and end of it"));
  EXPECT_EQ(decision.content_hash, "of /data/log_1.qvd");
}

TEST_F(DecideTouched, OnlyAFileWithTheFingerprintIsReadWhole) {
  std::atomic<int> asked = 0;
  facts.content_hash = [&](const source::FileEntry&) {
    ++asked;
    return std::string("of /data/item.qvd");
  };
  EXPECT_EQ(touched().reason_code, Reason::kTouched);
  EXPECT_EQ(asked, 1);
  contents["/data/item.qvd"] = "another";
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
  record(0).content_hash = "";
  contents.clear();
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
  EXPECT_EQ(asked, 1);
}

TEST_F(DecideTouched, AFileThatCanNotBeReadIsLoadedWhichSaysWhy) {
  contents["/data/item.qvd"] = "";
  record(0).fingerprint = "";
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
}

TEST_F(DecideTouched, AFullRunLoadsIt) {
  facts.full = true;
  EXPECT_EQ(touched().reason_code, Reason::kFull);
}

TEST_F(DecideTouched, AFileWhoseLastLoadFailedIsLoaded) {
  record(0).status = tracking::FileState::kFailed;
  EXPECT_EQ(touched().reason_code, Reason::kChanged);
}

TEST_F(DecideTouched, AFileWhoseTableIsAnotherIsLoaded) {
  record(0).table_name = "Before";
  EXPECT_EQ(touched().action, Action::kLoad);
  record(0).table_name = "QvdItem";
  facts.tables->erase("QvdItem");
  EXPECT_EQ(touched().action, Action::kLoad);
}

TEST_F(DecideTouched, OneFileAsTheLoaderAsksForIt) {
  source::FileEntry file = file_at("/data/item.qvd");
  file.mtime_us += kSecond;
  const Placement placement = place_file(file.path, facts.rules, facts.policy);
  EXPECT_EQ(decide_file(file, placement, &record(0), facts.without_tracked(kNow)).reason_code,
            Reason::kTouched);
  record(0).status = tracking::FileState::kMoved;
  EXPECT_EQ(decide_file(file, placement, &record(0), facts).reason_code, Reason::kNew);
}

TEST_F(DecideTouched, OnlyFilesAsLargeAsOneThatWasLoadedAreRead) {
  track("/data/Sales_1.qvd");
  record(1).fingerprint = "";  // loaded before there were fingerprints
  track("/data/gone.qvd");
  std::atomic<int> asked = 0;
  facts.fingerprint = [&](const source::FileEntry&) {
    ++asked;
    return std::string("x");
  };
  source::FileEntry larger = file_at("/data/item.qvd");
  larger.size = 101;
  source::FileEntry old_record = file_at("/data/Sales_1.qvd");
  old_record.mtime_us += 1;
  source::FileEntry other_new = file_at("/data/new.qvd");
  other_new.size = 99;
  decide_files({old_record, larger, other_new, file_at("/data/item2.qvd")}, facts);
  EXPECT_EQ(asked, 1);  // item2 may be gone.qvd
}

class DecideMoved : public testing::Test, protected DecideFixture {
 protected:
  // `from` was loaded, and what it held is now in `to`.
  void move(const std::string& from, const std::string& to) {
    track(from);
    contents[to] = "of " + from;
  }
};

TEST_F(DecideMoved, ThreePiecesThatAreTheSameProveNothing) {
  move("/data/Sales_1.qvd", "/data/Sales_2.qvd");
  wholes["/data/Sales_2.qvd"] = "another in between";
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kNew);
}

TEST_F(DecideMoved, ARecordWithoutContentHashIsNoOriginUnlessRowsWouldComeTwice) {
  move("/data/Sales_1.qvd", "/data/Sales_2.qvd");
  record(0).content_hash = "";
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kNew);
  move("/data/log_1.qvd", "/data/old/log_1.qvd");
  record(1).content_hash = "";
  EXPECT_EQ(codes({"/data/old/log_1.qvd", "/data/Sales_1.qvd"})["/data/old/log_1.qvd"], "moved");
}

TEST_F(DecideMoved, WithinASetIsOnlyWrittenDown) {
  move("/data/Sales_1.qvd", "/data/2024/Sales_1.qvd");
  const auto decisions = decide({"/data/2024/Sales_1.qvd"});
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(decisions[0].action, Action::kAdopt);
  EXPECT_EQ(decisions[0].reason_code, Reason::kMoved);
  EXPECT_THAT(decisions[0].reason, HasSubstr("it is /data/Sales_1.qvd, which was loaded"));
  EXPECT_EQ(decisions[0].moved_from, "/data/Sales_1.qvd");
  EXPECT_EQ(decisions[0].stored_as, "/data/Sales_1.qvd");

  // Moved once more, its rows are still those of the first path.
  record(0).file_path = "/data/2024/Sales_1.qvd";
  record(0).stored_as = "/data/Sales_1.qvd";
  contents["/data/2025/Sales_1.qvd"] = "of /data/Sales_1.qvd";
  EXPECT_EQ(decide({"/data/2025/Sales_1.qvd"}).at(0).stored_as, "/data/Sales_1.qvd");
}

TEST_F(DecideMoved, ADeletingPolicyDoesNotDeleteWhatMoved) {
  facts.rules[0].vanished = schema::VanishedPolicy::kDelete;
  move("/data/Sales_1.qvd", "/data/2024/Sales_1.qvd");
  EXPECT_THAT(codes({"/data/2024/Sales_1.qvd"}),
              ElementsAre(Pair("/data/2024/Sales_1.qvd", "moved")));
}

TEST_F(DecideMoved, AFileOfAnotherNameTakesItsTableAlong) {
  move("/data/item.qvd", "/data/article.qvd");
  const Decision decision = decide({"/data/article.qvd"}).at(0);
  EXPECT_EQ(decision.reason_code, Reason::kMoved);
  EXPECT_EQ(decision.table, "QvdArticle");
  EXPECT_THAT(decision.reason, HasSubstr("table QvdItem is renamed to QvdArticle"));
}

TEST_F(DecideMoved, NotWhenEitherTableIsAnothersToo) {
  move("/data/item.qvd", "/data/article.qvd");
  facts.tables->insert("QvdArticle");
  EXPECT_EQ(decide({"/data/article.qvd"}).at(0).reason_code, Reason::kNew);
  facts.tables->erase("QvdArticle");
  EXPECT_THAT(codes({"/data/article.qvd", "/data/sub/item.qvd"}),
              ElementsAre(Pair("/data/article.qvd", "new"), Pair("/data/sub/item.qvd", "new")));
  facts.tables.reset();  // not known
  EXPECT_EQ(decide({"/data/article.qvd"}).at(0).reason_code, Reason::kNew);
}

TEST_F(DecideMoved, NotWhenItsTableHoldsAnotherFilesRows) {
  move("/data/a/item.qvd", "/data/c/item.qvd");
  track("/data/b/item.qvd");  // took the table over, and is gone too
  EXPECT_EQ(decide({"/data/c/item.qvd"}).at(0).reason_code, Reason::kNew);
}

TEST_F(DecideMoved, NotIntoAnotherTableOfManyFilesNorWithOtherNameParts) {
  move("/data/Sales_1.qvd", "/data/log_1.qvd");
  EXPECT_EQ(decide({"/data/log_1.qvd"}).at(0).reason_code, Reason::kNew);
  move("/data/log_2.qvd", "/data/log_3.qvd");
  EXPECT_EQ(decide({"/data/log_3.qvd"}).at(0).reason_code, Reason::kNew);
  contents["/data/old/log_2.qvd"] = "of /data/log_2.qvd";
  EXPECT_EQ(decide({"/data/old/log_2.qvd"}).at(0).reason_code, Reason::kMoved);
}

TEST_F(DecideMoved, NotWhenTwoHaveTheContent) {
  move("/data/Sales_1.qvd", "/data/Sales_2.qvd");
  contents["/data/Sales_3.qvd"] = "of /data/Sales_1.qvd";
  EXPECT_THAT(codes({"/data/Sales_2.qvd", "/data/Sales_3.qvd"}),
              ElementsAre(Pair("/data/Sales_2.qvd", "new"), Pair("/data/Sales_3.qvd", "new")));
  track("/data/Sales_4.qvd");
  record(1).fingerprint = record(0).fingerprint;
  record(1).content_hash = record(0).content_hash;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kNew);
}

TEST_F(DecideMoved, NotWhenTheFirstIsStillThere) {
  move("/data/Sales_1.qvd", "/data/Sales_2.qvd");
  EXPECT_THAT(
      codes({"/data/Sales_1.qvd", "/data/Sales_2.qvd"}),
      ElementsAre(Pair("/data/Sales_1.qvd", "unchanged"), Pair("/data/Sales_2.qvd", "new")));
  facts.is_gone = [](const std::string&) { return false; };
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kNew);
}

TEST_F(DecideMoved, NotWhenItsRowsAreAnothersByNow) {
  move("/data/Sales_1.qvd", "/data/Sales_3.qvd");
  track("/data/Sales_2.qvd");
  record(1).stored_as = "/data/Sales_1.qvd";
  EXPECT_EQ(decide({"/data/Sales_2.qvd", "/data/Sales_3.qvd"}).at(1).reason_code, Reason::kNew);
  record(1).status = tracking::FileState::kMoved;  // it counts no more
  EXPECT_EQ(decide({"/data/Sales_3.qvd"}).at(0).reason_code, Reason::kMoved);
}

TEST_F(DecideMoved, AFileThatFailedBeforeMayBeOneThatMoved) {
  move("/data/Sales_1.qvd", "/data/Sales_2.qvd");
  track("/data/Sales_2.qvd");
  record(1).status = tracking::FileState::kWaiting;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kMoved);
  record(1).status = tracking::FileState::kCompleted;
  EXPECT_EQ(decide({"/data/Sales_2.qvd"}).at(0).reason_code, Reason::kUnchanged);
}

}  // namespace
}  // namespace qvdhouse::decide
