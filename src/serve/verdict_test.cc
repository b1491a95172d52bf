#include "serve/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/test_time.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::RunState;

const Time kNoon = at("2026-11-23 12:00");

WorkflowFacts workflow(const std::string& name) {
  return {.name = name, .title = name, .last_look = kNoon - hours(1), .stale_after = hours(2)};
}

// Three tables of two sources, all current.
VerdictFacts good_facts() {
  VerdictFacts facts;
  facts.now = kNoon;
  facts.target = {.is_tried = true};
  facts.workflows = {workflow("lake"), workflow("sales")};
  facts.is_tracking_known = true;
  facts.tables = {{"A", {"lake"}}, {"B", {"lake"}}, {"C", {"sales"}}};
  facts.files = 3;
  return facts;
}

BrokenFact broken(const std::string& path, const std::string& table) {
  BrokenFact fact{.workflow = "lake"};
  fact.broken.file.file_path = path;
  fact.broken.file.file_name = path.substr(path.rfind('/') + 1);
  fact.broken.file.table_name = table;
  fact.broken.file.error_message = "the header ends early\nmore";
  fact.broken.file.error_class = ErrorClass::kInput;
  fact.broken.file.failure_count = 3;
  fact.broken.since_us = kNoon.time_since_epoch().count() * 1'000'000 - 1'500'000;
  return fact;
}

std::vector<std::string> reasons(const Judgement& judgement) {
  std::vector<std::string> list;
  for (const TableFreshness& table : judgement.tables) list.push_back(table.stale_reason);
  return list;
}

std::vector<std::string> ids(const Judgement& judgement) {
  std::vector<std::string> list;
  for (const Incident& incident : judgement.incidents) list.push_back(incident.id);
  return list;
}

TEST(Verdict, AllIsCurrent) {
  const Judgement judgement = judge(good_facts());
  EXPECT_EQ(judgement.verdict.level, Level::kGood);
  EXPECT_EQ(judgement.verdict.title, "All 3 tables current");
  EXPECT_EQ(judgement.verdict.current, 3U);
  EXPECT_THAT(reasons(judgement), ElementsAre("", "", ""));
  EXPECT_EQ(judgement.tables[0].looked_at, kNoon - hours(1));
  EXPECT_THAT(judgement.incidents, IsEmpty());
}

TEST(Verdict, ABrokenFileMakesStaleItsOwnTableOnly) {
  VerdictFacts facts = good_facts();
  facts.tables[1].failed_files = 1;
  facts.failed_files = 1;
  facts.broken_files = {broken("/lake/b.qvd", "B")};
  const Judgement judgement = judge(facts);
  EXPECT_EQ(judgement.verdict.level, Level::kWarn);
  EXPECT_EQ(judgement.verdict.title, "2 of 3 tables current");
  EXPECT_EQ(judgement.verdict.stale, 1U);
  EXPECT_EQ(judgement.verdict.broken_files, 1U);
  EXPECT_THAT(reasons(judgement), ElementsAre("", "1 file broken", ""));
  ASSERT_THAT(ids(judgement), ElementsAre("file:/lake/b.qvd"));
  const Incident& incident = judgement.incidents[0];
  EXPECT_EQ(incident.title, "b.qvd is broken (table B)");
  EXPECT_EQ(incident.error, "the header ends early");
  EXPECT_EQ(incident.count, 3U);
  EXPECT_EQ(incident.since, kNoon - std::chrono::seconds(2));
  EXPECT_EQ(incident.remedy, Remedy::kRetry);
}

// It has no table that could be stale.
TEST(Verdict, ABrokenFileThatNeverLoadedIsItsSourcesAlone) {
  VerdictFacts facts = good_facts();
  facts.failed_files = 1;
  facts.broken_files = {broken("/lake/new.qvd", "New")};
  const Judgement judgement = judge(facts);
  EXPECT_EQ(judgement.verdict.level, Level::kWarn);
  EXPECT_EQ(judgement.verdict.title, "All 3 tables current");
  EXPECT_EQ(judgement.verdict.broken_files, 1U);
}

