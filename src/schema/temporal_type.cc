// Rule 3a of docs/type-mapping.md: when a field's numbers are dates, stamps, times or spans.
#include "schema/temporal_type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/error.h"
#include "base/pause.h"
#include "schema/cast.h"
#include "schema/decimal.h"
#include "schema/number_type.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

using clickhouse::TypeKind;

// What a field's numbers would be as serials.
struct SerialFacts {
  std::uint64_t count = 0;
  std::uint64_t outside_count = 0;  // of the range; all else that is said is of those within
  std::size_t first_outside = 0;
  std::uint64_t fraction_count = 0;  // with a time of day
  bool milliseconds_hold = true;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
};

SerialFacts serial_facts(const FieldView& field, bool (*is_within)(double)) {
  const qvd::SymbolTable& symbols = field.symbols;
  SerialFacts facts;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(field.stop, symbol);
    if (!symbols.has_number(symbol)) continue;
    ++facts.count;
    const double serial = symbols.number(symbol);
    if (!is_within(serial)) {
      if (facts.outside_count++ == 0) facts.first_outside = symbol;
      continue;
    }
    facts.min = std::min(facts.min, serial);
    facts.max = std::max(facts.max, serial);
    if (has_time_of_day(serial)) {
      ++facts.fraction_count;
      facts.milliseconds_hold = facts.milliseconds_hold && ticks_hold(serial, kMillisecondScale);
    }
  }
  return facts;
}

// Days far outside of 1900…2299 that databases are known to write where there is no date. 0 and 1
// are not among them: they may be a flag.
bool means_never(double serial) {
  constexpr std::array<double, 5> kDays = {-693593,   // 0001-01-01
                                           -53688,    // 1753-01-01, the first of SQL Server
                                           401768,    // 2999-12-31
                                           2958464,   // 9999-12-30
                                           2958465};  // 9999-12-31
  return std::ranges::find(kDays, std::floor(serial)) != kDays.end();
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
    if (!field.symbols.has_number(symbol) || !in_clock_range(field.symbols.number(symbol))) {
      continue;
    }
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

bool is_as_in_0_1(const FieldView& field) { return field.policy.as_in_0_1.contains(field.name); }

bool is_below_midnight(double serial) { return serial >= 0 && serial < 1; }

// Whether the column may be one of dates although it has outsiders.
bool may_admit(const Outsiders& outsiders, const FieldView& field) {
  const OutsiderPolicy policy = outsider_policy(field);
  if (policy == OutsiderPolicy::kSerial || !outsiders.are_few() || is_as_in_0_1(field)) {
    return false;
  }
  if (policy != OutsiderPolicy::kError) return true;
  throw base::SchemaError(fmt::format(
      "field \"{}\" is dates, but {} of {} values are not a day of 1900-01-01…2299-12-31 ({}), and "
      "outsiders = \"error\" forbids that; set outsiders to \"clamp\", \"null\" or \"serial\"",
      field.header.name, outsiders.count(), outsiders.count() + outsiders.date_count,
      fmt::join(outsiders.shown, ", ")));
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
                  facts.fraction_count, facts.count - facts.outside_count,
                  iso_date(day_of(facts.min)), iso_date(day_of(facts.max)), tick_reason(facts));
  return true;
}

bool choose_clock(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice) {
  const std::string evidence = clock_evidence(field, texts);
  if (evidence.empty()) return false;
  const SerialFacts facts = serial_facts(field, in_clock_range);
  const bool is_date = field.header.number_format.type == "DATE" ||
                       (texts.whole_date_count > 0 && texts.stamp_count == 0);
  choice.floor_days =
      field.policy.dates == DatePolicy::kFloor && is_date && facts.fraction_count > 0;
  choice.part = facts.fraction_count > 0 && !choice.floor_days ? Part::kDateTime : Part::kDate;
  choice.outsiders = find_outsiders(field, choice.part);
  if (choice.outsiders.count() > 0 && !may_admit(choice.outsiders, field)) {
    NumberChoice none;
    if (facts.outside_count > 0) none.warnings.push_back(outside_warning(evidence, field, facts));
    choice = std::move(none);
    return false;
  }
  choice.reading = Reading::kDate;
  if (choice.part == Part::kDateTime) return choose_date_time(field, evidence, facts, choice);
  choice.type.kind = TypeKind::kDate32;
  const std::uint64_t within = facts.count - facts.outside_count;
  if (within == 0) {
    choice.reason = fmt::format("{} and every number ({}) is a day that stands for \"no date\"",
                                evidence, facts.count);
    return true;
  }
  choice.reason = fmt::format("{} and {} is {} from {} to {}", evidence,
                              within == facts.count
                                  ? fmt::format("every number ({})", within)
                                  : fmt::format("each of {} of {} numbers", within, facts.count),
                              choice.floor_days ? "taken as the day it lies in," : "a whole day",
                              iso_date(day_of(facts.min)), iso_date(day_of(facts.max)));
  if (choice.floor_days) {
    choice.warnings.push_back(
        fmt::format("by dates = \"floor\" a time of day is dropped from {} of {} numbers",
                    facts.fraction_count, within));
  }
  return true;
}

