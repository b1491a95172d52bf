// Types as a lattice: whole numbers < decimals < Float64, days < stamps, times; String holds all.
#include <fmt/format.h>

#include <algorithm>

#include "schema/decimal.h"
#include "schema/drift.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::TypeKind;

enum class Family { kNumber, kStamp, kTime, kText };

Family family(TypeKind kind) {
  switch (kind) {
    case TypeKind::kString:
      return Family::kText;
    case TypeKind::kDate:
    case TypeKind::kDate32:
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64:
      return Family::kStamp;
    case TypeKind::kTime64:
      return Family::kTime;
    default:
      return Family::kNumber;
  }
}

// A whole-number type by its bits; Bool is the smallest. 0 bits: it is not one.
struct Whole {
  int bits = 0;
  bool is_signed = false;
};

Whole whole(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
      return {.bits = 1};
    case TypeKind::kUInt8:
      return {.bits = 8};
    case TypeKind::kUInt16:
      return {.bits = 16};
    case TypeKind::kUInt32:
      return {.bits = 32};
    case TypeKind::kUInt64:
      return {.bits = 64};
    case TypeKind::kInt8:
      return {.bits = 8, .is_signed = true};
    case TypeKind::kInt16:
      return {.bits = 16, .is_signed = true};
    case TypeKind::kInt32:
      return {.bits = 32, .is_signed = true};
    case TypeKind::kInt64:
      return {.bits = 64, .is_signed = true};
    default:
      return {};
  }
}

TypeKind kind_of(Whole type) {
  switch (type.bits) {
    case 1:
      return TypeKind::kBool;
    case 8:
      return type.is_signed ? TypeKind::kInt8 : TypeKind::kUInt8;
    case 16:
      return type.is_signed ? TypeKind::kInt16 : TypeKind::kUInt16;
    case 32:
      return type.is_signed ? TypeKind::kInt32 : TypeKind::kUInt32;
    default:
      return type.is_signed ? TypeKind::kInt64 : TypeKind::kUInt64;
  }
}

// Every whole number counts as an Int64, also a narrower one: Int8 ⊔ UInt8 is Int16, and were each
// of these to have its own digits, the join of three types would depend on their order.
Digits digits(const ColumnType& type) {
  constexpr int kInt64Digits = 19, kUInt64Digits = 20;
  if (type.kind == TypeKind::kDecimal) {
    return {.integer = type.precision - type.scale, .fraction = type.scale};
  }
  return {.integer = type.kind == TypeKind::kUInt64 ? kUInt64Digits : kInt64Digits, .fraction = 0};
}

// Whether a Float64 is exactly each value; of a decimal, when its shortest text is the decimal.
bool is_within_float64(const ColumnType& type) {
  constexpr int kFloat64Digits = 15;  // any decimal of so many survives a double
  if (type.kind == TypeKind::kFloat64) return true;
  if (type.kind == TypeKind::kDecimal) return type.precision <= kFloat64Digits;
  return whole(type.kind).bits <= 32;
}

Join join_floats(const ColumnType& a, const ColumnType& b) {
  return {.type = {.kind = TypeKind::kFloat64},
          .is_exact = is_within_float64(a) && is_within_float64(b)};
}

Join join_decimals(const ColumnType& a, const ColumnType& b) {
  constexpr int kMostDigits = 38;
  const Digits left = digits(a), right = digits(b);
  const int fraction = std::max(left.fraction, right.fraction);
  const int precision = std::max(left.integer, right.integer) + fraction;
  if (precision > kMostDigits) return join_floats(a, b);
  return {.type = {.kind = TypeKind::kDecimal,
                   .precision = static_cast<std::uint8_t>(precision),
                   .scale = static_cast<std::uint8_t>(fraction)}};
}

Join join_numbers(const ColumnType& a, const ColumnType& b) {
  if (a.kind == TypeKind::kFloat64 || b.kind == TypeKind::kFloat64) return join_floats(a, b);
  if (a.kind == TypeKind::kDecimal || b.kind == TypeKind::kDecimal) return join_decimals(a, b);
  const Whole left = whole(a.kind), right = whole(b.kind);
  Whole both{.bits = std::max(left.bits, right.bits),
             .is_signed = left.is_signed || right.is_signed};
  for (const Whole& part : {left, right}) {
    if (both.is_signed && !part.is_signed) both.bits = std::max(both.bits, 2 * part.bits);
  }
  if (both.bits > 64) return join_decimals(a, b);
  return {.type = {.kind = kind_of(both)}};
}

bool is_day(const ColumnType& type) {
  return type.kind == TypeKind::kDate || type.kind == TypeKind::kDate32;
}

// Nanoseconds end in the year 2262. Date and DateTime hold the years 1970…2037, the others
// 1900…2299.
bool is_within_stamps(const ColumnType& type, int scale) {
  constexpr int kNanoseconds = 9;
  return scale < kNanoseconds || type.scale == scale || type.kind == TypeKind::kDate ||
         type.kind == TypeKind::kDateTime;
}

// The zone is how instants are shown; UTC shows those of every zone.
Join join_stamps(const ColumnType& a, const ColumnType& b) {
  if (is_day(a) && is_day(b)) {
    return {.type = {.kind = a.kind == b.kind ? a.kind : TypeKind::kDate32}};
  }
  const auto either = [&](TypeKind kind) { return a.kind == kind || b.kind == kind; };
  ColumnType type{.kind = either(TypeKind::kDate32) || either(TypeKind::kDateTime64)
                              ? TypeKind::kDateTime64
                              : TypeKind::kDateTime,
                  .scale = std::max(a.scale, b.scale),
                  .timezone = is_day(a) ? b.timezone : a.timezone};
  if (!is_day(a) && !is_day(b) && a.timezone != b.timezone) type.timezone = "UTC";
  return {.type = type,
          .is_exact = is_within_stamps(a, type.scale) && is_within_stamps(b, type.scale)};
}

Join join_values(const ColumnType& a, const ColumnType& b) {
  if (family(a.kind) != family(b.kind)) return {.type = {.kind = TypeKind::kString}};
  switch (family(a.kind)) {
    case Family::kNumber:
      return a.kind == b.kind && a.kind != TypeKind::kDecimal ? Join{.type = {.kind = a.kind}}
                                                              : join_numbers(a, b);
    case Family::kStamp:
      return join_stamps(a, b);
    case Family::kTime:
      return {.type = {.kind = TypeKind::kTime64, .scale = std::max(a.scale, b.scale)}};
    case Family::kText:
      break;
  }
  return {.type = {.kind = TypeKind::kString,
                   .low_cardinality = a.low_cardinality && b.low_cardinality}};
}

}  // namespace

Join join_types(const ColumnType& a, const ColumnType& b) {
  Join join = join_values(a, b);
  join.type.nullable = a.nullable || b.nullable;
  return join;
}

bool gives_up(const ColumnType& from, const ColumnType& to) {
  const Family before = family(from.kind);
  const Family after = family(to.kind);
  if (before == after || before == Family::kText) return false;
  return before != Family::kNumber || after == Family::kText;
}

std::string given_up_text(const std::string& column, const ColumnType& from, const ColumnType& to,
                          const std::string& reason) {
  return fmt::format(
      "column \"{}\" was {} in the table and is {} from this load on; drift = \"freeze\" would "
      "have refused the file: {}",
      column, from.name(), to.name(), reason);
}

}  // namespace qvdhouse::schema
