#include "serve/schedule.h"

#include <date/date.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "serve/test_time.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::seconds;

std::string shown(std::optional<Time> time) {
  if (!time) return "never";
  const std::string text = date::format("%F %T", *time);
  return text.ends_with(":00") ? text.substr(0, 16) : text;
}

// The due times of `text` in `zone` after `after`, in UTC.
std::vector<std::string> due(const std::string& text, const std::string& zone,
                             const std::string& after, std::size_t count) {
  const Schedule schedule = Schedule::parse(text, zone);
  std::vector<std::string> times;
  std::optional<Time> time = at(after);
  while (times.size() < count) {
    time = schedule.next(*time, at("2026-01-01 00:00"));
    times.push_back(shown(time));
    if (!time) break;
  }
  return times;
}

using Times = std::vector<std::string>;

TEST(Schedule, NamesAreCronLines) {
  EXPECT_EQ(due("@hourly", "UTC", "2026-11-23 03:38:17", 2),
            Times({"2026-11-23 04:00", "2026-11-23 05:00"}));
  EXPECT_EQ(due("@daily", "UTC", "2026-11-23 00:00", 1), Times({"2026-11-24 00:00"}));
  EXPECT_EQ(due("@Midnight", "UTC", "2026-11-22 23:59:59", 1), Times({"2026-11-23 00:00"}));
  EXPECT_EQ(due("@weekly", "UTC", "2026-11-23 00:00", 1), Times({"2026-11-29 00:00"}));
  EXPECT_EQ(due("@monthly", "UTC", "2026-12-15 00:00", 1), Times({"2027-01-01 00:00"}));
  EXPECT_EQ(due("@yearly", "UTC", "2026-11-23 00:00", 1), Times({"2027-01-01 00:00"}));
  EXPECT_EQ(due("@annually", "UTC", "2026-11-23 00:00", 1), Times({"2027-01-01 00:00"}));
  EXPECT_EQ(due("@never", "UTC", "2026-11-23 00:00", 1), Times({"never"}));
}

TEST(Schedule, FieldsAreListsRangesStepsAndNames) {
  EXPECT_EQ(
      due("5/25 6-7 * * mon-fri", "UTC", "2026-11-20 07:00", 4),
      Times({"2026-11-20 07:05", "2026-11-20 07:30", "2026-11-20 07:55", "2026-11-23 06:05"}));
  EXPECT_EQ(due("0 0 1,15 feb *", "UTC", "2026-02-01 00:00", 2),
            Times({"2026-02-15 00:00", "2027-02-01 00:00"}));
  EXPECT_EQ(due("0 12 * * 7", "UTC", "2026-11-23 00:00", 1), Times({"2026-11-29 12:00"}));
  EXPECT_EQ(due("0 12 * * sat-sun", "UTC", "2026-11-23 00:00", 3),
            Times({"2026-11-28 12:00", "2026-11-29 12:00", "2026-12-05 12:00"}));
  EXPECT_EQ(due("0 0 29 2 *", "UTC", "2026-11-23 00:00", 2),
            Times({"2028-02-29 00:00", "2032-02-29 00:00"}));
  EXPECT_EQ(due("0 0 30 2 *", "UTC", "2026-11-23 00:00", 1), Times({"never"}));
}

TEST(Schedule, EitherKindOfDayIsDueWhenBothAreRestricted) {
  EXPECT_EQ(due("0 0 13 * fri", "UTC", "2026-11-10 00:00", 3),
            Times({"2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00"}));
  // A step over all days restricts, but does not add: odd Mondays.
  EXPECT_EQ(due("0 0 */2 * mon", "UTC", "2026-11-08 00:00", 2),
            Times({"2026-11-09 00:00", "2026-11-23 00:00"}));
}

TEST(Schedule, LengthsCountFromTheAnchor) {
  EXPECT_EQ(due("@every 90s", "UTC", "2026-01-01 00:00", 2),
            Times({"2026-01-01 00:01:30", "2026-01-01 00:03"}));
  EXPECT_EQ(due("1h30m", "UTC", "2026-01-01 01:29:59", 2),
            Times({"2026-01-01 01:30", "2026-01-01 03:00"}));
  EXPECT_EQ(due("5m", "UTC", "2025-12-31 23:59:59", 1), Times({"2026-01-01 00:00"}));
  EXPECT_EQ(due("1d", "UTC", "2025-12-29 12:00", 1), Times({"2025-12-30 00:00"}));
}

