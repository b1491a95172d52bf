#include "schema/number_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace qvdhouse::schema {
namespace {

bool shows(double number, std::string_view text, const qvd::NumberFormat& format = {}) {
  return NumberTextMatcher(format).match(number, text).has_value();
}

TEST(NumberText, PlainAndSeparated) {
  EXPECT_TRUE(shows(12, "12"));
  EXPECT_TRUE(shows(-0.5, "-0.5"));
  EXPECT_TRUE(shows(0.5, ".5"));
  EXPECT_TRUE(shows(1234567.5, "1,234,567.5"));
  EXPECT_TRUE(shows(1234567.5, "1.234.567,50"));
  EXPECT_TRUE(shows(1234567.5, "1 234 567,5"));
  EXPECT_TRUE(shows(1234, "1\u00A0234"));
  EXPECT_TRUE(shows(1234, "1'234"));
  EXPECT_TRUE(shows(1234, "1.234"));
  EXPECT_TRUE(shows(1.234, "1,234"));
  EXPECT_TRUE(shows(1234.5, "1|234;5", {.decimal_sign = ";", .thousands_sign = "|"}));
}

TEST(NumberText, SignsAndParentheses) {
  EXPECT_TRUE(shows(-3, "(3)"));
  EXPECT_TRUE(shows(-3, "3-"));
  EXPECT_TRUE(shows(-3, "\u22123"));
  EXPECT_TRUE(shows(3, "+3"));
  EXPECT_TRUE(shows(-5, "-$5.00"));
  EXPECT_TRUE(shows(-5, "$-5.00"));
  EXPECT_FALSE(shows(3, "(3)"));
  EXPECT_FALSE(shows(3, "-3"));
  EXPECT_FALSE(shows(-3, "3"));
  EXPECT_FALSE(shows(-3, "--3"));
}

TEST(NumberText, CurrenciesAndPercent) {
  EXPECT_EQ(NumberTextMatcher({}).match(18000, "$18,000.00")->affix, "$");
  EXPECT_EQ(NumberTextMatcher({}).match(5, "5,00 €")->affix, "€");
  EXPECT_TRUE(shows(0.125, "12.5 %"));
  EXPECT_TRUE(shows(0.3333, "33%"));
  EXPECT_FALSE(shows(12.5, "12.5%"));
  EXPECT_FALSE(shows(5, "5 apples"));
  EXPECT_TRUE(shows(5, "5 apples", {.format = "0 apples"}));
}

TEST(NumberText, Rounding) {
  EXPECT_TRUE(shows(48.309999999999995, "48.31"));
  EXPECT_TRUE(shows(6.5090167898939075, "6.509016789893908"));
  EXPECT_TRUE(shows(2.675, "2.68"));
  EXPECT_TRUE(shows(2.675, "2.67"));
  EXPECT_FALSE(shows(2.675, "2.66"));
  EXPECT_FALSE(shows(14.4, "14"));
  EXPECT_TRUE(shows(14.4, "14", {.format = "#,##0"}));
  EXPECT_TRUE(shows(14.4, "$14"));
}

TEST(NumberText, KeysAndOtherTextsCarryMore) {
  for (const char* text : {"05021", "5021x", "x5021", "50 21", "5,021,0", "Q5021", "", " ", "-",
                           "5021.0.0", "5021e", "RGB(5021)"}) {
    EXPECT_FALSE(shows(5021, text)) << text;
  }
  // More digits than the double holds.
  EXPECT_FALSE(shows(12345678901234567890.0, "12345678901234567890"));
  EXPECT_FALSE(shows(9007199254740992.0, "9007199254740993"));
  EXPECT_FALSE(shows(0.1, "0.10000000000000000001"));
}

TEST(NumberText, TrailingZeros) {
  EXPECT_TRUE(NumberTextMatcher({}).match(1.1, "1.10")->ends_in_zero);
  EXPECT_FALSE(NumberTextMatcher({}).match(7, "7.0")->ends_in_zero);
  EXPECT_EQ(NumberTextMatcher({}).match(1.25, "1.25")->fraction_digits, 2);
}

// Ten megabytes of pattern beside 20,000 texts: minutes if each text cost the whole pattern.
TEST(NumberText, APatternOfAnyLengthCostsOnce) {
  constexpr std::size_t kLength = 10'000'000;
  const std::string blanks(kLength, ' ');
  const NumberTextMatcher matcher({.format = blanks + "x" + std::string(kLength, '#') + "0"});
  const std::string sign(kLength / 2, '0');
  const NumberTextMatcher of_long_sign({.format = sign + sign, .decimal_sign = sign + "x"});
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_FALSE(matcher.match(i, "y 7z"));
    ASSERT_FALSE(of_long_sign.match(i, "y 7z"));
  }
  EXPECT_TRUE(matcher.match(7.4, "x7"));
}

TEST(NumberText, NotFinite) {
  EXPECT_TRUE(shows(std::numeric_limits<double>::infinity(), "inf"));
  EXPECT_FALSE(shows(std::numeric_limits<double>::quiet_NaN(), "12"));
}

}  // namespace
}  // namespace qvdhouse::schema
