// Numbers as decimal digits: what a Qlik number is in writing, exactly. The rule of the whole
// module: a double means its shortest decimal text that reads back as the same double (0.1, not
// 0.1000000000000000055…), a whole one within Int64 means exactly its integer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::schema {

__extension__ typedef __int128 Int128;

// How many there are before and after the decimal point.
struct Digits {
  int integer = 0;
  int fraction = 0;
};

// sign · 0.d1d2d3… · 10^point, without leading or trailing zeros; zero has no digits.
struct Decimal {
  bool negative = false;
  std::string digits;
  int point = 0;  // digits before the decimal point; negative for 0.00x

  int fraction_digits() const;  // that it needs, 0 for whole numbers
  int integer_digits() const;   // before the point, 0 below 1
  bool operator==(const Decimal&) const = default;
};

// Empty for NaN and infinities.
std::optional<Decimal> decimal_of(double number);

// Reads "-12.50", "+3", ".5", "1e-3": ASCII digits with an optional sign, '.' and exponent, nothing
// else around them. Empty when it is not such a number.
std::optional<Decimal> parse_decimal(std::string_view text);

// value · 10^scale as an integer; empty when digits would be lost or it exceeds 38 digits.
std::optional<Int128> scaled(const Decimal& value, int scale);

// value · 10^-scale, without zeros at the end of the fraction: "-12.5".
std::string decimal_text(Int128 value, int scale);

// The shortest exact text: "12", "0.1", "1e+30", "nan", "inf", "-0".
std::string shortest_text(double number);

// The number as an Int64, when it is whole and within range. -0.0 is 0.
std::optional<std::int64_t> whole_number(double number);

// The text is a decimal number: the nearest double.
std::optional<double> number_of(std::string_view text);

}  // namespace qvdhouse::schema
