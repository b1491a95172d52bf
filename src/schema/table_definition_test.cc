#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "schema/drift.h"
#include "schema/own_columns.h"
#include "schema/test_file.h"

namespace qvdhouse::schema {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TestFile sales() {
  return TestFile({TestField("Id").integer(1).integer(2).integer(3).integer(4),
                   TestField("SAP_Amt").number(1.5).integer(2), TestField("Note").text("x")});
}

clickhouse::TableDefinition define(const TestFile& file, const TableRules& rules, LoadMode mode,
                                   bool by_file = true) {
  TablePlan plan = file.plan();
  add_own_columns(plan, {}, own_columns(rules, mode, "f", 7, 0, {{"month", "202401"}}), rules);
  return table_definition(plan, file.header, "db", rules, mode, by_file);
}

std::string error_of(const TestFile& file, const TableRules& rules) {
  try {
    define(file, rules, LoadMode::kReplace);
  } catch (const base::SchemaError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TableDefinition, DefaultsAreThoseOfOneFile) {
  const TestFile file = sales();
  const auto table = table_definition(file.plan(), file.header, "db");
  EXPECT_EQ(table.engine, "MergeTree");
  EXPECT_EQ(table.partition_by, "");
  EXPECT_EQ(table.ttl, "");
  EXPECT_THAT(table.settings, IsEmpty());
  EXPECT_EQ(table.comment, "qvdhouse: Sales.qvd");
}

std::vector<std::string> order_of(std::vector<TestField> fields) {
  return TestFile(fields).plan().order_by;
}

TEST(TableDefinition, SortedByKeysAndADate) {
  const auto date = [](const std::string& name, int days) {
    TestField field(name, "DATE");
    for (int day = 0; day != days; ++day) field.integer(45'000 + day);
    return field;
  };
  const auto few = [](const std::string& name, int values) {
    TestField field(name);
    for (int value = 0; value != values; ++value) field.integer(value);
    return field;
  };
  // No key: a date, the one with the fewest values, and two others.
  EXPECT_THAT(order_of({few("A", 5), few("B", 2), few("C", 3), date("Late", 9), date("Day", 4)}),
              ElementsAre("B", "C", "Day"));
  EXPECT_THAT(order_of({few("A", 5), few("B", 2), few("C", 3), few("D", 4)}),
              ElementsAre("B", "C", "D"));
  // Keys, all of them, and a date.
  EXPECT_THAT(order_of({few("%K", 7), few("%L", 3), few("%M", 8), few("%N", 9), few("B", 2),
                        date("Day", 4)}),
              ElementsAre("%L", "Day", "%K", "%M", "%N"));
  // A date that is a key is the date.
  EXPECT_THAT(order_of({few("%K", 3), date("%Day", 5), date("Other", 2)}),
              ElementsAre("%K", "%Day"));
}

TEST(TableDefinition, CommentsSayWhatAColumnIs) {
  const TestFile file({TestField("Order No").integer(1).integer(2),
                       TestField("Took", "INTERVAL").number(0.25).number(1.5),
                       TestField("Month").dual(1, "Jan").dual(2, "Feb")},
                      {.naming = NamingPolicy::kSnake});
  const auto table = table_definition(file.plan(), file.header, "db");
  const auto comment = [&](const std::string& name) {
    for (const auto& column : table.columns) {
      if (column.name == name) return column.comment;
    }
    return "no column " + name;
  };
  EXPECT_EQ(comment("order_no"), "field \"Order No\"");
  EXPECT_EQ(comment("took"), "field \"Took\"; in days");
  EXPECT_EQ(comment("month"), "field \"Month\"; its number is in month__num");
  EXPECT_EQ(comment("month__num"), "field \"Month\"; the number of month");
}

TEST(TableDefinition, SetsArePartitionedByFile) {
  TableRules rules{.match = "Sales_*.qvd"};
  const TestFile file = sales();
  EXPECT_EQ(define(file, rules, LoadMode::kReplaceByFile).partition_by, "`_file`");
  EXPECT_EQ(define(file, rules, LoadMode::kAppend).partition_by, "(`_file`, `_version`)");
  EXPECT_EQ(define(file, rules, LoadMode::kReplaceByFile, false).partition_by, "");
  EXPECT_EQ(define(file, rules, LoadMode::kReplaceByFile).comment,
            "qvdhouse: Sales_*.qvd, such as Sales.qvd");
  rules.partition_by = "month";
  EXPECT_EQ(define(file, rules, LoadMode::kReplaceByFile).partition_by, "(`_file`, month)");
  EXPECT_EQ(define(file, rules, LoadMode::kAppend).partition_by, "(`_file`, `_version`, month)");
  EXPECT_EQ(define(file, rules, LoadMode::kReplaceByFile, false).partition_by, "month");
  EXPECT_EQ(define(file, rules, LoadMode::kReplace).partition_by, "month");
}

TEST(TableDefinition, TakesEngineTtlSettingsAndCodecs) {
  const TableRules rules{.codecs = {{"SAP_*", "ZSTD(9)"}, {"Id", "DoubleDelta"}},
                         .engine = "ReplicatedMergeTree('/p', 'r')",
                         .ttl = "day + INTERVAL 1 YEAR",
                         .settings = {{"index_granularity", "512"}}};
  const auto table = define(sales(), rules, LoadMode::kReplace);
  EXPECT_EQ(table.engine, rules.engine);
  EXPECT_EQ(table.ttl, rules.ttl);
  EXPECT_EQ(table.settings, rules.settings);
  std::vector<std::string> codecs;
  for (const auto& column : table.columns) codecs.push_back(column.codec);
  EXPECT_THAT(codecs, ElementsAre("DoubleDelta", "ZSTD(9)", "ZSTD(1)", "ZSTD(1)"));
}

TEST(TableDefinition, APrimaryKeyIsTheBeginningOfTheSortingKey) {
  TestFile file = sales();
  file.policy.order_by = {"Id", "month"};
  TableRules rules{.rename = {{"Id", "Number"}}, .primary_key = {"Id"}};
  file.policy.rename = rules.rename;
  EXPECT_THAT(define(file, rules, LoadMode::kReplace).primary_key, ElementsAre("Number"));
  rules.primary_key = {"Number", "month"};
  EXPECT_THAT(define(file, rules, LoadMode::kReplace).primary_key, ElementsAre("Number", "month"));
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"month"}, {"Number", "Number"}, {"Number", "month", "Id"}}) {
    rules.primary_key = wrong;
    EXPECT_THROW(define(file, rules, LoadMode::kReplace), base::SchemaError);
  }
}

