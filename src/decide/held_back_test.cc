#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/test_decide.h"

namespace qvdhouse::decide {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::int64_t kOneMinute = 60 * kSecond;

// A source /data whose files, markers and loads are told in minutes since a batch began.
class HeldBack : public testing::Test, protected DecideFixture {
 protected:
  HeldBack() {
    facts.folder = "/data";
    facts.tables.reset();
    facts.fingerprint = [this](const source::FileEntry& file) {
      const std::string version = is_rewritten_ ? std::to_string(file.mtime_us) : "";
      return "of " + file.path + version;
    };
  }
  static std::int64_t minute(int number) { return kLongAgo + number * kOneMinute; }
  void put(const std::string& path, int written) {
    std::erase_if(files_, [&](const source::FileEntry& file) { return file.path == path; });
    files_.push_back(file_at(path));
    files_.back().mtime_us = minute(written);
  }
  void mark(const std::string& path, int written) {
    std::erase_if(facts.markers, [&](const auto& marker) { return marker.path == path; });
    facts.markers.push_back(file_at(path));
    facts.markers.back().mtime_us = minute(written);
  }
  // As a run leaves it that loads what is there.
  void load(const std::string& path, int began,
            tracking::FileState state = tracking::FileState::kCompleted) {
    std::erase_if(facts.tracked, [&](const auto& record) { return record.file_path == path; });
    for (const source::FileEntry& file : files_) {
      if (file.path != path) continue;
      facts.tracked.push_back(loaded(file));
      facts.tracked.back().processed_at_us = minute(began) + 10 * kSecond;
      facts.tracked.back().processing_duration_seconds = 10;
      facts.tracked.back().status = state;
    }
  }
  std::map<std::string, std::string> codes() const {
    std::map<std::string, std::string> codes;
    for (const Decision& decision : decide_files(files_, facts)) {
      codes[decision.file.path] = base::to_string(decision.reason_code);
    }
    return codes;
  }
  std::string reason(const std::string& path) const {
    for (const Decision& decision : decide_files(files_, facts)) {
      if (decision.file.path == path) return decision.reason;
    }
    return "";
  }

  std::vector<source::FileEntry> files_;
  bool is_rewritten_ = true;  // with other content; else only the times of files change
};

TEST_F(HeldBack, FilesWaitForAMarkerThatWasWrittenAfterThem) {
  facts.wait_for = {"_DONE"};
  put("/data/a.qvd", 1);
  put("/data/b.qvd", 2);
  EXPECT_THAT(codes(),
              ElementsAre(Pair("/data/a.qvd", "wait-for"), Pair("/data/b.qvd", "wait-for")));
  EXPECT_THAT(reason("/data/a.qvd"), HasSubstr("it waits for _DONE, which is not there"));
  mark("/data/_DONE", 2);  // within the same second, where a storage counts them
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/a.qvd", "new"), Pair("/data/b.qvd", "new")));
  // A run that is killed after its first file.
  load("/data/a.qvd", 5);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/a.qvd", "unchanged"), Pair("/data/b.qvd", "new")));
  load("/data/b.qvd", 6, tracking::FileState::kFailed);
  facts.tracked.back().retry_at_us = 1;
  // The next batch: the old marker is not its own.
  put("/data/a.qvd", 10);
  put("/data/c.qvd", 11);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/a.qvd", "wait-for"), Pair("/data/b.qvd", "retry"),
                                   Pair("/data/c.qvd", "wait-for")));
  EXPECT_THAT(reason("/data/c.qvd"), HasSubstr("and waits for the next one"));
  mark("/data/_DONE", 12);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/a.qvd", "changed"), Pair("/data/b.qvd", "retry"),
                                   Pair("/data/c.qvd", "new")));
}

TEST_F(HeldBack, AMarkerIsForItsFolderAndThatOfTheSourceForAll) {
  facts.wait_for = {"*.done"};
  put("/data/eu/a.qvd", 1);
  put("/data/us/b.qvd", 1);
  mark("/data/eu/it's.done", 2);
  EXPECT_THAT(codes(),
              ElementsAre(Pair("/data/eu/a.qvd", "new"), Pair("/data/us/b.qvd", "wait-for")));
  mark("/data/all.done", 2);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/eu/a.qvd", "new"), Pair("/data/us/b.qvd", "new")));
}

