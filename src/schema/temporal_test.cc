#include "schema/temporal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace qvdhouse::schema {
namespace {

TEST(Temporal, DaysOfSerials) {
  EXPECT_EQ(iso_date(day_of(35250)), "1996-07-04");
  EXPECT_EQ(iso_date(day_of(2)), "1900-01-01");
  EXPECT_EQ(iso_date(day_of(146098.99)), "2299-12-31");
  // A week's end is its own day, never the next.
  EXPECT_EQ(iso_date(day_of(36527.999988426)), "2000-01-02");
}

TEST(Temporal, RangeOfTheClock) {
  EXPECT_FALSE(in_clock_range(std::nextafter(2, 0)));
  EXPECT_TRUE(in_clock_range(2));
  EXPECT_TRUE(in_clock_range(std::nextafter(146099, 0)));
  EXPECT_FALSE(in_clock_range(146099));
  EXPECT_FALSE(in_clock_range(std::nan("")));
}

TEST(Temporal, TicksRoundToTheNearest) {
  EXPECT_EQ(time_ticks(44571.416666666664, 3), 36'000'000);
  EXPECT_EQ(time_ticks(44571.416666666664, 6), 36'000'000'000);
  EXPECT_EQ(time_ticks(0.9999999999999, 3), 86'400'000);
  EXPECT_EQ(wall_ticks(25568.5, 3), -43'200'000);
  EXPECT_EQ(wall_ticks(25569, 0), 0);
  EXPECT_EQ(wall_ticks(2, 6), -25567LL * 86400 * 1'000'000);
}

TEST(Temporal, NanosecondsEndIn2262) {
  EXPECT_TRUE(wall_ticks(132320, 9));
  EXPECT_FALSE(wall_ticks(132330, 9));
}

TEST(Temporal, WhichTicksHold) {
  EXPECT_TRUE(ticks_hold(44571.416666666664, 3));
  EXPECT_TRUE(ticks_hold(44571.416666666664, 0));
  const double half_millisecond = 44571 + 0.0005 / 86400;
  EXPECT_FALSE(ticks_hold(half_millisecond, 3));
  EXPECT_TRUE(ticks_hold(half_millisecond, 6));
}

TEST(Temporal, ClockText) {
  EXPECT_EQ(clock_text(0), "00:00:00");
  EXPECT_EQ(clock_text(86'399'999'000), "23:59:59.999");
  EXPECT_EQ(clock_text(1), "00:00:00.000001");
  EXPECT_EQ(clock_text(86'400'000'000), "24:00:00");
}

TEST(Temporal, ParsesIsoExactly) {
  EXPECT_EQ(parse_iso_date("1970-01-02"), 1);
  EXPECT_EQ(parse_iso_date("2000-02-29"), 11016);
  for (const char* text : {"", "2001-02-29", "2000-13-01", "2000-1-01", "2000-01-01 ", "20000101",
                           "-200-01-01", "2000-01-0x"}) {
    EXPECT_FALSE(parse_iso_date(text)) << text;
  }
  EXPECT_EQ(parse_iso_time("23:59:59.5", 3), 86'399'500);
  EXPECT_EQ(parse_iso_time("08:30", 0), 30'600);
  EXPECT_EQ(parse_iso_time("08:30:00.100", 1), 306'001);
  EXPECT_EQ(parse_iso_time("24:00", 0), 86'400);
  for (const char* text : {"24:00:01", "24:00:00.1", "25:00", "8:30", "08:60", "08:30:60",
                           "08:30:00.", "08:30:00.12", "08:30x"}) {
    EXPECT_FALSE(parse_iso_time(text, 1)) << text;
  }
  EXPECT_EQ(parse_iso_stamp("1970-01-01T00:00:01", 3), 1000);
  EXPECT_EQ(parse_iso_stamp("1969-12-31 23:59:59.999", 3), -1);
  EXPECT_EQ(parse_iso_stamp("1970-01-02", 0), 86400);
  for (const char* text : {"1970-01-01Z", "1970-01-01 ", "1899-12-31", "2300-01-01", "12:00"}) {
    EXPECT_FALSE(parse_iso_stamp(text, 3)) << text;
  }
  EXPECT_FALSE(parse_iso_stamp("2263-01-01", 9));
}

constexpr std::int64_t kNoonInJuly = 1625918400;      // 2021-07-10 12:00
constexpr std::int64_t kTwiceInOctober = 1635647400;  // 2021-10-31 02:30
constexpr std::int64_t kNeverInMarch = 1616898600;    // 2021-03-28 02:30

TEST(Zone, WallClockToInstant) {
  const Zone berlin("Europe/Berlin");
  const auto summer = berlin.from_wall_clock(kNoonInJuly, 0);
  EXPECT_EQ(summer.ticks, kNoonInJuly - 7200);
  EXPECT_EQ(summer.reading, Zone::Reading::kUnique);
  const auto twice = berlin.from_wall_clock(kTwiceInOctober * 1000 + 7, 3);
  EXPECT_EQ(twice.ticks, (kTwiceInOctober - 7200) * 1000 + 7);
  EXPECT_EQ(twice.reading, Zone::Reading::kTwice);
  const auto never = berlin.from_wall_clock(kNeverInMarch, 0);
  EXPECT_EQ(never.ticks, kNeverInMarch - 3600);  // reads 03:30
  EXPECT_EQ(never.reading, Zone::Reading::kNever);
}

TEST(Zone, UtcChangesNothing) {
  EXPECT_EQ(Zone("UTC").from_wall_clock(-5, 3).ticks, -5);
  EXPECT_EQ(Zone("").from_wall_clock(5, 3).ticks, 5);
}

TEST(Zone, FractionsBefore1970) {
  // 1969-12-31 23:59:59.999 in Berlin (+1).
  EXPECT_EQ(Zone("Europe/Berlin").from_wall_clock(-1, 3).ticks, -3'600'001);
}

TEST(Zone, UnknownName) { EXPECT_THROW(Zone("Europe/Atlantis"), base::SchemaError); }

}  // namespace
}  // namespace qvdhouse::schema
