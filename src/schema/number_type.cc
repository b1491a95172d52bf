#include "schema/number_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/pause.h"
#include "schema/decimal.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::TypeKind;

constexpr int kMostFractionDigits = 9;
constexpr int kDecimalDigits = 18;

// The facts about a field's numbers that its profile does not have.
struct NumberFacts {
  std::uint64_t count = 0;
  std::uint64_t not_whole_count = 0;  // NaN and infinities too
  std::size_t first_not_whole = 0;
  std::uint64_t negative_zero_count = 0;
  std::int64_t min_whole = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_whole = std::numeric_limits<std::int64_t>::min();
};

NumberFacts number_facts(const qvd::SymbolTable& symbols, const std::stop_token& stop) {
  NumberFacts facts;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol)) continue;
    ++facts.count;
    const double number = symbols.number(symbol);
    if (const auto whole = whole_number(number)) {
      facts.min_whole = std::min(facts.min_whole, *whole);
      facts.max_whole = std::max(facts.max_whole, *whole);
      if (*whole == 0 && std::signbit(number)) ++facts.negative_zero_count;
    } else if (facts.not_whole_count++ == 0) {
      facts.first_not_whole = symbol;
    }
  }
  return facts;
}

template <class T>
bool fits(const NumberFacts& facts) {
  return std::in_range<T>(facts.min_whole) && std::in_range<T>(facts.max_whole);
}

TypeKind narrowest(const NumberFacts& facts) {
  if (fits<std::uint8_t>(facts)) return TypeKind::kUInt8;
  if (fits<std::int8_t>(facts)) return TypeKind::kInt8;
  if (fits<std::uint16_t>(facts)) return TypeKind::kUInt16;
  if (fits<std::int16_t>(facts)) return TypeKind::kInt16;
  if (fits<std::uint32_t>(facts)) return TypeKind::kUInt32;
  if (fits<std::int32_t>(facts)) return TypeKind::kInt32;
  return TypeKind::kInt64;
}

// How many digits hold every number; empty when one is not finite.
std::optional<Digits> digits_needed(const qvd::SymbolTable& symbols, const std::stop_token& stop) {
  Digits most;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol)) continue;
    const auto value = decimal_of(symbols.number(symbol));
    if (!value) return std::nullopt;
    most.integer = std::max(most.integer, value->integer_digits());
    most.fraction = std::max(most.fraction, value->fraction_digits());
  }
  return most;
}

// Rule 3c. A reason that starts with what the format is, whether it comes to a Decimal or not.
bool choose_decimal(const FieldView& field, const NumberFacts& facts, NumberChoice& choice) {
  const qvd::NumberFormat& format = field.header.number_format;
  if (format.type != "MONEY" && format.type != "FIX") return false;
  const auto digits = digits_needed(field.symbols, field.stop);
  if (!digits || digits->fraction > kMostFractionDigits ||
      digits->integer + digits->fraction > kDecimalDigits) {
    choice.warnings.push_back(fmt::format(
        "the header says {}, but not every number is exact with at most {} fraction digits and {} "
        "digits in all, so it is no Decimal",
        format.type, kMostFractionDigits, kDecimalDigits));
    return false;
  }
  // A scale that does not fit is filler: Qlik writes 14 where it means "as many as there are".
  const int room = std::min(kMostFractionDigits, kDecimalDigits - digits->integer);
  const int scale =
      format.decimals <= room ? std::max(digits->fraction, format.decimals) : digits->fraction;
  choice.type = {.kind = TypeKind::kDecimal,
                 .precision = kDecimalDigits,
                 .scale = static_cast<std::uint8_t>(scale)};
  choice.reason =
      fmt::format("the header says {} and every number ({}) is exact with {} fraction digits",
                  format.type, facts.count, scale);
  return true;
}

void note_negative_zeros(const NumberFacts& facts, NumberChoice& choice) {
  if (facts.negative_zero_count == 0) return;
  choice.warnings.push_back(
      fmt::format("symbols -0 that are stored as 0: {}", facts.negative_zero_count));
}

}  // namespace

NumberChoice choose_plain_number(const FieldView& field) {
  NumberChoice choice;
  const NumberFacts facts = number_facts(field.symbols, field.stop);
  if (facts.not_whole_count == 0) {
    const bool narrow = field.policy.integers == IntegerPolicy::kNarrow;
    choice.type.kind = narrow ? narrowest(facts) : TypeKind::kInt64;
    choice.reason =
        fmt::format("every number is whole ({}, from {} to {}){}", facts.count, facts.min_whole,
                    facts.max_whole, narrow ? "; integers = \"narrow\"" : "");
    note_negative_zeros(facts, choice);
    return choice;
  }
  if (choose_decimal(field, facts, choice)) {
    note_negative_zeros(facts, choice);
    return choice;
  }
  choice.type.kind = TypeKind::kFloat64;
  choice.reason =
      fmt::format("numbers that are not whole or not within Int64: {} of {} (such as {})",
                  facts.not_whole_count, facts.count,
                  shortest_text(field.symbols.number(facts.first_not_whole)));
  return choice;
}

