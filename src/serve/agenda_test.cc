#include "serve/agenda.h"

#include <date/date.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "serve/test_time.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kFirstSeen = "2026-11-20 00:00:30";

Agenda agenda(const std::string& schedule, Overlap overlap = Overlap::kSkip,
              seconds jitter = seconds(0), const std::string& zone = "UTC") {
  AgendaOptions options{.schedule = Schedule::parse(schedule, zone)};
  options.overlap = overlap;
  options.jitter = jitter;
  AgendaState state;
  state.anchor = at(kFirstSeen);
  return {"sales", std::move(options), state};
}

// "run 11-20 06:00", "skip 11-20 06:00 overlap +2", "nothing"
std::string said(const AgendaStep& step) {
  if (step.due == Due::kNothing) return "nothing";
  std::string text = step.due == Due::kRun ? "run " : "skip ";
  text += date::format("%m-%d %T", step.scheduled);
  if (step.is_catch_up) text += " catch-up";
  if (step.reason != tracking::ErrorClass::kNone) {
    text += " " + std::string(base::to_string(step.reason));
  }
  if (step.missed > 0) text += " +" + std::to_string(step.missed);
  return text;
}

TEST(Agenda, RunsEachDueTimeOnce) {
  Agenda daily = agenda("0 6 * * *");
  EXPECT_EQ(daily.next_run(at("2026-11-20 00:01")), at("2026-11-20 06:00"));
  EXPECT_EQ(daily.wake_at(at("2026-11-20 00:01")), at("2026-11-20 06:00"));
  EXPECT_EQ(said(daily.step(at("2026-11-20 05:59:59"), false)), "nothing");
  EXPECT_EQ(said(daily.step(at("2026-11-20 06:00"), false)), "run 11-20 06:00:00");
  EXPECT_EQ(said(daily.step(at("2026-11-20 06:00"), false)), "nothing");
  EXPECT_EQ(daily.wake_at(at("2026-11-20 06:00")), at("2026-11-21 06:00"));
  EXPECT_EQ(said(daily.step(at("2026-11-21 06:00:03"), false)), "run 11-21 06:00:00");
}

// A fake clock that goes on second by second fires exactly at the due times, and so over a change
// of the clocks too.
TEST(Agenda, FiresExactTimesOverADayOfDaylightSaving) {
  Agenda hourly = agenda("*/20 1-3 * * *", Overlap::kSkip, seconds(0), "Europe/Berlin");
  std::vector<std::string> fired;
  AgendaState state;
  state.anchor = at("2026-03-28 23:00");
  hourly = {"sales", hourly.options(), state};
  for (Time now = at("2026-03-28 23:00"); now < at("2026-03-29 23:00"); now += seconds(1)) {
    const AgendaStep step = hourly.step(now, false);
    if (step.due == Due::kNothing) continue;
    EXPECT_EQ(step.scheduled, now);
    fired.push_back(date::format("%H:%M", now));
  }
  EXPECT_EQ(fired,
            std::vector<std::string>({"00:00", "00:20", "00:40", "01:00", "01:20", "01:40"}));
}

TEST(Agenda, AnEveryBeginsAtOnceAndKeepsItsBeatOverARestart) {
  Agenda five = agenda("5m");
  EXPECT_EQ(said(five.step(at(kFirstSeen), false)), "run 11-20 00:00:30");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:05:31"), false)), "run 11-20 00:05:30");
  Agenda again("sales", five.options(), five.state());
  EXPECT_EQ(again.wake_at(at("2026-11-20 00:07")), at("2026-11-20 00:10:30"));
}

TEST(Agenda, SkipLeavesOutWhatIsDueDuringARun) {
  Agenda five = agenda("*/5 * * * *");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:05"), false)), "run 11-20 00:05:00");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:10"), true)), "skip 11-20 00:10:00 overlap");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:21"), true)), "skip 11-20 00:20:00 overlap +1");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:22"), false)), "nothing");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:25"), false)), "run 11-20 00:25:00");
}

