#include "unload/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/column_type.h"
#include "clickhouse/quote.h"
#include "clickhouse/type_name.h"

namespace qvdhouse::unload {
namespace {

using clickhouse::within;

struct PlainType {
  std::string_view name;  // without what stands in brackets
  Conversion conversion;
};
constexpr auto kPlainTypes = std::to_array<PlainType>({
    {"Int8", Conversion::kInt},
    {"Int16", Conversion::kInt},
    {"Int32", Conversion::kInt},
    {"Int64", Conversion::kInt},
    {"UInt8", Conversion::kUInt},
    {"UInt16", Conversion::kUInt},
    {"UInt32", Conversion::kUInt},
    {"UInt64", Conversion::kUInt},
    {"Bool", Conversion::kUInt},
    {"Float32", Conversion::kFloat},
    {"Float64", Conversion::kFloat},
    {"Date", Conversion::kDate},
    {"Date32", Conversion::kDate32},
    {"DateTime", Conversion::kDateTime},
    {"DateTime64", Conversion::kTicks},
    {"Time", Conversion::kTime},
    {"Time64", Conversion::kTime},
    {"String", Conversion::kText},
    {"FixedString", Conversion::kFixedText},
});

// That the server is asked to write as text.
constexpr auto kNumbersAsText =
    std::to_array<std::string_view>({"Int128", "Int256", "UInt128", "UInt256"});
constexpr auto kTexts =
    std::to_array<std::string_view>({"UUID", "IPv4", "IPv6", "Enum8", "Enum16"});

struct Unit {
  std::string_view name;
  double microseconds;
};
constexpr double kSecond = 1e6;
constexpr auto kUnits = std::to_array<Unit>({{"IntervalNanosecond", 1e-3},
                                             {"IntervalMicrosecond", 1},
                                             {"IntervalMillisecond", 1e3},
                                             {"IntervalSecond", kSecond},
                                             {"IntervalMinute", 60 * kSecond},
                                             {"IntervalHour", 3600 * kSecond},
                                             {"IntervalDay", 86400 * kSecond},
                                             {"IntervalWeek", 7 * 86400 * kSecond}});

bool set_decimal(std::string_view type, std::string_view column, Reading& reading) {
  if (!type.starts_with("Decimal")) return false;
  const auto decimal = clickhouse::parse_column_type(type);
  if (decimal) reading.scale = decimal->scale;
  if (decimal && decimal->value_bytes() <= sizeof(std::uint64_t)) {
    reading.conversion = Conversion::kDecimal;
    return true;
  }
  if (!decimal) {  // of more than 38 digits: "Decimal(76, 10)"
    const std::string_view scale = base::trimmed(type.substr(type.find(',') + 1));
    std::from_chars(scale.data(), scale.data() + scale.size(), reading.scale);
  }
  reading.conversion = Conversion::kDigits;
  reading.expression = fmt::format("toString({})", column);
  return true;
}

bool set_plain(std::string_view type, std::string_view server_zone, Reading& reading) {
  const auto* const found =
      std::ranges::find(kPlainTypes, type.substr(0, type.find('(')), &PlainType::name);
  if (found == kPlainTypes.end()) return false;
  reading.conversion = found->conversion;
  if (const auto parsed = clickhouse::parse_column_type(type)) {
    reading.scale = parsed->scale;
    reading.timezone = parsed->timezone;
  }
  const bool is_stamp =
      reading.conversion == Conversion::kDateTime || reading.conversion == Conversion::kTicks;
  if (is_stamp && reading.timezone.empty()) reading.timezone = server_zone;
  return true;
}

bool set_interval(std::string_view type, Reading& reading) {
  if (!type.starts_with("Interval")) return false;
  const auto* const unit = std::ranges::find(kUnits, type, &Unit::name);
  if (unit != kUnits.end()) {
    reading.conversion = Conversion::kInterval;
    reading.unit = unit->microseconds;
    return true;
  }
  // Months, quarters and years have no length of their own.
  reading.conversion = Conversion::kInt;
  reading.note = "the number of them";
  return true;
}

[[noreturn]] void refuse_state(const QueryColumn& column) {
  throw base::SchemaError(
      fmt::format("column \"{0}\" is {1}: states of an aggregation, which no QVD can hold; select "
                  "finalizeAggregation({2}) AS {2}",
                  column.name, column.type, clickhouse::quote_identifier(column.name)));
}

}  // namespace

Reading plan_reading(const QueryColumn& column, std::string_view server_zone) {
  Reading reading{.name = column.name, .type = column.type};
  const std::string name = clickhouse::quote_identifier(column.name);
  std::string_view type = base::trimmed(column.type);
  if (type.starts_with("AggregateFunction(")) refuse_state(column);
  if (const auto arguments = within(type, "SimpleAggregateFunction")) {
    // "sum, UInt64": a value of the type behind the function, whose name has no comma.
    type = base::trimmed(arguments->substr(std::min(arguments->find(',') + 1, arguments->size())));
    reading.expression = fmt::format("CAST({}, {})", name, clickhouse::quote_literal(type));
  }
  if (const auto inner = within(type, "LowCardinality")) type = *inner;
  if (const auto inner = within(type, "Nullable")) {
    reading.nullable = true;
    type = *inner;
  }
  if (set_plain(type, server_zone, reading) || set_interval(type, reading) ||
      set_decimal(type, name, reading)) {
    return reading;
  }
  if (type == "BFloat16") {
    reading.conversion = Conversion::kFloat;
    reading.expression = fmt::format("toFloat32({})", name);
    return reading;
  }
  if (type == "Nothing") {
    reading.expression = "CAST(NULL, 'Nullable(String)')";
    reading.nullable = true;
    reading.note = "NULL in each row";
    return reading;
  }
  if (std::ranges::find(kNumbersAsText, type) != kNumbersAsText.end()) {
    reading.conversion = Conversion::kDigits;
    reading.expression = fmt::format("toString({})", name);
    return reading;
  }
  if (std::ranges::find(kTexts, type.substr(0, type.find('('))) != kTexts.end()) {
    reading.expression = fmt::format("toString({})", name);
    return reading;
  }
  reading.expression = fmt::format("if(isNull({0}), NULL, toJSONString({0}))", name);
  reading.nullable = true;
  reading.note = "as JSON text";
  return reading;
}

std::string select_of(std::string_view select, const std::vector<Reading>& readings) {
  const bool is_plain = std::ranges::all_of(
      readings, [](const Reading& reading) { return reading.expression.empty(); });
  if (is_plain) return std::string(select);
  std::string sql = "SELECT ";
  for (const Reading& reading : readings) {
    if (&reading != readings.data()) sql += ", ";
    // Without aliases: one that equals the name of a column would stand for it elsewhere.
    sql += reading.expression.empty() ? clickhouse::quote_identifier(reading.name)
                                      : reading.expression;
  }
  return fmt::format("{} FROM (\n{}\n)", sql, select);
}

}  // namespace qvdhouse::unload
