#include "schema/temporal.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "base/error.h"
#include "schema/decimal.h"

namespace qvdhouse::schema {
namespace {

// A day's fraction has at most 53 bits; long double carries its product with ticks exactly enough
// to round to the nearest one.
long double day_fraction(double serial) {
  return static_cast<long double>(serial - std::floor(serial));
}

// Reads exactly `digits` decimal digits at the start of `text` and cuts them off.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".123" to the end of the text as ticks; empty when more digits than the scale are not zero.
std::optional<std::int64_t> parse_fraction(std::string_view text, int scale) {
  std::int64_t ticks = 0;
  int digits = 0;
  if (text.empty()) return std::nullopt;
  for (; !text.empty(); ++digits) {
    const auto digit = take_digits(text, 1);
    if (!digit || (digits >= scale && *digit != 0)) return std::nullopt;
    if (digits < scale) ticks = ticks * 10 + *digit;
  }
  return digits < scale ? ticks * power_of_ten(scale - digits) : ticks;
}

// "2011-12-31" or "20111231".
std::optional<std::int64_t> read_day(std::string_view text, bool has_dashes) {
  const auto year_number = take_digits(text, 4);
  if (!year_number || (has_dashes && !take(text, '-'))) return std::nullopt;
  const auto month_number = take_digits(text, 2);
  if (!month_number || (has_dashes && !take(text, '-'))) return std::nullopt;
  const auto day_number = take_digits(text, 2);
  if (!day_number || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year_number},
                                         std::chrono::month{static_cast<unsigned>(*month_number)},
                                         std::chrono::day{static_cast<unsigned>(*day_number)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

}  // namespace

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

bool in_clock_range(double serial) {
  return serial >= static_cast<double>(kFirstDay + kEpochSerial) &&
         serial < static_cast<double>(kLastDay + kEpochSerial + 1);
}

std::int64_t day_of(double serial) {
  return static_cast<std::int64_t>(std::floor(serial)) - kEpochSerial;
}

bool has_time_of_day(double serial) { return serial != std::floor(serial); }

bool is_within_day(double serial) { return serial >= 0 && serial <= 1; }

std::int64_t time_ticks(double serial, int scale) {
  const auto ticks_per_day = static_cast<long double>(kSecondsPerDay * power_of_ten(scale));
  return std::llroundl(day_fraction(serial) * ticks_per_day);
}

std::int64_t day_ticks(double serial, int scale) {
  return serial < 1 ? time_ticks(serial, scale) : kSecondsPerDay * power_of_ten(scale);
}

std::optional<std::int64_t> wall_ticks(double serial, int scale) {
  std::int64_t ticks = 0;
  if (__builtin_mul_overflow(day_of(serial), kSecondsPerDay * power_of_ten(scale), &ticks) ||
      __builtin_add_overflow(ticks, time_ticks(serial, scale), &ticks)) {
    return std::nullopt;
  }
  return ticks;
}

double serial_of_stamp(std::int64_t microseconds) {
  return static_cast<double>(static_cast<long double>(microseconds) / (kSecondsPerDay * 1e6L) +
                             static_cast<long double>(kEpochSerial));
}

bool ticks_hold(double serial, int scale) {
  if (scale >= kMicrosecondScale) return true;
  const long double microseconds = day_fraction(serial) * (kSecondsPerDay * 1'000'000.0L);
  const auto tick = static_cast<long double>(power_of_ten(kMicrosecondScale - scale));
  return std::fabs(microseconds - std::round(microseconds / tick) * tick) <= 1.0L;
}

std::string iso_date(std::int64_t unix_day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{unix_day}}};
  return fmt::format("{:04}-{:02}-{:02}", int{date.year()}, unsigned{date.month()},
                     unsigned{date.day()});
}

std::string clock_text(std::int64_t microseconds) {
  const std::int64_t seconds = microseconds / 1'000'000;
  const std::int64_t fraction = microseconds % 1'000'000;
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction % 1000 != 0) return text + fmt::format(".{:06}", fraction);
  if (fraction != 0) return text + fmt::format(".{:03}", fraction / 1000);
  return text;
}

std::string stamp_text(std::int64_t microseconds) {
  constexpr std::int64_t kDay = kSecondsPerDay * 1'000'000;
  const std::int64_t time = (microseconds % kDay + kDay) % kDay;
  return iso_date((microseconds - time) / kDay) + " " + clock_text(time);
}

std::optional<std::int64_t> parse_iso_date(std::string_view text) { return read_day(text, true); }

std::optional<std::int64_t> parse_compact_date(std::string_view text) {
  return read_day(text, false);
}

