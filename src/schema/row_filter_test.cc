#include "schema/row_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "schema/test_symbols.h"

namespace qvdhouse::schema {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RowConditions read(std::string_view text) {
  RowConditions conditions;
  EXPECT_EQ(parse_row_filter(text, conditions), "") << text;
  return conditions;
}

// Which symbols of the field a condition lets through, as 1, and NULL in front.
std::string kept(std::string_view condition, const TestField& field,
                 const std::vector<std::string>& null_texts = {}) {
  const qvd::SymbolTable symbols = field.symbols();
  const auto codes =
      filtered_codes(read(condition).front(), symbols, field.header(), true, null_texts);
  std::string text;
  for (std::size_t code = 0; code <= symbols.size(); ++code) {
    text += codes.empty() || codes[code] == 0 ? '1' : '0';
  }
  return text;
}

TEST(RowFilter, ReadsFieldsAndValues) {
  const RowConditions all = read(
      " Region='West' AND \"Order \"\"No\"\"\" >= 10 and %Key in ( 1,'b, c' , 'it''s' )and x IS "
      "NOT "
      "NULL");
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].field, "Region");
  EXPECT_THAT(all[0].values, ElementsAre("West"));
  EXPECT_EQ(all[1].field, "Order \"No\"");
  EXPECT_EQ(all[1].compares, RowCondition::Operator::kGreaterOrEqual);
  EXPECT_THAT(all[1].values, ElementsAre("10"));
  EXPECT_EQ(all[3].compares, RowCondition::Operator::kIsNotNull);
  EXPECT_THAT(all[3].values, IsEmpty());
  EXPECT_THAT(read("\"Регион\" = 'Юг'")[0].field, "Регион");
  EXPECT_THAT(read("a = 'it''s'")[0].values, ElementsAre("it's"));
  EXPECT_THAT(read("a = ''")[0].values, ElementsAre(""));
}

TEST(RowFilter, SaysWhereItCannotBeRead) {
  for (const char* text : {"", "a", "a =", "= 1", "a = 1 and", "a = 1 or b = 2", "a = 'x",
                           "\"a = 1", "\"\" = 1", "a in ()", "a in (1", "a in 1", "a is",
                           "a not matches 'x'", "a ~ 1", "a = 1 2", "android = 1 andb = 2"}) {
    RowConditions conditions;
    EXPECT_THAT(parse_row_filter(text, conditions), HasSubstr("cannot be read from")) << text;
  }
  RowConditions conditions;
  EXPECT_THAT(parse_row_filter("a matches '('", conditions), HasSubstr("regular expression"));
  EXPECT_THAT(parse_row_filter("a = 1 or b = 2", conditions), HasSubstr("\"or b = 2\""));
}

TEST(RowFilter, ComparesNumbersAsNumbersAndTextsAsTexts) {
  const TestField field =
      TestField("a").integer(5).number(5.5).text("5.0").text("x").dual(9, "nine").text("West");
  EXPECT_EQ(kept("a = 5", field), "0101000");
  EXPECT_EQ(kept("a != 5", field), "0010111");
  EXPECT_EQ(kept("a <> 'West'", field), "0111110");
  EXPECT_EQ(kept("a > 5", field), "0010010");
  EXPECT_EQ(kept("a >= 5", field), "0111010");
  EXPECT_EQ(kept("a < 5.5", field), "0101000");
  EXPECT_EQ(kept("a <= 5.5", field), "0111000");
  EXPECT_EQ(kept("a = nine", field), "0000010");
  EXPECT_EQ(kept("a = 9", field), "0000010");
  EXPECT_EQ(kept("a >= x", field), "0000100");
  EXPECT_EQ(kept("a in (9, West)", field), "0000011");
  EXPECT_EQ(kept("a not in (9, West)", field), "0111100");
  EXPECT_EQ(kept("a = west", field), "0000000");
}

TEST(RowFilter, ComparesDates) {
  const TestField field =
      TestField("d", "DATE").integer(45'000).dual(45'100, "23.06.2023").text("2024-01-01");
  EXPECT_EQ(kept("d >= '2023-06-23'", field), "0011");
  EXPECT_EQ(kept("d = 2023-03-15", field), "0100");
  EXPECT_EQ(kept("d like '2023-03%'", field), "0100");
  EXPECT_EQ(kept("d < 2024-01-01", field), "0110");
}

TEST(RowFilter, NullIsNothingButNull) {
  const TestField field = TestField("a").text("x").text("n/a").text("");
  EXPECT_EQ(kept("a is null", field), "1000");
  EXPECT_EQ(kept("a is not null", field), "0111");
  EXPECT_EQ(kept("a is null", field, {"n/a"}), "1010");
  EXPECT_EQ(kept("a != 'x'", field, {"n/a"}), "0001");
  EXPECT_EQ(kept("a = ''", field), "0001");
  // Where all else is a number, a blank text is NULL in the table.
  const TestField numbers = TestField("a").integer(1).text(" ");
  EXPECT_EQ(kept("a is null", numbers), "101");
  EXPECT_EQ(kept("a is not null", numbers), "010");
}

TEST(RowFilter, LikesAndMatches) {
  const TestField field = TestField("a").text("Straße").text("Str.").text("50%\nx").text("5000");
  EXPECT_EQ(kept("a like 'Stra_e'", field), "01000");
  EXPECT_EQ(kept("a like 'Str.'", field), "00100");
  EXPECT_EQ(kept("a like '50%'", field), "00011");
  EXPECT_EQ(kept("a like '50\\%%'", field), "00010");
  EXPECT_EQ(kept("a not like 'Str%'", field), "00011");
  EXPECT_EQ(kept("a matches 'Str.*'", field), "01100");
}

TEST(RowFilter, WhatAllFulfilTakesNothingOut) {
  const TestField field = TestField("a").integer(1).integer(2);
  EXPECT_THAT(filtered_codes(read("a > 0").front(), field.symbols(), field.header(), false, {}),
              IsEmpty());
}

TEST(RowFilter, FindsItsField) {
  qvd::TableHeader header;
  for (const char* name : {"Region", "region", "Amount"}) header.fields.push_back({.name = name});
  EXPECT_EQ(field_of({.field = "region", .values = {}}, header), 1U);
  EXPECT_EQ(field_of({.field = "AMOUNT", .values = {}}, header), 2U);
  for (const auto& [field, said] : std::vector<std::pair<const char*, const char*>>{
           {"REGION", "more than one field"}, {"Amoun", "did you mean Amount?"}}) {
    try {
      field_of({.field = field, .values = {}}, header);
      ADD_FAILURE() << field;
    } catch (const base::SchemaError& error) {
      EXPECT_THAT(error.what(), HasSubstr(said));
    }
  }
}

}  // namespace
}  // namespace qvdhouse::schema
