#include "models/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "models/data.h"
#include "models/test_table.h"

namespace qvdhouse::models {
namespace {

using testing::HasSubstr;
using testing::Not;

Json data(const std::vector<Table>& tables) {
  return data_of({.version = "1", .source = "qvds", .database = "local", .tables = tables});
}

std::string rendered(std::string_view format, const std::vector<Table>& tables) {
  const Format& chosen = *find_format(format);
  return render(std::string(chosen.text), data(tables), chosen.language, std::string(format));
}

TEST(Render, APydanticModelNamesColumnsByAliasWhereItMust) {
  EXPECT_THAT(rendered("pydantic", {test_table("QvdItem", {{"Id", "UInt8"},
                                                           {"Item \"No\"", "Nullable(String)"},
                                                           {"class", "String"},
                                                           {"When", "Nullable(Date32)"}})}),
              HasSubstr("class QvdItem(QvdRow):\n"
                        "    # Table QvdItem of QvdItem.qvd\n"
                        "    Id: int = Field(..., ge=0, le=255)\n"
                        "    Item_No: Optional[str] = Field(None, alias=\"Item \\\"No\\\"\")\n"
                        "    class_: str = Field(..., alias=\"class\")\n"
                        "    When: Optional[_dt.date] = None\n"));
}

TEST(Render, AMooseTableLosesNoRows) {
  const std::string text = rendered("moose", {test_table("QvdItem", {{"a \\ b", "String"}})});
  EXPECT_THAT(text, HasSubstr("QvdItemModel = OlapTable[QvdItem](\n    \"QvdItem\",\n"));
  EXPECT_THAT(text, HasSubstr("order_by_fields=[\"a \\\\ b\"],\n"));
  EXPECT_THAT(text, HasSubstr("engine=MergeTreeEngine()"));
  EXPECT_THAT(text, Not(HasSubstr("Replacing")));
  EXPECT_THAT(text, Not(HasSubstr("partition_by")));
  Table partitioned = test_table("QvdItem", {{"a", "String"}});
  partitioned.definition.partition_by = "`_file`";
  EXPECT_THAT(rendered("moose", {partitioned}),
              HasSubstr("order_by_fields=[\"a\"],\n        partition_by=\"`_file`\",\n"));
}

TEST(Render, NamesOfTheModuleAreTold) {
  const std::string text = rendered(
      "moose", {test_table("Item", {{"a", "String"}}), test_table("ItemModel", {{"a", "String"}}),
                test_table("Item!", {{"a", "String"}})});
  EXPECT_THAT(text, HasSubstr("ItemModel = OlapTable[Item]("));
  EXPECT_THAT(text, HasSubstr("ItemModel_2Model = OlapTable[ItemModel_2]("));
  EXPECT_THAT(text, HasSubstr("class Item_2(QvdRow)"));
}

TEST(Render, JsonSchemaIsJson) {
  const Json schema = Json::parse(
      rendered("json-schema", {test_table("A", {{"x\"", "UInt8"}, {"y", "Nullable(String)"}}),
                               test_table("B", {{"\n", "Bool"}})}));
  EXPECT_EQ(schema["$defs"]["A"]["required"], (Json{"x\"", "y"}));
  EXPECT_EQ(schema["$defs"]["B"]["properties"]["\n"], (Json{{"type", "boolean"}}));
}

TEST(Render, AMemberIsNotCalledAsItsStruct) {
  EXPECT_THAT(rendered("cpp", {test_table("item", {{"Item", "String"}})}),
              HasSubstr("  std::string item_2{};  // String\n"));
}

TEST(Render, ManyFilesAreCountedAndSomeNamed) {
  Table table = test_table("T", {{"a", "String"}});
  table.files.clear();
  for (int i = 0; i < 12; ++i) table.files.push_back(std::to_string(i));
  EXPECT_THAT(rendered("sql", {table}), HasSubstr("-- 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more\n"));
}

TEST(Render, AUsersTemplateIsSafeInItsLanguage) {
  const Json hostile = data({test_table("T", {{"a\"); evil(\"", "String"}})});
  const std::string text = "{{#tables}}{{#columns}}x = \"{{name.text}}\"{{/columns}}{{/tables}}";
  EXPECT_EQ(render(text, hostile, Language::kPython, "t"), R"(x = "a\x22); evil(\x22")");
  EXPECT_EQ(render(text, hostile, Language::kCpp, "t"), R"(x = "a\042); evil(\042")");
  EXPECT_EQ(render(text, hostile, Language::kSql, "t"), R"(x = "a\x22); evil(\x22")");
  const Json script = data({test_table("T", {{"'*/`${evil()}", "String"}})});
  EXPECT_EQ(render(text, script, Language::kJson, "t"),
            R"(x = "\u0027\u002a/\u0060\u0024{evil()}")");
}

TEST(Render, AWrongTemplateIsNamed) {
  try {
    render("{{#tables}}", data({}), Language::kSql, "mine.sql.mustache");
    FAIL();
  } catch (const base::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("mine.sql.mustache: "));
    EXPECT_THAT(error.what(), HasSubstr("tables"));
  }
}

TEST(Render, ATemplatesNameSaysItsLanguage) {
  EXPECT_EQ(language_of_file("a/rows.py.mustache"), Language::kPython);
  EXPECT_EQ(language_of_file("rows.hpp"), Language::kCpp);
  EXPECT_EQ(language_of_file("x.json.mustache"), Language::kJson);
  EXPECT_EQ(language_of_file("A.PY.MUSTACHE"), Language::kPython);
  EXPECT_EQ(language_of_file("x.mustache"), std::nullopt);
  EXPECT_EQ(language_of_file("x.sh.mustache"), std::nullopt);
}

}  // namespace
}  // namespace qvdhouse::models
