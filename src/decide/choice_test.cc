#include "decide/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "decide/test_decide.h"

namespace qvdhouse::decide {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kMay2024 = 1'714'521'600 * kSecond;  // 2024-05-01 00:00 UTC

void expect_period(std::string_view text, std::int64_t begin_us, std::int64_t length_us,
                   const std::string& zone = "") {
  const auto period = parse_period(text, schema::Zone(zone));
  ASSERT_TRUE(period) << text;
  EXPECT_EQ(period->begin_us, begin_us) << text;
  EXPECT_EQ(period->end_us - period->begin_us, length_us) << text;
}

TEST(ParsePeriod, ATextMeansAllOfTheTimeThatItNames) {
  expect_period("2024", kMay2024 - 121 * kDay, 366 * kDay);
  expect_period("2024-05", kMay2024, 31 * kDay);
  expect_period("202405", kMay2024, 31 * kDay);
  expect_period("2023-12", kMay2024 - 152 * kDay, 31 * kDay);
  expect_period("2024-05-02", kMay2024 + kDay, kDay);
  expect_period("20240502", kMay2024 + kDay, kDay);
  expect_period("2024-05-01 07:08", kMay2024 + 7 * kHour + 8 * kMinute, kMinute);
  expect_period("2024-05-01T07:08:09", kMay2024 + 7 * kHour + 8 * kMinute + 9 * kSecond, kSecond);
  expect_period("2024-05-01T00:00:00.5", kMay2024 + kSecond / 2, 1);
}

TEST(ParsePeriod, ATimeIsOneOfItsOffsetOrOfTheZone) {
  expect_period("2024-05-01T02:00Z", kMay2024 + 2 * kHour, kMinute, "Europe/Berlin");
  expect_period("2024-05-01T02:00+02:00", kMay2024, kMinute, "America/New_York");
  expect_period("2024-05-01 00:00-0530", kMay2024 + 5 * kHour + 30 * kMinute, kMinute);
  expect_period("2024-05", kMay2024 - 2 * kHour, 31 * kDay, "Europe/Berlin");
  // A day with 23 hours.
  expect_period("2024-03-31", kMay2024 - 31 * kDay - kHour, 23 * kHour, "Europe/Berlin");
}

TEST(ParsePeriod, AllElseIsNoTime) {
  for (const char* text :
       {"", "1", "24", "2024-13", "202400", "2024-02-30", "20240230", "2024-5", "2024-05-01T", "Z",
        "2024-05-01T25:00", "2024-05-01Z", "2024-05-01+02:00", "2024-05-01T07:08+2", "Budget",
        "2024Q1", "0000", "2024-05-01T07:08+25:00", "2024-05-01T07:08Zx"}) {
    EXPECT_FALSE(parse_period(text, schema::Zone(""))) << text;
  }
}

TEST(ParseChoice, ALengthOfTimeIsSoLongAgo) {
  const Choice choice = parse_choice({.since = "2d", .until = "1h30m", .by = ""}, "--", "", kNow);
  EXPECT_EQ(choice.since_us, kNow - 2 * kDay);
  EXPECT_TRUE(choice.takes({kNow - 90 * kMinute, kNow - 90 * kMinute}));
  EXPECT_FALSE(choice.takes({kNow - 89 * kMinute, kNow - 89 * kMinute}));
  EXPECT_EQ(choice.text(), "since 2d until 1h30m");
}

TEST(ParseChoice, AMonthOfTheNameIsTakenWhenAPartOfItIs) {
  const Choice choice =
      parse_choice({.since = "2024-05-31", .until = "2024-07-01", .by = "month"}, "", "", kNow);
  const schema::Zone utc("");
  EXPECT_FALSE(choice.takes(*parse_period("202404", utc)));
  EXPECT_TRUE(choice.takes(*parse_period("202405", utc)));
  EXPECT_TRUE(choice.takes(*parse_period("202406", utc)));
  EXPECT_TRUE(choice.takes(*parse_period("202407", utc)));
  EXPECT_FALSE(choice.takes(*parse_period("202408", utc)));
}

std::string error_of(const ChoiceTexts& texts) {
  try {
    parse_choice(texts, "--", "", kNow);
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ParseChoice, WhatIsNoWindowIsRefused) {
  EXPECT_THAT(error_of({.since = "yesterday", .until = "", .by = ""}),
              HasSubstr("--since: expected a time such as 2024"));
  EXPECT_THAT(error_of({.since = "2024-06", .until = "2024-05", .by = ""}),
              HasSubstr("--since 2024-06 and --until 2024-05"));
  EXPECT_THAT(error_of({.since = "", .until = "", .by = "created"}), HasSubstr("--by created"));
  EXPECT_EQ(error_of({.since = "2024-05-01", .until = "2024-05-01", .by = ""}), "");
}

class ChoiceTest : public testing::Test, protected DecideFixture {
 protected:
  void ask(const ChoiceTexts& texts) { facts.choice = parse_choice(texts, "--", "", kNow); }
};

TEST_F(ChoiceTest, AFileOutsideOfTheWindowIsNotLookedAt) {
  ask({.since = "20240102", .until = "20240103", .by = "day"});
  facts.missing = [](const source::FileEntry&) -> std::string {
    ADD_FAILURE() << "a file was looked at";
    return "";
  };
  const std::vector<Decision> decisions =
      decide({"/data/log_20240101.qvd", "/data/log_20240103.qvd", "/data/log_Budget.qvd",
              "/data/item.qvd"});
  std::map<std::string, std::string> codes;
  std::map<std::string, std::string> reasons;
  for (const Decision& decision : decisions) {
    codes[decision.file.name] = base::to_string(decision.reason_code);
    reasons[decision.file.name] = decision.reason;
  }
  EXPECT_THAT(codes,
              ElementsAre(Pair("item.qvd", "window"), Pair("log_20240101.qvd", "window"),
                          Pair("log_20240103.qvd", "new"), Pair("log_Budget.qvd", "window")));
  EXPECT_THAT(reasons["log_20240101.qvd"],
              HasSubstr("its day is \"20240101\": it is not of the time that was asked for (since "
                        "20240102 until 20240103, by day)"));
  EXPECT_THAT(reasons["log_Budget.qvd"], HasSubstr("which is no time"));
  EXPECT_THAT(reasons["item.qvd"], HasSubstr("no part {day}"));
}

TEST_F(ChoiceTest, AFileThatIsGoneAndOutsideOfTheWindowKeepsItsRows) {
  for (schema::TableRules& rules : facts.rules) rules.vanished = schema::VanishedPolicy::kDelete;
  track("/data/log_20240101.qvd");
  track("/data/log_20240102.qvd");
  ask({.since = "20240102", .until = "", .by = "day"});
  EXPECT_THAT(codes({"/data/log_20240103.qvd"}),
              ElementsAre(Pair("/data/log_20240102.qvd", "vanished"),
                          Pair("/data/log_20240103.qvd", "new")));
}

TEST_F(ChoiceTest, ARowOfAFileThatMovedOutOfTheWindowStays) {
  for (schema::TableRules& rules : facts.rules) rules.vanished = schema::VanishedPolicy::kDelete;
  track("/data/Sales_1.qvd");
  contents["/data/Sales_2.qvd"] = contents["/data/Sales_1.qvd"] = "the same";
  facts.tracked[0] = loaded(file_at("/data/Sales_1.qvd"));
  facts.tracked[0].file_mtime_us = kNow;
  ask({.since = "10m", .until = "", .by = ""});
  EXPECT_THAT(codes({"/data/Sales_2.qvd", "/data/item.qvd"}),
              ElementsAre(Pair("/data/Sales_2.qvd", "window"), Pair("/data/item.qvd", "window")));
}

TEST_F(ChoiceTest, TheTimeOfCreationIsTheHeadersOrThatOfItsLoad) {
  track("/data/item.qvd");
  facts.tracked[0].qvd_created_at = "2024-05-01 10:00:00";
  facts.created = [](const source::FileEntry& file) -> std::string {
    EXPECT_EQ(file.name.starts_with("Sales"), true) << file.name;
    return file.name == "Sales_1.qvd" ? "2024-05-02 00:00:00" : "";
  };
  ask({.since = "", .until = "2024-05-01", .by = "created"});
  EXPECT_THAT(codes({"/data/item.qvd", "/data/Sales_1.qvd", "/data/Sales_2.qvd"}),
              ElementsAre(Pair("/data/Sales_1.qvd", "window"), Pair("/data/Sales_2.qvd", "window"),
                          Pair("/data/item.qvd", "unchanged")));
}

TEST_F(ChoiceTest, APartThatNoPatternHasIsRefused) {
  ask({.since = "2024", .until = "", .by = "dya"});
  try {
    decide({"/data/log_20240101.qvd"});
    FAIL();
  } catch (const base::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("expected modified, created, day"));
    EXPECT_THAT(error.what(), HasSubstr("did you mean day?"));
  }
}

std::vector<std::string> taken(std::vector<Decision> decisions, const Choice& choice,
                               std::uint64_t begun = 0) {
  take_turns(decisions, choice, begun);
  std::vector<std::string> names(decisions.size());
  std::size_t count = 0;
  for (const Decision& decision : decisions) {
    if (decision.action != Action::kLoad) continue;
    names[choice.order == Order::kName ? count : decision.turn] = decision.file.name;
    ++count;
  }
  names.resize(count);
  return names;
}

TEST(TakeTurns, TheLimitIsOnLoadsAndTheOrderSaysWhich) {
  std::vector<Decision> decisions(4);
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    decisions[i].file.name = std::string(1, static_cast<char>('a' + i));
    decisions[i].action = i == 0 ? Action::kSkip : Action::kLoad;
    decisions[i].reason = "it was not loaded before";
  }
  const std::array<std::uint64_t, 4> sizes = {1, 30, 10, 20};
  const std::array<std::int64_t, 4> times = {9, 2, 0, 5};
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    decisions[i].file.size = sizes[i];
    decisions[i].time_us = times[i];
  }
  Choice choice;
  EXPECT_THAT(taken(decisions, choice), ElementsAre("b", "c", "d"));
  choice.limit = 2;
  EXPECT_THAT(taken(decisions, choice), ElementsAre("b", "c"));
  EXPECT_THAT(taken(decisions, choice, 1), ElementsAre("b"));
  EXPECT_THAT(taken(decisions, choice, 5), ElementsAre());
  choice.order = Order::kNewest;
  EXPECT_THAT(taken(decisions, choice), ElementsAre("d", "b"));
  choice.order = Order::kOldest;
  EXPECT_THAT(taken(decisions, choice), ElementsAre("b", "d"));
  choice.order = Order::kSmallest;
  EXPECT_THAT(taken(decisions, choice), ElementsAre("c", "d"));
  choice.order = Order::kLargest;
  EXPECT_THAT(taken(decisions, choice), ElementsAre("b", "d"));
  take_turns(decisions, choice);
  EXPECT_EQ(decisions[2].reason_code, Reason::kLimit);
  EXPECT_THAT(decisions[2].reason, HasSubstr("a run loads at most 2 files"));
  EXPECT_EQ(choice.text(), "at most 2 files, largest first");
}

}  // namespace
}  // namespace qvdhouse::decide
