#include "clickhouse/column_type.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace qvdhouse::clickhouse {
namespace {

TEST(ColumnType, EveryNameRoundTrips) {
  const std::vector<std::pair<std::string, std::size_t>> names = {
      {"Int8", 1},
      {"Int16", 2},
      {"Int32", 4},
      {"Int64", 8},
      {"UInt8", 1},
      {"UInt16", 2},
      {"UInt32", 4},
      {"UInt64", 8},
      {"Float64", 8},
      {"Bool", 1},
      {"String", 0},
      {"Date32", 4},
      {"Decimal(9, 2)", 4},
      {"Decimal(18, 9)", 8},
      {"Decimal(38, 0)", 16},
      {"DateTime64(3)", 8},
      {"DateTime64(6, 'UTC')", 8},
      {"Time64(3)", 8},
      {"Nullable(Int64)", 8},
      {"Nullable(DateTime64(3, 'Europe/Berlin'))", 8},
      {"LowCardinality(String)", 0},
      {"LowCardinality(Nullable(String))", 0},
  };
  for (const auto& [name, bytes] : names) {
    const auto type = parse_column_type(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(type->name(), name);
    EXPECT_EQ(type->value_bytes(), bytes) << name;
    EXPECT_EQ(parse_column_type(type->name()), type);
  }
}

TEST(ColumnType, OtherSpellings) {
  EXPECT_EQ(parse_column_type(" Decimal ( 18 ,2 ) ")->name(), "Decimal(18, 2)");
  EXPECT_EQ(parse_column_type("Decimal64(4)")->name(), "Decimal(18, 4)");
  EXPECT_EQ(parse_column_type("Decimal32(4)")->name(), "Decimal(9, 4)");
  EXPECT_EQ(parse_column_type("Decimal128(4)")->name(), "Decimal(38, 4)");
  EXPECT_EQ(parse_column_type("Decimal(10)")->name(), "Decimal(10, 0)");
  EXPECT_EQ(parse_column_type("DateTime64")->name(), "DateTime64(3)");
  EXPECT_EQ(parse_column_type("LowCardinality( Nullable( String ) )")->name(),
            "LowCardinality(Nullable(String))");
}

TEST(ColumnType, Refused) {
  for (const char* name : {"",
                           "int64",
                           "Int64()",
                           "Int64 x",
                           "Decimal",
                           "Decimal(39, 2)",
                           "Decimal(0, 0)",
                           "Decimal(9, 10)",
                           "Decimal(9, -1)",
                           "Decimal(9, 2",
                           "Decimal32(10)",
                           "DateTime()",
                           "DateTime(UTC)",
                           "DateTime('a', 1)",
                           "Date(1)",
                           "DateTime64(10)",
                           "DateTime64(3, UTC)",
                           "DateTime64(3, 'a\\'b')",
                           "DateTime64(3, 'a', 1)",
                           "Time64(3, 'UTC')",
                           "Nullable(Nullable(Int8))",
                           "Nullable(LowCardinality(String))",
                           "LowCardinality(Int64)",
                           "Array(Int64)",
                           "Nullable(Int8",
                           "Nullable)Int8(",
                           "Nullable(",
                           "LowCardinality()",
                           "FixedString(4)",
                           "Int8)",
                           "Decimal(9,2,3)",
                           "Decimal(999999, 1)"}) {
    EXPECT_FALSE(parse_column_type(name)) << name;
  }
}

}  // namespace
}  // namespace qvdhouse::clickhouse
