#include "schema/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::schema {
namespace {

using testing::ElementsAre;

TEST(Names, TableFromFileName) {
  const Policy policy;
  EXPECT_EQ(table_name("Item.qvd", policy), "QvdItem");
  EXPECT_EQ(table_name("purchase_order.qvd", policy), "QvdPurchaseOrder");
  EXPECT_EQ(table_name("PurchaseOrder.QVD", policy), "QvdPurchaseOrder");
  EXPECT_EQ(table_name("a/b.c/sales-2020.v2.Qvd", policy), "QvdSales2020V2");
  EXPECT_EQ(table_name("2020.qvd", policy), "Qvd2020");
  EXPECT_EQ(table_name("größe é.qvd", policy), "QvdGröße_é");
  EXPECT_EQ(table_name("Остатки на складе.qvd", policy), "QvdОстатки_на_складе");
  EXPECT_EQ(table_name("2024 отчёт sales.qvd", policy), "Qvd2024_отчётSales");
  EXPECT_EQ(table_name("销售 报告.qvd", {.table_prefix = ""}), "销售_报告");
  // What was loaded into a table of the older name stays there.
  EXPECT_EQ(table_name("größe é.qvd", policy, "QvdGrößeé"), "QvdGrößeé");
  EXPECT_EQ(table_name("größe é.qvd", policy, "QvdOther"), "QvdGröße_é");
  EXPECT_EQ(table_name("no_extension", policy), "QvdNoExtension");
  EXPECT_EQ(table_name("Item.qvd", {.table_prefix = ""}), "Item");
  const Policy original{.naming = NamingPolicy::kOriginal};
  EXPECT_EQ(table_name("PurchaseOrder.qvd", original), "QvdPurchaseorder");
  EXPECT_EQ(table_name("purchase_order.qvd", original), "QvdPurchaseOrder");
  EXPECT_EQ(table_name("ITEM.qvd", original), "QvdItem");
  EXPECT_EQ(column_names({"%KEY_Item"}, original), std::vector<std::string>{"%KEY_Item"});
  EXPECT_THROW(table_name(".qvd", policy), base::SchemaError);
  EXPECT_THROW(table_name("", policy), base::SchemaError);
}

TEST(Names, ColumnsAsTheFieldsAre) {
  EXPECT_THAT(column_names({"%KEY_Item", "Item Description", " x ", "a.b"}, {}),
              ElementsAre("%KEY_Item", "Item Description", " x ", "a.b"));
}

TEST(Names, EqualFieldsAreNumbered) {
  EXPECT_THAT(column_names({"x", "x", "x_2", "x"}, {}), ElementsAre("x", "x_3", "x_2", "x_4"));
}

// As many as a header may have: minutes if each looked for its number from 2 on.
TEST(Names, ManyEqualFieldsAreNumberedInOnePass) {
  const std::vector<std::string> fields(100'000, "x");
  const std::vector<std::string> columns = column_names(fields, {});
  EXPECT_EQ(columns.front(), "x");
  EXPECT_EQ(columns[1], "x_2");
  EXPECT_EQ(columns.back(), "x_100000");
}

TEST(Names, EmptyFieldGetsItsPosition) {
  EXPECT_THAT(column_names({"a", "", ""}, {}), ElementsAre("a", "field_2", "field_3"));
}

TEST(Names, SnakeCase) {
  EXPECT_THAT(column_names({"%KEY_Item", "Item Description", "OrderID", "HTTPServer", "a-||-b",
                            "ÄrgerNis", "Year2Date", "w/e Date"},
                           {.naming = NamingPolicy::kSnake}),
              ElementsAre("key_item", "item_description", "order_id", "http_server", "a_b",
                          "Ärger_nis", "year2_date", "w_e_date"));
}

TEST(Names, SnakeCaseCollisionNamesBothAndTheSetting) {
  try {
    column_names({"%ID", "x", "ID"}, {.naming = NamingPolicy::kSnake});
    FAIL() << "expected a SchemaError";
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("\"%ID\""), testing::HasSubstr("\"ID\""),
                               testing::HasSubstr("naming = \"source\"")));
  }
}

std::string error_of(const std::vector<std::string>& fields, const Policy& policy) {
  try {
    column_names(fields, policy);
  } catch (const base::SchemaError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Names, IncludeAndExcludeLeaveFieldsOut) {
  Policy policy;
  policy.include = {"SAP_*", "Id"};
  policy.exclude = {"*_tmp"};
  EXPECT_THAT(column_names({"SAP_a", "sap_b", "Id", "SAP_x_tmp", "%k"}, policy),
              ElementsAre("SAP_a", "", "Id", "", ""));
  // Left out fields claim no name.
  policy = {.naming = NamingPolicy::kSnake, .exclude = {"%*"}};
  EXPECT_THAT(column_names({"%ID", "ID"}, policy), ElementsAre("", "id"));
  // The column's name counts as well.
  policy = {.naming = NamingPolicy::kSnake, .exclude = {"order_*"}};
  EXPECT_THAT(column_names({"OrderId", "Price"}, policy), ElementsAre("", "price"));
}

TEST(Names, RenameFirstMatchWins) {
  Policy policy{.naming = NamingPolicy::kSnake};
  policy.rename = {{"SAP_VBELN", "Order"}, {"SAP_*", "*"}, {"*_old", "Old *"}};
  EXPECT_THAT(column_names({"SAP_VBELN", "SAP_Pos", "x_old", "ItemNo"}, policy),
              ElementsAre("Order", "Pos", "Old x", "item_no"));
}

TEST(Names, StarsStandInTheirOrderAndTheRestIsKept) {
  Policy policy;
  policy.rename = {{"*-∥-*", "*"}, {"a*b*c", "*_*"}, {"x*", "X"}};
  EXPECT_THAT(
      column_names({"MATNR-∥-Material (neu)", "a1b2c", "abc", "a1b2b3c", "x7", "-∥-B"}, policy),
      ElementsAre("MATNR", "1_2", "_", "1_2b3", "X", "field_6"));
  EXPECT_EQ(rest_of_name("MATNR-∥-Material (neu)", policy), "Material (neu)");
  EXPECT_EQ(rest_of_name("a1b2c", policy), "");
  EXPECT_EQ(rest_of_name("x7", policy), "");
  EXPECT_EQ(rest_of_name("other", policy), "");
}

TEST(Names, RenameMayHaveOneOwner) {
  Policy policy;
  policy.rename = {{"a*", "same"}};
  EXPECT_THAT(error_of({"ab", "ac"}, policy),
              testing::AllOf(testing::HasSubstr("\"ab\" and \"ac\""),
                             testing::HasSubstr("\"same\""), testing::HasSubstr("rename")));
  policy.rename = {{"x", "y"}};
  EXPECT_THAT(error_of({"x", "y"}, policy), testing::HasSubstr("\"y\""));
  policy.rename = {{"*a", "*b*"}};
  EXPECT_THAT(error_of({"xa"}, policy), testing::HasSubstr("more * on the right"));
}

}  // namespace
}  // namespace qvdhouse::schema