TEST(Schedule, SpringSkipsAnHourOnlyOnce) {
  // Berlin, 29 March 2026: 02:00 → 03:00 at 01:00 UTC.
  EXPECT_EQ(due("30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", 3),
            Times({"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"}));
  EXPECT_EQ(due("*/10 2 * * *", "Europe/Berlin", "2026-03-28 01:50", 2),
            Times({"2026-03-29 01:00", "2026-03-30 00:00"}));
  EXPECT_EQ(due("30 * * * *", "Europe/Berlin", "2026-03-29 00:00", 2),
            Times({"2026-03-29 00:30", "2026-03-29 01:30"}));
  // New York, 8 March 2026: 02:00 → 03:00 at 07:00 UTC.
  EXPECT_EQ(due("0 2,3 * * *", "America/New_York", "2026-03-08 06:00", 2),
            Times({"2026-03-08 07:00", "2026-03-09 06:00"}));
  // Santiago, 6 September 2026: midnight itself is skipped, at 04:00 UTC.
  EXPECT_EQ(due("@daily", "America/Santiago", "2026-09-05 05:00", 2),
            Times({"2026-09-06 04:00", "2026-09-07 03:00"}));
  // Lord Howe, 4 October 2026: half an hour is skipped, at 15:30 UTC.
  EXPECT_EQ(due("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", 2),
            Times({"2026-10-03 15:30", "2026-10-04 15:15"}));
  EXPECT_EQ(
      due("*/15 * * * *", "Australia/Lord_Howe", "2026-10-03 15:00", 4),
      Times({"2026-10-03 15:15", "2026-10-03 15:30", "2026-10-03 15:45", "2026-10-03 16:00"}));
}

