#include "schema/rendering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/pause.h"
#include "schema/date_text.h"
#include "schema/decimal.h"
#include "schema/number_text.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

// Number texts must agree with one another: "$5" beside "€6" tells currencies apart, and "1.10"
// beside "1.2" is a chapter rather than a number.
class NumberTexts {
 public:
  void add(std::size_t symbol, const std::optional<NumberText>& text, Misfits& misfits) {
    if (!text || (!text->affix.empty() && !affix_.empty() && affix_ != text->affix)) {
      misfits.add(symbol);
      return;
    }
    if (affix_.empty()) affix_ = text->affix;
    if (text->fraction_digits > 0) {
      fewest_ = std::min(fewest_, text->fraction_digits);
      most_ = std::max(most_, text->fraction_digits);
    }
    if (text->ends_in_zero) trailing_zeros_.add(symbol);
  }

  void finish(Misfits& misfits) const {
    if (trailing_zeros_.count == 0 || fewest_ == most_) return;
    if (misfits.count == 0) misfits.first_symbol = trailing_zeros_.first_symbol;
    misfits.count += trailing_zeros_.count;
  }

 private:
  std::string affix_;  // the first one; numbers without any stand beside all
  int fewest_ = std::numeric_limits<int>::max();
  int most_ = 0;
  Misfits trailing_zeros_;
};

bool shows_interval(double days, std::string_view text) {
  constexpr double kMostDays = 1e6;
  if (!(std::fabs(days) < kMostDays)) return false;
  const bool negative = text.starts_with('-');
  if (negative != (days < 0)) return false;
  const auto micros = std::llround(std::fabs(days) * static_cast<double>(kSecondsPerDay) * 1e6);
  return shows_time(text.substr(negative ? 1 : 0), micros);
}

void add_date_text(DisplayTexts& texts, std::size_t symbol, DateText kind) {
  switch (kind) {
    case DateText::kStamp:
      ++texts.stamp_count;
      [[fallthrough]];
    case DateText::kDate:
      ++texts.whole_date_count;
      break;
    case DateText::kPartial:
      if (texts.partial_date_count++ == 0) texts.first_partial = symbol;
      break;
    case DateText::kTime:
      ++texts.time_count;
      break;
    case DateText::kNone:
      break;
  }
}

}  // namespace

DisplayTexts classify_texts(const qvd::SymbolTable& symbols, const qvd::NumberFormat& format,
                            const std::stop_token& stop) {
  DisplayTexts texts;
  NumberTexts agreement;
  const NumberTextMatcher numbers(format);
  DateTextMatcher dates(format.format);
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    base::end_if_stopped(stop, symbol);
    if (!symbols.has_number(symbol) || !symbols.has_text(symbol)) continue;
    const double number = symbols.number(symbol);
    const std::string_view text = symbols.text(symbol);
    if (texts.dual_count++ == 0) texts.first_dual = symbol;
    agreement.add(symbol, numbers.match(number, text), texts.as_number);
    // A number's plain text fits every reading and speaks for none.
    if (text == shortest_text(number)) continue;
    if (texts.not_plain_count++ == 0) texts.first_not_plain = symbol;
    const DateText kind = dates.match(number, text);
    add_date_text(texts, symbol, kind);
    const bool is_whole_date = kind == DateText::kDate || kind == DateText::kStamp;
    if (!is_whole_date) texts.as_whole_date.add(symbol);
    if (!is_whole_date && kind != DateText::kPartial && kind != DateText::kTime) {
      texts.as_date.add(symbol);
    }
    if (kind != DateText::kTime) texts.as_time.add(symbol);
    if (!shows_interval(number, text)) texts.as_interval.add(symbol);
  }
  agreement.finish(texts.as_number);
  return texts;
}

}  // namespace qvdhouse::schema
