#include "schema/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "schema/decimal.h"
#include "schema/field_view.h"
#include "schema/temporal.h"
#include "schema/value_text.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::ColumnType;
using clickhouse::Dictionary;
using clickhouse::TypeKind;

// What is cast: a number, a text, or a number with its text.
struct Symbol {
  std::optional<double> number;
  std::optional<std::string_view> text;
};

Symbol symbol_at(const qvd::SymbolTable& symbols, std::size_t index) {
  Symbol symbol;
  if (symbols.has_number(index)) symbol.number = symbols.number(index);
  if (symbols.has_text(index)) symbol.text = symbols.text(index);
  return symbol;
}

// Appends symbols to a dictionary. Each add_… returns false when the symbol has no exact value of
// the type; then nothing was added.
class Caster {
 public:
  Caster(const ColumnPlan& column, Dictionary& values)
      : column_(column), type_(values.type()), zone_(type_.timezone), values_(values) {}

  bool add(const Symbol& symbol) {
    if (!symbol.number && column_.part != Part::kConstant && is_null_text(*symbol.text)) {
      return add_null();
    }
    if (column_.outside == Outside::kOnly) return add_outsider(symbol);
    if (column_.outside != Outside::kNone && is_outside(symbol)) return add_nearest(symbol);
    if (column_.part != Part::kText && column_.part != Part::kConstant && !symbol.number &&
        (column_.part == Part::kNumberOrNull || is_blank(*symbol.text))) {
      return add_null();
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
        return column_.is_truth ? add_bool(symbol) : add_integer<std::uint8_t>(symbol);
      case TypeKind::kUInt16:
        return add_integer<std::uint16_t>(symbol);
      case TypeKind::kUInt32:
        return add_integer<std::uint32_t>(symbol);
      case TypeKind::kUInt64:
        return add_uint64(symbol);
      case TypeKind::kUInt128:
        return false;  // of no field: schema/upsert.h
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
  // Whether a column of dates cannot hold it. Of the clock's range, not of the type's own: an old
  // server's Date that does not hold a day of 2050 may not be chosen for it.
  bool is_outside(const Symbol& symbol) const {
    if (symbol.number) return !in_clock_range(*symbol.number);
    if (is_blank(*symbol.text)) return false;
    return !shows_clock_value(*symbol.text, column_.part);
  }

  bool is_null_text(std::string_view text) const {
    return std::ranges::find(column_.null_texts, text) != column_.null_texts.end();
  }

  bool add_null() {
    if (!type_.nullable) return false;
    values_.add_null();
    return true;
  }

  bool add_outsider(const Symbol& symbol) {
    if (!is_outside(symbol)) return add_null();
    values_.add_text(symbol.number ? shortest_text(*symbol.number) : std::string(*symbol.text));
    return true;
  }

  // The nearest value that the type has, or NULL.
  bool add_nearest(const Symbol& symbol) {
    if (column_.outside == Outside::kNull || !symbol.number || std::isnan(*symbol.number)) {
      return add_null();
    }
    const bool is_old = type_.kind == TypeKind::kDate || type_.kind == TypeKind::kDateTime;
    const bool is_low = *symbol.number < kEpochSerial;
    const std::int64_t day = is_low ? (is_old ? 0 : kFirstDay) : (is_old ? kLastOldDay : kLastDay);
    switch (type_.kind) {
      case TypeKind::kDate:
        values_.add_number(static_cast<std::uint16_t>(day));
        return true;
      case TypeKind::kDate32:
        values_.add_number(static_cast<std::int32_t>(day));
        return true;
      case TypeKind::kDateTime:
        values_.add_number(static_cast<std::uint32_t>(end_ticks(day, is_low)));
        return true;
      case TypeKind::kDateTime64:
        values_.add_number(end_ticks(day, is_low));
        return true;
      default:
        values_.add_text(column_.part == Part::kDate
                             ? iso_date(day)
                             : iso_date(day) + (is_low ? " 00:00:00" : " 23:59:59"));
        return true;
    }
  }

  // The first or the last tick of a day that is an end of the type's range, as an instant that is
  // within the range in UTC, too.
  std::int64_t end_ticks(std::int64_t day, bool is_low) const {
    const std::int64_t per_day = kSecondsPerDay * power_of_ten(type_.scale);
    const std::int64_t first = day * per_day;
    const std::int64_t last = first + per_day - 1;
    if (is_low) return std::max(first, zone_.from_wall_clock(first, type_.scale).ticks);
    return std::min(last, zone_.from_wall_clock(last, type_.scale).ticks);
  }

  // The number, or what the text says when it is a number and nothing else.
  std::optional<Decimal> decimal(const Symbol& symbol) const {
    if (symbol.number) return decimal_of(*symbol.number);
    return parse_decimal(*symbol.text);
  }

  std::optional<Int128> integer(const Symbol& symbol) const {
    if (symbol.number) {
      if (const auto whole = whole_number(*symbol.number)) return *whole;
    }
    const auto value = decimal(symbol);
    return value ? scaled(*value, 0) : std::nullopt;
  }

  template <class T>
  bool add_integer(const Symbol& symbol) {
    const auto value = integer(symbol);
    if (!value || *value < std::numeric_limits<T>::min() ||
        *value > std::numeric_limits<T>::max()) {
      return false;
    }
    values_.add_number(static_cast<T>(*value));
    return true;
  }

  // A double between 2^63 and 2^64 means the integer that it is, as everywhere below 2^63.
  bool add_uint64(const Symbol& symbol) {
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (symbol.number) {
      const double number = *symbol.number;
      if (number >= kTwoTo63 && number < 2 * kTwoTo63) {
        values_.add_number(static_cast<std::uint64_t>(number));
        return true;
      }
    }
    return add_integer<std::uint64_t>(symbol);
  }

  // Text counts when the double stands for it: its shortest digits are the text's digits.
  bool add_float(const Symbol& symbol) {
    if (symbol.number) {
      values_.add_number(*symbol.number);
      return true;
    }
    std::string_view text = *symbol.text;
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
  bool add_bool(const Symbol& symbol) {
    std::optional<bool> value;
    if (const auto number = integer(symbol)) {
      if (*number == 0) value = false;
      if (*number == 1 || *number == -1) value = true;
    } else if (!symbol.number) {
      std::string text(*symbol.text);
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (text == "false") value = false;
      if (text == "true") value = true;
    }
    if (!value) return false;
    values_.add_number(static_cast<std::uint8_t>(*value));
    return true;
  }

  // With as many digits of a second as hold the serial, in clock range, to 1 µs.
  static std::string serial_stamp(double serial) {
    int scale = kSecondScale;
    while (!ticks_hold(serial, scale)) scale += kMillisecondScale;
    // In clock range: Int64 holds microseconds.
    return stamp_text(wall_ticks(serial, scale).value() * power_of_ten(kMicrosecondScale - scale));
  }

  std::optional<std::string> stamp(const Symbol& symbol) const {
    if (!symbol.number) {
      const auto wall = parse_iso_stamp(*symbol.text, kMicrosecondScale);
      return wall ? std::optional(stamp_text(*wall)) : std::nullopt;
    }
    return in_clock_range(*symbol.number) ? std::optional(serial_stamp(*symbol.number))
                                          : std::nullopt;
  }

  bool add_string(const Symbol& symbol) {
    if (column_.part == Part::kTime) {
      if (!is_time(symbol)) return false;
      values_.add_text(clock_text(day_ticks(*symbol.number, kMicrosecondScale)));
    } else if (column_.part == Part::kDate) {
      const auto value = day(symbol);
      if (!value) return false;
      values_.add_text(iso_date(*value));
    } else if (column_.part == Part::kDateTime) {
      const auto text = stamp(symbol);
      if (!text) return false;
      values_.add_text(*text);
    } else if (symbol.text) {
      values_.add_text(*symbol.text);
    } else {
      values_.add_text(number_text(*symbol.number));
    }
    return true;
  }

  // The text of a number without one.
  std::string number_text(double number) const {
    if (column_.text_style == TextStyle::kOld || column_.clock == Clock::kNone) {
      return shortest_text(number);
    }
    if (column_.clock == Clock::kTime && is_within_day(number)) {
      return with_fraction(clock_text(day_ticks(number, kMicrosecondScale)));
    }
    const double serial = column_.floor_days ? std::floor(number) : number;
    if (!in_clock_range(serial)) return shortest_text(number);
    if (column_.clock == Clock::kDate && !has_time_of_day(serial)) return iso_date(day_of(serial));
    return with_fraction(serial_stamp(serial));
  }

  // The server's DateTime64 and Time64 have milliseconds at least.
  std::string with_fraction(std::string text) const {
    const bool is_whole = text.find('.') == text.npos;
    if (column_.text_style == TextStyle::kServer && is_whole) text += ".000";
    return text;
  }

  bool add_decimal(const Symbol& symbol) {
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
  std::optional<std::int64_t> day(const Symbol& symbol) const {
    if (!symbol.number) {
      auto day = parse_iso_date(*symbol.text);
      // In a file's name; 20171130 in a cell is a number or a code.
      const bool is_compact = column_.part == Part::kConstant || column_.has_compact_dates;
      if (!day && is_compact) day = parse_compact_date(*symbol.text);
      return day && *day >= kFirstDay && *day <= kLastDay ? day : std::nullopt;
    }
    const double serial = *symbol.number;
    if (column_.has_compact_dates) return compact_day(serial);
    if (!in_clock_range(serial)) return std::nullopt;
    if (has_time_of_day(serial) && !column_.floor_days) return std::nullopt;
    return day_of(serial);
  }

  bool add_date32(const Symbol& symbol) {
    const auto value = day(symbol);
    if (!value) return false;
    values_.add_number(static_cast<std::int32_t>(*value));
    return true;
  }

  bool add_old_date(const Symbol& symbol) {
    const auto value = day(symbol);
    if (!value || *value < 0 || *value > kLastOldDay) return false;
    values_.add_number(static_cast<std::uint16_t>(*value));
    return true;
  }

  // Ticks since 1970-01-01 00:00:00 UTC.
  std::optional<std::int64_t> instant(const Symbol& symbol) const {
    std::optional<std::int64_t> wall;
    if (!symbol.number) {
      wall = parse_iso_stamp(*symbol.text, type_.scale);
    } else if (const double serial =
                   column_.floor_days ? std::floor(*symbol.number) : *symbol.number;
               in_clock_range(serial) && ticks_hold(serial, type_.scale)) {
      wall = wall_ticks(serial, type_.scale);
    }
    if (!wall) return std::nullopt;
    return zone_.from_wall_clock(*wall, type_.scale).ticks;
  }

  bool add_date_time64(const Symbol& symbol) {
    const auto ticks = instant(symbol);
    if (!ticks) return false;
    values_.add_number(*ticks);
    return true;
  }

  bool add_old_date_time(const Symbol& symbol) {
    const auto seconds = instant(symbol);
    if (!seconds || *seconds < 0 || *seconds >= (kLastOldDay + 1) * kSecondsPerDay) return false;
    values_.add_number(static_cast<std::uint32_t>(*seconds));
    return true;
  }

  static bool is_time(const Symbol& symbol) {
    return symbol.number && is_within_day(*symbol.number);
  }

  bool add_time(const Symbol& symbol) {
    std::optional<std::int64_t> ticks;
    if (!symbol.number) {
      ticks = parse_iso_time(*symbol.text, type_.scale);
    } else if (is_time(symbol) && ticks_hold(*symbol.number, type_.scale)) {
      ticks = day_ticks(*symbol.number, type_.scale);
    }
    if (!ticks) return false;
    values_.add_number(*ticks);
    return true;
  }

  const ColumnPlan& column_;
  const ColumnType& type_;
  const Zone zone_;
  Dictionary& values_;
};

// Slot 0 and the symbols, as values of `type`. `misfits`: by slot, where it is asked for.
Dictionary cast_to(const ColumnType& type, const qvd::SymbolTable& symbols,
                   const ColumnPlan& column, const std::stop_token& stop,
                   std::vector<std::uint8_t>* misfits = nullptr) {
  Dictionary values(type);
  values.reserve(symbols.size() + 1, symbols.memory_bytes());
  values.add_null();
  Caster caster(column, values);
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (caster.add(symbol_at(symbols, symbol))) continue;
    if (column.leaves_misfits) {
      values.add_null();
      if (misfits != nullptr) misfits->at(symbol + 1) = 1;
      continue;
    }
    throw base::SchemaError(fmt::format(
        "column \"{}\": symbol {} of {}, {}, has no exact value of type {}; choose a type that "
        "holds it (types.\"{}\") or leave the choice to qvdhouse",
        column.name, symbol, symbols.size(), show_symbol(symbols, symbol), type.name(),
        column.name));
  }
  return values;
}

// Outside::kText: dates as the server writes them, and all else as what it is.
Dictionary texts_with_outsiders(ColumnType type, const qvd::SymbolTable& symbols,
                                const ColumnPlan& column, const std::stop_token& stop) {
  type.nullable = true;
  ColumnPlan part = column;
  part.outside = Outside::kNull;
  const Dictionary dates = texts_of(cast_to(type, symbols, part, stop), column.type);
  type = column.type;
  type.nullable = true;
  part.outside = Outside::kOnly;
  const Dictionary outsiders = cast_to(type, symbols, part, stop);
  Dictionary all(column.type);
  all.add_null();
  for (std::size_t slot = 1; slot < dates.slot_count(); ++slot) {
    const Dictionary& holder = outsiders.is_null(slot) ? dates : outsiders;
    if (holder.is_null(slot)) {
      all.add_null();
    } else {
      all.add_text(holder.text(slot));
    }
  }
  return all;
}

// What the server puts where nothing is said: 0 or an empty text.
void add_default(Dictionary& values) {
  const std::size_t bytes = values.type().value_bytes();
  if (bytes == 0) return values.add_text("");
  constexpr std::array<std::byte, 16> kZero{};
  values.add_fixed(kZero.data());
}

}  // namespace

bool shows_clock_value(std::string_view text, Part part) {
  return part == Part::kDate ? is_clock_day(text)
                             : parse_iso_stamp(text, kMicrosecondScale).has_value();
}

Dictionary cast_symbols(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                        const std::stop_token& stop) {
  if (!column.text_of) return cast_to(column.type, symbols, column, stop);
  ColumnType type = *column.text_of;
  type.nullable = column.type.nullable;
  if (column.outside != Outside::kText) {
    return texts_of(cast_to(type, symbols, column, stop), column.type);
  }
  return texts_with_outsiders(type, symbols, column, stop);
}

std::vector<std::uint8_t> find_misfits(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                                       const std::stop_token& stop) {
  std::vector<std::uint8_t> misfits(symbols.size() + 1);
  if (!column.leaves_misfits) return misfits;
  ColumnType type = column.text_of.value_or(column.type);
  type.nullable = column.type.nullable;
  cast_to(type, symbols, column, stop, &misfits);
  return misfits;
}

std::string symbol_text(const qvd::SymbolTable& symbols, std::size_t symbol,
                        const ColumnPlan& column) {
  if (symbols.has_text(symbol)) return std::string(symbols.text(symbol));
  ColumnPlan shown{.part = Part::kText,
                   .type = {.kind = TypeKind::kString},
                   .text_style = TextStyle::kFile,
                   .clock = column.clock,
                   .floor_days = column.floor_days};
  if (column.part == Part::kDate) shown.clock = Clock::kDate;
  if (column.part == Part::kDateTime) shown.clock = Clock::kTimestamp;
  if (column.part == Part::kTime) shown.clock = Clock::kTime;
  if (shown.clock == Clock::kNone) return shortest_text(symbols.number(symbol));
  Dictionary text(shown.type);
  Caster(shown, text).add({.number = symbols.number(symbol), .text = {}});
  return std::string(text.text(0));
}

Dictionary cast_constant(const ColumnPlan& column) {
  Dictionary values(column.type);
  if (column.part == Part::kMissing && !column.type.nullable) {
    add_default(values);
    return values;
  }
  values.add_null();
  if (column.part == Part::kMissing) return values;
  Caster caster(column, values);
  if (!caster.add({.text = column.constant})) {
    throw base::SchemaError(
        fmt::format("column \"{}\": its value for this file, '{}', has no exact value of type {}; "
                    "choose a type "
                    "that holds it by types.\"{}\"",
                    column.name, column.constant, column.type.name(), column.name));
  }
  return values;
}

}  // namespace qvdhouse::schema
