#include "models/types.h"

#include <gtest/gtest.h>

namespace qvdhouse::models {
namespace {

clickhouse::ColumnType type(std::string_view name) {
  const auto parsed = clickhouse::parse_column_type(name);
  EXPECT_TRUE(parsed) << name;
  return parsed.value_or(clickhouse::ColumnType{});
}

std::string python_of(std::string_view name) {
  const PythonType words = python_type(type(name));
  return words.type + words.constraints;
}

std::string moose_of(std::string_view name) { return python_type(type(name)).moose; }
std::string cpp_of(std::string_view name) { return cpp_type(type(name)); }
std::string schema_of(std::string_view name) { return json_schema(type(name)).dump(); }

TEST(Types, Python) {
  EXPECT_EQ(python_of("Int64"), "int");
  EXPECT_EQ(python_of("Int8"), "int, ge=-128, le=127");
  EXPECT_EQ(python_of("UInt64"), "int, ge=0, le=18446744073709551615");
  EXPECT_EQ(python_of("Nullable(Float64)"), "Optional[float]");
  EXPECT_EQ(python_of("Decimal(18, 2)"), "Decimal, max_digits=18, decimal_places=2");
  EXPECT_EQ(python_of("LowCardinality(Nullable(String))"), "Optional[str]");
  EXPECT_EQ(python_of("Date32"), "_dt.date");
  EXPECT_EQ(python_of("Nullable(DateTime64(3, 'UTC'))"), "Optional[_dt.datetime]");
  EXPECT_EQ(python_of("Bool"), "bool");
}

TEST(Types, Moose) {
  EXPECT_EQ(moose_of("UInt8"), "Annotated[int, \"uint8\"]");
  EXPECT_EQ(moose_of("Nullable(Int32)"), "Optional[Annotated[int, \"int32\"]]");
  EXPECT_EQ(moose_of("LowCardinality(Nullable(String))"),
            "Annotated[Optional[str], \"LowCardinality\"]");
  EXPECT_EQ(moose_of("DateTime64(3, 'UTC')"), "clickhouse_datetime64(3)");
  EXPECT_EQ(moose_of("Date"), "Annotated[_dt.date, ClickhouseSize(2)]");
}

TEST(Types, Cpp) {
  EXPECT_EQ(cpp_of("UInt16"), "std::uint16_t");
  EXPECT_EQ(cpp_of("Nullable(String)"), "std::optional<std::string>");
  EXPECT_EQ(cpp_of("Decimal(9, 2)"), "std::int32_t");
  EXPECT_EQ(cpp_of("Decimal(18, 2)"), "std::int64_t");
  EXPECT_EQ(cpp_of("Decimal(38, 10)"), "Int128");
  EXPECT_EQ(cpp_of("DateTime64(6, 'UTC')"),
            "std::chrono::sys_time<std::chrono::duration<std::int64_t, std::ratio<1, 1000000>>>");
  EXPECT_EQ(cpp_of("DateTime64(0)"),
            "std::chrono::sys_time<std::chrono::duration<std::int64_t, std::ratio<1, 1>>>");
}

TEST(Types, JsonSchema) {
  EXPECT_EQ(schema_of("UInt8"), R"({"type":"integer","minimum":0,"maximum":255})");
  EXPECT_EQ(schema_of("Nullable(Int16)"),
            R"({"type":["integer","null"],"minimum":-32768,"maximum":32767})");
  EXPECT_EQ(schema_of("Int64"), R"({"type":["integer","string"],"minimum":-9223372036854775808,)"
                                R"("maximum":9223372036854775807,"pattern":"^-?[0-9]{1,19}$"})");
  EXPECT_EQ(json_schema(type("Float64"), true).dump(),
            R"({"type":["number","string","null"],"pattern":"^-?(nan|inf)$"})");
  EXPECT_EQ(schema_of("Date32"), R"({"type":"string","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})");
}

}  // namespace
}  // namespace qvdhouse::models
