#include "schema/number_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "schema/decimal.h"

namespace qvdhouse::schema {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kMinus = "\u2212";
constexpr std::array<std::string_view, 3> kBlanks = {" ", "\u00A0", "\u202F"};
constexpr std::array<std::string_view, 18> kCurrencies = {"$",   "€",   "£",   "¥",   "₹",   "₽",
                                                          "₩",   "kr",  "zł",  "Kč",  "Ft",  "R$",
                                                          "CHF", "USD", "EUR", "GBP", "JPY", "SEK"};
constexpr std::array<std::string_view, 2> kDecimalSigns = {".", ","};
constexpr std::array<std::string_view, 6> kThousandsSigns = {",", ".",      "'",
                                                             " ", "\u00A0", "\u202F"};

std::string_view trim(std::string_view text) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string_view blank : kBlanks) {
      if (text.starts_with(blank)) text.remove_prefix(blank.size()), changed = true;
      if (text.ends_with(blank)) text.remove_suffix(blank.size()), changed = true;
    }
  }
  return text;
}

template <class Signs>
bool contains(const Signs& signs, std::string_view sign) {
  return std::find(signs.begin(), signs.end(), sign) != signs.end();
}

// Takes one minus or plus sign out of what stands before or after the digits.
bool take_sign(std::string& affix, bool& negative) {
  for (const std::string_view sign : {std::string_view("-"), kMinus, std::string_view("+")}) {
    const std::size_t at = affix.find(sign);
    if (at == std::string::npos) continue;
    affix.erase(at, sign.size());
    negative = negative || sign != "+";
    return true;
  }
  return false;
}

// The literal text around the digits of a pattern such as "$#,##0.00;($#,##0.00)".
std::string pattern_affix(std::string_view pattern) {
  pattern = pattern.substr(0, pattern.find(';'));
  const std::size_t first = pattern.find_first_of("#0");
  if (first == std::string_view::npos) return {};
  const std::size_t last = pattern.find_last_of("#0");
  return std::string(trim(pattern.substr(0, first))) + std::string(trim(pattern.substr(last + 1)));
}

std::string join(const std::vector<std::string_view>& groups, std::size_t count) {
  std::string digits;
  for (std::size_t i = 0; i < count; ++i) digits += groups[i];
  return digits;
}

// Whether the pattern shows digits but no fraction, as "#,##0" does.
bool rounds_to_whole(const qvd::NumberFormat& format) {
  constexpr std::size_t kMostSignBytes = 16;  // a longer one is not a sign, and costly to look for
  const std::string& pattern = format.format;
  const std::string sign = format.decimal_sign.empty() ? "." : format.decimal_sign;
  const bool has_sign = sign.size() <= kMostSignBytes && pattern.find(sign) != std::string::npos;
  return pattern.find('0') != std::string::npos && !has_sign;
}

// Whether `shown` is what rounding `value` to `fraction_digits` gives, halves either way. Digits
// are compared, not doubles: a key of twenty digits is not its nearest double.
bool rounds_to(const Decimal& value, const Decimal& shown, int fraction_digits) {
  const int scale = std::max(fraction_digits, value.fraction_digits());
  const auto exact = scaled(value, scale);
  const auto rounded = scaled(shown, scale);
  const auto unit = scaled(Decimal{.digits = "1", .point = 1 - fraction_digits}, scale);
  if (!exact || !rounded || !unit) return false;
  const Int128 difference = *exact < *rounded ? *rounded - *exact : *exact - *rounded;
  return difference <= *unit / 2;
}

// Whether `shown` is the number at 14 or 15 significant digits, as Qlik writes numbers that have
// more.
bool is_at_qliks_precision(Decimal value, Decimal shown) {
  // As 0.d1d2d3…, whatever the exponent.
  shown.point -= std::exchange(value.point, 0);
  const auto shows_digits = [&](int count) {
    return static_cast<int>(shown.digits.size()) <= count && rounds_to(value, shown, count);
  };
  return shows_digits(14) || shows_digits(15);
}

}  // namespace

// A text taken apart: sign, affix and the groups of digits with what parts them.
struct NumberTextMatcher::Parts {
  bool negative = false;
  std::string affix;
  std::vector<std::string_view> groups;
  std::vector<std::string_view> separators;  // one fewer than groups
};

struct NumberTextMatcher::Split {
  std::string whole;
  std::string fraction;
};

