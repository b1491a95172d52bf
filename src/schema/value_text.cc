#include "schema/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "schema/decimal.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::Dictionary;
using clickhouse::TypeKind;

template <class T>
T value_at(const Dictionary& values, std::size_t slot) {
  T value;
  std::memcpy(&value, values.fixed().data() + slot * sizeof(T), sizeof(T));
  return value;
}

template <class T>
std::string whole_text(const Dictionary& values, std::size_t slot) {
  return fmt::format("{}", value_at<T>(values, slot));
}

// Shortest digits; an exponent below 10^-6 and from 10^21.
std::string float_text(double number) {
  constexpr int kFewestPlaces = -6, kMostPlaces = 21;
  const auto decimal = decimal_of(number);
  if (!decimal) return std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
  if (decimal->digits.empty()) return std::signbit(number) ? "-0" : "0";
  const std::string sign = decimal->negative ? "-" : "";
  const std::string& digits = decimal->digits;
  const int point = decimal->point;
  const int count = static_cast<int>(digits.size());
  if (point <= kFewestPlaces || point > kMostPlaces) {
    const std::string rest = count > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}", sign, digits.front(), rest, point - 1);
  }
  if (point <= 0) return fmt::format("{}0.{:0>{}}", sign, digits, count - point);
  if (count <= point) return fmt::format("{}{:0<{}}", sign, digits, point);
  const auto whole = static_cast<std::size_t>(point);
  return fmt::format("{}{}.{}", sign, digits.substr(0, whole), digits.substr(whole));
}

std::string decimal_text(const Dictionary& values, std::size_t slot) {
  Int128 value = 0;
  switch (values.type().value_bytes()) {
    case sizeof(std::int32_t):
      value = value_at<std::int32_t>(values, slot);
      break;
    case sizeof(std::int64_t):
      value = value_at<std::int64_t>(values, slot);
      break;
    default:
      value = value_at<Int128>(values, slot);
  }
  return schema::decimal_text(value, values.type().scale);
}

// "hh:mm:ss", and all digits of the fraction.
std::string time_text(std::int64_t ticks, int scale) {
  const std::int64_t per_second = power_of_ten(scale);
  const std::int64_t seconds = ticks / per_second;
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (scale > 0) text += fmt::format(".{:0>{}}", ticks % per_second, scale);
  return text;
}

std::string instant_text(const clickhouse::ColumnType& type, std::int64_t instant) {
  const std::int64_t wall = Zone(type.timezone).to_wall_clock(instant, type.scale);
  const std::int64_t per_day = kSecondsPerDay * power_of_ten(type.scale);
  const std::int64_t day = wall / per_day - (wall % per_day < 0 ? 1 : 0);
  return fmt::format("{} {}", iso_date(day), time_text(wall - day * per_day, type.scale));
}

}  // namespace

std::string value_text(const Dictionary& values, std::size_t slot) {
  switch (values.type().kind) {
    case TypeKind::kInt8:
      return whole_text<std::int8_t>(values, slot);
    case TypeKind::kInt16:
      return whole_text<std::int16_t>(values, slot);
    case TypeKind::kInt32:
      return whole_text<std::int32_t>(values, slot);
    case TypeKind::kInt64:
      return whole_text<std::int64_t>(values, slot);
    case TypeKind::kUInt8:
      return whole_text<std::uint8_t>(values, slot);
    case TypeKind::kUInt16:
      return whole_text<std::uint16_t>(values, slot);
    case TypeKind::kUInt32:
      return whole_text<std::uint32_t>(values, slot);
    case TypeKind::kUInt64:
      return whole_text<std::uint64_t>(values, slot);
    case TypeKind::kFloat64:
      return float_text(value_at<double>(values, slot));
    case TypeKind::kBool:
      return value_at<std::uint8_t>(values, slot) != 0 ? "true" : "false";
    case TypeKind::kDecimal:
      return decimal_text(values, slot);
    case TypeKind::kDate:
      return iso_date(value_at<std::uint16_t>(values, slot));
    case TypeKind::kDateTime:
      return instant_text(values.type(), value_at<std::uint32_t>(values, slot));
    case TypeKind::kDate32:
      return iso_date(value_at<std::int32_t>(values, slot));
    case TypeKind::kDateTime64:
      return instant_text(values.type(), value_at<std::int64_t>(values, slot));
    case TypeKind::kTime64:
      return time_text(value_at<std::int64_t>(values, slot), values.type().scale);
    case TypeKind::kUInt128:  // never of a field
    case TypeKind::kString:
      break;
  }
  return std::string(values.text(slot));
}

Dictionary texts_of(const Dictionary& values, const clickhouse::ColumnType& text_type) {
  Dictionary texts(text_type);
  texts.add_null();
  for (std::size_t slot = 1; slot < values.slot_count(); ++slot) {
    if (values.is_null(slot)) {
      texts.add_null();
    } else {
      texts.add_text(value_text(values, slot));
    }
  }
  return texts;
}

}  // namespace qvdhouse::schema
