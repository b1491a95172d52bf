#include "decide/placement.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::decide {
namespace {

using schema::LoadMode;
using schema::NamePart;
using schema::TableRules;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TableRules rule(const std::string& match, const std::string& name = "") {
  TableRules rules;
  rules.match = match;
  rules.name = name;
  rules.where = "qvdhouse.toml:3";
  return rules;
}

// The table and parts of a file by one rule; "" when only the naming rule takes it.
std::string placed(std::string_view path, const std::string& match, const std::string& name) {
  const Placement placement = place_file(path, {rule(match, name)}, {});
  if (placement.rules.match.empty()) return "";
  std::string text = placement.table;
  for (const auto& [part, value] : placement.name_parts)
    text.append(" ").append(part).append("=").append(value);
  return text;
}

std::string wrong(const std::vector<TableRules>& rules) {
  try {
    check_rules(rules);
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Placement, WithoutRulesTheNameDecides) {
  const Placement placement = place_file("/data/purchase_order.QVD", {}, {});
  EXPECT_EQ(placement.table, "QvdPurchaseOrder");
  EXPECT_EQ(placement.mode, LoadMode::kReplace);
  EXPECT_FALSE(placement.is_set());
  EXPECT_THAT(placement.name_parts, IsEmpty());
  EXPECT_THROW(place_file("/data/---.qvd", {}, {}), base::SchemaError);
  EXPECT_THROW(place_file("", {}, {}), base::SchemaError);
}

TEST(Placement, PatternsMatchTheEndOfAPath) {
  EXPECT_EQ(placed("/data/Sales_1.qvd", "Sales_*.qvd", "S"), "S");
  EXPECT_EQ(placed("/data/Sales_1.QVD", "Sales_*.qvd", "S"), "S");
  EXPECT_EQ(placed("/data/sales_1.qvd", "Sales_*.qvd", "S"), "");
  EXPECT_EQ(placed("/data/Sales_1.qvd.tmp", "Sales_*.qvd", "S"), "");
  EXPECT_EQ(placed("/data/eu/Sales_1.qvd", "eu/Sales_*.qvd", "S"), "S");
  EXPECT_EQ(placed("/data/us/Sales_1.qvd", "eu/Sales_*.qvd", "S"), "");
  EXPECT_EQ(placed("/data/eu/x/Sales_1.qvd", "eu/Sales_*.qvd", "S"), "");
  EXPECT_EQ(placed("/data/eu/x/Sales_1.qvd", "**/x/Sales_*.qvd", "S"), "S");
  EXPECT_EQ(placed("Sales_1.qvd", "eu/Sales_*.qvd", "S"), "");
  EXPECT_EQ(placed("/Item.qvd", "[HI]te?.qvd", "S"), "S");
  EXPECT_EQ(placed("/Item.qvd", "[!I]te?.qvd", "S"), "");
  EXPECT_EQ(placed("/].qvd", "[]].qvd", "S"), "S");
}

TEST(Placement, AnArchiveIsAFolderAndACompressedFileIsTheFile) {
  EXPECT_EQ(placed("/data/Sales_1.qvd.gz", "Sales_{n}.qvd", "S"), "S n=1");
  EXPECT_EQ(placed("zip://Sales_1.qvd::s3://b/eu.zip", "{region}.zip/Sales_*.qvd", "S"),
            "S region=eu");
  EXPECT_EQ(placed("tar://x/Sales_1.QVD.zst::http://h/a%20b.tgz", "a b.tgz/x/Sales_*.qvd", "S"),
            "S");
  const std::vector<TableRules> rules = {rule("*.qvd", "{folder}_{file}")};
  EXPECT_EQ(place_file("zip://x/y.qvd::/data/a.zip", rules, {}, "/data/a.zip").table, "x_y");
  EXPECT_EQ(place_file("zip://x/y.qvd::/data/a.zip", rules, {}, "zip://**::/data/*.zip").table,
            "a.zip_x_y");
}

TEST(Placement, TheExtensionMayBeLeftOff) {
  EXPECT_EQ(placed("/Item.qvd", "Item", "S"), "S");
  EXPECT_EQ(placed("/Sales_202401.Qvd", "Sales_{month}", "S"), "S month=202401");
  EXPECT_EQ(placed("/Item.dat", "Item.*", "S"), "S");
  EXPECT_EQ(placed("/Item.qvd", "Item.*", "S"), "S");
  EXPECT_EQ(placed("/Item.dat", "Item", "S"), "");
}

TEST(Placement, PartsAreCaptured) {
  EXPECT_EQ(placed("/Sales_202401.qvd", "Sales_{yyyymm}.qvd", "Sales"), "Sales yyyymm=202401");
  EXPECT_EQ(placed("/Sales_.qvd", "Sales_{yyyymm}.qvd", "Sales"), "");
  EXPECT_EQ(placed("/d/region=EU/Sales_1.qvd", "region={region}/Sales_*.qvd", "Sales"),
            "Sales region=EU");
  EXPECT_EQ(placed("/d/EU/2024/x.qvd", "{region}/{year}/x.qvd", "{region}_{year}"),
            "EU_2024 region=EU year=2024");
  // What stands further left takes as much as it can.
  EXPECT_EQ(placed("/Sales_Order_1.qvd", "{table}_{n}.qvd", "{table}"),
            "Sales_Order table=Sales_Order n=1");
  EXPECT_EQ(placed("/ab.qvd", "{a}{b}.qvd", "T"), "T a=a b=b");
  EXPECT_EQ(placed("/a.qvd", "{a}{b}.qvd", "T"), "");
  EXPECT_EQ(placed("/x1y2.qvd", "*{n}.qvd", "T"), "T n=2");
}

TEST(Placement, PartsMayBeBound) {
  EXPECT_EQ(placed("/Sales_202601.qvd", "Sales_{m:6 digits}.qvd", "S"), "S m=202601");
  for (const char* other : {"/Sales_202601_bak.qvd", "/Sales_Budget.qvd", "/Sales_20260.qvd",
                            "/Sales_2026011.qvd", "/Sales_Archive_2025.qvd", "/Sales_.qvd"}) {
    EXPECT_EQ(placed(other, "Sales_{m:6 digits}.qvd", "S"), "") << other;
  }
  EXPECT_EQ(placed("/a7b.qvd", "a{n:digits}b.qvd", "S"), "S n=7");
  EXPECT_EQ(placed("/ab.qvd", "a{n:digits}b.qvd", "S"), "");
  EXPECT_EQ(placed("/x-Ünï-12.qvd", "x-{w:2-3 letters}-{n:1-2 digits}", "S"), "S w=Ünï n=12");
  EXPECT_EQ(placed("/x-Ünïx-12.qvd", "x-{w:2-3 letters}-{n:1-2 digits}", "S"), "");
  EXPECT_EQ(placed("/📈é.qvd", "{two:2 characters}", "S"), "S two=📈é");
  // What stands further left takes as much as its bound lets it.
  EXPECT_EQ(placed("/12345.qvd", "{a:1-3 digits}{b:digits}", "S"), "S a=123 b=45");
  EXPECT_EQ(placed("/DE_2.qvd", "{c:/[A-Z]{2}/}_{n}.qvd", "S"), "S c=DE n=2");
  EXPECT_EQ(placed("/DEX_2.qvd", "{c:/[A-Z]{2}/}_{n}.qvd", "S"), "");
  EXPECT_EQ(placed("/EU/1.qvd", "{c:/EU|US/}/{n}.qvd", "S"), "S c=EU n=1");
}

TEST(Placement, DatesInNames) {
  EXPECT_EQ(placed("/Orders_20171130.qvd", "Orders_{day:date}.qvd", "O"), "O day=2017-11-30");
  EXPECT_EQ(placed("/Orders_2017-11-30.qvd", "Orders_{day:date}.qvd", "O"), "O day=2017-11-30");
  EXPECT_EQ(placed("/Orders_20171131.qvd", "Orders_{day:date}.qvd", "O"), "");
  EXPECT_EQ(placed("/Orders_201711300.qvd", "Orders_{day:date}.qvd", "O"), "");
  const Placement placement =
      place_file("/Orders_20171130.qvd", {rule("Orders_{day:date}.qvd", "O")}, {});
  EXPECT_EQ(placement.rules.types.at("day"), "Date32");
  TableRules named = rule("Orders_{day:date}.qvd", "O");
  named.types["day"] = "String";
  EXPECT_EQ(place_file("/Orders_20171130.qvd", {named}, {}).rules.types.at("day"), "String");
}

TEST(Placement, AFileThatABoundKeepsOutSaysWhy) {
  const std::vector<TableRules> rules = {rule("Sales_{m:6 digits}.qvd", "Sales")};
  const Placement budget = place_file("/Sales_Budget.qvd", rules, {});
  EXPECT_EQ(budget.table, "QvdSalesBudget");
  EXPECT_EQ(
      budget.warning,
      "The pattern \"Sales_{m:6 digits}.qvd\" does not take the file, since \"Budget\" is not "
      "{m:6 digits}; it has a table of its own.");
  EXPECT_EQ(place_file("/Item.qvd", rules, {}).warning, "");
  EXPECT_EQ(place_file("/Sales_202601.qvd", rules, {}).warning, "");
  // A part that is named like a date, and takes anything.
  const std::vector<TableRules> open = {rule("Sales_{yyyymm}.qvd", "Sales")};
  EXPECT_EQ(place_file("/Sales_202601.qvd", open, {}).warning, "");
  EXPECT_EQ(place_file("/Sales_2026-01.qvd", open, {}).warning, "");
  EXPECT_EQ(place_file("/Sales_Budget.qvd", open, {}).table, "Sales");
  EXPECT_EQ(place_file("/Sales_Budget.qvd", open, {}).warning,
            "The pattern \"Sales_{yyyymm}.qvd\" takes the file with {yyyymm} = \"Budget\"; if it "
            "should not, bind the part, as in {yyyymm:6 digits} or {yyyymm:date}.");
  EXPECT_EQ(place_file("/Sales_x.qvd", {rule("Sales_{name}.qvd", "S")}, {}).warning, "");
  // Another pattern may take it.
  EXPECT_EQ(place_file("/Sales_Budget.qvd", {rules[0], rule("*_Budget.qvd", "B")}, {}).warning, "");
}

TEST(Placement, FoldersAboveTheSourceAreMatchedByPlainNamesOnly) {
  const auto table = [](std::string_view path, const std::string& match) {
    const Placement placed = place_file(path, {rule(match, "T")}, {}, "/data/qvd");
    return placed.rules.match.empty() ? "" : placed.table;
  };
  EXPECT_EQ(table("/data/qvd/EU/Sales.qvd", "{region}/Sales.qvd"), "T");
  EXPECT_EQ(table("/data/qvd/Sales.qvd", "{region}/Sales.qvd"), "");
  EXPECT_EQ(table("/data/qvd/Sales.qvd", "*/Sales.qvd"), "");
  EXPECT_EQ(table("/data/qvd/Sales.qvd", "qvd/Sales.qvd"), "T");
}

TEST(Placement, TablesMayBeNamedByFolderAndFile) {
  const auto placed_below = [](std::string_view path, const std::string& name) {
    return place_file(path, {rule("*.qvd", name)}, {}, "/data");
  };
  EXPECT_EQ(placed_below("/data/1.Extract/Orders.qvd", "{folder}_{file}").table,
            "1.Extract_Orders");
  EXPECT_EQ(placed_below("/data/2.Transform/eu/Orders.QVD", "{folder}_{file}").table,
            "2.Transform_eu_Orders");
  EXPECT_EQ(placed_below("/data/Orders.qvd", "{folder}_{file}").table, "Orders");
  EXPECT_EQ(placed_below("/data/a/Orders.qvd", "Q_{file}").table, "Q_Orders");
  // One file is the table; by its folder alone, all files of the folder are.
  EXPECT_EQ(placed_below("/data/a/Orders.qvd", "{folder}_{file}").mode, LoadMode::kReplace);
  EXPECT_EQ(placed_below("/data/a/Orders.qvd", "{folder}").mode, LoadMode::kReplaceByFile);
  // They are no columns.
  EXPECT_THAT(placed_below("/data/a/Orders.qvd", "{folder}_{file}").name_parts, IsEmpty());
  // A part of the pattern comes first.
  EXPECT_EQ(placed("/x/Sales_1.qvd", "Sales_{file}.qvd", "T{file}"), "T1 file=1");
}

TEST(Placement, BoundsThatCannotBeSaySo) {
  for (const char* bound : {"6 digit s", "0 digits", "3-2 digits", "x digits", "day", "", "/[/",
                            "99999999999999999999999 digits"}) {
    EXPECT_THAT(wrong({rule(fmt::format("Sales_{{m:{}}}.qvd", bound), "S")}),
                HasSubstr("expected a part's bound such as"))
        << bound;
  }
  EXPECT_THAT(wrong({rule("Sales_{m:/[/.qvd", "S")}), HasSubstr("expected a '}'"));
}

TEST(Placement, NamesMayHoldAnything) {
  EXPECT_EQ(placed("/a'; DROP TABLE x; --.qvd", "a{rest}.qvd", "T{rest}"),
            "T'; DROP TABLE x; -- rest='; DROP TABLE x; --");
  EXPECT_EQ(placed("/a\n`\"\\.qvd", "a{rest}.qvd", "T"), "T rest=\n`\"\\");
  EXPECT_EQ(placed("/a\xFF\xFE_\xC3.qvd", "a{x}_?.qvd", "T"), "T x=\xFF\xFE");
  EXPECT_EQ(placed("/📈_é.qvd", "?_{x}.qvd", "T"), "T x=é");
  EXPECT_EQ(placed("/{a}_1.qvd", "\\{a\\}_{n}.qvd", "\\{{n}\\}\\\\"), "{1}\\ n=1");
  EXPECT_EQ(placed("/{a}.qvd", "{a}.qvd", "{a}"), "{a} a={a}");
  EXPECT_EQ(placed("/*.qvd", "\\*.qvd", "T"), "T");
  EXPECT_EQ(placed("/b.qvd", "\\*.qvd", "T"), "");
}

TEST(Placement, OfUrlsTheDecodedNameCounts) {
  EXPECT_EQ(placed("https://host/a%20b/Sales%5F%C3%A9.qvd", "a b/Sales_{x}.qvd", "T"), "T x=é");
  EXPECT_EQ(placed("https://host/a%2Fb.qvd", "{x}.qvd", "T"), "T x=a/b");
  EXPECT_EQ(placed("s3://bucket/a%20b.qvd", "{x}.qvd", "T"), "T x=a%20b");
}

TEST(Placement, LongNamesTakeNoLongTime) {
  const std::string name(4'000, 'a');
  const std::string stars = "*a*a*a*a*a*a*a*a{x}a*a*a*a*a*b.qvd";
  EXPECT_EQ(placed("/" + name + ".qvd", stars, "T"), "");
  EXPECT_EQ(placed("/" + name + "b.qvd", stars, "T"), "T x=a");
  EXPECT_EQ(placed("/" + name + ".qvd", "a*{x:/a+b/}*{y:date}.qvd", "T"), "");
}

TEST(Placement, TheFirstPatternWins) {
  const std::vector<TableRules> rules = {rule("Sales_Old.qvd"), rule("Sales_*.qvd", "Sales"),
                                         rule("*", "Rest")};
  EXPECT_EQ(place_file("/Sales_Old.qvd", rules, {}).table, "QvdSalesOld");
  EXPECT_EQ(place_file("/Sales_1.qvd", rules, {}).table, "Sales");
  EXPECT_EQ(place_file("/x.qvd", rules, {}).table, "Rest");
}

TEST(Placement, TheModeFollowsFromWhatMayMatch) {
  const auto mode = [](const std::string& match, const std::string& name) {
    return place_file("/d/Sales_1.qvd", {rule(match, name)}, {}).mode;
  };
  EXPECT_EQ(mode("Sales_*.qvd", ""), LoadMode::kReplace);
  EXPECT_EQ(mode("Sales_*.qvd", "Sales"), LoadMode::kReplaceByFile);
  EXPECT_EQ(mode("Sales_{n}.qvd", "Sales"), LoadMode::kReplaceByFile);
  EXPECT_EQ(mode("Sales_{n}.qvd", "Sales_{n}"), LoadMode::kReplace);
  EXPECT_EQ(mode("{d}/Sales_{n}.qvd", "Sales_{n}"), LoadMode::kReplaceByFile);
  EXPECT_EQ(mode("?ales_{n}.qvd", "Sales_{n}"), LoadMode::kReplaceByFile);
  EXPECT_EQ(mode("Sales_1.qvd", "Sales"), LoadMode::kReplace);
  TableRules append = rule("Sales_*.qvd");
  append.mode = LoadMode::kAppend;
  EXPECT_EQ(place_file("/Sales_1.qvd", {append}, {}).mode, LoadMode::kAppend);
}

TEST(Placement, SettingsOfANamedTableComeFirst) {
  TableRules named = rule("", "QvdItem");
  named.order_by = {"No"};
  TableRules defaults = rule("");
  defaults.drift = schema::DriftPolicy::kFreeze;
  TableRules all = rule("I*");
  all.mode = LoadMode::kAppend;
  const std::vector<TableRules> rules = {all, named, defaults};
  const Placement item = place_file("/Item.qvd", rules, {});
  EXPECT_THAT(item.rules.order_by, ElementsAre("No"));
  EXPECT_EQ(item.mode, LoadMode::kAppend);
  EXPECT_THAT(place_file("/Info.qvd", rules, {}).rules.order_by, IsEmpty());
  EXPECT_EQ(place_file("/PO.qvd", rules, {}).rules.drift, schema::DriftPolicy::kFreeze);
  EXPECT_EQ(place_file("/PO.qvd", rules, {}).mode, LoadMode::kReplace);
}

TEST(Placement, SeveralPatternsOfOneRuleAreOneTable) {
  const std::vector<TableRules> rules = {rule("Old.qvd", "T"), rule("New.qvd", "T")};
  EXPECT_EQ(wrong(rules), "");
  EXPECT_EQ(place_file("/Old.qvd", rules, {}).mode, LoadMode::kReplaceByFile);
  EXPECT_EQ(place_file("/New.qvd", rules, {}).mode, LoadMode::kReplaceByFile);
  EXPECT_THAT(wrong({rule("A_{x}.qvd", "T"), rule("B_{y}.qvd", "T")}), HasSubstr("same {parts}"));
}

TEST(Placement, RulesThatCanNotBeNameTheirPlace) {
  const auto of = [](const std::string& match, const std::string& name) {
    const std::string text = wrong({rule(match, name)});
    EXPECT_THAT(text, testing::StartsWith("qvdhouse.toml:3: ")) << match;
    return text;
  };
  EXPECT_THAT(of("/data/*.qvd", ""), HasSubstr("found a whole one"));
  EXPECT_THAT(of("s3://b/*.qvd", ""), HasSubstr("found a whole one"));
  EXPECT_THAT(of("eu/", ""), HasSubstr("no file name"));
  EXPECT_THAT(of("**", ""), HasSubstr("no file name"));
  EXPECT_THAT(of("a/**/b.qvd", ""), HasSubstr("found \"**\""));
  EXPECT_THAT(of("../b.qvd", ""), HasSubstr("found \"..\""));
  EXPECT_THAT(of("[a.qvd", ""), HasSubstr("expected a ']'"));
  EXPECT_THAT(of("{a.qvd", ""), HasSubstr("expected a '}' for the '{' at byte 1"));
  EXPECT_THAT(of("{}.qvd", ""), HasSubstr("expected the name of a part"));
  EXPECT_THAT(of("{a,b}.qvd", ""), HasSubstr("alternatives as a list"));
  EXPECT_THAT(of("{a}_{a}.qvd", ""), HasSubstr("{a} twice"));
  EXPECT_THAT(of("{_file}.qvd", ""), HasSubstr("qvdhouse's own"));
  EXPECT_THAT(of("{a}.qvd", "T_{b}"), HasSubstr("uses the part {b}"));
  EXPECT_THAT(of("a.qvd", "T_{"), HasSubstr("expected a '}'"));
  EXPECT_THAT(of("a.qvd", "QvdFileTracking"), HasSubstr("its own state"));
  EXPECT_THAT(of("", "T__staging_1"), HasSubstr("cannot be the name of a table"));
  EXPECT_THAT(of("", "T__quarantine"), HasSubstr("rows that break rules"));
  EXPECT_THAT(of("", "T__swapped_out_x"), HasSubstr("\"__swapped_out_\" is in the names of"));
  EXPECT_THAT(of("", std::string("a\0b", 3)), HasSubstr("NUL"));
}

TEST(Placement, OneTableHasOneRule) {
  TableRules second = rule("B_*.qvd", "T");
  second.where = "qvdhouse.toml:9";
  EXPECT_EQ(wrong({rule("A_*.qvd", "T"), second}),
            "qvdhouse.toml:9: table \"T\" has settings already at qvdhouse.toml:3; put them "
            "together, and several patterns into one: match = [\"…\", \"…\"]");
  EXPECT_THAT(wrong({rule("A_*.qvd", "T"), rule("", "T")}), HasSubstr("has settings already"));
  EXPECT_THAT(wrong({rule("", "T"), rule("", "T")}), HasSubstr("has settings already"));
}

TEST(Placement, ExpandedNamesAreCheckedToo) {
  EXPECT_THROW(place_file("/QvdFileTracking.qvd", {rule("{x}.qvd", "{x}")}, {}), base::SchemaError);
}

TEST(LoadOf, RulesSpeakOfColumns) {
  load::Options options;
  schema::Policy& policy = options.policy;
  policy.overrides = {{"a", "String"}, {"b", "String"}};
  policy.order_by = {"a"};
  Placement placement{.table = "T"};
  TableRules& rules = placement.rules;
  rules.types = {{"b", "Int64"}};
  rules.exclude = {"%*"};
  rules.rename = {{"a", "A"}};
  const FileLoad file = load_of(options, placement, "/T.qvd");
  EXPECT_EQ(file.target.table, "T");
  EXPECT_EQ(file.target.file_key, "/T.qvd");
  const schema::Policy& own = file.options.policy;
  EXPECT_EQ(own.overrides.at("a"), "String");
  EXPECT_EQ(own.overrides.at("b"), "Int64");
  EXPECT_THAT(own.exclude, ElementsAre("%*"));
  EXPECT_THAT(own.rename, ElementsAre(std::pair<std::string, std::string>("a", "A")));
  EXPECT_THAT(own.order_by, ElementsAre("a"));
  rules.order_by = {"b"};
  EXPECT_THAT(load_of(options, placement, "").options.policy.order_by, ElementsAre("b"));
}

}  // namespace
}  // namespace qvdhouse::decide
