#include "schema/decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/ascii.h"

namespace qvdhouse::schema {
namespace {

constexpr int kMostDigits = 38;  // of a Decimal(38, s)
constexpr int kMostExponent = 9999;

// Drops zeros at both ends, so that equal numbers are equal values.
void normalise(Decimal& value) {
  const std::size_t first = value.digits.find_first_not_of('0');
  if (first == std::string::npos) {
    value = Decimal{};
    return;
  }
  value.digits.erase(0, first);
  value.point -= static_cast<int>(first);
  value.digits.erase(value.digits.find_last_not_of('0') + 1);
}

template <class Number>
std::string to_text(Number number) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return std::string(buffer.data(), result.ptr);
}

}  // namespace

int Decimal::fraction_digits() const {
  return std::max(0, static_cast<int>(digits.size()) - point);
}

int Decimal::integer_digits() const { return std::max(0, point); }

std::optional<Decimal> decimal_of(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  if (const auto whole = whole_number(number)) return parse_decimal(to_text(*whole));
  return parse_decimal(to_text(number));
}

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal value;
  std::size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) value.negative = text[i++] == '-';
  bool has_point = false;
  for (; i < text.size() && (base::is_digit(text[i]) || (text[i] == '.' && !has_point)); ++i) {
    if (text[i] == '.') {
      has_point = true;
      continue;
    }
    value.digits += text[i];
    if (!has_point) ++value.point;
  }
  if (value.digits.empty()) return std::nullopt;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i + 1 < text.size() && text[i] == '+' && base::is_digit(text[i + 1])) ++i;
    int exponent = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), exponent);
    if (error != std::errc{} || std::abs(exponent) > kMostExponent) return std::nullopt;
    value.point += exponent;
    i = static_cast<std::size_t>(end - text.data());
  }
  if (i != text.size()) return std::nullopt;
  normalise(value);
  return value;
}

std::optional<Int128> scaled(const Decimal& value, int scale) {
  if (value.fraction_digits() > scale) return std::nullopt;
  const int digit_count = value.digits.empty() ? 0 : value.point + scale;
  if (digit_count > kMostDigits) return std::nullopt;
  Int128 result = 0;
  for (int i = 0; i < digit_count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    result = result * 10 + (at < value.digits.size() ? value.digits[at] - '0' : 0);
  }
  return value.negative ? -result : result;
}

std::string decimal_text(Int128 value, int scale) {
  const bool is_negative = value < 0;
  std::string digits = fmt::format("{}", is_negative ? -value : value);
  const auto places = static_cast<std::size_t>(scale);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  std::string text = (is_negative ? "-" : "") + digits.substr(0, digits.size() - places);
  std::string fraction = digits.substr(digits.size() - places);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) text += "." + fraction;
  return text;
}

std::string shortest_text(double number) {
  const auto whole = whole_number(number);
  if (whole && !(*whole == 0 && std::signbit(number))) return to_text(*whole);
  if (std::isnan(number)) return "nan";
  return to_text(number);
}

std::optional<std::int64_t> whole_number(double number) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  // NaN fails both comparisons.
  if (!(number >= -kTwoTo63 && number < kTwoTo63) || number != std::trunc(number)) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

std::optional<double> number_of(std::string_view text) {
  if (!parse_decimal(text)) return std::nullopt;
  if (text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace qvdhouse::schema