std::optional<NumberTextMatcher::Parts> NumberTextMatcher::take_apart(std::string_view text) const {
  Parts parts;
  text = trim(text);
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') {
    parts.negative = true;
    text = text.substr(1, text.size() - 2);
  }
  std::size_t first = text.find_first_of(kDigits);
  if (first == std::string_view::npos) return std::nullopt;
  if (first > 0 && (text[first - 1] == '.' || text[first - 1] == ',')) --first;  // ".5"
  const std::size_t last = text.find_last_of(kDigits);
  std::string before(text.substr(0, first));
  std::string after(text.substr(last + 1));
  if (!take_sign(before, parts.negative)) take_sign(after, parts.negative);
  parts.affix = std::string(trim(before)) + std::string(trim(after));
  if (!parts.affix.empty() && parts.affix != "%" && !contains(kCurrencies, parts.affix) &&
      parts.affix != affix_) {
    return std::nullopt;
  }
  std::string_view body = text.substr(first, last - first + 1);
  for (;;) {
    const auto digits = std::min(body.find_first_not_of(kDigits), body.size());
    parts.groups.push_back(body.substr(0, digits));
    body.remove_prefix(digits);
    if (body.empty()) return parts;
    const std::size_t next = body.find_first_of(kDigits);
    parts.separators.push_back(body.substr(0, next));
    body.remove_prefix(next);
  }
}

// Whether all groups but the first of `count` hold three digits, parted by one and the same sign.
bool NumberTextMatcher::are_thousands(const Parts& parts, std::size_t count) const {
  if (count == 1) return true;
  const std::string_view sign = parts.separators.front();
  if (!contains(kThousandsSigns, sign) && sign != thousands_sign_) return false;
  for (std::size_t i = 1; i < count; ++i) {
    if (parts.groups[i].size() != 3 || parts.separators[i - 1] != sign) return false;
  }
  return !parts.groups.front().empty() && parts.groups.front().size() <= 3;
}

bool NumberTextMatcher::shows(double number, const Parts& parts, const Split& reading) const {
  const bool zero_padded = reading.whole.size() > 1 && reading.whole.front() == '0';
  if (zero_padded) return false;
  auto shown = parse_decimal((parts.negative ? "-" : "") + reading.whole + "." + reading.fraction);
  const auto value = decimal_of(number);
  if (!shown || !value) return false;
  auto fraction_digits = static_cast<int>(reading.fraction.size());
  const bool means_rounding = fraction_digits > 0 || !parts.affix.empty() || rounds_to_whole_;
  if (parts.affix == "%") {
    if (!shown->digits.empty()) shown->point -= 2;
    fraction_digits += 2;
  }
  if (*shown == *value || (means_rounding && rounds_to(*value, *shown, fraction_digits))) {
    return true;
  }
  return parts.affix.empty() && !whole_number(number) && is_at_qliks_precision(*value, *shown);
}

NumberTextMatcher::NumberTextMatcher(const qvd::NumberFormat& format)
    : decimal_sign_(format.decimal_sign),
      thousands_sign_(format.thousands_sign),
      affix_(pattern_affix(format.format)),
      rounds_to_whole_(rounds_to_whole(format)) {}

std::optional<NumberText> NumberTextMatcher::match(double number, std::string_view text) const {
  if (text == shortest_text(number)) {
    const std::size_t point = text.find('.');
    const std::size_t fraction = point == std::string_view::npos || text.find('e') != text.npos
                                     ? 0
                                     : text.size() - point - 1;
    return NumberText{.affix = {}, .fraction_digits = static_cast<int>(fraction)};
  }
  if (!std::isfinite(number)) return std::nullopt;
  if (text.find_first_of("eE") != std::string_view::npos &&
      (base::is_digit(text.front()) || text.front() == '-')) {
    const auto shown = parse_decimal(text);
    const auto value = decimal_of(number);
    if (shown && (*shown == *value || is_at_qliks_precision(*value, *shown))) return NumberText{};
  }
  const auto parts = take_apart(text);
  if (!parts) return std::nullopt;
  const auto found = [&](const Split& reading) {
    return NumberText{
        .affix = parts->affix,
        .fraction_digits = static_cast<int>(reading.fraction.size()),
        .ends_in_zero = reading.fraction.size() > 1 && reading.fraction.back() == '0'};
  };
  const std::size_t count = parts->groups.size();
  if (are_thousands(*parts, count)) {
    const Split whole{join(parts->groups, count), {}};
    if (shows(number, *parts, whole)) return found(whole);
  }
  if (count < 2) return std::nullopt;
  const std::string_view sign = parts->separators.back();
  const bool is_decimal_sign = contains(kDecimalSigns, sign) || sign == decimal_sign_;
  const bool used_twice = count > 2 && parts->separators.front() == sign;
  if (!is_decimal_sign || used_twice || !are_thousands(*parts, count - 1)) {
    return std::nullopt;
  }
  const Split split{join(parts->groups, count - 1), std::string(parts->groups.back())};
  if (shows(number, *parts, split)) return found(split);
  return std::nullopt;
}

}  // namespace qvdhouse::schema
