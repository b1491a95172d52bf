// The join of types is what makes a set's table independent of the order of its files: all laws are
// checked over all triples of a list of types.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "schema/cast.h"
#include "schema/drift.h"
#include "schema/override.h"
#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::parse_column_type;

ColumnType type(const std::string& name) { return parse_column_type(name).value(); }

std::string join(const std::string& a, const std::string& b) {
  const Join joined = join_types(type(a), type(b));
  return joined.type.name() + (joined.is_exact ? "" : " if");
}

// Types with texts of values at their ends.
struct Sample {
  std::string type;
  std::vector<std::string> values;
};

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = {
      {"Bool", {"0", "1"}},
      {"Int8", {"-128", "127"}},
      {"UInt8", {"0", "255"}},
      {"Int16", {"-32768", "32767"}},
      {"UInt16", {"65535"}},
      {"Int32", {"-2147483648", "2147483647"}},
      {"UInt32", {"4294967295"}},
      {"Int64", {"-9223372036854775808", "9223372036854775807"}},
      {"UInt64", {"18446744073709551615"}},
      {"Decimal(5, 2)", {"-999.99", "999.99"}},
      {"Decimal(15, 15)", {"0.999999999999999"}},
      {"Decimal(18, 0)", {"999999999999999999"}},
      {"Decimal(18, 9)", {"999999999.999999999"}},
      {"Decimal(38, 2)", {"999999999999999999999999999999999999.99"}},
      {"Decimal(38, 38)", {"0.99999999999999999999999999999999999999"}},
      {"Float64", {"1.5", "1e300", "0.1"}},
      {"Date", {"1970-01-01", "2037-12-31"}},
      {"Date32", {"1900-01-01", "2299-12-31"}},
      {"DateTime('UTC')", {"2037-12-31 23:59:59"}},
      {"DateTime64(3, 'UTC')", {"1900-01-01 00:00:00.001", "2299-12-31 23:59:59.999"}},
      {"DateTime64(6, 'Europe/Berlin')", {"2024-07-01 12:00:00.000001"}},
      {"DateTime64(9, 'UTC')", {"2262-04-11 23:47:16.854775807"}},
      {"Time64(0)", {"23:59:59"}},
      {"Time64(6)", {"00:00:00.000001"}},
      {"String", {"", "text"}},
      {"LowCardinality(String)", {"text"}},
      {"Nullable(Int64)", {"-1"}},
      {"Nullable(Date32)", {"2024-02-29"}},
      {"LowCardinality(Nullable(String))", {"text"}},
  };
  return all;
}

bool casts(const std::string& value, const ColumnType& to) {
  ColumnPlan column{.name = "c", .part = Part::kConstant, .type = to, .constant = value};
  try {
    cast_constant(column);
  } catch (const base::SchemaError&) {
    return false;
  }
  return true;
}

TEST(JoinTypes, IsIdempotentAndCommutative) {
  for (const Sample& a : samples()) {
    EXPECT_EQ(join(a.type, a.type), a.type);
    for (const Sample& b : samples()) EXPECT_EQ(join(a.type, b.type), join(b.type, a.type));
  }
}

TEST(JoinTypes, IsAssociative) {
  for (const Sample& a : samples()) {
    for (const Sample& b : samples()) {
      for (const Sample& c : samples()) {
        const ColumnType left =
            join_types(join_types(type(a.type), type(b.type)).type, type(c.type)).type;
        const ColumnType right =
            join_types(type(a.type), join_types(type(b.type), type(c.type)).type).type;
        EXPECT_EQ(left.name(), right.name()) << a.type << ", " << b.type << ", " << c.type;
      }
    }
  }
}

TEST(JoinTypes, HoldsEveryValueOfBoth) {
  for (const Sample& a : samples()) {
    for (const std::string& value : a.values) {
      ASSERT_TRUE(casts(value, type(a.type))) << value << " as " << a.type;
    }
    for (const Sample& b : samples()) {
      const Join joined = join_types(type(a.type), type(b.type));
      EXPECT_EQ(joined.type.nullable, type(a.type).nullable || type(b.type).nullable);
      if (!joined.is_exact) continue;
      for (const std::string& value : a.values) {
        EXPECT_TRUE(casts(value, joined.type))
            << value << " of " << a.type << " as " << joined.type.name();
      }
    }
  }
}

TEST(JoinTypes, NothingIsGainedByASecondJoin) {
  for (const Sample& a : samples()) {
    for (const Sample& b : samples()) {
      const ColumnType joined = join_types(type(a.type), type(b.type)).type;
      EXPECT_EQ(join_types(joined, type(a.type)).type.name(), joined.name())
          << a.type << ", " << b.type;
    }
  }
}

TEST(JoinTypes, Numbers) {
  EXPECT_EQ(join("Int64", "Decimal(18, 2)"), "Decimal(21, 2)");
  EXPECT_EQ(join("Decimal(18, 2)", "Decimal(18, 4)"), "Decimal(20, 4)");
  EXPECT_EQ(join("UInt64", "Int8"), "Decimal(20, 0)");
  EXPECT_EQ(join("UInt8", "Int8"), "Int16");
  EXPECT_EQ(join("UInt32", "Int32"), "Int64");
  EXPECT_EQ(join("Bool", "Int8"), "Int8");
  EXPECT_EQ(join("Int32", "Float64"), "Float64");
  EXPECT_EQ(join("Decimal(15, 2)", "Float64"), "Float64");
}

TEST(JoinTypes, ExactOnlyIfTheValuesAre) {
  EXPECT_EQ(join("Int64", "Float64"), "Float64 if");
  EXPECT_EQ(join("UInt64", "Float64"), "Float64 if");
  EXPECT_EQ(join("Decimal(18, 2)", "Float64"), "Float64 if");
  EXPECT_EQ(join("Decimal(38, 0)", "Decimal(38, 38)"), "Float64 if");
  EXPECT_EQ(join("Date32", "DateTime64(9, 'UTC')"), "DateTime64(9, 'UTC') if");
}

TEST(JoinTypes, ClocksAndText) {
  EXPECT_EQ(join("Date32", "DateTime64(3, 'UTC')"), "DateTime64(3, 'UTC')");
  EXPECT_EQ(join("DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')"), "DateTime64(6, 'UTC')");
  EXPECT_EQ(join("Date", "Date32"), "Date32");
  EXPECT_EQ(join("Date", "DateTime('UTC')"), "DateTime('UTC')");
  EXPECT_EQ(join("DateTime('UTC')", "Date32"), "DateTime64(0, 'UTC')");
  EXPECT_EQ(join("Time64(3)", "Time64(6)"), "Time64(6)");
  EXPECT_EQ(join("Time64(3)", "Date32"), "String");
  EXPECT_EQ(join("Date32", "Int64"), "String");
  EXPECT_EQ(join("LowCardinality(String)", "Int64"), "String");
  EXPECT_EQ(join("LowCardinality(String)", "String"), "String");
  EXPECT_EQ(join("LowCardinality(Nullable(String))", "LowCardinality(String)"),
            "LowCardinality(Nullable(String))");
}

}  // namespace
}  // namespace qvdhouse::schema
