#include "schema/protection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "schema/cast.h"
#include "schema/field_view.h"
#include "schema/plan.h"
#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

constexpr const char* kKey = "a key of the tests";

// The symbols as messages show them.
std::vector<std::string> shown(const qvd::SymbolTable& symbols) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < symbols.size(); ++i) texts.push_back(show_symbol(symbols, i));
  return texts;
}

ProtectedSymbols protect_by(std::string_view how, const TestField& field,
                            const std::vector<std::string>& null_texts = {}) {
  return protect(field.symbols(), field.header(), parse_protection(how).value(), kKey, null_texts);
}
std::vector<std::string> made_by(std::string_view how, const TestField& field,
                                 const std::vector<std::string>& null_texts = {}) {
  return shown(protect_by(how, field, null_texts).symbols);
}

TEST(Protection, ReadsWhatItWrites) {
  for (const char* text : {"none", "mask", "mask(4)", "hash", "truncate(3)", "truncate(year)",
                           "truncate(month)", "drop"}) {
    const auto protection = parse_protection(text);
    ASSERT_TRUE(protection) << text;
    EXPECT_EQ(text_of(*protection), text);
  }
  for (const char* text :
       {"", "Mask", "mask()", "mask(0)", "mask(-1)", "mask(4", "mask(4) ", "mask(1001)", "hash(4)",
        "truncate", "truncate(day)", "truncate(99999999999999999999)"}) {
    EXPECT_FALSE(parse_protection(text)) << text;
  }
}

TEST(Protection, StarsTellNothingOfTheLength) {
  const TestField field =
      TestField("A").text("x").text("a long text").integer(5).dual(7, "seven").number(1.5);
  EXPECT_THAT(made_by("mask", field),
              ElementsAre("'****'", "'****'", "'****'", "'****'", "'****'"));
}

TEST(Protection, AMaskKeepsTheEndOfTextsThatAreTwiceAsLong) {
  const TestField field = TestField("A")
                              .text("DE02120300000000202051")
                              .text("12345678")
                              .text("1234567")
                              .text("")
                              .text("  ")
                              .text("приветик")
                              .integer(123456789)
                              .dual(1, "one, two");
  EXPECT_THAT(made_by("mask(4)", field),
              ElementsAre("'****2051'", "'****5678'", "'****'", "''", "'  '", "'****етик'",
                          "'****6789'", "'**** two'"));
}

TEST(Protection, WhatMeansAMissingValueStays) {
  const TestField field = TestField("A").text("n/a").text("b").text(" ");
  for (const char* how : {"mask", "hash", "truncate(1)"}) {
    const auto made = made_by(how, field, {"n/a"});
    EXPECT_EQ(made[0], "'n/a'") << how;
    EXPECT_EQ(made[2], "' '") << how;
  }
}

// A number and the text of it are one value, so that tables can be joined by what is left of them.
TEST(Protection, AHashIsOfTheTextAndTheKey) {
  const TestField field =
      TestField("A").integer(12).number(12.0).text("12").dual(5, "12").text("13");
  const qvd::SymbolTable made = protect_by("hash", field).symbols;
  // openssl dgst -sha256 -hmac 'a key of the tests'
  EXPECT_EQ(made.text(0), "25583955ed0c5c09e018ec7dda6c28e24054cd35a6dadd95b1e5fb6719e0a76f");
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(made.text(i), made.text(0));
  EXPECT_NE(made.text(4), made.text(0));
  EXPECT_EQ(made.size(), 5U);
  EXPECT_EQ(made.distinct_count(), 2U);
  const auto other = protect(field.symbols(), field.header(), parse_protection("hash").value(),
                             "another key of tests", {});
  EXPECT_NE(other.symbols.text(0), made.text(0));
}

TEST(Protection, TextsAreCutBetweenCharacters) {
  const TestField field =
      TestField("A").text("10115").text("1").text("ёжик").integer(80331).dual(1, "Munich");
  EXPECT_THAT(made_by("truncate(2)", field), ElementsAre("'10'", "'1'", "'ёж'", "'80'", "'Mu'"));
}