TEST(Schedule, AutumnRepeatsAnHourForLinesOfAllHoursOnly) {
  // Berlin, 25 October 2026: 03:00 → 02:00 at 01:00 UTC.
  EXPECT_EQ(due("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2),
            Times({"2026-10-25 00:30", "2026-10-26 01:30"}));
  EXPECT_EQ(due("30 2 * * *", "Europe/Berlin", "2026-10-25 01:15", 1), Times({"2026-10-26 01:30"}));
  EXPECT_EQ(due("30 * * * *", "Europe/Berlin", "2026-10-25 00:00", 3),
            Times({"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}));
  EXPECT_EQ(due("0 0-23 * * *", "Europe/Berlin", "2026-10-25 00:00", 2),
            Times({"2026-10-25 01:00", "2026-10-25 02:00"}));
  // New York, 1 November 2026: 02:00 → 01:00 at 06:00 UTC.
  EXPECT_EQ(due("0,30 1 * * *", "America/New_York", "2026-11-01 00:00", 3),
            Times({"2026-11-01 05:00", "2026-11-01 05:30", "2026-11-02 06:00"}));
  // Azores, 25 October 2026: 01:00 → 00:00 at 01:00 UTC, so midnight comes twice.
  EXPECT_EQ(due("@daily", "Atlantic/Azores", "2026-10-24 12:00", 2),
            Times({"2026-10-25 00:00", "2026-10-26 01:00"}));
  // Lengths of time know no wall clock.
  EXPECT_EQ(due("@every 12h", "Europe/Berlin", "2026-10-24 12:00", 3),
            Times({"2026-10-25 00:00", "2026-10-25 12:00", "2026-10-26 00:00"}));
}

TEST(Schedule, ADayThatNeverWasIsMadeUpForOnce) {
  // Samoa left out 30 December 2011: after the 29th came, at 10:00 UTC, the 31st.
  EXPECT_EQ(
      due("0 6 * * *", "Pacific/Apia", "2011-12-29 12:00", 4),
      Times({"2011-12-29 16:00", "2011-12-30 10:00", "2011-12-30 16:00", "2011-12-31 16:00"}));
}

TEST(Schedule, NewestLooksBack) {
  const Schedule daily = Schedule::parse("@daily", "UTC");
  const auto newest = [](const Schedule& schedule, const char* after, const char* until) {
    return shown(schedule.newest(at(after), at(until), at("2026-01-01 00:00")));
  };
  EXPECT_EQ(newest(daily, "2026-01-01 00:00", "2026-11-23 12:00"), "2026-11-23 00:00");
  EXPECT_EQ(newest(daily, "2026-11-22 12:00", "2026-11-23 00:00"), "2026-11-23 00:00");
  EXPECT_EQ(newest(daily, "2026-11-23 00:00", "2026-11-23 12:00"), "never");
  EXPECT_EQ(newest(daily, "2026-11-23 12:00", "2026-11-23 12:00"), "never");
  EXPECT_EQ(newest(daily, "2026-11-24 12:00", "2026-11-23 12:00"), "never");
  EXPECT_EQ(newest(Schedule::parse("7s", ""), "1970-01-01 00:00", "2026-01-01 00:00:20"),
            "2026-01-01 00:00:14");
  EXPECT_EQ(newest(Schedule::parse("0 0 29 2 *", ""), "1970-01-01 00:00", "2027-01-01 00:00"),
            "2024-02-29 00:00");
  EXPECT_EQ(newest(Schedule::parse("@never", ""), "1970-01-01 00:00", "2026-01-01 00:00"), "never");
}

TEST(Schedule, KeepsItsTextAndZone) {
  const Schedule schedule = Schedule::parse(" 0  6 * * MON-fri ", "Europe/Berlin");
  EXPECT_EQ(schedule.text(), " 0  6 * * MON-fri ");
  EXPECT_EQ(schedule.zone(), "Europe/Berlin");
  EXPECT_EQ(Schedule::parse("@daily", "Etc/UTC").zone(), "UTC");
  EXPECT_FALSE(Schedule::parse("@daily", "").zone().empty());
}

TEST(Schedule, AcceptsNamesLengthsAndCron) {
  for (const char* good :
       {"@daily", "@Hourly", "@every 30s", "@every 1h30m", "5m", "90s", "1d", "@never", "* * * * *",
        "0 6 * * mon-fri", "*/5 0-6,22 1 JAN,jul 7", "  0   0 1 1 0 ", "0\t0 * * *", "5/15 * * * *",
        "0 0 * * fri-sun", "0 0 * * */2"}) {
    EXPECT_EQ(schedule_error(good), "") << good;
  }
}

TEST(Schedule, RefusesTheRestAndSaysWhy) {
  EXPECT_EQ(schedule_error(""), "it is empty");
  EXPECT_EQ(schedule_error("@dayly"), "'@dayly' is not one of the known names");
  EXPECT_EQ(schedule_error("* * * *"), "a cron schedule has 5 fields, this has 4");
  EXPECT_EQ(schedule_error("60 * * * *"),
            "the minute '60' is not `*`, a number from 0 to 59, a range, a list or a step");
  for (const char* bad : {"daily",
                          "5",
                          "m",
                          "0s",
                          "5x",
                          "@every",
                          "@every 5",
                          "@daily 5",
                          "-5m",
                          "+5m",
                          "* 24 * * *",
                          "* * 0 * *",
                          "* * * 13 *",
                          "* * * * 8",
                          "*/0 * * * *",
                          "5-1 * * * *",
                          "1,,2 * * * *",
                          "1- * * * *",
                          "-1 * * * *",
                          "* * * foo *",
                          "* * * * sun-sat-mon",
                          "*/ * * * *",
                          "/2 * * * *",
                          ", * * * *",
                          "99999999999999999999m",
                          "99999999d",
                          "@never 5",
                          "* * * * * *"}) {
    EXPECT_NE(schedule_error(bad), "") << bad;
  }
  EXPECT_THROW(Schedule::parse("@dayly", "UTC"), base::ConfigError);
  EXPECT_THROW(Schedule::parse("@daily", "Europe/Bärlin"), base::ConfigError);
  EXPECT_THROW(Schedule::parse("@daily", "../../etc/passwd"), base::ConfigError);
  EXPECT_EQ(time_zone_error(""), "");
  EXPECT_EQ(time_zone_error("UTC"), "");
  EXPECT_EQ(time_zone_error("Asia/Kolkata"), "");
  EXPECT_NE(time_zone_error("Mars/Olympus"), "");
}

}  // namespace
}  // namespace qvdhouse::serve
