#include "schema/decimal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace qvdhouse::schema {
namespace {

TEST(Decimal, DigitsOfADouble) {
  EXPECT_EQ(decimal_of(0.1), (Decimal{.digits = "1", .point = 0}));
  EXPECT_EQ(decimal_of(-12.50), (Decimal{.negative = true, .digits = "125", .point = 2}));
  EXPECT_EQ(decimal_of(1e-7), (Decimal{.digits = "1", .point = -6}));
  EXPECT_EQ(decimal_of(1200), (Decimal{.digits = "12", .point = 4}));
  EXPECT_EQ(decimal_of(-0.0), Decimal{});
  EXPECT_EQ(decimal_of(9007199254740993.0)->digits, "9007199254740992");
  EXPECT_FALSE(decimal_of(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(decimal_of(-std::numeric_limits<double>::infinity()));
}

TEST(Decimal, CountsDigits) {
  EXPECT_EQ(decimal_of(48.309999999999995)->fraction_digits(), 15);
  EXPECT_EQ(decimal_of(0.001234567)->fraction_digits(), 9);
  EXPECT_EQ(decimal_of(0.001234567)->integer_digits(), 0);
  EXPECT_EQ(decimal_of(1200)->fraction_digits(), 0);
  EXPECT_EQ(decimal_of(1200)->integer_digits(), 4);
}

TEST(Decimal, ParsesPlainNumbersOnly) {
  EXPECT_EQ(parse_decimal("0012.500"), decimal_of(12.5));
  EXPECT_EQ(parse_decimal("+.5"), decimal_of(0.5));
  EXPECT_EQ(parse_decimal("-1e-3"), decimal_of(-0.001));
  EXPECT_EQ(parse_decimal("1E+3"), decimal_of(1000));
  EXPECT_EQ(parse_decimal("-0"), Decimal{});
  for (const char* text : {"", "-", ".", "1,5", "1 ", " 1", "1.2.3", "0x10", "1e", "1e+", "1e+-3",
                           "nan", "inf", "--1", "1e99999999999"}) {
    EXPECT_FALSE(parse_decimal(text)) << text;
  }
}

TEST(Decimal, ScalesExactlyOrNotAtAll) {
  EXPECT_TRUE(scaled(*decimal_of(-12.5), 2) == Int128{-1250});
  EXPECT_TRUE(scaled(*decimal_of(0), 9) == Int128{0});
  EXPECT_FALSE(scaled(*decimal_of(0.125), 2));
  EXPECT_TRUE(scaled(*parse_decimal("99999999999999999999999999999999999999"), 0));
  EXPECT_FALSE(scaled(*parse_decimal("100000000000000000000000000000000000000"), 0));
  EXPECT_FALSE(scaled(*decimal_of(1e37), 2));
  EXPECT_FALSE(scaled(*parse_decimal(std::string(100'000, '9')), 0));
}

TEST(Decimal, ShortestText) {
  EXPECT_EQ(shortest_text(12), "12");
  EXPECT_EQ(shortest_text(-3000000000.0), "-3000000000");
  EXPECT_EQ(shortest_text(0.1), "0.1");
  EXPECT_EQ(shortest_text(1e15), "1000000000000000");
  EXPECT_EQ(shortest_text(1e30), "1e+30");
  EXPECT_EQ(shortest_text(-0.0), "-0");
  EXPECT_EQ(shortest_text(std::nan("")), "nan");
  EXPECT_EQ(shortest_text(-std::nan("")), "nan");
  EXPECT_EQ(shortest_text(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(Decimal, WholeNumberWithinInt64) {
  EXPECT_EQ(whole_number(-9223372036854775808.0), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(whole_number(9223372036854775808.0));
  EXPECT_EQ(whole_number(-0.0), 0);
  EXPECT_FALSE(whole_number(0.5));
  EXPECT_FALSE(whole_number(std::nan("")));
}

}  // namespace
}  // namespace qvdhouse::schema
