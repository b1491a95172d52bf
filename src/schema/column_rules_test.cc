#include "schema/column_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "schema/cast.h"
#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Broken = std::vector<std::uint8_t>;

// The values that break each condition of a rule, by code: NULL, then the symbols.
std::vector<Broken> broken_in(const ColumnRule& rule, const TestField& field,
                              const Policy& policy = {}, bool may_be_null = true) {
  const qvd::SymbolTable symbols = field.symbols();
  const ColumnPlan column = field.plan(policy, may_be_null).at(0);
  std::vector<Broken> broken;
  for (const ColumnCheck& check :
       check_values(rule, symbols, may_be_null, column, cast_symbols(symbols, column))) {
    broken.push_back(check.broken);
    broken.back().resize(symbols.size() + 1);
  }
  return broken;
}

TEST(ColumnRules, ARangeIsOfNumbersAndTakesNullForGood) {
  TestField numbers("Amount");
  numbers.integer(-1).integer(0).number(2.5).number(10.25);
  EXPECT_THAT(broken_in({.columns = "Amount", .min = "0", .max = "10"}, numbers),
              ElementsAre(Broken{0, 1, 0, 0, 0}, Broken{0, 0, 0, 0, 1}));
}

TEST(ColumnRules, ATextThatIsNoNumberIsInNoRange) {
  TestField texts("Code");
  texts.text("7").text("x").text("-3").dual(5, "five");
  EXPECT_THAT(broken_in({.columns = "Code", .min = "0"}, texts),
              ElementsAre(Broken{0, 0, 1, 1, 0}));
}

TEST(ColumnRules, ARangeOfDatesIsOfTheirDays) {
  TestField days("Day", "DATE");
  days.integer(45'292).integer(45'323).integer(44'000);  // 2024-01-01, 2024-02-01, 2020-06-18
  EXPECT_THAT(broken_in({.columns = "Day", .min = "2024-01-01", .max = "2024-01-31"}, days),
              ElementsAre(Broken{0, 0, 0, 1}, Broken{0, 0, 1, 0}));
}

TEST(ColumnRules, ExpressionsAndListsAreOfTheTextInTheTable) {
  TestField texts("Country");
  texts.text("DE").text("de").text("FRA");
  EXPECT_THAT(broken_in({.columns = "Country", .matches = "[A-Z]{2}"}, texts),
              ElementsAre(Broken{0, 0, 1, 1}));
  EXPECT_THAT(broken_in({.columns = "Country", .in = {"DE", "FRA"}}, texts),
              ElementsAre(Broken{0, 0, 1, 0}));
  TestField numbers("N");
  numbers.integer(1).number(2.5).integer(3);
  EXPECT_THAT(broken_in({.columns = "N", .in = {"1.0", "2.50"}}, numbers),
              ElementsAre(Broken{0, 0, 0, 1}));
  TestField days("Day", "DATE");
  days.integer(45'292).integer(45'323);
  EXPECT_THAT(broken_in({.columns = "Day", .in = {"2024-02-01"}}, days),
              ElementsAre(Broken{0, 1, 0}));
}

TEST(ColumnRules, NotNullCountsWhatIsNullInTheTable) {
  TestField numbers("Amount");
  numbers.integer(1).text("").integer(2);
  EXPECT_THAT(broken_in({.columns = "Amount", .not_null = true}, numbers),
              ElementsAre(Broken{1, 0, 1, 0}));
}

TEST(ColumnRules, ValuesThatDoNotFitTheirTypeAreLeftToTheRule) {
  TestField numbers("Amount");
  numbers.integer(1).text("n/a").integer(300);
  Policy policy;
  policy.overrides = {{"Amount", "UInt8"}};
  EXPECT_THROW(numbers.plan(policy), base::SchemaError);
  policy.leaves_misfits = {"Amount"};
  EXPECT_EQ(numbers.plan(policy).at(0).type.name(), "UInt8");
  // Only the conditions that a value can be held against.
  EXPECT_THAT(broken_in({.columns = "Amount", .not_null = true, .min = "2", .fits_type = true},
                        numbers, policy, false),
              ElementsAre(Broken{0, 0, 1, 1}, Broken{0, 0, 0, 0}, Broken{0, 1, 0, 0}));
  TestField days("Day");
  days.integer(45'292).integer(-900'000).text("soon");
  policy.overrides = {{"Day", "Date32"}};
  policy.leaves_misfits = {"D*"};
  EXPECT_THAT(broken_in({.columns = "Day", .fits_type = true}, days, policy),
              ElementsAre(Broken{0, 0, 1, 1}));
}

TEST(ColumnRules, WhatCannotBeARuleIsSaid) {
  EXPECT_THAT(wrong_in({.columns = "a"}), HasSubstr("at least one of not_null"));
  EXPECT_THAT(wrong_in({.columns = "a", .min = "x"}), HasSubstr("for min, found 'x'"));
  EXPECT_THAT(wrong_in({.columns = "a", .min = "2", .max = "1"}), HasSubstr("not above max"));
  EXPECT_THAT(wrong_in({.columns = "a", .matches = "("}), HasSubstr("RE2"));
  EXPECT_THAT(wrong_in({.columns = "a", .fits_type = true, .action = RuleAction::kWarn}),
              HasSubstr("another action than warn"));
  EXPECT_THAT(wrong_in({.columns = "a", .min = "2024-01-01", .max = "2024-12-31"}), IsEmpty());
}

}  // namespace
}  // namespace qvdhouse::schema
