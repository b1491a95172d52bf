#include "decide/anomaly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/test_decide.h"

namespace qvdhouse::decide {
namespace {

using schema::AnomalyPolicy;
using testing::ElementsAre;
using testing::HasSubstr;
using tracking::FileState;
using tracking::PastLoad;

std::vector<PastLoad> loads(const std::vector<std::uint64_t>& rows) {
  std::vector<PastLoad> past;
  for (const std::uint64_t count : rows) past.push_back({.rows = count, .bytes = count * 10});
  return past;
}

TEST(Anomaly, SaysExactlyHowFarTheFileIsFromTheMedian) {
  EXPECT_EQ(anomaly_of(10, 100, loads({100, 100, 100}), 0.5),
            "10 rows, 90.0 % fewer than the median of its last 3 loads (100 rows); "
            "100 bytes, 90.0 % fewer than the median of its last 3 loads (1,000 bytes)");
  EXPECT_EQ(anomaly_of(1'000, 1'000, loads({100, 90, 110, 100}), 0.5),
            "1,000 rows, 900.0 % more than the median of its last 4 loads (100 rows)");
}

TEST(Anomaly, TheBoundItselfIsAllowed) {
  EXPECT_EQ(anomaly_of(50, 1'000, loads({100, 100, 100}), 0.5), "");
  EXPECT_NE(anomaly_of(49, 1'000, loads({100, 100, 100}), 0.5), "");
  EXPECT_EQ(anomaly_of(150, 1'000, loads({100, 100, 100}), 0.5), "");
  EXPECT_NE(anomaly_of(151, 1'000, loads({100, 100, 100}), 0.5), "");
  EXPECT_EQ(anomaly_of(10, 100, loads({100, 100, 100}), 0.9), "");
}

TEST(Anomaly, TwoLoadsSayNothingAndNeitherDoEmptyFiles) {
  EXPECT_EQ(anomaly_of(10, 100, loads({100, 100}), 0.5), "");
  EXPECT_EQ(anomaly_of(10, 100, {}, 0.5), "");
  EXPECT_EQ(anomaly_of(10, 0, loads({0, 0, 0}), 0.5), "");
  EXPECT_THAT(anomaly_of(0, 1'000, loads({100, 100, 100}), 0.5), HasSubstr("100.0 % fewer"));
}

TEST(Anomaly, WhatWasLetThroughIsUsualFromThenOn) {
  EXPECT_EQ(anomaly_of(11, 110, loads({10, 100, 100, 100}), 0.5), "");
  EXPECT_EQ(anomaly_of(100, 1'000, loads({10, 100, 100, 100}), 0.5), "");
  EXPECT_NE(anomaly_of(2, 20, loads({10, 100, 100, 100}), 0.5), "");
}

TEST(Anomaly, WithoutRowsTheBytesDecide) {
  EXPECT_EQ(anomaly_of(std::nullopt, 1'000, loads({100, 100, 100}), 0.5), "");
  EXPECT_THAT(anomaly_of(std::nullopt, 10, loads({100, 100, 100}), 0.5), HasSubstr("10 bytes"));
}

class FindAnomalies : public testing::Test, protected DecideFixture {
 protected:
  // One file that was loaded and has changed; each rule says the same.
  void change(const std::string& path, AnomalyPolicy policy) {
    for (schema::TableRules& rule : facts.rules) rule.anomaly = policy;
    schema::TableRules all;
    all.anomaly = policy;
    facts.rules.push_back(all);
    track(path);
    record(0).file_size = 1'000;
    record(0).settings_hash = loaded(file_at(path)).settings_hash;
    past[path] = loads({100, 100, 100});
    facts.row_count = [this](const source::FileEntry&) {
      ++headers_read;
      return std::optional<std::uint64_t>(10);
    };
  }
  Decision found(const std::string& path) {
    std::vector<Decision> decisions = decide({path});
    find_anomalies(decisions, facts, past);
    return decisions.at(0);
  }

  tracking::PastLoads past;
  int headers_read = 0;
};

TEST_F(FindAnomalies, AFileIsHeldWithTheNumbersAndTheWayThrough) {
  change("/data/Item.qvd", AnomalyPolicy::kHold);
  const Decision decision = found("/data/Item.qvd");
  EXPECT_EQ(decision.action, Action::kWait);
  EXPECT_EQ(decision.reason_code, Reason::kAnomaly);
  EXPECT_EQ(decision.reason,
            "it is not as usual: 10 rows, 90.0 % fewer than the median of its last 3 loads (100 "
            "rows); 100 bytes, 90.0 % fewer than the median of its last 3 loads (1,000 bytes); "
            "anomaly_ratio allows 50 %; it waits, and its table stays as it is (anomaly = "
            "\"hold\"): `qvdhouse sync /data/Item.qvd --full` loads it as it is");
}

TEST_F(FindAnomalies, AFileIsLoadedWithAWarningOrWithoutALook) {
  change("/data/Item.qvd", AnomalyPolicy::kWarn);
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kLoad);
  EXPECT_THAT(found("/data/Item.qvd").anomaly, HasSubstr("90.0 % fewer"));
  for (schema::TableRules& rule : facts.rules) rule.anomaly = AnomalyPolicy::kOff;
  headers_read = 0;
  EXPECT_EQ(found("/data/Item.qvd").anomaly, "");
  EXPECT_EQ(headers_read, 0);
}

TEST_F(FindAnomalies, AFullRunAndAResetLetItThrough) {
  change("/data/Item.qvd", AnomalyPolicy::kHold);
  facts.full = true;
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kLoad);
  facts.full = false;
  record(0).status = FileState::kWaiting;
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kWait);
  record(0).status = FileState::kVanished;  // held, and away for a run
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kWait);
  record(0).status = FileState::kReset;
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kLoad);
  facts.tracked.clear();
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kLoad);
}

TEST_F(FindAnomalies, RowsThatGiveWayToLaterOnesAreNotCompared) {
  change("/data/Item.qvd", AnomalyPolicy::kHold);
  past["/data/Item.qvd"] = {3, PastLoad{.rows = 100, .bytes = 100}};
  std::vector<Decision> decisions = decide({"/data/Item.qvd"});
  decisions.at(0).placement.rules.duplicate_keys = schema::DuplicateKeys::kLast;
  find_anomalies(decisions, facts, past);
  EXPECT_EQ(decisions[0].action, Action::kLoad);
  EXPECT_EQ(headers_read, 0);
  EXPECT_EQ(found("/data/Item.qvd").action, Action::kWait);
}

TEST_F(FindAnomalies, OnlyFilesThatAreToBeLoadedAgainAreAskedFor) {
  change("/data/Item.qvd", AnomalyPolicy::kWarn);
  EXPECT_THAT(files_to_compare(decide({"/data/Item.qvd", "/data/New.qvd"}), facts),
              ElementsAre("/data/Item.qvd"));
  record(0) = loaded(file_at("/data/Item.qvd"));
  EXPECT_THAT(files_to_compare(decide({"/data/Item.qvd"}), facts), ElementsAre());
}

}  // namespace
}  // namespace qvdhouse::decide