TEST(TableDefinition, OrderByMayNameOwnColumns) {
  TestFile file = sales();
  file.policy.order_by = {"month", "_file", "Id"};
  const TableRules rules{.with_file = true};
  EXPECT_THAT(define(file, rules, LoadMode::kReplace).order_by,
              ElementsAre("month", "_file", "Id"));
}

TEST(TableDefinition, OrderByNamesWhatIsThereAndNeverNull) {
  TestFile file = sales();
  file.policy.order_by = {"Nope"};
  EXPECT_THAT(error_of(file, {}), HasSubstr("order_by names \"Nope\""));
  file.policy.order_by = {"Id"};
  file.may_be_null[0] = true;
  EXPECT_THAT(error_of(file, {}), HasSubstr("Nullable(Int64) may be NULL"));
}

TEST(TablePlan, FieldsLeftOutNeedNoSymbols) {
  TestFile file = sales();
  file.policy.exclude = {"SAP_*"};
  file.symbols[1] = {};
  const TablePlan plan = file.plan();
  ASSERT_EQ(plan.columns.size(), 2U);
  EXPECT_EQ(plan.columns[1].name, "Note");
  EXPECT_EQ(plan.columns[1].field_index, 2U);
  file.policy.exclude = {"*"};
  EXPECT_THROW(file.plan(), base::SchemaError);
}

TEST(TablePlan, TheNumberColumnCanBeLeftOutAlone) {
  TestFile file({TestField("m").dual(1, "Jan")});
  EXPECT_EQ(file.plan().columns.size(), 2U);
  file.policy.exclude = {"*__num"};
  ASSERT_EQ(file.plan().columns.size(), 1U);
  EXPECT_EQ(file.plan().columns[0].name, "m");
}

TEST(TablePlan, TypesHaveWildcards) {
  TestFile file = sales();
  file.policy.overrides = {{"SAP_*", "Decimal(9, 1)"}, {"*", "String"}};
  const TablePlan plan = file.plan();
  EXPECT_EQ(plan.columns[0].type.name(), "String");
  EXPECT_EQ(plan.columns[1].type.name(), "Decimal(9, 1)");
  file.policy.overrides["SAP_Amt"] = "Float64";
  EXPECT_EQ(file.plan().columns[1].type.name(), "Float64");
}

TEST(TablePlan, WholeNumbersOutOfTextMayNotFitFloats) {
  TestFile file({TestField("n").text("9007199254740993")});
  file.policy.overrides = {{"n", "Int64"}};
  EXPECT_FALSE(shape_of(file.plan()).at(0).fits_float64);
  TestFile small({TestField("n").text("42")});
  small.policy.overrides = {{"n", "Int64"}};
  EXPECT_TRUE(shape_of(small.plan()).at(0).fits_float64);
}

}  // namespace
}  // namespace qvdhouse::schema