TEST(Agenda, BufferKeepsOneUntilTheRunHasEnded) {
  Agenda five = agenda("*/5 * * * *", Overlap::kBuffer);
  EXPECT_EQ(said(five.step(at("2026-11-20 00:05"), false)), "run 11-20 00:05:00");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:10"), true)), "nothing");
  // It does not wake for what waits already.
  EXPECT_EQ(five.wake_at(at("2026-11-20 00:10")), at("2026-11-20 00:15"));
  EXPECT_EQ(said(five.step(at("2026-11-20 00:15"), true)), "nothing");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:17"), false)), "run 11-20 00:15:00 +1");
  EXPECT_EQ(said(five.step(at("2026-11-20 00:17"), false)), "nothing");
}

TEST(Agenda, ABufferedRunIsNeverTooOld) {
  Agenda hourly = agenda("@hourly", Overlap::kBuffer);
  EXPECT_EQ(said(hourly.step(at("2026-11-20 01:00"), false)), "run 11-20 01:00:00");
  AgendaOptions options = hourly.options();
  options.catch_up = seconds(0);
  Agenda strict("sales", options, hourly.state());
  EXPECT_EQ(said(strict.step(at("2026-11-20 02:00"), true)), "nothing");
  EXPECT_EQ(said(strict.step(at("2026-11-20 02:50"), false)), "run 11-20 02:00:00");
}

TEST(Agenda, ADowntimeIsMadeUpForOnceAndNotTooLate) {
  Agenda hourly = agenda("@hourly");
  EXPECT_EQ(said(hourly.step(at("2026-11-20 01:00"), false)), "run 11-20 01:00:00");
  Agenda later("sales", hourly.options(), hourly.state());
  EXPECT_EQ(said(later.step(at("2026-11-20 09:30"), false)), "run 11-20 09:00:00 catch-up +7");
  EXPECT_EQ(said(later.step(at("2026-11-20 09:30"), false)), "nothing");

  AgendaOptions options{.schedule = Schedule::parse("0 6 * * *", "UTC")};
  options.catch_up = hours(1);
  Agenda daily("sales", options, hourly.state());
  EXPECT_EQ(said(daily.step(at("2026-11-20 01:00"), false)), "nothing");  // another schedule
  EXPECT_EQ(said(daily.step(at("2026-11-22 08:00"), false)), "skip 11-22 06:00:00 missed +2");
  EXPECT_EQ(said(daily.step(at("2026-11-22 08:00"), false)), "nothing");
  EXPECT_EQ(said(daily.step(at("2026-11-23 06:59"), false)), "run 11-23 06:00:00 catch-up");
}