TEST(Verdict, ASourceThatCannotBeReadMakesItsTablesStaleAfterTheInterval) {
  VerdictFacts facts = good_facts();
  facts.workflows[0].problem = RunProblem{.error = "no route to host",
                                          .error_class = ErrorClass::kIo,
                                          .since = kNoon - hours(1),
                                          .runs = 2};
  Judgement judgement = judge(facts);
  EXPECT_EQ(judgement.verdict.level, Level::kBad);
  EXPECT_EQ(judgement.verdict.title, "All 3 tables current");
  EXPECT_THAT(ids(judgement), ElementsAre("source:lake"));
  EXPECT_EQ(judgement.incidents[0].title, "source lake cannot be read");
  EXPECT_EQ(judgement.incidents[0].count, 2U);

  facts.now += hours(1) + std::chrono::seconds(1);
  facts.workflows[1].last_look = facts.now;
  judgement = judge(facts);
  EXPECT_EQ(judgement.verdict.title, "1 of 3 tables current");
  EXPECT_THAT(reasons(judgement), ElementsAre("not looked at since 2026-11-23 11:00:00 UTC",
                                              "not looked at since 2026-11-23 11:00:00 UTC", ""));
  EXPECT_THAT(ids(judgement), ElementsAre("source:lake")) << "one cause, one incident";
}

TEST(Verdict, ASourceThatNobodyLooksAtIsAnIncidentUnlessItIsPaused) {
  VerdictFacts facts = good_facts();
  facts.now += hours(2);
  facts.workflows[0].is_paused = true;
  const Judgement judgement = judge(facts);
  EXPECT_THAT(reasons(judgement),
              ElementsAre("", "", "not looked at since 2026-11-23 11:00:00 UTC"));
  ASSERT_THAT(ids(judgement), ElementsAre("source:sales"));
  EXPECT_TRUE(judgement.incidents[0].is_overdue);
  EXPECT_EQ(judgement.incidents[0].since, at("2026-11-23 13:00"));
  EXPECT_EQ(judgement.verdict.level, Level::kWarn);
}

TEST(Verdict, ATableOfSeveralSourcesIsAsOldAsTheOldestOfThem) {
  VerdictFacts facts = good_facts();
  facts.tables = {{"A", {"lake", "sales"}}, {"B", {"sales"}}, {"C", {"gone"}}};
  facts.workflows[1].last_look = kNoon;
  EXPECT_EQ(judge(facts).tables[0].looked_at, kNoon - hours(1));
  facts.now += hours(1) + std::chrono::seconds(1);
  EXPECT_THAT(reasons(judge(facts)),
              ElementsAre("not looked at since 2026-11-23 11:00:00 UTC", "", ""));
  facts.workflows[0].last_look.reset();
  EXPECT_FALSE(judge(facts).tables[0].looked_at) << "not all were looked at";
}

// When a source is overdue that was looked at then.
Time overdue_at(const std::string& schedule, const std::string& looked_at) {
  const Time look = at(looked_at);
  return look + default_stale_after(Schedule::parse(schedule, "UTC"), kNoon, look);
}

TEST(Verdict, NeitherANightNorAWeekendWithoutStartsMakesATableStale) {
  const char* by_day = "*/5 8-18 * * *";
  EXPECT_EQ(overdue_at(by_day, "2026-11-23 12:00"), at("2026-11-23 12:10"));
  EXPECT_EQ(overdue_at(by_day, "2026-11-23 18:50:30"), at("2026-11-23 19:00:30"))
      << "the last start of the day was missed";
  EXPECT_EQ(overdue_at(by_day, "2026-11-23 18:55:40"), at("2026-11-24 08:05"));
  const char* on_workdays = "0 8 * * 1-5";
  EXPECT_EQ(overdue_at(on_workdays, "2026-11-25 08:01"), at("2026-11-27 08:01"));
  EXPECT_EQ(overdue_at(on_workdays, "2026-11-27 08:01"), at("2026-12-01 08:00"))
      << "on Friday: the start of Monday was missed";
  EXPECT_EQ(overdue_at("@every 1h", "2026-11-23 12:00"), at("2026-11-23 14:00"));
  EXPECT_EQ(default_stale_after(Schedule::parse("@never", "UTC"), kNoon, kNoon),
            std::chrono::seconds(0));
}

TEST(Verdict, WithoutClickHouseNothingIsKnown) {
  VerdictFacts facts = good_facts();
  facts.is_tracking_known = false;
  facts.target = {
      .is_tried = true, .problem = "refused", .silent_since = kNoon - hours(3), .tries = 7};
  facts.now += hours(9);  // its sources were not looked at for the same cause
  Judgement judgement = judge(facts);
  EXPECT_EQ(judgement.verdict.level, Level::kBad);
  EXPECT_EQ(judgement.verdict.title, "ClickHouse does not answer");
  EXPECT_EQ(judgement.verdict.unknown_since, kNoon - hours(3));
  EXPECT_FALSE(judgement.verdict.is_known);
  EXPECT_THAT(ids(judgement), ElementsAre("target"));
  EXPECT_EQ(judgement.incidents[0].count, 7U);

  facts.target = {.is_tried = false, .problem = "not reached yet"};
  judgement = judge(facts);
  EXPECT_EQ(judgement.verdict.level, Level::kIdle);
  EXPECT_EQ(judgement.verdict.title, "Starting");
  EXPECT_THAT(judgement.incidents, IsEmpty());
}

