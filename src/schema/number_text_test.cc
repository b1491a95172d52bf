#include "schema/number_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

bool shows(double number, std::string_view text, const qvd::NumberFormat& format = {}) {
  return NumberTextMatcher(format).match(number, text).has_value();
}

TEST(NumberText, PlainAndSeparated) {
  EXPECT_TRUE(shows(12, "12"));
  EXPECT_TRUE(shows(-0.5, "-0.5"));
  EXPECT_TRUE(shows(0.5, ".5"));
  EXPECT_TRUE(shows(1234567.5, "1,234,567.5"));
  EXPECT_TRUE(shows(1234567.5, "1.234.567,50"));
  EXPECT_TRUE(shows(1234567.5, "1 234 567,5"));
  EXPECT_TRUE(shows(1234, "1\u00A0234"));
  EXPECT_TRUE(shows(1234, "1'234"));
  EXPECT_TRUE(shows(1234, "1.234"));
  EXPECT_TRUE(shows(1.234, "1,234"));
  EXPECT_TRUE(shows(1234.5, "1|234;5", {.decimal_sign = ";", .thousands_sign = "|"}));
}

TEST(NumberText, SignsAndParentheses) {
  EXPECT_TRUE(shows(-3, "(3)"));
  EXPECT_TRUE(shows(-3, "3-"));
  EXPECT_TRUE(shows(-3, "\u22123"));
  EXPECT_TRUE(shows(3, "+3"));
  EXPECT_TRUE(shows(-5, "-$5.00"));
  EXPECT_TRUE(shows(-5, "$-5.00"));
  EXPECT_FALSE(shows(3, "(3)"));
  EXPECT_FALSE(shows(3, "-3"));
  EXPECT_FALSE(shows(-3, "3"));
  EXPECT_FALSE(shows(-3, "--3"));
}

TEST(NumberText, CurrenciesAndPercent) {
  EXPECT_EQ(NumberTextMatcher({}).match(18000, "$18,000.00")->affix, "$");
  EXPECT_EQ(NumberTextMatcher({}).match(5, "5,00 €")->affix, "€");
  EXPECT_TRUE(shows(0.125, "12.5 %"));
  EXPECT_TRUE(shows(0.3333, "33%"));
  EXPECT_FALSE(shows(12.5, "12.5%"));
  EXPECT_FALSE(shows(5, "5 apples"));
  EXPECT_TRUE(shows(5, "5 apples", {.format = "0 apples"}));
}

TEST(NumberText, Rounding) {
  EXPECT_TRUE(shows(48.309999999999995, "48.31"));
  EXPECT_TRUE(shows(6.5090167898939075, "6.509016789893908"));
  EXPECT_TRUE(shows(2.675, "2.68"));
  EXPECT_TRUE(shows(2.675, "2.67"));
  EXPECT_FALSE(shows(2.675, "2.66"));
  EXPECT_FALSE(shows(14.4, "14"));
  EXPECT_TRUE(shows(14.4, "14", {.format = "#,##0"}));
  EXPECT_TRUE(shows(14.4, "$14"));
}

TEST(NumberText, KeysAndOtherTextsCarryMore) {
  for (const char* text : {"05021", "5021x", "x5021", "50 21", "5,021,0", "Q5021", "", " ", "-",
                           "5021.0.0", "5021e", "RGB(5021)"}) {
    EXPECT_FALSE(shows(5021, text)) << text;
  }
  // More digits than the double holds.
  EXPECT_FALSE(shows(12345678901234567890.0, "12345678901234567890"));
  EXPECT_FALSE(shows(9007199254740992.0, "9007199254740993"));
  EXPECT_FALSE(shows(0.1, "0.10000000000000000001"));
}

