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

// decimals = "auto": every number has few digits, as amounts, prices and rates that people keyed in
// have. The scale is always the same, so that the files of a table agree.
bool choose_short_decimal(const std::optional<Digits>& digits, const NumberFacts& facts,
                          NumberChoice& choice) {
  constexpr int kScale = 4;
  if (!digits || digits->fraction > kScale || digits->integer + kScale > kDecimalDigits) {
    return false;
  }
  choice.type = {.kind = TypeKind::kDecimal, .precision = kDecimalDigits, .scale = kScale};
  choice.reason =
      fmt::format("every number ({}) is exact with {} fraction digits; decimals = \"auto\"",
                  facts.count, kScale);
  return true;
}

// Rule 3c. A reason that starts with what the format is, whether it comes to a Decimal or not.
bool choose_decimal(const FieldView& field, const NumberFacts& facts, NumberChoice& choice) {
  const qvd::NumberFormat& format = field.header.number_format;
  const bool is_by_format = format.type == "MONEY" || format.type == "FIX";
  const DecimalPolicy policy = field.policy.decimals;
  if (policy == DecimalPolicy::kNever || (!is_by_format && policy != DecimalPolicy::kAuto)) {
    return false;
  }
  const auto digits = digits_needed(field.symbols, field.stop);
  if (!is_by_format) return choose_short_decimal(digits, facts, choice);
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

NumberChoice choose_number(const FieldView& field, const DisplayTexts& texts) {
  NumberChoice temporal;
  if (choose_temporal(field, texts, temporal)) return temporal;
  NumberChoice plain = choose_plain_number(field);
  plain.warnings.insert(plain.warnings.begin(), temporal.warnings.begin(), temporal.warnings.end());
  return plain;
}

}  // namespace qvdhouse::schema
