// Does a display text show a number and nothing else? "1,234.50", "€ 12", "(3.00)", "12 %" do;
// "05021" (a key), "Q1" and digits that the double does not hold carry more than the number.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "qvd/header.h"

namespace qvdhouse::schema {

struct NumberText {
  std::string affix;  // what stands around the digits: "$", "%", "" …
  int fraction_digits = 0;
  bool ends_in_zero = false;  // "1.10", but not "7.0", which many programs write for 7
};

// Texts of one field. The header's pattern is looked at once, and it may be of any length.
class NumberTextMatcher {
 public:
  explicit NumberTextMatcher(const qvd::NumberFormat& format);

  // Empty when the text is not a rendering of the number. Rounding counts as rendering when
  // fraction digits, a currency, a percent sign or the header's pattern show that it was meant.
  std::optional<NumberText> match(double number, std::string_view text) const;

 private:
  struct Parts;
  struct Split;
  std::optional<Parts> take_apart(std::string_view text) const;
  bool are_thousands(const Parts& parts, std::size_t count) const;
  bool shows(double number, const Parts& parts, const Split& reading) const;

  std::string decimal_sign_;
  std::string thousands_sign_;
  std::string affix_;     // the literal text around the pattern's digits
  bool rounds_to_whole_;  // the pattern shows digits but no fraction, as "#,##0" does
};

}  // namespace qvdhouse::schema
