#include "schema/fit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "schema/cast.h"
#include "schema/own_columns.h"
#include "schema/test_file.h"
#include "schema/value_text.h"

namespace qvdhouse::schema {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

ShapeColumn shape_column(std::string name, const std::string& type) {
  return {.name = std::move(name), .type = clickhouse::parse_column_type(type).value()};
}

// Each column's values as text, slot by slot after the first; "-" for NULL.
std::vector<std::string> values(const TestFile& file, const ColumnPlan& plan) {
  const bool has_field = plan.field_index != kNoField;
  const auto cast =
      has_field ? cast_symbols(file.symbols[plan.field_index], plan) : cast_constant(plan);
  EXPECT_EQ(cast.type(), plan.type) << plan.name;
  std::vector<std::string> texts;
  for (std::size_t slot = 1; slot < cast.slot_count(); ++slot) {
    texts.push_back(cast.is_null(slot) ? "-" : value_text(cast, slot));
  }
  return texts;
}

std::vector<std::string> described(const TablePlan& plan) {
  std::vector<std::string> texts;
  for (const ColumnPlan& one : plan.columns) texts.push_back(one.name + " " + one.type.name());
  return texts;
}

TablePlan fit(const TestFile& file, const Shape& shape) {
  return fit_plan(file.plan(), shape, file.symbols);
}

std::string error_of(const TestFile& file, const Shape& shape) {
  try {
    fit(file, shape);
  } catch (const base::SchemaError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Fit, TakesTheTablesTypesAndOrder) {
  const TestFile file({TestField("n").integer(1).number(2.0), TestField("d", "DATE").integer(36526),
                       TestField("extra").text("x")});
  const TablePlan plan =
      fit(file, {shape_column("gone", "Nullable(Int64)"), shape_column("d", "DateTime64(3, 'UTC')"),
                 shape_column("n", "Decimal(21, 2)")});
  EXPECT_THAT(described(plan),
              ElementsAre("gone Nullable(Int64)", "d DateTime64(3, 'UTC')", "n Decimal(21, 2)"));
  EXPECT_EQ(plan.columns[0].part, Part::kMissing);
  EXPECT_EQ(plan.columns[0].field_index, kNoField);
  EXPECT_EQ(cast_constant(plan.columns[0]).slot_count(), 1U);
  EXPECT_THAT(values(file, plan.columns[1]), ElementsAre("2000-01-01 00:00:00.000"));
  EXPECT_THAT(values(file, plan.columns[2]), ElementsAre("1", "2"));
  EXPECT_THAT(plan.columns[2].reason,
              HasSubstr("The table has Decimal(21, 2); by itself the file would have Int64"));
}

TEST(Fit, TextOfNumbersIsTheServers) {
  const TestFile file({TestField("n").number(1e30).number(0.5),
                       TestField("d", "DATE").dual(36526, "1/1/2000"),
                       TestField("t", "TIMESTAMP").number(44571.416666666664)});
  const TablePlan plan =
      fit(file, {shape_column("n", "String"), shape_column("d", "Nullable(String)"),
                 shape_column("t", "String")});
  EXPECT_THAT(values(file, plan.columns[0]), ElementsAre("1e30", "0.5"));
  EXPECT_THAT(values(file, plan.columns[1]), ElementsAre("2000-01-01"));
  EXPECT_THAT(values(file, plan.columns[2]), ElementsAre("2022-01-10 10:00:00.000"));
}

// The column as a table made out of several files has it.
ShapeColumn filed_column(std::string name, const std::string& type) {
  ShapeColumn column = shape_column(std::move(name), type);
  column.text_style = TextStyle::kFile;
  return column;
}

TEST(Fit, TextAsInTheFileIsWhatTheFieldShows) {
  const TestFile file({TestField("n").number(1e30).dual(0.5, "0,50"),
                       TestField("d", "DATE").dual(36526, "1/1/2000").integer(36527).number(2.5),
                       TestField("t", "TIMESTAMP").number(44571.416666666664).integer(36526),
                       TestField("c", "TIME").number(0.5).number(36526.25),
                       TestField("o", "DATE").integer(36526).integer(2958465).text("").text("-")});
  const TablePlan plan = fit(
      file, {filed_column("n", "String"), filed_column("d", "String"), filed_column("t", "String"),
             filed_column("c", "String"), filed_column("o", "Nullable(String)")});
  EXPECT_THAT(values(file, plan.columns[0]), ElementsAre("1e+30", "0,50"));
  EXPECT_THAT(values(file, plan.columns[1]),
              ElementsAre("1/1/2000", "2000-01-02", "1900-01-01 12:00:00"));
  EXPECT_THAT(values(file, plan.columns[2]),
              ElementsAre("2022-01-10 10:00:00", "2000-01-01 00:00:00"));
  EXPECT_THAT(values(file, plan.columns[3]), ElementsAre("12:00:00", "2000-01-01 06:00:00"));
  EXPECT_THAT(values(file, plan.columns[4]), ElementsAre("2000-01-01", "2958465", "", "-"));
}

TEST(Fit, TextsAreThoseOfTheFilesUntilRowsStayWhoseTextsTheServerMade) {
  const Shape dates = {shape_column("d", "Date32")};
  const Shape texts = {filed_column("d", "String")};
  const auto style = [](const Shape& live, const std::vector<Shape>& wanted, bool rows_stay) {
    return find_drift(live, wanted, DriftPolicy::kEvolve, {}, rows_stay).shape.at(0).text_style;
  };
  EXPECT_EQ(style({}, {dates, texts}, true), TextStyle::kFile);
  EXPECT_EQ(style(dates, {texts}, false), TextStyle::kFile);
  EXPECT_EQ(style(dates, {texts}, true), TextStyle::kServer);
  EXPECT_EQ(style(texts, {dates}, true), TextStyle::kFile);
  EXPECT_EQ(style({shape_column("d", "String")}, {texts}, true), TextStyle::kOld);
  for (const TextStyle one : {TextStyle::kOld, TextStyle::kServer, TextStyle::kFile}) {
    EXPECT_EQ(text_style_in(fmt::format("tags: $text; {}", comment_of(one))), one);
  }
}

// The same plain number, whether the file has nothing but numbers or texts, too.
TEST(Fit, NumbersAmongTextsAreWrittenAsTheServerWroteThoseThatAreThere) {
  ShapeColumn column = shape_column("t", "String");
  column.text_style = TextStyle::kServer;
  const TestFile numbers({TestField("t", "TIMESTAMP").number(36526.5)});
  const TestFile mixed({TestField("t", "TIMESTAMP").number(36526.5).text("a").text("b")});
  EXPECT_THAT(values(numbers, fit(numbers, {column}).columns[0]),
              ElementsAre("2000-01-01 12:00:00.000"));
  EXPECT_THAT(values(mixed, fit(mixed, {column}).columns[0]),
              ElementsAre("2000-01-01 12:00:00.000", "a", "b"));
  column.text_style = TextStyle::kOld;
  EXPECT_THAT(values(mixed, fit(mixed, {column}).columns[0]), ElementsAre("36526.5", "a", "b"));
}

TEST(Fit, BlankNumbersStayNullAsText) {
  const TestFile file({TestField("n").integer(1).text("")});
  const TablePlan plan = fit(file, {shape_column("n", "Nullable(String)")});
  EXPECT_THAT(values(file, plan.columns[0]), ElementsAre("1", "-"));
}

TEST(Fit, WhatDoesNotFitIsAnErrorWithSymbolAndFix) {
  const TestFile file({TestField("n").integer(1).number(2.5)});
  EXPECT_THAT(error_of(file, {shape_column("n", "Int64")}),
              AllOf(HasSubstr("column \"n\": symbol 1 of 2, 2.5"), HasSubstr("Int64"),
                    HasSubstr("types.\"n\"")));
  EXPECT_THAT(error_of(file, {shape_column("n", "Float64"), shape_column("k", "Int64")}),
              AllOf(HasSubstr("\"k\" is Int64"), HasSubstr("lacks it")));
  const TestFile blank({TestField("n").integer(1).text("")});
  EXPECT_THAT(error_of(blank, {shape_column("n", "Int64")}), HasSubstr("may be NULL"));
}

TEST(Fit, NarrowTypesTakeWhatTheyHold) {
  const TestFile file({TestField("n").number(2.5).integer(3), TestField("t").text("7").text("8")});
  const TablePlan plan =
      fit(file, {shape_column("n", "Decimal(9, 1)"), shape_column("t", "UInt8")});
  EXPECT_THAT(values(file, plan.columns[0]), ElementsAre("2.5", "3"));
  EXPECT_THAT(values(file, plan.columns[1]), ElementsAre("7", "8"));
}

TEST(Fit, NumbersGoBesideTheirText) {
  const Shape shape = {shape_column("m", "String"), shape_column("m__num", "Nullable(Float64)")};
  const TestFile pair({TestField("m").dual(1, "Jan").dual(2, "Feb")});
  TablePlan plan = fit(pair, shape);
  EXPECT_THAT(values(pair, plan.columns[0]), ElementsAre("Jan", "Feb"));
  EXPECT_THAT(values(pair, plan.columns[1]), ElementsAre("1", "2"));
  const TestFile numbers({TestField("m").number(1.5).integer(2)});
  plan = fit(numbers, shape);
  EXPECT_THAT(values(numbers, plan.columns[0]), ElementsAre("1.5", "2"));
  EXPECT_THAT(values(numbers, plan.columns[1]), ElementsAre("1.5", "2"));
  const TestFile texts({TestField("m").text("May")});
  plan = fit(texts, shape);
  EXPECT_THAT(values(texts, plan.columns[0]), ElementsAre("May"));
  EXPECT_EQ(plan.columns[1].part, Part::kMissing);
}

TEST(Fit, AFieldWithoutValuesFitsAnyNullable) {
  const TestFile file({TestField("e")});
  const TablePlan plan = fit(file, {shape_column("e", "Nullable(Date32)")});
  EXPECT_THAT(values(file, plan.columns[0]), ElementsAre());
  EXPECT_TRUE(shape_of(file.plan()).at(0).is_empty);
}

TEST(Fit, OrderByRuleLosesWhatMayBeNull) {
  TestFile file({TestField("%a").integer(1).integer(2), TestField("%b").integer(1).integer(2)});
  const Shape shape = {shape_column("%a", "Nullable(Int64)"), shape_column("%b", "Int64")};
  EXPECT_THAT(file.plan().order_by, ElementsAre("%a", "%b"));
  EXPECT_THAT(fit(file, shape).order_by, ElementsAre("%b"));
  // The user's choice is not changed, but refused.
  file.policy.order_by = {"%a"};
  EXPECT_THROW(table_definition(fit(file, shape), file.header, "d"), base::SchemaError);
}

TEST(Fit, OwnColumnsComeLast) {
  const TestFile file({TestField("n").integer(1)});
  const TableRules rules{.types = {{"month", "UInt8"}}, .with_row = true, .with_loaded_at = true};
  TablePlan own = file.plan();
  add_own_columns(own, {},
                  own_columns(rules, LoadMode::kAppend, "/a'b.qvd", 18446744073709551615U,
                              1'700'000'000'123'456, {{"month", "07"}, {"region", "EU"}}),
                  rules);
  EXPECT_THAT(shape_of(own), testing::SizeIs(3));
  const TablePlan plan =
      fit_plan(own,
               {shape_column("region", "String"), shape_column("month", "Int16"),
                shape_column("n", "Int64"), shape_column("old", "Nullable(String)")},
               file.symbols);
  EXPECT_THAT(described(plan),
              ElementsAre("region String", "month Int16", "n Int64", "old Nullable(String)",
                          "_file LowCardinality(String)", "_version UInt64", "_row UInt64",
                          "_loaded_at DateTime64(6, 'UTC')"));
  EXPECT_THAT(values(file, plan.columns[0]), ElementsAre("EU"));
  EXPECT_THAT(values(file, plan.columns[1]), ElementsAre("7"));
  EXPECT_THAT(values(file, plan.columns[4]), ElementsAre("/a'b.qvd"));
  EXPECT_THAT(values(file, plan.columns[5]), ElementsAre("18446744073709551615"));
  EXPECT_EQ(plan.columns[6].part, Part::kRowNumber);
  EXPECT_THAT(values(file, plan.columns[7]), ElementsAre("2023-11-14 22:13:20.123456"));
}

TEST(OwnColumns, NamesMayNotBeTaken) {
  const TableRules rules;
  const auto error_with = [&](const TestField& field, const std::vector<NamePart>& parts) {
    const TestFile file({field});
    TablePlan plan = file.plan();
    try {
      add_own_columns(plan, {}, own_columns(rules, LoadMode::kReplaceByFile, "f", 1, 0, parts),
                      rules);
    } catch (const base::SchemaError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error_with(TestField("_file").integer(1), {}),
              AllOf(HasSubstr("\"_file\""), HasSubstr("rename")));
  EXPECT_THAT(error_with(TestField("month").integer(1), {{"month", "07"}}),
              AllOf(HasSubstr("\"month\""), HasSubstr("rename")));
  EXPECT_THAT(error_with(TestField("a").integer(1), {{"_file", "07"}}), HasSubstr("\"_file\""));
  EXPECT_EQ(error_with(TestField("_row").integer(1), {}), "no error");
}

TEST(OwnColumns, APartThatIsNoneOfItsTypeIsAnError) {
  const TestFile file({TestField("n").integer(1)});
  for (const char* type : {"Date32", "Int8", "Array(String)"}) {
    const TableRules rules{.types = {{"month", type}}};
    TablePlan plan = file.plan();
    EXPECT_THROW(
        add_own_columns(plan, {},
                        own_columns(rules, LoadMode::kReplace, "f", 1, 0, {{"month", "202401"}}),
                        rules),
        base::SchemaError)
        << type;
  }
}

// Sets of three files with random fields: their own shapes join to one that each of them fits, with
// every value exactly what it is alone, whatever their order.
class RandomField {
 public:
  explicit RandomField(unsigned seed) : random_(seed) {}

  TestFile file() {
    std::vector<TestField> fields;
    for (const char* name : {"a", "b", "c", "d"}) {
      if (pick(4) != 0) fields.push_back(field(name));
    }
    if (fields.empty()) fields.push_back(field("a"));
    TestFile file(fields);
    for (std::size_t i = 0; i < fields.size(); ++i) file.may_be_null[i] = pick(3) == 0;
    return file;
  }

 private:
  int pick(int count) { return std::uniform_int_distribution(0, count - 1)(random_); }

  TestField field(const std::string& name) {
    constexpr const char* kFormats[] = {"UNKNOWN", "MONEY", "DATE", "TIMESTAMP", "TIME"};
    const int kind = pick(8);
    TestField field(name, kind == 2 ? "MONEY" : kind == 3 ? "DATE" : kFormats[pick(5)]);
    for (int left = pick(6); left > 0; --left) add(field, kind);
    return field;
  }

  void add(TestField& field, int kind) {
    switch (kind) {
      case 0:
        field.integer(pick(1000) - 500);
        break;
      case 1:
        field.number(9007199254740991.0 - pick(1000));
        break;
      case 2:
        field.number(pick(100000) / 100.0);
        break;
      case 3:
        if (pick(6) == 0) {
          add_outsider(field);
        } else {
          field.integer(36526 + pick(1000));
        }
        break;
      case 4:
        field.number(36526 + pick(1000) / 24.0);
        break;
      case 5:
        field.text(fmt::format("text {}", pick(100)));
        break;
      case 6:
        field.dual(pick(12), fmt::format("month {}", pick(12)));
        break;
      default:
        if (pick(2) == 0) field.text("");
        field.number(pick(1000) / 1000.0);
    }
  }

  void add_outsider(TestField& field) {
    switch (pick(3)) {
      case 0:
        field.integer(2958465);
        break;
      case 1:
        field.integer(0);
        break;
      default:
        field.text("2009-02-29");
    }
  }

  std::mt19937 random_;
};

// The values of a column of dates with those that only the column beside it has.
std::vector<std::string> with_outsiders(const TestFile& file, const ColumnPlan& dates,
                                        const ColumnPlan& beside) {
  std::vector<std::string> all = values(file, dates);
  const std::vector<std::string> outsiders = values(file, beside);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (outsiders[i] != "-") all[i] = outsiders[i];
  }
  return all;
}

// Values that are the same in both types.
void expect_same_values(const TestFile& file, const TablePlan& plan, ColumnPlan own,
                        const ColumnPlan& fitted) {
  own.text_style = fitted.text_style;
  if (fitted.outside == Outside::kText) {
    const std::string beside = own.name + std::string(kOutsideSuffix);
    const auto outsiders = std::ranges::find(plan.columns, beside, &ColumnPlan::name);
    ASSERT_NE(outsiders, plan.columns.end()) << own.name;
    EXPECT_EQ(with_outsiders(file, own, *outsiders), values(file, fitted)) << own.name;
    return;
  }
  if (own.type.kind != fitted.type.kind && fitted.type.kind != clickhouse::TypeKind::kString)
    return;
  const std::vector<std::string> alone = values(file, own);
  const std::vector<std::string> together = values(file, fitted);
  if (own.type.scale == fitted.type.scale || fitted.type.kind == clickhouse::TypeKind::kString) {
    EXPECT_EQ(alone, together) << own.name << " " << fitted.type.name();
  }
}

// They are in a column of their own, or in the text that the dates have become.
void expect_outsiders_kept(const TestFile& file, const ColumnPlan& beside, const TablePlan& plan) {
  const std::string dates = beside.name.substr(0, beside.name.rfind("__"));
  for (const std::string& name : {beside.name, dates + "__num__outside"}) {
    const auto found = std::ranges::find(plan.columns, name, &ColumnPlan::name);
    if (found == plan.columns.end()) continue;
    EXPECT_EQ(values(file, beside), values(file, *found)) << name;
    return;
  }
  const auto text = std::ranges::find(plan.columns, dates, &ColumnPlan::name);
  ASSERT_NE(text, plan.columns.end());
  EXPECT_EQ(text->outside, Outside::kText) << beside.name;
}

TEST(Fit, OutsidersOfDatesAreKeptWhateverTheTableHas) {
  const TestFile file({TestField("d", "DATE").integer(44926).integer(44927).integer(2958465)});
  // Text holds them itself.
  const TablePlan text = fit(file, {shape_column("d", "String")});
  EXPECT_THAT(values(file, text.columns[0]), ElementsAre("2022-12-31", "2023-01-01", "2958465"));
  // In a table whose dates became text later, the column beside is there already.
  const TablePlan both =
      fit(file, {shape_column("d", "String"), shape_column("d__outside", "Nullable(String)")});
  EXPECT_THAT(values(file, both.columns[0]), ElementsAre("2022-12-31", "2023-01-01", "2299-12-31"));
  EXPECT_THAT(values(file, both.columns[1]), ElementsAre("-", "-", "2958465"));
  // Dates beside a text of their own.
  const Shape pair = find_drift({shape_column("d", "String"), shape_column("d__num", "Date32")},
                                {shape_of(file.plan())}, DriftPolicy::kEvolve, {})
                         .shape;
  const TablePlan beside = fit(file, pair);
  EXPECT_THAT(described(beside), ElementsAre("d String", "d__num Date32",
                                             "d__num__outside LowCardinality(Nullable(String))"));
  EXPECT_THAT(values(file, beside.columns[1]),
              ElementsAre("2022-12-31", "2023-01-01", "2299-12-31"));
  EXPECT_THAT(values(file, beside.columns[2]), ElementsAre("-", "-", "2958465"));
}

TEST(Fit, ATableOfVersion01KeepsItsColumns) {
  Policy policy;
  policy.as_in_0_1 = {"d", "t"};
  const TestFile file({TestField("d", "DATE").integer(44926).integer(44927).integer(2958465),
                       TestField("t", "TIME").number(0.5).number(1.0)},
                      policy);
  EXPECT_THAT(described(file.plan()), ElementsAre("d Int64", "t Float64"));
}

TEST(Fit, RandomSetsFitTheirJoin) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    RandomField random(seed);
    const std::vector<TestFile> files = {random.file(), random.file(), random.file()};
    std::vector<Shape> wanted;
    for (const TestFile& file : files) wanted.push_back(shape_of(file.plan()));
    Shape shape = find_drift({}, wanted, DriftPolicy::kEvolve, {}).shape;
    // As a table whose columns an ALTER has turned into text.
    for (ShapeColumn& column : shape) column.text_style = TextStyle::kServer;

    std::vector<Shape> turned(wanted.rbegin(), wanted.rend());
    EXPECT_THAT(find_drift({}, turned, DriftPolicy::kEvolve, {}).shape,
                testing::UnorderedElementsAreArray(shape));
    // The table that has this shape needs no change for any of its files.
    EXPECT_THAT(find_drift(shape, wanted, DriftPolicy::kFreeze, {}).changes, testing::IsEmpty());

    for (const TestFile& file : files) {
      const TablePlan own = file.plan();
      const TablePlan plan = fit_plan(own, shape, file.symbols);
      ASSERT_EQ(shape_of(plan), shape);
      for (const ColumnPlan& alone : own.columns) {
        const auto fitted = std::ranges::find(plan.columns, alone.name, &ColumnPlan::name);
        if (alone.outside == Outside::kOnly) {
          expect_outsiders_kept(file, alone, plan);
          continue;
        }
        ASSERT_NE(fitted, plan.columns.end());
        expect_same_values(file, own, alone, *fitted);
      }
    }
  }
}

// One field, whole and as the files of a set have it: each of its values once.
class SplitField {
 public:
  explicit SplitField(unsigned seed) : random_(seed), format_(kFormats.at(pick(kFormats.size()))) {
    const std::size_t count = 2 + pick(12);
    for (std::size_t i = 0; i < count; ++i) adders_.push_back(adder(i));
  }

