#include "schema/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "schema/decimal.h"
#include "schema/field_view.h"
#include "schema/temporal.h"
#include "schema/zone.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::Dictionary;
using clickhouse::TypeKind;

// Appends symbols of one field to a dictionary. Each add_… returns false when the symbol has no
// exact value of the type; then nothing was added.
class Caster {
 public:
  Caster(const qvd::SymbolTable& symbols, const ColumnPlan& column, Dictionary& values)
      : symbols_(symbols),
        column_(column),
        type_(column.type),
        zone_(type_.timezone),
        values_(values) {}

  bool add(std::size_t symbol) {
    if (column_.part != Part::kText && !symbols_.has_number(symbol) &&
        (column_.part == Part::kNumberOrNull || is_blank(symbols_.text(symbol)))) {
      if (!type_.nullable) return false;
      values_.add_null();
      return true;
    }
    switch (type_.kind) {
      case TypeKind::kInt8:
        return add_integer<std::int8_t>(symbol);
      case TypeKind::kInt16:
        return add_integer<std::int16_t>(symbol);
      case TypeKind::kInt32:
        return add_integer<std::int32_t>(symbol);
      case TypeKind::kInt64:
        return add_integer<std::int64_t>(symbol);
      case TypeKind::kUInt8:
        return add_integer<std::uint8_t>(symbol);
      case TypeKind::kUInt16:
        return add_integer<std::uint16_t>(symbol);
      case TypeKind::kUInt32:
        return add_integer<std::uint32_t>(symbol);
      case TypeKind::kUInt64:
        return add_uint64(symbol);
      case TypeKind::kFloat64:
        return add_float(symbol);
      case TypeKind::kBool:
        return add_bool(symbol);
      case TypeKind::kString:
        return add_string(symbol);
      case TypeKind::kDecimal:
        return add_decimal(symbol);
      case TypeKind::kDate:
        return add_old_date(symbol);
      case TypeKind::kDateTime:
        return add_old_date_time(symbol);
      case TypeKind::kDate32:
        return add_date32(symbol);
      case TypeKind::kDateTime64:
        return add_date_time64(symbol);
      case TypeKind::kTime64:
        return add_time(symbol);
    }
    return false;
  }

 private:
  // The number, or what the text says when it is a number and nothing else.
  std::optional<Decimal> decimal(std::size_t symbol) const {
    if (symbols_.has_number(symbol)) return decimal_of(symbols_.number(symbol));
    return parse_decimal(symbols_.text(symbol));
  }

  std::optional<Int128> integer(std::size_t symbol) const {
    if (symbols_.has_number(symbol)) {
      if (const auto whole = whole_number(symbols_.number(symbol))) return *whole;
    }
    const auto value = decimal(symbol);
    return value ? scaled(*value, 0) : std::nullopt;
  }

  template <class T>
  bool add_integer(std::size_t symbol) {
    const auto value = integer(symbol);
    if (!value || *value < std::numeric_limits<T>::min() ||
        *value > std::numeric_limits<T>::max()) {
      return false;
    }
    values_.add_number(static_cast<T>(*value));
    return true;
  }

  // A double between 2^63 and 2^64 means the integer that it is, as everywhere below 2^63.
  bool add_uint64(std::size_t symbol) {
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (symbols_.has_number(symbol)) {
      const double number = symbols_.number(symbol);
      if (number >= kTwoTo63 && number < 2 * kTwoTo63) {
        values_.add_number(static_cast<std::uint64_t>(number));
        return true;
      }
    }
    return add_integer<std::uint64_t>(symbol);
  }

