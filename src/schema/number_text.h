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

// Empty when the text is not a rendering of the number. Rounding counts as rendering when fraction
// digits, a currency, a percent sign or the header's pattern show that it was meant.
std::optional<NumberText> match_number_text(double number, std::string_view text,
                                            const qvd::NumberFormat& format);

}  // namespace qvdhouse::schema