// A TIME field may show only the time of day of whole timestamps.
bool choose_shown_times(const FieldView& field, NumberChoice& choice) {
  const SerialFacts facts = serial_facts(field, in_clock_range);
  if (facts.outside_count > 0 || facts.count == 0 || facts.fraction_count == 0) return false;
  if (!choose_date_time(field, "the header says TIME, each number is a day and a time,", facts,
                        choice)) {
    return false;
  }
  choice.reading = Reading::kDate;
  return true;
}

bool choose_time(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice) {
  const bool by_format = field.header.number_format.type == "TIME";
  const bool by_texts = texts.as_time.count == 0 && texts.time_count > 0;
  if (!by_format && !by_texts) return false;
  const bool is_old = is_as_in_0_1(field);
  const SerialFacts facts = serial_facts(field, is_old ? is_below_midnight : is_within_day);
  if (facts.outside_count > 0) {
    if (by_format && !is_old && choose_shown_times(field, choice)) return true;
    if (by_format) {
      choice.warnings.push_back(
          fmt::format("the header says TIME, but not every number is within one day: {} of {} "
                      "(such as {}), so it "
                      "stays a number",
                      facts.outside_count, facts.count,
                      shortest_text(field.symbols.number(facts.first_outside))));
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

}  // namespace

bool Outsiders::are_few() const {
  constexpr std::uint64_t kFew = 3;
  constexpr std::uint64_t kOneIn = 20;
  const std::uint64_t strange = count() - never_count;
  const std::uint64_t dates = date_count + never_count;
  return strange < dates && (strange <= kFew || strange * kOneIn <= strange + dates);
}

Outsiders find_outsiders(const FieldView& field, Part part) {
  constexpr std::size_t kMostShown = 3;
  Outsiders found;
  for (std::size_t symbol = 0; symbol < field.symbols.size(); ++symbol) {
    base::end_if_stopped(field.stop, symbol);
    const bool is_number = field.symbols.has_number(symbol);
    if (is_number ? in_clock_range(field.symbols.number(symbol))
                  : shows_clock_value(field.symbols.text(symbol), part)) {
      ++found.date_count;
      continue;
    }
    if (is_number) {
      ++found.number_count;
      if (means_never(field.symbols.number(symbol))) ++found.never_count;
      if (std::isnan(field.symbols.number(symbol))) ++found.nan_count;
    } else if (field.means_null(field.symbols.text(symbol))) {
      continue;
    } else {
      ++found.text_count;
    }
    if (found.shown.size() < kMostShown) found.shown.push_back(show_symbol(field.symbols, symbol));
  }
  if (found.count() > found.shown.size()) found.shown.emplace_back("…");
  return found;
}

OutsiderPolicy outsider_policy(const FieldView& field) {
  const OutsiderPolicy* own = find_setting(field.policy.outsiders_of, field);
  return own != nullptr ? *own : field.policy.outsiders;
}

void admit_outsiders(const Outsiders& outsiders, OutsiderPolicy policy, ColumnPlan& column) {
  const bool is_null = policy == OutsiderPolicy::kNull || outsiders.number_count == 0;
  column.outside = policy == OutsiderPolicy::kNull ? Outside::kNull : Outside::kClamp;
  column.type.nullable =
      column.type.nullable || is_null || outsiders.text_count > 0 || outsiders.nan_count > 0;
  const std::string stored = is_null ? "NULL"
                             : outsiders.text_count > 0
                                 ? "the nearest day that the type has (numbers) or NULL (texts)"
                                 : "the nearest day that the type has";
  column.warnings.push_back(fmt::format(
      "values that are not a day of 1900-01-01…2299-12-31: {} of {} ({}); they are stored as {}, "
      "and exactly in \"{}{}\"",
      outsiders.count(), outsiders.count() + outsiders.date_count, fmt::join(outsiders.shown, ", "),
      stored, column.name, kOutsideSuffix));
}

ColumnPlan outside_column(const FieldView& field, const ColumnPlan& dates) {
  ColumnPlan column{.name = dates.name + std::string(kOutsideSuffix),
                    .field_index = field.index,
                    .part = dates.part,
                    .type = text_type(field),
                    .reason = fmt::format("the exact values that {} cannot hold; NULL beside all "
                                          "others",
                                          dates.name),
                    .outside = Outside::kOnly,
                    .null_texts = field.null_texts};
  column.type.nullable = true;
  return column;
}

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

bool are_compact_days(const qvd::SymbolTable& symbols, const std::stop_token& stop) {
  bool has_number = false;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol)) continue;
    if (!compact_day(symbols.number(symbol))) return false;
    has_number = true;
  }
  return has_number;
}

}  // namespace qvdhouse::schema
