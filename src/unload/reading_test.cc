#include "unload/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::unload {
namespace {

using ::testing::HasSubstr;

Reading reading_of(const std::string& type) { return plan_reading({"a`b", type}, "Asia/Tokyo"); }

TEST(PlanReading, FlatTypesComeAsTheyAre) {
  for (const char* type :
       {"Int8", "UInt64", "Bool", "Float32", "Float64", "Decimal(9, 2)", "Decimal(18, 4)", "Date",
        "Date32", "DateTime", "DateTime64(9)", "Time", "Time64(3)", "String", "FixedString(3)",
        "LowCardinality(String)", "IntervalSecond", "IntervalYear"}) {
    EXPECT_EQ(reading_of(type).expression, "") << type;
    EXPECT_FALSE(reading_of(type).nullable) << type;
  }
  EXPECT_TRUE(reading_of("LowCardinality(Nullable(String))").nullable);
  EXPECT_EQ(reading_of("Nullable(Decimal(18, 4))").scale, 4);
}

TEST(PlanReading, StampsShowTheClockOfTheirZoneOrTheServers) {
  EXPECT_EQ(reading_of("DateTime").timezone, "Asia/Tokyo");
  EXPECT_EQ(reading_of("DateTime64(3)").timezone, "Asia/Tokyo");
  EXPECT_EQ(reading_of("Nullable(DateTime64(3, 'UTC'))").timezone, "UTC");
  EXPECT_EQ(reading_of("Date").timezone, "");
}

TEST(PlanReading, TheServerWritesTheOthersAsText) {
  EXPECT_EQ(reading_of("UUID").expression, "toString(`a\\`b`)");
  EXPECT_EQ(reading_of("Nullable(Enum8('it\\'s (' = 1))").expression, "toString(`a\\`b`)");
  EXPECT_EQ(reading_of("Decimal(76, 10)").conversion, Conversion::kDigits);
  EXPECT_EQ(reading_of("Decimal(76, 10)").scale, 10);
  EXPECT_EQ(reading_of("Array(UInt8)").expression,
            "if(isNull(`a\\`b`), NULL, toJSONString(`a\\`b`))");
  EXPECT_EQ(reading_of("SimpleAggregateFunction(sum, UInt64)").expression,
            "CAST(`a\\`b`, 'UInt64')");
  EXPECT_EQ(reading_of("SimpleAggregateFunction(sum, UInt64)").conversion, Conversion::kUInt);
}

TEST(PlanReading, StatesAreRefusedWithTheFix) {
  try {
    reading_of("AggregateFunction(sum, UInt64)");
    FAIL() << "not refused";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(), HasSubstr("finalizeAggregation(`a\\`b`) AS `a\\`b`"));
  }
}

TEST(SelectOf, WrapsOnlyWhatHasToBe) {
  const Reading plain = plan_reading({"a", "UInt8"}, "UTC");
  const Reading text = plan_reading({"b", "UUID"}, "UTC");
  EXPECT_EQ(select_of("SELECT 1 AS a", {plain}), "SELECT 1 AS a");
  EXPECT_EQ(select_of("SELECT … -- x", {plain, text}),
            "SELECT `a`, toString(`b`) FROM (\nSELECT … -- x\n)");
}

}  // namespace
}  // namespace qvdhouse::unload
