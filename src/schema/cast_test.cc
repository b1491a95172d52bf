#include "schema/cast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "schema/decimal.h"
#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::Dictionary;
using clickhouse::TypeKind;

template <class T>
T value(const Dictionary& values, std::size_t slot) {
  T result;
  std::memcpy(&result, values.fixed().data() + slot * sizeof(T), sizeof(T));
  return result;
}

ColumnPlan column(Part part, clickhouse::ColumnType type) {
  return {.name = "c", .part = part, .type = std::move(type)};
}

TEST(Cast, SlotZeroIsNullAndSymbolsFollow) {
  const auto field = TestField("c").integer(5).text("");
  const auto values = cast_symbols(
      field.symbols(), column(Part::kNumber, {.kind = TypeKind::kInt64, .nullable = true}));
  ASSERT_EQ(values.slot_count(), 3U);
  EXPECT_TRUE(values.is_null(0));
  EXPECT_EQ(value<std::int64_t>(values, 0), 0);
  EXPECT_FALSE(values.is_null(1));
  EXPECT_EQ(value<std::int64_t>(values, 1), 5);
  EXPECT_TRUE(values.is_null(2));
}

TEST(Cast, BlankNeedsANullableColumn) {
  const auto field = TestField("c").integer(5).text(" ");
  EXPECT_THROW(cast_symbols(field.symbols(), column(Part::kNumber, {.kind = TypeKind::kInt64})),
               base::SchemaError);
}

TEST(Cast, TextOfEverySymbol) {
  const auto field =
      TestField("c").text("a").integer(7).number(0.1).dual(1, "Jan").number(1e30).text("");
  const auto values = cast_symbols(field.symbols(), column(Part::kText, {}));
  EXPECT_EQ(values.text(1), "a");
  EXPECT_EQ(values.text(2), "7");
  EXPECT_EQ(values.text(3), "0.1");
  EXPECT_EQ(values.text(4), "Jan");
  EXPECT_EQ(values.text(5), "1e+30");
  EXPECT_EQ(values.text(6), "");
  EXPECT_FALSE(values.is_null(6));
}

TEST(Cast, NumberOrNull) {
  const auto field = TestField("c").text("a").dual(2, "two");
  const auto values = cast_symbols(
      field.symbols(), column(Part::kNumberOrNull, {.kind = TypeKind::kInt64, .nullable = true}));
  EXPECT_TRUE(values.is_null(1));
  EXPECT_EQ(value<std::int64_t>(values, 2), 2);
}

TEST(Cast, DecimalsOfAllWidths) {
  const auto field = TestField("c").number(-1.25).text("3");
  const auto cast = [&](std::uint8_t precision) {
    return cast_symbols(
        field.symbols(),
        column(Part::kNumber, {.kind = TypeKind::kDecimal, .precision = precision, .scale = 2}));
  };
  EXPECT_EQ(value<std::int32_t>(cast(9), 1), -125);
  EXPECT_EQ(value<std::int64_t>(cast(18), 1), -125);
  EXPECT_TRUE(value<Int128>(cast(38), 1) == Int128{-125});
  EXPECT_EQ(value<std::int32_t>(cast(9), 2), 300);
  EXPECT_THROW(cast(2), base::SchemaError);  // 3.00 has three digits
}

TEST(Cast, ErrorNamesColumnSymbolAndType) {
  const auto field = TestField("c").integer(1).dual(300, "many");
  try {
    cast_symbols(field.symbols(), column(Part::kNumber, {.kind = TypeKind::kUInt8}));
    FAIL() << "expected a SchemaError";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(),
                testing::StartsWith("column \"c\": symbol 1 of 2, 'many' with 300, has no exact "
                                    "value of type UInt8"));
  }
}

TEST(Cast, LongTextIsCutInMessagesAtACharacter) {
  const auto field = TestField("c").text(std::string(59, 'x') + "äöü");
  try {
    cast_symbols(field.symbols(), column(Part::kNumber, {.kind = TypeKind::kInt64}));
    FAIL() << "expected a SchemaError";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("xxx…' (65 bytes)"));
  }
}

TEST(Cast, DaysOnlyWithoutTimeUnlessFloored) {
  const auto field = TestField("c").number(36527.999988426);
  ColumnPlan plan = column(Part::kDate, {.kind = TypeKind::kDate32});
  EXPECT_THROW(cast_symbols(field.symbols(), plan), base::SchemaError);
  plan.floor_days = true;
  EXPECT_EQ(value<std::int32_t>(cast_symbols(field.symbols(), plan), 1), 36527 - 25569);
}

TEST(Cast, StampsOutsideTheClockAreRefused) {
  for (const double serial : {1.0, 146099.0, 1e300, -1e300, std::nan("")}) {
    const auto field = TestField("c").number(serial);
    EXPECT_THROW(
        cast_symbols(field.symbols(),
                     column(Part::kDateTime,
                            {.kind = TypeKind::kDateTime64, .scale = 3, .timezone = "UTC"})),
        base::SchemaError)
        << serial;
    EXPECT_THROW(cast_symbols(field.symbols(), column(Part::kDate, {.kind = TypeKind::kDate32})),
                 base::SchemaError)
        << serial;
  }
}

}  // namespace
}  // namespace qvdhouse::schema
