// Expected texts are those of both servers, asked by CAST(… AS String).
#include "schema/value_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "schema/cast.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::Dictionary;

Dictionary values_of(const std::string& type, const std::string& value) {
  return cast_constant({.name = "c",
                        .part = Part::kConstant,
                        .type = clickhouse::parse_column_type(type).value(),
                        .constant = value});
}

std::string text(const std::string& type, const std::string& value) {
  return value_text(values_of(type, value), 1);
}

std::string text(double number) {
  Dictionary values({.kind = clickhouse::TypeKind::kFloat64});
  values.add_number(number);
  return value_text(values, 0);
}

TEST(ValueText, Floats) {
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(-1.5), "-1.5");
  EXPECT_EQ(text(100.0), "100");
  EXPECT_EQ(text(48.309999999999995), "48.309999999999995");
  EXPECT_EQ(text(1e15), "1000000000000000");
  EXPECT_EQ(text(1e20), "100000000000000000000");
  EXPECT_EQ(text(1e21), "1e21");
  EXPECT_EQ(text(-1.25e22), "-1.25e22");
  EXPECT_EQ(text(1e-6), "0.000001");
  EXPECT_EQ(text(1.5e-7), "1.5e-7");
  EXPECT_EQ(text(0.0), "0");
  EXPECT_EQ(text(-0.0), "-0");
  EXPECT_EQ(text(std::nan("")), "nan");
  EXPECT_EQ(text(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(ValueText, WholeNumbersAndDecimals) {
  EXPECT_EQ(text("Int64", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(text("UInt64", "18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(text("Bool", "1"), "true");
  EXPECT_EQ(text("Decimal(9, 2)", "-0.05"), "-0.05");
  EXPECT_EQ(text("Decimal(18, 2)", "12.50"), "12.5");
  EXPECT_EQ(text("Decimal(38, 2)", "100"), "100");
}

TEST(ValueText, Clocks) {
  EXPECT_EQ(text("Date32", "1900-01-01"), "1900-01-01");
  EXPECT_EQ(text("Date", "2011-12-31"), "2011-12-31");
  EXPECT_EQ(text("DateTime('UTC')", "2011-12-31 10:00:00"), "2011-12-31 10:00:00");
  EXPECT_EQ(text("DateTime64(3, 'UTC')", "2011-12-31 10:00:00"), "2011-12-31 10:00:00.000");
  EXPECT_EQ(text("DateTime64(6, 'UTC')", "1900-01-01 23:59:59.000001"),
            "1900-01-01 23:59:59.000001");
  EXPECT_EQ(text("DateTime64(3, 'Europe/Berlin')", "2024-07-01 12:00:00"),
            "2024-07-01 12:00:00.000");
  EXPECT_EQ(text("Time64(3)", "09:00:00"), "09:00:00.000");
  EXPECT_EQ(text("Time64(0)", "09:00:00"), "09:00:00");
}

TEST(ValueText, NullStaysNull) {
  Dictionary numbers({.kind = clickhouse::TypeKind::kInt64, .nullable = true});
  numbers.add_null();
  numbers.add_number(std::int64_t{5});
  numbers.add_null();
  const Dictionary texts =
      texts_of(numbers, {.kind = clickhouse::TypeKind::kString, .nullable = true});
  ASSERT_EQ(texts.slot_count(), 3U);
  EXPECT_TRUE(texts.is_null(0));
  EXPECT_EQ(texts.text(1), "5");
  EXPECT_TRUE(texts.is_null(2));
}

}  // namespace
}  // namespace qvdhouse::schema