// Rule 3a of docs/type-mapping.md: when a field's numbers are dates, stamps, times or spans.

namespace {

// What a field's numbers would be as serials.
struct SerialFacts {
  std::uint64_t count = 0;
  std::uint64_t outside_count = 0;  // of 1900-01-01…2299-12-31
  std::size_t first_outside = 0;
  std::uint64_t fraction_count = 0;    // with a time of day
  std::uint64_t beyond_day_count = 0;  // not within [0, 1)
  std::size_t first_beyond_day = 0;
  bool milliseconds_hold = true;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
};

SerialFacts serial_facts(const qvd::SymbolTable& symbols, const std::stop_token& stop) {
  SerialFacts facts;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol)) continue;
    ++facts.count;
    const double serial = symbols.number(symbol);
    facts.min = std::min(facts.min, serial);
    facts.max = std::max(facts.max, serial);
    if (!in_clock_range(serial) && facts.outside_count++ == 0) facts.first_outside = symbol;
    if (!(serial >= 0 && serial < 1) && facts.beyond_day_count++ == 0) {
      facts.first_beyond_day = symbol;
    }
    if (has_time_of_day(serial)) {
      ++facts.fraction_count;
      facts.milliseconds_hold = facts.milliseconds_hold && ticks_hold(serial, kMillisecondScale);
    }
  }
  return facts;
}

// Why the field is temporal at all; the first half of a reason. Empty when it is not.
std::string clock_evidence(const FieldView& field, const DisplayTexts& texts) {
  const std::string& type = field.header.number_format.type;
  if (type == "DATE" || type == "TIMESTAMP") return fmt::format("the header says {}", type);
  if (texts.as_whole_date.count == 0 && texts.whole_date_count > 0) {
    return fmt::format("every display text ({}) shows its number as a date", texts.dual_count);
  }
  return {};
}

// Readings that the zone had twice or never, and those that its clock type cannot take.
struct ZoneFacts {
  std::uint64_t twice_count = 0;
  std::uint64_t never_count = 0;
  bool all_within_range = true;
};

ZoneFacts zone_facts(const FieldView& field, int scale) {
  const Zone zone(field.policy.timezone);
  ZoneFacts facts;
  const std::int64_t day = kSecondsPerDay * power_of_ten(scale);
  for (std::size_t symbol = 0; symbol < field.symbols.size(); ++symbol) {
    base::end_if_stopped(field.stop, symbol);
    if (!field.symbols.has_number(symbol)) continue;
    // In clock range and at most microseconds: Int64 holds it.
    const std::int64_t wall = wall_ticks(field.symbols.number(symbol), scale).value();
    const Zone::Instant instant = zone.from_wall_clock(wall, scale);
    if (instant.reading == Zone::Reading::kTwice) ++facts.twice_count;
    if (instant.reading == Zone::Reading::kNever) ++facts.never_count;
    facts.all_within_range = facts.all_within_range && wall < (kLastDay + 1) * day &&
                             instant.ticks >= kFirstDay * day &&
                             instant.ticks < (kLastDay + 1) * day;
  }
  return facts;
}

void note_zone(const ZoneFacts& facts, const FieldView& field, NumberChoice& choice) {
  const std::string& zone = field.policy.timezone;
  if (facts.twice_count > 0) {
    choice.warnings.push_back(
        fmt::format("stamps in an hour that {} had twice: {}; the earlier instant is meant", zone,
                    facts.twice_count));
  }
  if (facts.never_count > 0) {
    choice.warnings.push_back(
        fmt::format("stamps in a gap of {}'s clock: {}; they read later by the length of the gap",
                    zone, facts.never_count));
  }
}

std::string outside_warning(const std::string& evidence, const FieldView& field,
                            const SerialFacts& facts) {
  return fmt::format(
      "{}, but not every number is within 1900-01-01…2299-12-31: {} of {} (such as {}), so it "
      "stays "
      "a number",
      evidence, facts.outside_count, facts.count,
      shortest_text(field.symbols.number(facts.first_outside)));
}

std::string_view tick_reason(const SerialFacts& facts) {
  return facts.milliseconds_hold ? "milliseconds hold them to 1 µs"
                                 : "milliseconds do not hold them to 1 µs, microseconds do";
}