TEST(Protection, DatesBecomeTheFirstDayOfTheirYearOrMonth) {
  const TestField field = TestField("A", "DATE")
                              .integer(45'000)  // 2023-03-15
                              .number(45'000.75)
                              .dual(45'000, "15.03.2023")
                              .text("2023-03-15")
                              .text("2023-03-15 10:20:30")
                              .text("");
  EXPECT_THAT(made_by("truncate(year)", field),
              ElementsAre("44927", "44927", "'2023-01-01' with 44927", "'2023-01-01'",
                          "'2023-01-01'", "''"));
  EXPECT_THAT(made_by("truncate(month)", field),
              ElementsAre("44986", "44986", "'2023-03-01' with 44986", "'2023-03-01'",
                          "'2023-03-01'", "''"));
}

TEST(Protection, DaysThatAreWrittenAsDigitsStayDigits) {
  const TestField field =
      TestField("A").integer(20240517).dual(20240517, "17 May").text("20240517").text("20241332");
  EXPECT_THAT(made_by("truncate(month)", field),
              ElementsAre("20240501", "'20240501' with 20240501", "'20240501'", "''"));
  EXPECT_THAT(made_by("truncate(year)", field),
              ElementsAre("20240101", "'20240101' with 20240101", "'20240101'", "''"));
}

TEST(Protection, WhatIsNoDateHasNoYear) {
  const TestField field = TestField("A").text("in May").number(1e9).integer(45'000).number(
      std::numeric_limits<double>::quiet_NaN());
  const ProtectedSymbols made = protect_by("truncate(year)", field);
  EXPECT_EQ(made.lost_count, 3U);
  EXPECT_THAT(shown(made.symbols), ElementsAre("''", "''", "44927", "''"));
}

// Among dates an empty text is NULL, among texts of a table a text.
TEST(Protection, DatesStayDates) {
  const TestField field =
      TestField("A", "DATE").dual(45'000, "15.03.2023").dual(45'100, "23.06.2023").text("?");
  const ProtectedSymbols made = protect_by("truncate(month)", field);
  const auto columns =
      plan_field(field.header(), 0, false, made.symbols, qvd::profile_field(made.symbols), {});
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].type.name(), "Nullable(Date32)");
}

TEST(Protection, TheTableComesFirstThenTheNameThenThePattern) {
  const auto kind = [](const Policy& policy, const char* field, const char* column) {
    return text_of(protection_of(policy, field, column));
  };
  Policy policy;
  policy.protections = {{"*mail*", *parse_protection("hash")},
                        {"Mail box", *parse_protection("none")},
                        {"*", *parse_protection("mask")}};
  EXPECT_EQ(kind(policy, "E-MAIL", "e_mail"), "hash");
  EXPECT_EQ(kind(policy, "MAIL BOX", "x"), "none");
  EXPECT_EQ(kind(policy, "Other", "Other"), "mask");
  policy.protections["MAIL BOX"] = *parse_protection("drop");
  EXPECT_EQ(kind(policy, "Mail box", "x"), "drop");
  policy.protections.erase("MAIL BOX");
  policy.protections_of_table = {{"e*", *parse_protection("drop")}};
  EXPECT_EQ(kind(policy, "E-MAIL", "e_mail"), "drop");
  EXPECT_EQ(kind(policy, "Contact", "email"), "drop");
  EXPECT_EQ(kind(policy, "Mail box", "x"), "none");
}

TEST(Protection, ThePlanSaysItAndSeesNothingElse) {
  qvd::TableHeader header;
  const TestField secret = TestField("Secret", "INTEGER").integer(1'234'567).integer(7'654'321);
  const TestField gone = TestField("Gone").text("x");
  const TestField open = TestField("Open").text("y");
  header.fields = {secret.header(), gone.header(), open.header()};
  header.fields[0].tags = {"$integer"};
  header.fields[0].comment = "of people";
  Policy policy;
  policy.protections = {{"secret", *parse_protection("mask")}, {"gone", *parse_protection("drop")}};
  const std::vector<qvd::SymbolTable> symbols = {
      protect_by("mask", secret).symbols, {}, open.symbols()};
  const TablePlan plan = plan_table(header, "t.qvd", symbols, {false, false, false}, policy);
  ASSERT_EQ(plan.columns.size(), 2U);
  EXPECT_EQ(plan.columns[0].type.name(), "LowCardinality(String)");
  EXPECT_THAT(plan.columns[0].reason, StartsWith("Masked by the settings (mask). "));
  EXPECT_THAT(plan.columns[0].warnings, testing::IsEmpty());
  // Both are one value, which tells no rows apart.
  EXPECT_THAT(plan.order_by, testing::IsEmpty());
  const auto table = table_definition(plan, header, "d");
  EXPECT_EQ(table.columns[0].comment, "of people; tags: $integer; masked");
  EXPECT_EQ(table.columns[1].comment, "");
}

TEST(Protection, AKeyHasANameThatDoesNotTellIt) {
  EXPECT_EQ(key_id(""), "");
  EXPECT_EQ(key_id(kKey).size(), 16U);
  EXPECT_NE(key_id(kKey), key_id("another key of tests"));
}

}  // namespace
}  // namespace qvdhouse::schema