std::optional<std::int64_t> compact_day(double number) {
  constexpr double kLeast = 10'000'101;
  constexpr double kMost = 99'991'231;
  if (!(number >= kLeast && number <= kMost) || number != std::floor(number)) return std::nullopt;
  const auto day = parse_compact_date(fmt::format("{:.0f}", number));
  return day && *day >= kFirstDay && *day <= kLastDay ? day : std::nullopt;
}

bool is_clock_day(std::string_view text) {
  const auto day = parse_iso_date(text);
  return day && *day >= kFirstDay && *day <= kLastDay;
}

std::optional<std::int64_t> parse_iso_time(std::string_view text, int scale) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 24 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t seconds = *hour * 3600 + *minute * 60;
  std::int64_t fraction = 0;
  if (take(text, ':')) {
    const auto second = take_digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    seconds += *second;
    if (take(text, '.')) {
      const auto ticks = parse_fraction(text, scale);
      if (!ticks) return std::nullopt;
      fraction = *ticks;
      text = {};
    }
  }
  if (!text.empty() || seconds > kSecondsPerDay) return std::nullopt;
  if (seconds == kSecondsPerDay && fraction != 0) return std::nullopt;
  return seconds * power_of_ten(scale) + fraction;
}

std::optional<std::int64_t> parse_iso_stamp(std::string_view text, int scale) {
  constexpr std::size_t kDateBytes = 10;
  if (!is_clock_day(text.substr(0, kDateBytes))) return std::nullopt;
  const auto day = parse_iso_date(text.substr(0, kDateBytes));
  std::int64_t time = 0;
  if (text.size() > kDateBytes) {
    if (text[kDateBytes] != ' ' && text[kDateBytes] != 'T') return std::nullopt;
    const auto ticks = parse_iso_time(text.substr(kDateBytes + 1), scale);
    if (!ticks || *ticks >= kSecondsPerDay * power_of_ten(scale)) return std::nullopt;
    time = *ticks;
  }
  std::int64_t result = 0;
  if (__builtin_mul_overflow(*day, kSecondsPerDay * power_of_ten(scale), &result) ||
      __builtin_add_overflow(result, time, &result)) {
    return std::nullopt;
  }
  return result;
}

namespace {

// The second that a tick lies in, also before 1970.
std::chrono::seconds second_of(std::int64_t ticks, std::int64_t ticks_per_second) {
  return std::chrono::seconds{ticks / ticks_per_second - (ticks % ticks_per_second < 0 ? 1 : 0)};
}

}  // namespace

Zone::Zone(const std::string& name) {
  if (name.empty() || name == "UTC") return;
  try {
    zone_ = date::locate_zone(name);
  } catch (const std::runtime_error& error) {
    throw base::SchemaError(fmt::format(
        "time zone '{}': expected a name of the time zone database such as 'Europe/Berlin', but it "
        "was not found ({}); correct the setting timezone or the type that names it",
        name, error.what()));
  }
}

Zone::Instant Zone::from_wall_clock(std::int64_t wall_ticks, int scale) const {
  if (zone_ == nullptr) return {wall_ticks, Reading::kUnique};
  const std::int64_t ticks_per_second = power_of_ten(scale);
  const std::chrono::seconds second = second_of(wall_ticks, ticks_per_second);
  const date::local_info info = zone_->get_info(date::local_seconds{second});
  // The first offset is right in all three cases: the earlier instant of a reading that came twice,
  // and for a gap the offset before it, which moves the reading past it.
  const std::int64_t ticks = wall_ticks - info.first.offset.count() * ticks_per_second;
  switch (info.result) {
    case date::local_info::ambiguous:
      return {ticks, Reading::kTwice};
    case date::local_info::nonexistent:
      return {ticks, Reading::kNever};
    default:
      return {ticks, Reading::kUnique};
  }
}

std::int64_t Zone::to_wall_clock(std::int64_t ticks, int scale) const {
  if (zone_ == nullptr) return ticks;
  const std::int64_t ticks_per_second = power_of_ten(scale);
  const date::sys_seconds second{second_of(ticks, ticks_per_second)};
  return ticks + zone_->get_info(second).offset.count() * ticks_per_second;
}

std::optional<double> serial_of(std::string_view text) {
  const auto wall = parse_iso_stamp(text, kMicrosecondScale);
  if (!wall) return std::nullopt;
  return serial_of_stamp(*wall);
}

std::optional<double> number_or_serial(std::string_view text) {
  const auto number = number_of(text);
  return number ? number : serial_of(text);
}

}  // namespace qvdhouse::schema