TEST_F(HeldBack, ARuleHasItsOwn) {
  facts.wait_for = {"_DONE"};
  facts.rules[0].wait_for = {"Sales.ok"};
  put("/data/Sales_1.qvd", 1);
  put("/data/item.qvd", 1);
  mark("/data/Sales.ok", 1);
  EXPECT_THAT(codes(),
              ElementsAre(Pair("/data/Sales_1.qvd", "new"), Pair("/data/item.qvd", "wait-for")));
}

TEST_F(HeldBack, RowsOfAFileThatVanishedWaitToo) {
  facts.rules[0].vanished = schema::VanishedPolicy::kDelete;
  facts.wait_for = {"_DONE"};
  put("/data/Sales_1.qvd", 1);
  load("/data/Sales_1.qvd", 2);
  files_.clear();
  put("/data/Sales_2.qvd", 3);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/Sales_1.qvd", "wait-for"),
                                   Pair("/data/Sales_2.qvd", "wait-for")));
  mark("/data/_DONE", 4);
  EXPECT_THAT(codes(),
              ElementsAre(Pair("/data/Sales_1.qvd", "vanished"), Pair("/data/Sales_2.qvd", "new")));
}

TEST_F(HeldBack, AStorageWithoutTimesCannotHaveMarkers) {
  facts.wait_for = {"_DONE"};
  put("/data/a.qvd", 1);
  files_[0].mtime_us = 0;
  mark("/data/_DONE", 2);
  EXPECT_THAT(reason("/data/a.qvd"), HasSubstr("wait_for cannot be used here"));
}

TEST_F(HeldBack, ASetOfFilesIsABatchWhenAllOfThemAreNew) {
  facts.wait_for = {"a.qvd", "B*.QVD"};
  put("/data/a.qvd", 1);
  put("/data/c.qvd", 1);
  EXPECT_THAT(reason("/data/c.qvd"), HasSubstr("it waits for B*.QVD, which is not there"));
  put("/data/B1.qvd", 2);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/B1.qvd", "new"), Pair("/data/a.qvd", "new"),
                                   Pair("/data/c.qvd", "new")));
  // Killed after each of its files, it goes on.
  load("/data/a.qvd", 5);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/B1.qvd", "new"), Pair("/data/a.qvd", "unchanged"),
                                   Pair("/data/c.qvd", "new")));
  load("/data/B1.qvd", 6);
  EXPECT_THAT(codes(), testing::Contains(Pair("/data/c.qvd", "new")));
  load("/data/c.qvd", 7);
  // The next batch.
  put("/data/a.qvd", 10);
  put("/data/c.qvd", 11);
  EXPECT_THAT(codes(),
              ElementsAre(Pair("/data/B1.qvd", "unchanged"), Pair("/data/a.qvd", "wait-for"),
                          Pair("/data/c.qvd", "wait-for")));
  EXPECT_THAT(reason("/data/a.qvd"), HasSubstr("it waits for B*.QVD to be written again after"));
  put("/data/B1.qvd", 12);
  load("/data/a.qvd", 13);  // and killed again
  EXPECT_THAT(codes(),
              ElementsAre(Pair("/data/B1.qvd", "changed"), Pair("/data/a.qvd", "unchanged"),
                          Pair("/data/c.qvd", "changed")));
}

TEST_F(HeldBack, AFileWithTheSameContentIsOfItsBatch) {
  facts.wait_for = {"a.qvd", "b.qvd"};
  is_rewritten_ = false;
  put("/data/a.qvd", 1);
  put("/data/b.qvd", 1);
  load("/data/a.qvd", 2);
  load("/data/b.qvd", 3);
  put("/data/a.qvd", 60);
  EXPECT_THAT(codes(), testing::Contains(Pair("/data/a.qvd", "wait-for")));
  put("/data/b.qvd", 61);
  EXPECT_THAT(codes(), ElementsAre(Pair("/data/a.qvd", "touched"), Pair("/data/b.qvd", "touched")));
}

TEST_F(HeldBack, AFileOfTheNextBatchThatIsStillWrittenLeavesTheRecordOfTheLastOne) {
  facts.wait_for = {"a.qvd", "b.qvd"};
  put("/data/a.qvd", 1);
  put("/data/b.qvd", 1);
  load("/data/a.qvd", 2);
  load("/data/b.qvd", 3);
  put("/data/a.qvd", 60);
  facts.missing = [](const source::FileEntry&) { return "its end"; };
  EXPECT_THAT(codes(), testing::Contains(Pair("/data/a.qvd", "wait-for")));
}

}  // namespace
}  // namespace qvdhouse::decide