  TestFile whole() const {
    TestField field("f", format_);
    for (const auto& add : adders_) add(field);
    return TestFile({field});
  }

  // Each with the places that its values have in the whole.
  std::vector<std::pair<TestFile, std::vector<std::size_t>>> parts() {
    std::map<std::size_t, std::vector<std::size_t>> places;
    for (std::size_t i = 0; i < adders_.size(); ++i) places[pick(4)].push_back(i);
    std::vector<std::pair<TestFile, std::vector<std::size_t>>> files;
    for (const auto& [file, of_file] : places) {
      TestField field("f", format_);
      for (const std::size_t i : of_file) adders_[i](field);
      files.emplace_back(TestFile({field}), of_file);
    }
    return files;
  }

 private:
  static constexpr std::array<const char*, 5> kFormats = {"UNKNOWN", "MONEY", "DATE", "TIMESTAMP",
                                                          "TIME"};

  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  // `i` makes values that differ.
  std::function<void(TestField&)> adder(std::size_t i) {
    const int day = 36526 + static_cast<int>(i);
    const double fraction = static_cast<double>(i + 1) / 64;
    switch (pick(11)) {
      case 0:
        return [=](TestField& field) { field.integer(day); };
      case 1:
        return [=](TestField& field) { field.dual(day, fmt::format("{}/1/2000", day - 36525)); };
      case 2:
        return [=](TestField& field) { field.number(day + fraction); };
      case 3:
        return [=](TestField& field) { field.number(fraction); };
      case 4:
        return [=](TestField& field) { field.dual(fraction, fmt::format("{:.3f}", fraction)); };
      case 5:
        return [=](TestField& field) { field.number(std::pow(10.0, 21 + static_cast<int>(i))); };
      case 6:
        return [=](TestField& field) { field.number(fraction * 1e-6); };
      case 7:
        return [=](TestField& field) { field.dual(static_cast<int>(i), fmt::format("'{}'", i)); };
      case 8:
        return [=](TestField& field) { field.integer(2958465 + static_cast<int>(i)); };
      case 9:
        return [=](TestField& field) { field.text(std::string(i + 1, ' ')); };
      default:
        return [=](TestField& field) { field.text(fmt::format("text {}", i)); };
    }
  }