TEST(NumberText, FourteenOrFifteenDigits) {
  EXPECT_TRUE(shows(1.0 / 3, "0.33333333333333"));
  EXPECT_TRUE(shows(12345678901234567.0, "1.2345678901235e+16"));
  EXPECT_TRUE(shows(12345678901234567.0, "1.23456789012346e+16"));
  EXPECT_TRUE(shows(1.2345678901234567e+100, "1.23456789012346E+100"));
  EXPECT_TRUE(shows(1.2345678901234567e-7, "1.2345678901235e-07"));
  EXPECT_TRUE(shows(1200000000000000.1, "1.2e+15"));
  EXPECT_TRUE(shows(-123456789012345.6, "-123456789012346"));
  EXPECT_FALSE(shows(12345678901234567.0, "1.2345678901236e+16"));
  EXPECT_FALSE(shows(12345678901234567.0, "1.2345678901235e+17"));
  EXPECT_FALSE(shows(12345678901234567.0, "1.23457e+16"));
  // Whole digits are a key.
  EXPECT_FALSE(shows(123456789012346.0, "123456789012350"));
}

TEST(NumberText, TrailingZeros) {
  EXPECT_TRUE(NumberTextMatcher({}).match(1.1, "1.10")->ends_in_zero);
  EXPECT_FALSE(NumberTextMatcher({}).match(7, "7.0")->ends_in_zero);
  EXPECT_EQ(NumberTextMatcher({}).match(1.25, "1.25")->fraction_digits, 2);
}

// Ten megabytes of pattern beside 20,000 texts: minutes if each text cost the whole pattern.
TEST(NumberText, APatternOfAnyLengthCostsOnce) {
  constexpr std::size_t kLength = 10'000'000;
  const std::string blanks(kLength, ' ');
  const NumberTextMatcher matcher({.format = blanks + "x" + std::string(kLength, '#') + "0"});
  const std::string sign(kLength / 2, '0');
  const NumberTextMatcher of_long_sign({.format = sign + sign, .decimal_sign = sign + "x"});
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_FALSE(matcher.match(i, "y 7z"));
    ASSERT_FALSE(of_long_sign.match(i, "y 7z"));
  }
  EXPECT_TRUE(matcher.match(7.4, "x7"));
}

TEST(NumberText, NotFinite) {
  EXPECT_TRUE(shows(std::numeric_limits<double>::infinity(), "inf"));
  EXPECT_FALSE(shows(std::numeric_limits<double>::quiet_NaN(), "12"));
}

// docs/type-mapping.md has a table of texts that are only a rendering of their number, and one of
// texts that say more.
struct Row {
  std::string format;
  std::string text;
  double number;
  std::string columns;  // "Int64", "text and Int64"
};

// What stands between a row's bars, without the backticks.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  for (std::size_t at = 2; at < line.size();) {
    const std::size_t end = line.find(" |", at);
    std::string cell = line.substr(at, end - at);
    std::erase(cell, '`');
    found.push_back(std::move(cell));
    at = end + 3;
  }
  return found;
}

std::vector<Row> documented_rows() {
  std::ifstream file(QVDHOUSE_SOURCE_DIR "/docs/type-mapping.md");
  std::vector<Row> rows;
  bool is_inside = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| ")) {
      is_inside = is_inside && line.starts_with("|--");
    } else if (line.starts_with("| header says | text | number |")) {
      is_inside = true;
    } else if (is_inside) {
      const std::vector<std::string> row = cells(line);
      rows.push_back({row.at(0), row.at(1), std::strtod(row.at(2).c_str(), nullptr), row.at(3)});
    }
  }
  return rows;
}

std::string columns_of(const Row& row) {
  const std::vector<ColumnPlan> columns =
      TestField("f", row.format).dual(row.number, row.text).plan();
  if (columns.size() == 1) return columns[0].type.name();
  return fmt::format("text and {}", columns.at(1).type.name());
}

TEST(AcceptedRenderings, AreAsDocumented) {
  const std::vector<Row> rows = documented_rows();
  EXPECT_GE(rows.size(), 50U);
  for (const Row& row : rows) {
    EXPECT_EQ(columns_of(row), row.columns) << row.format << " " << row.text;
  }
}

}  // namespace
}  // namespace qvdhouse::schema