TEST(Verdict, WhatClickHouseMakesFailIsOneIncidentOfTheTarget) {
  VerdictFacts facts = good_facts();
  for (WorkflowFacts& one : facts.workflows) {
    one.problem = RunProblem{.error = "no space left",
                             .error_class = ErrorClass::kServer,
                             .since = kNoon,
                             .runs = 1,
                             .is_of_target = true};
  }
  EXPECT_THAT(ids(judge(facts)), ElementsAre("target"));
  EXPECT_EQ(judge(facts).verdict.level, Level::kBad);
}

TEST(Verdict, LoadingAndNothingYet) {
  VerdictFacts facts = good_facts();
  facts.is_loading = true;
  EXPECT_EQ(judge(facts).verdict.level, Level::kLive);
  facts.tables.clear();
  EXPECT_EQ(judge(facts).verdict.title, "No table yet");
  facts.is_loading = false;
  EXPECT_EQ(judge(facts).verdict.level, Level::kIdle);
  facts.configuration_problem = "line 3";
  EXPECT_EQ(judge(facts).verdict.level, Level::kWarn);
}

RunRecord run(RunState status, int hour, std::uint64_t files = 0,
              ErrorClass error_class = ErrorClass::kNone) {
  RunRecord made;
  made.status = status;
  made.files_skipped = files;
  made.error_class = error_class;
  made.error = "error";
  made.finished_at_us = (kNoon + hours(hour)).time_since_epoch().count() * 1'000'000;
  return made;
}

TEST(Verdict, WhichRunsHaveLooked) {
  EXPECT_TRUE(has_looked(run(RunState::kCompleted, 0)));
  EXPECT_TRUE(has_looked(run(RunState::kPartial, 0, 2)));
  EXPECT_TRUE(has_looked(run(RunState::kFailed, 0, 2))) << "all files failed";
  EXPECT_FALSE(has_looked(run(RunState::kFailed, 0))) << "no source";
  EXPECT_FALSE(has_looked(run(RunState::kFailed, 0, 2, ErrorClass::kTimeout)));
  EXPECT_FALSE(has_looked(run(RunState::kCancelled, 0, 2)));
  EXPECT_FALSE(has_looked(run(RunState::kLost, 0)));
  RunRecord some = run(RunState::kCompleted, 0, 2);
  some.asked_for = "1 file";
  EXPECT_FALSE(has_looked(some));
  some.asked_for = "full";
  EXPECT_TRUE(has_looked(some));
  EXPECT_EQ(last_look({run(RunState::kFailed, 3), run(RunState::kPartial, 2, 1),
                       run(RunState::kCompleted, 1)}),
            kNoon + hours(2));
}

TEST(Verdict, AProblemLastsFromTheFirstRunToTheOneThatLooks) {
  const RunRecord failed = run(RunState::kFailed, 2, 0, ErrorClass::kIo);
  const RunRecord cancelled = run(RunState::kCancelled, 1);
  const RunRecord before = run(RunState::kFailed, 0, 0, ErrorClass::kIo);
  const RunRecord good = run(RunState::kCompleted, -1, 1);
  const auto problem = problem_after({failed, cancelled, before, good, before});
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->since, kNoon);
  EXPECT_EQ(problem->runs, 2U);
  EXPECT_FALSE(problem_after({good, failed}));
  RunRecord some = good;
  some.asked_for = "1 file";
  EXPECT_FALSE(problem_after({some, failed})) << "it listed the source";
  EXPECT_TRUE(problem_after({some, run(RunState::kFailed, 2, 9, ErrorClass::kTimeout)}));
  EXPECT_FALSE(problem->is_of_target);
  const RunRecord refused = run(RunState::kFailed, 2, 0, ErrorClass::kServer);
  EXPECT_TRUE(problem_after({refused})->is_of_target);
  EXPECT_TRUE(problem_after(std::nullopt, refused)->is_of_target);
}

}  // namespace
}  // namespace qvdhouse::serve