  std::mt19937 random_;
  std::string format_;
  std::vector<std::function<void(TestField&)>> adders_;
};

TEST(Fit, FilesOfASetHaveTheTextsOfTheWholeTable) {
  std::size_t compared_count = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    SplitField field(seed);
    const TestFile whole = field.whole();
    const TablePlan whole_plan = whole.plan();
    const auto parts = field.parts();
    std::vector<Shape> wanted;
    wanted.reserve(parts.size());
    for (const auto& [file, places] : parts) wanted.push_back(shape_of(file.plan()));
    const Shape shape = find_drift({}, wanted, DriftPolicy::kEvolve, {}).shape;
    // What is text only as a whole, such as two currencies, is not text in the set.
    const bool is_text = whole_plan.columns[0].type.kind == clickhouse::TypeKind::kString &&
                         shape.at(0).type.kind == clickhouse::TypeKind::kString;
    if (!is_text) continue;
    const std::vector<std::string> expected = values(whole, whole_plan.columns[0]);
    for (const auto& [file, places] : parts) {
      const std::vector<std::string> found = values(file, fit(file, shape).columns[0]);
      ASSERT_EQ(found.size(), places.size());
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[places[i]]);
    }
    if (parts.size() > 1) ++compared_count;
  }
  EXPECT_GE(compared_count, 500U);
}

TEST(Fit, MonthOfWholeNumbersAndMonthOfDecimals) {
  const TestFile january({TestField("Amount", "MONEY").integer(3).integer(10)});
  const TestFile february({TestField("Amount", "MONEY").number(2.75).integer(7)});
  const Shape shape = find_drift({}, {shape_of(january.plan()), shape_of(february.plan())},
                                 DriftPolicy::kEvolve, {})
                          .shape;
  EXPECT_EQ(shape.at(0).type.name(), "Decimal(21, 2)");
  EXPECT_THAT(values(january, fit(january, shape).columns[0]), ElementsAre("3", "10"));
  EXPECT_THAT(values(february, fit(february, shape).columns[0]), ElementsAre("2.75", "7"));
}

}  // namespace
}  // namespace qvdhouse::schema
