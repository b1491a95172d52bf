#include "cli/schedule_check.h"

#include <gtest/gtest.h>

namespace qvdhouse::cli {
namespace {

TEST(ScheduleCheck, AcceptsNamesLengthsAndCron) {
  for (const char* good : {"@daily", "@Hourly", "@every 30s", "@every 1h30m", "5m", "90s", "1d",
                           "* * * * *", "0 6 * * mon-fri", "*/5 0-6,22 1 JAN,jul 7",
                           "  0   0 1 1 0 ", "0\t0 * * *", "5/15 * * * *"}) {
    EXPECT_EQ(schedule_error(good), "") << good;
  }
}

TEST(ScheduleCheck, RefusesTheRestAndSaysWhy) {
  EXPECT_EQ(schedule_error(""), "it is empty");
  EXPECT_EQ(schedule_error("@dayly"), "'@dayly' is not one of the known names");
  EXPECT_EQ(schedule_error("* * * *"), "a cron schedule has 5 fields, this has 4");
  EXPECT_EQ(schedule_error("60 * * * *"),
            "the minute '60' is not `*`, a number from 0 to 59, a range, a list or a step");
  for (const char* bad :
       {"daily", "5", "m", "0s", "5x", "@every", "@every 5", "@daily 5", "-5m", "* 24 * * *",
        "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *",
        "1- * * * *", "* * * foo *", "99999999999999999999m"}) {
    EXPECT_NE(schedule_error(bad), "") << bad;
  }
}

}  // namespace
}  // namespace qvdhouse::cli
