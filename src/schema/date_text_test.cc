#include "schema/date_text.h"

#include <gtest/gtest.h>

namespace qvdhouse::schema {
namespace {

constexpr double kMay1 = 33725;               // 1992-05-01
constexpr double kStamp = 42983.61675925926;  // 2017-09-05 14:48:08

DateText match(double serial, std::string_view text, std::string_view pattern = "") {
  return DateTextMatcher(pattern).match(serial, text);
}

TEST(DateText, RendersQlikPatterns) {
  const WallClock clock{17414, 53'288'250'000};  // 2017-09-05 14:48:08.25, a Tuesday
  EXPECT_EQ(render_pattern("YYYY-MM-DD hh:mm:ss[.fff]", clock), "2017-09-05 14:48:08");
  EXPECT_EQ(render_pattern("M/D/YY h:mm TT", clock), "9/5/17 2:48 PM");
  EXPECT_EQ(render_pattern("WWW, D MMMM YYYY", clock), "Tue, 5 September 2017");
  EXPECT_EQ(render_pattern("WWWW MMM", clock), "Tuesday Sep");
  EXPECT_EQ(render_pattern("h TT", {0, 0}), "12 AM");
  EXPECT_EQ(render_pattern("[unclosed", {0, 0}), "[unclosed");
}

TEST(DateText, WholeDates) {
  for (const char* text : {"1992-05-01", "5/1/1992", "05/01/1992", "01.05.1992", "1.5.1992",
                           "19920501", "01-May-1992", "1 May 1992", "May 1, 1992", "5/1/92"}) {
    EXPECT_EQ(match(kMay1, text), DateText::kDate) << text;
  }
}

TEST(DateText, Stamps) {
  for (const char* text : {"2017-09-05 14:48:08", "2017-09-05T14:48:08", "9/5/2017 2:48:08 PM",
                           "05.09.2017 14:48", "2017-09-05, 14:48:08.000"}) {
    EXPECT_EQ(match(kStamp, text), DateText::kStamp) << text;
  }
  EXPECT_EQ(match(kMay1, "5/1/1992 12:00:00 AM"), DateText::kStamp);
}

TEST(DateText, ContradictionsAreNoRendering) {
  for (const char* text : {"1992-05-02", "1992-05-011", "1992-05-01 12:00:00", "1992-05-01 x", "",
                           "1992-05-01 00:00:00.5", "05/02/1992", "1. Mai 1992"}) {
    EXPECT_EQ(match(kMay1, text), DateText::kNone) << text;
  }
  EXPECT_EQ(match(kStamp, "2017-09-05 14:48:09"), DateText::kNone);
  EXPECT_EQ(match(kStamp, "2017-09-05 14:48:08.5"), DateText::kNone);
  EXPECT_EQ(match(1e300, "x"), DateText::kNone);
}

TEST(DateText, TimeThatIsCutOffOrRounded) {
  const double almost_nine = kMay1 + 8.9 / 86400;  // 00:00:08.9
  EXPECT_EQ(match(almost_nine, "1992-05-01 00:00:08"), DateText::kStamp);
  EXPECT_EQ(match(almost_nine, "1992-05-01 00:00:09"), DateText::kStamp);
  EXPECT_EQ(match(almost_nine, "1992-05-01 00:00:07"), DateText::kNone);
}

TEST(DateText, PartsOfADate) {
  EXPECT_EQ(match(41365, "2013-Apr"), DateText::kPartial);
  EXPECT_EQ(match(41365, "Apr 2013"), DateText::kPartial);
  EXPECT_EQ(match(41365, "2013"), DateText::kPartial);
  EXPECT_EQ(match(41365, "2013-May"), DateText::kNone);
}

TEST(DateText, TimesOfDay) {
  EXPECT_EQ(match(kStamp, "14:48"), DateText::kTime);
  EXPECT_EQ(match(0.4375, "10:30:00"), DateText::kTime);
  EXPECT_EQ(match(0.4375, "10:31"), DateText::kNone);
}

TEST(DateText, TheHeadersOwnPattern) {
  EXPECT_EQ(match(kMay1, "Fri 1992/1/5", "WWW YYYY/D/M"), DateText::kDate);
  EXPECT_EQ(match(kMay1, "Fri 1992/1/5"), DateText::kNone);
  EXPECT_EQ(match(kStamp, "5:9:2017@14:48:08", "D:M:YYYY@hh:mm:ss[.fff]"), DateText::kStamp);
}

// Ten megabytes of pattern beside 20,000 texts: minutes if each text cost the whole pattern.
TEST(DateText, APatternOfAnyLengthCostsOnce) {
  constexpr std::size_t kLength = 10'000'000;
  std::string optional_parts;
  while (optional_parts.size() < kLength) optional_parts += "[.ff]";
  for (const std::string& pattern :
       {std::string(kLength, 'Y'), std::string(kLength, '['), optional_parts + "YYYY MM DD",
        "YYYYMMDD[" + std::string(kLength, 'f') + "]", "hYYMD" + std::string(kLength, 'x')}) {
    DateTextMatcher matcher(pattern);
    for (int i = 0; i < 20'000; ++i) {
      ASSERT_EQ(matcher.match(kMay1 + i, "1992-05-01 x"), DateText::kNone) << pattern.substr(0, 9);
    }
  }
  EXPECT_EQ(match(kMay1, "1992:05:01", optional_parts + "YYYY:MM[.f]:DD"), DateText::kDate);
}

TEST(DateText, ShowsTime) {
  constexpr std::int64_t kHour = 3'600'000'000;
  EXPECT_TRUE(shows_time("36:00:00", 36 * kHour));
  EXPECT_TRUE(shows_time("12:00 AM", 0));
  EXPECT_TRUE(shows_time("12:00 pm", 12 * kHour));
  EXPECT_FALSE(shows_time("13:00 PM", 13 * kHour));
  EXPECT_FALSE(shows_time("1:60", 2 * kHour));
  EXPECT_FALSE(shows_time("1", kHour));
  EXPECT_FALSE(shows_time("1:", kHour));
  EXPECT_FALSE(shows_time("1:00:00.", kHour));
  EXPECT_FALSE(shows_time("99999999999999999999:00", kHour));
}

}  // namespace
}  // namespace qvdhouse::schema