  // Text counts when the double stands for it: its shortest digits are the text's digits.
  bool add_float(std::size_t symbol) {
    if (symbols_.has_number(symbol)) {
      values_.add_number(symbols_.number(symbol));
      return true;
    }
    std::string_view text = symbols_.text(symbol);
    const auto wanted = parse_decimal(text);
    if (!wanted) return false;
    if (text.front() == '+') text.remove_prefix(1);
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || decimal_of(number) != wanted) {
      return false;
    }
    values_.add_number(number);
    return true;
  }

  // Qlik's own true is -1.
  bool add_bool(std::size_t symbol) {
    std::optional<bool> value;
    if (const auto number = integer(symbol)) {
      if (*number == 0) value = false;
      if (*number == 1 || *number == -1) value = true;
    } else if (!symbols_.has_number(symbol)) {
      std::string text(symbols_.text(symbol));
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (text == "false") value = false;
      if (text == "true") value = true;
    }
    if (!value) return false;
    values_.add_number(static_cast<std::uint8_t>(*value));
    return true;
  }

  // With as many digits of a second as hold the serial to 1 µs.
  std::optional<std::string> stamp(std::size_t symbol) const {
    if (!symbols_.has_number(symbol)) return std::nullopt;
    const double serial = symbols_.number(symbol);
    if (!in_clock_range(serial)) return std::nullopt;
    int scale = kSecondScale;
    while (!ticks_hold(serial, scale)) scale += kMillisecondScale;
    // In clock range: Int64 holds microseconds.
    return stamp_text(wall_ticks(serial, scale).value() * power_of_ten(kMicrosecondScale - scale));
  }

  bool add_string(std::size_t symbol) {
    if (column_.part == Part::kTime) {
      if (!is_time(symbol)) return false;
      values_.add_text(clock_text(time_ticks(symbols_.number(symbol), kMicrosecondScale)));
    } else if (column_.part == Part::kDate) {
      const auto value = day(symbol);
      if (!value) return false;
      values_.add_text(iso_date(*value));
    } else if (column_.part == Part::kDateTime) {
      const auto text = stamp(symbol);
      if (!text) return false;
      values_.add_text(*text);
    } else if (symbols_.has_text(symbol)) {
      values_.add_text(symbols_.text(symbol));
    } else {
      values_.add_text(shortest_text(symbols_.number(symbol)));
    }
    return true;
  }

  bool add_decimal(std::size_t symbol) {
    const auto value = decimal(symbol);
    const auto unscaled = value ? scaled(*value, type_.scale) : std::nullopt;
    if (!unscaled) return false;
    Int128 limit = 1;
    for (int i = 0; i < type_.precision; ++i) limit *= 10;
    if (*unscaled <= -limit || *unscaled >= limit) return false;
    values_.add_fixed(&*unscaled);  // little-endian: its first bytes are the narrower integer
    return true;
  }

  // Days since 1970-01-01.
  std::optional<std::int64_t> day(std::size_t symbol) const {
    if (!symbols_.has_number(symbol)) {
      const auto day = parse_iso_date(symbols_.text(symbol));
      return day && *day >= kFirstDay && *day <= kLastDay ? day : std::nullopt;
    }
    const double serial = symbols_.number(symbol);
    if (!in_clock_range(serial)) return std::nullopt;
    if (has_time_of_day(serial) && !column_.floor_days) return std::nullopt;
    return day_of(serial);
  }

  bool add_date32(std::size_t symbol) {
    const auto value = day(symbol);
    if (!value) return false;
    values_.add_number(static_cast<std::int32_t>(*value));
    return true;
  }

  bool add_old_date(std::size_t symbol) {
    const auto value = day(symbol);
    if (!value || *value < 0 || *value > kLastOldDay) return false;
    values_.add_number(static_cast<std::uint16_t>(*value));
    return true;
  }

  // Ticks since 1970-01-01 00:00:00 UTC.
  std::optional<std::int64_t> instant(std::size_t symbol) const {
    std::optional<std::int64_t> wall;
    if (!symbols_.has_number(symbol)) {
      wall = parse_iso_stamp(symbols_.text(symbol), type_.scale);
    } else if (const double serial = symbols_.number(symbol);
               in_clock_range(serial) && ticks_hold(serial, type_.scale)) {
      wall = wall_ticks(serial, type_.scale);
    }
    if (!wall) return std::nullopt;
    return zone_.from_wall_clock(*wall, type_.scale).ticks;
  }

  bool add_date_time64(std::size_t symbol) {
    const auto ticks = instant(symbol);
    if (!ticks) return false;
    values_.add_number(*ticks);
    return true;
  }

  bool add_old_date_time(std::size_t symbol) {
    const auto seconds = instant(symbol);
    if (!seconds || *seconds < 0 || *seconds >= (kLastOldDay + 1) * kSecondsPerDay) return false;
    values_.add_number(static_cast<std::uint32_t>(*seconds));
    return true;
  }

  bool is_time(std::size_t symbol) const {
    if (!symbols_.has_number(symbol)) return false;
    const double days = symbols_.number(symbol);
    return days >= 0 && days < 1;
  }

  bool add_time(std::size_t symbol) {
    std::optional<std::int64_t> ticks;
    if (!symbols_.has_number(symbol)) {
      ticks = parse_iso_time(symbols_.text(symbol), type_.scale);
    } else if (is_time(symbol) && ticks_hold(symbols_.number(symbol), type_.scale)) {
      ticks = time_ticks(symbols_.number(symbol), type_.scale);
    }
    if (!ticks) return false;
    values_.add_number(*ticks);
    return true;
  }

  const qvd::SymbolTable& symbols_;
  const ColumnPlan& column_;
  const ColumnType& type_;
  const Zone zone_;
  Dictionary& values_;
};

}  // namespace

Dictionary cast_symbols(const qvd::SymbolTable& symbols, const ColumnPlan& column) {
  Dictionary values(column.type);
  values.reserve(symbols.size() + 1, symbols.memory_bytes());
  values.add_null();
  Caster caster(symbols, column, values);
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    if (caster.add(symbol)) continue;
    throw base::SchemaError(fmt::format(
        "column \"{}\": symbol {} of {}, {}, has no exact value of type {}; choose a type that "
        "holds it (types.\"{}\") or leave the choice to qvdhouse",
        column.name, symbol, symbols.size(), show_symbol(symbols, symbol), column.type.name(),
        column.name));
  }
  return values;
}

}  // namespace qvdhouse::schema