TEST(Agenda, AYearAwayIsCountedUpToALimit) {
  Agenda often = agenda("@every 1s");
  const AgendaStep step = often.step(at("2027-11-20 00:00"), false);
  EXPECT_EQ(step.due, Due::kRun);
  EXPECT_EQ(step.scheduled, at("2027-11-20 00:00"));
  EXPECT_EQ(step.missed, 10'000U);
}

TEST(Agenda, APauseRunsNothingAndIsNotMadeUpFor) {
  Agenda hourly = agenda("@hourly");
  hourly.set_paused(true, at("2026-11-20 00:30"));
  EXPECT_EQ(hourly.next_run(at("2026-11-20 00:30")), std::nullopt);
  EXPECT_EQ(hourly.wake_at(at("2026-11-20 00:30")), std::nullopt);
  EXPECT_EQ(said(hourly.step(at("2026-11-20 05:00"), false)), "nothing");
  Agenda restarted("sales", hourly.options(), hourly.state());
  EXPECT_EQ(said(restarted.step(at("2026-11-20 05:00"), false)), "nothing");
  restarted.set_paused(false, at("2026-11-20 05:30"));
  EXPECT_EQ(said(restarted.step(at("2026-11-20 05:30"), false)), "nothing");
  EXPECT_EQ(restarted.next_run(at("2026-11-20 05:30")), at("2026-11-20 06:00"));
  restarted.set_paused(false, at("2026-11-20 06:30"));  // again changes nothing
  EXPECT_EQ(said(restarted.step(at("2026-11-20 06:30"), false)), "run 11-20 06:00:00 catch-up");
}

TEST(Agenda, AChangedScheduleBeginsAnew) {
  Agenda daily = agenda("0 0 * * *");
  EXPECT_EQ(said(daily.step(at("2026-11-21 00:00"), false)), "run 11-21 00:00:00");
  AgendaOptions options = daily.options();
  options.schedule = Schedule::parse("0 6 * * *", "UTC");
  Agenda changed("sales", options, daily.state());
  EXPECT_EQ(said(changed.step(at("2026-11-21 12:00"), false)), "nothing");
  EXPECT_EQ(changed.next_run(at("2026-11-21 12:00")), at("2026-11-22 06:00"));
}

TEST(Agenda, AClockThatWasFarAheadStopsNothing) {
  Agenda hourly = agenda("@hourly");
  EXPECT_EQ(hourly.step(at("2040-01-01 00:00"), false).due, Due::kRun);
  EXPECT_EQ(said(hourly.step(at("2026-11-20 00:10"), false)), "nothing");
  EXPECT_EQ(said(hourly.step(at("2026-11-20 01:00"), false)), "run 11-20 01:00:00");
  // A small step back repeats nothing.
  EXPECT_EQ(said(hourly.step(at("2026-11-20 00:59:30"), false)), "nothing");
  EXPECT_EQ(said(hourly.step(at("2026-11-20 01:00"), false)), "nothing");
}

TEST(Agenda, JitterIsTheSameForTheSameRunAndStaysWithinItsTurn) {
  Agenda hourly = agenda("@hourly", Overlap::kSkip, minutes(10));
  std::vector<seconds> delays;
  Time now = at("2026-11-20 00:30");
  for (int i = 0; i < 50; ++i) {
    const Time start = hourly.next_run(now).value();
    const Agenda again("sales", hourly.options(), hourly.state());
    EXPECT_EQ(again.next_run(now), start);
    EXPECT_EQ(hourly.wake_at(now), start);
    EXPECT_EQ(hourly.step(start - seconds(1), false).due, Due::kNothing);
    EXPECT_EQ(hourly.next_run(start - seconds(1)), start);
    const AgendaStep step = hourly.step(start, false);
    EXPECT_EQ(step.due, Due::kRun);
    EXPECT_EQ(step.missed, 0U);
    EXPECT_FALSE(step.is_catch_up);
    delays.push_back(start - step.scheduled);
    EXPECT_GE(delays.back(), seconds(0));
    EXPECT_LE(delays.back(), minutes(10));
    now = start;
  }
  EXPECT_GT(*std::max_element(delays.begin(), delays.end()), minutes(8));
  EXPECT_LT(*std::min_element(delays.begin(), delays.end()), minutes(2));
  EXPECT_NE(hourly.next_run(now), Agenda("stock", hourly.options(), hourly.state()).next_run(now));
}

TEST(Agenda, JitterLongerThanTheBeatLosesNoRun) {
  Agenda often = agenda("@every 10s", Overlap::kSkip, hours(1));
  int runs = 0;
  for (Time now = at(kFirstSeen); now < at(kFirstSeen) + seconds(600); now += seconds(1)) {
    const AgendaStep step = often.step(now, false);
    if (step.due == Due::kRun) ++runs;
    EXPECT_EQ(step.missed, 0U);
  }
  EXPECT_EQ(runs, 60);
}

TEST(Agenda, TakesOverWhatAnotherMachineWrote) {
  Agenda daily = agenda("0 6 * * *");
  EXPECT_EQ(said(daily.step(at("2026-11-20 06:00"), false)), "run 11-20 06:00:00");
  AgendaState stored = daily.state();
  stored.last_due = at("2026-11-21 06:00");
  daily.adopt(stored);
  EXPECT_EQ(said(daily.step(at("2026-11-21 06:00"), false)), "nothing");
  // An older row, of another configuration: its pause holds, its due time and schedule do not.
  stored.last_due = at("2026-11-19 06:00");
  stored.schedule = "@hourly UTC";
  stored.is_paused = true;
  daily.adopt(stored);
  EXPECT_TRUE(daily.state().is_paused);
  EXPECT_EQ(daily.state().last_due, at("2026-11-21 06:00"));
  stored.is_paused = false;
  daily.adopt(stored);
  EXPECT_EQ(said(daily.step(at("2026-11-22 06:00"), false)), "run 11-22 06:00:00");
}

TEST(Agenda, NeverIsNever) {
  Agenda never = agenda("@never");
  EXPECT_EQ(never.next_run(at("2026-11-20 01:00")), std::nullopt);
  EXPECT_EQ(never.wake_at(at("2026-11-20 01:00")), std::nullopt);
  EXPECT_EQ(said(never.step(at("2036-11-20 01:00"), false)), "nothing");
}

}  // namespace
}  // namespace qvdhouse::serve