bool choose_date_time(const FieldView& field, const std::string& evidence, const SerialFacts& facts,
                      NumberChoice& choice) {
  const int scale = facts.milliseconds_hold ? kMillisecondScale : kMicrosecondScale;
  const ZoneFacts zone = zone_facts(field, scale);
  if (!zone.all_within_range) {
    choice.warnings.push_back(fmt::format(
        "{}, but its first or last stamp leaves the years 1900…2299 as an instant, so it stays a "
        "number",
        evidence));
    return false;
  }
  note_zone(zone, field, choice);
  choice.part = Part::kDateTime;
  choice.type = {.kind = TypeKind::kDateTime64,
                 .scale = static_cast<std::uint8_t>(scale),
                 .timezone = field.policy.timezone.empty() ? "UTC" : field.policy.timezone};
  choice.reason =
      fmt::format("{} and {} of {} numbers have a time of day (days {} to {}); {}", evidence,
                  facts.fraction_count, facts.count, iso_date(day_of(facts.min)),
                  iso_date(day_of(facts.max)), tick_reason(facts));
  return true;
}

bool choose_clock(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice) {
  const std::string evidence = clock_evidence(field, texts);
  if (evidence.empty()) return false;
  const SerialFacts facts = serial_facts(field.symbols, field.stop);
  if (facts.outside_count > 0) {
    choice.warnings.push_back(outside_warning(evidence, field, facts));
    return false;
  }
  choice.reading = Reading::kDate;
  const bool is_date = field.header.number_format.type == "DATE" ||
                       (texts.whole_date_count > 0 && texts.stamp_count == 0);
  choice.floor_days =
      field.policy.dates == DatePolicy::kFloor && is_date && facts.fraction_count > 0;
  if (facts.fraction_count > 0 && !choice.floor_days) {
    return choose_date_time(field, evidence, facts, choice);
  }
  choice.part = Part::kDate;
  choice.type.kind = TypeKind::kDate32;
  choice.reason = fmt::format("{} and every number ({}) is {} from {} to {}", evidence, facts.count,
                              choice.floor_days ? "taken as the day it lies in," : "a whole day",
                              iso_date(day_of(facts.min)), iso_date(day_of(facts.max)));
  if (choice.floor_days) {
    choice.warnings.push_back(
        fmt::format("by dates = \"floor\" a time of day is dropped from {} of {} numbers",
                    facts.fraction_count, facts.count));
  }
  return true;
}

bool choose_time(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice) {
  const bool by_format = field.header.number_format.type == "TIME";
  const bool by_texts = texts.as_time.count == 0 && texts.time_count > 0;
  if (!by_format && !by_texts) return false;
  const SerialFacts facts = serial_facts(field.symbols, field.stop);
  if (facts.beyond_day_count > 0) {
    if (by_format) {
      choice.warnings.push_back(
          fmt::format("the header says TIME, but not every number is within one day: {} of {} "
                      "(such as {}), so it "
                      "stays a number",
                      facts.beyond_day_count, facts.count,
                      shortest_text(field.symbols.number(facts.first_beyond_day))));
    }
    return false;
  }
  const int scale = facts.milliseconds_hold ? kMillisecondScale : kMicrosecondScale;
  choice.reading = Reading::kTime;
  choice.part = Part::kTime;
  choice.type = {.kind = TypeKind::kTime64, .scale = static_cast<std::uint8_t>(scale)};
  choice.reason = fmt::format(
      "{} and every number ({}) is a time of day; {}",
      by_format
          ? std::string("the header says TIME")
          : fmt::format("every display text ({}) shows its number as a time", texts.dual_count),
      facts.count, tick_reason(facts));
  return true;
}

// Returns false when the field is not temporal or no clock type holds it; then `choice` has at most
// a warning that says so.
bool choose_temporal(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice) {
  if (field.header.number_format.type == "INTERVAL") {
    choice.type.kind = TypeKind::kFloat64;
    choice.reading = Reading::kInterval;
    choice.reason = fmt::format(
        "the header says INTERVAL: spans in days as stored ({}), which may be longer than any "
        "clock",
        field.profile.number_count());
    return true;
  }
  if (field.header.number_format.type == "TIME") return choose_time(field, texts, choice);
  return choose_clock(field, texts, choice) || choose_time(field, texts, choice);
}

}  // namespace

NumberChoice choose_number(const FieldView& field, const DisplayTexts& texts) {
  NumberChoice temporal;
  if (choose_temporal(field, texts, temporal)) return temporal;
  NumberChoice plain = choose_plain_number(field);
  plain.warnings.insert(plain.warnings.begin(), temporal.warnings.begin(), temporal.warnings.end());
  return plain;
}

}  // namespace qvdhouse::schema
