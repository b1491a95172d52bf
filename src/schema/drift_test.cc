#include "schema/drift.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/words.h"

namespace qvdhouse::schema {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Change::Kind;

ShapeColumn column(std::string name, const std::string& type) {
  return {.name = std::move(name), .type = clickhouse::parse_column_type(type).value()};
}

std::vector<std::string> described(const Shape& shape) {
  std::vector<std::string> texts;
  for (const ShapeColumn& one : shape) texts.push_back(one.name + " " + one.type.name());
  return texts;
}

std::vector<std::string> described(const std::vector<Change>& changes) {
  std::vector<std::string> texts;
  for (const Change& change : changes) {
    constexpr const char* kKinds[] = {"add", "widen", "missing", "ignored"};
    std::string text = std::string(kKinds[static_cast<int>(change.kind)]) + " " + change.column;
    if (change.from) text += " from " + change.from->name();
    if (change.to) text += " to " + change.to->name();
    if (change.needs_check) text += ", check";
    if (change.needs_rebuild) text += ", rebuild";
    EXPECT_THAT(change.reason, testing::EndsWith("."));
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string error_of(const Shape& live, const std::vector<Shape>& wanted, DriftPolicy policy,
                     const Key& key = {}) {
  try {
    find_drift(live, wanted, policy, key);
  } catch (const base::SchemaError& error) {
    return error.what();
  }
  return "no error";
}

constexpr DriftPolicy kAll[] = {DriftPolicy::kEvolve, DriftPolicy::kFreeze, DriftPolicy::kDiscard};

TEST(Drift, NoTableTakesTheJoinOfItsFiles) {
  for (const DriftPolicy policy : kAll) {
    const Drift drift = find_drift({},
                                   {{column("id", "Int64"), column("price", "Int64")},
                                    {column("id", "Int64"), column("price", "Decimal(18, 2)"),
                                     column("note", "LowCardinality(String)")}},
                                   policy, {{"id"}});
    EXPECT_THAT(described(drift.shape), ElementsAre("id Int64", "price Decimal(21, 2)",
                                                    "note LowCardinality(Nullable(String))"));
    EXPECT_THAT(drift.changes, IsEmpty());
  }
}

TEST(Drift, NothingToDoWhereTheTableHoldsTheFile) {
  const Shape live = {column("a", "Nullable(Decimal(21, 2))"), column("b", "String")};
  for (const DriftPolicy policy : kAll) {
    const Drift drift = find_drift(
        live, {{column("b", "LowCardinality(String)"), column("a", "Int64")}}, policy, {});
    EXPECT_EQ(drift.shape, live);
    EXPECT_THAT(drift.changes, IsEmpty());
  }
}

TEST(Drift, EvolveAddsWidensAndFillsWithNull) {
  const Drift drift = find_drift(
      {column("k", "Int64"), column("day", "Date32"), column("gone", "Int64")},
      {{column("k", "Int64"), column("new", "Int64"), column("day", "DateTime64(3, 'UTC')")}},
      DriftPolicy::kEvolve, {{"k"}});
  EXPECT_THAT(described(drift.shape), ElementsAre("k Int64", "day DateTime64(3, 'UTC')",
                                                  "gone Nullable(Int64)", "new Nullable(Int64)"));
  EXPECT_THAT(
      described(drift.changes),
      ElementsAre("widen day from Date32 to DateTime64(3, 'UTC')", "missing gone from Int64",
                  "widen gone from Int64 to Nullable(Int64)", "add new to Nullable(Int64)"));
}

TEST(Drift, ReplacedRowsNeedNoNullNoCheckAndNoRebuild) {
  const Drift drift = find_drift({column("k", "Int64"), column("gone", "Nullable(Int64)")},
                                 {{column("k", "Float64"), column("new", "Int64")}},
                                 DriftPolicy::kEvolve, {{"k"}}, /*rows_stay=*/false);
  EXPECT_THAT(described(drift.shape),
              ElementsAre("k Float64", "gone Nullable(Int64)", "new Int64"));
  EXPECT_THAT(described(drift.changes),
              ElementsAre("widen k from Int64 to Float64", "missing gone from Nullable(Int64)",
                          "add new to Int64"));
}

TEST(Drift, WideningIsCheckedOrRebuiltWhereItMustBe) {
  const Drift drift =
      find_drift({column("k", "Int64"), column("n", "Int64")},
                 {{column("k", "String"), column("n", "Float64")}}, DriftPolicy::kEvolve, {{"k"}});
  EXPECT_THAT(described(drift.changes), ElementsAre("widen k from Int64 to String, rebuild",
                                                    "widen n from Int64 to Float64, check"));
}

TEST(Drift, ALiveFloatIsNotCheckedForTheFilesWholeNumbers) {
  EXPECT_THAT(
      find_drift({column("n", "Float64")}, {{column("n", "Int64")}}, DriftPolicy::kEvolve, {})
          .changes,
      IsEmpty());
}

TEST(Drift, NumbersThatNoFloatHoldsBecomeText) {
  ShapeColumn digits = column("n", "Int64");
  digits.fits_float64 = false;
  const Drift drift =
      find_drift({}, {{digits}, {column("n", "Nullable(Float64)")}}, DriftPolicy::kEvolve, {});
  EXPECT_THAT(described(drift.shape), ElementsAre("n Nullable(String)"));
  // By themselves they stay whole.
  EXPECT_THAT(described(find_drift({}, {{digits}}, DriftPolicy::kEvolve, {}).shape),
              ElementsAre("n Int64"));
}

TEST(Drift, AFieldWithoutValuesTakesAnyType) {
  ShapeColumn empty = column("n", "Nullable(String)");
  empty.is_empty = true;
  for (const DriftPolicy policy : kAll) {
    EXPECT_THAT(described(find_drift({}, {{empty}, {column("n", "Int64")}}, policy, {}).shape),
                ElementsAre("n Nullable(Int64)"));
    EXPECT_THAT(find_drift({column("n", "Nullable(Date32)")}, {{empty}}, policy, {}).changes,
                IsEmpty());
  }
  EXPECT_THAT(described(find_drift({}, {{empty}}, DriftPolicy::kEvolve, {}).shape),
              ElementsAre("n Nullable(String)"));
}

TEST(Drift, FreezeForbidsEveryDifference) {
  const Shape live = {column("a", "Int64"), column("b", "Nullable(Int64)")};
  EXPECT_THAT(error_of(live, {{column("a", "Int64")}}, DriftPolicy::kFreeze),
              AllOf(HasSubstr("\"b\" (Nullable(Int64))"), HasSubstr("drift = \"freeze\"")));
  EXPECT_THAT(error_of(live, {{column("a", "Int64"), column("b", "Int64"), column("c", "Date32")}},
                       DriftPolicy::kFreeze),
              AllOf(HasSubstr("\"c\" (Nullable(Date32))"), HasSubstr("exclude")));
  EXPECT_THAT(
      error_of(live, {{column("a", "Float64"), column("b", "Int64")}}, DriftPolicy::kFreeze),
      AllOf(HasSubstr("\"a\" is Int64 in the table and Float64 in the files"),
            HasSubstr("types.\"a\" = \"Int64\"")));
}

TEST(Drift, ColumnsForOutsidersComeWithThem) {
  const Shape dates = {column("d", "Date32")};
  ShapeColumn beside = column("d__outside", "LowCardinality(Nullable(String))");
  const Shape live = {dates[0], beside};
  beside.is_outside = true;
  const Shape file = {dates[0], beside};
  // Files without outsiders lack the column, and nobody misses it.
  for (const DriftPolicy policy : kAll) {
    EXPECT_THAT(find_drift(live, {dates}, policy, {}).changes, IsEmpty());
    EXPECT_EQ(find_drift(live, {dates}, policy, {}).shape, live);
  }
  // A new outsider needs it.
  EXPECT_THAT(described(find_drift(dates, {file}, DriftPolicy::kEvolve, {}).changes),
              ElementsAre("add d__outside to LowCardinality(Nullable(String))"));
  for (const DriftPolicy policy : {DriftPolicy::kFreeze, DriftPolicy::kDiscard}) {
    EXPECT_THAT(error_of(dates, {file}, policy),
                AllOf(HasSubstr("\"d__outside\""), HasSubstr("forbids to add")));
  }
  // Text has no need of it.
  EXPECT_THAT(
      described(find_drift({column("d", "String")}, {file}, DriftPolicy::kEvolve, {}).shape),
      ElementsAre("d String"));
}

TEST(Drift, DiscardLeavesNewColumnsOutAndKeepsTypes) {
  const Shape live = {column("a", "Int64"), column("b", "LowCardinality(String)")};
  const Drift drift =
      find_drift(live, {{column("a", "Int64"), column("c", "Int64")}}, DriftPolicy::kDiscard, {});
  EXPECT_THAT(described(drift.shape), ElementsAre("a Int64", "b LowCardinality(Nullable(String))"));
  EXPECT_THAT(described(drift.changes),
              ElementsAre("missing b from LowCardinality(String)",
                          "widen b from LowCardinality(String) to LowCardinality(Nullable(String))",
                          "ignored c to Nullable(Int64)"));
  // How text is stored is not a difference.
  EXPECT_THAT(
      find_drift(live, {{column("a", "Int64"), column("b", "String")}}, DriftPolicy::kDiscard, {})
          .changes,
      IsEmpty());
  EXPECT_THAT(error_of(live, {{column("a", "Nullable(Int64)"), column("b", "String")}},
                       DriftPolicy::kDiscard),
              HasSubstr("would have to become Nullable(Int64), which drift = \"discard\" forbids"));
}

TEST(Drift, AKeyColumnNeverBecomesNullable) {
  EXPECT_THAT(error_of({column("k", "Int64")}, {{column("k", "Nullable(Int64)")}},
                       DriftPolicy::kEvolve, {{"k"}}),
              AllOf(HasSubstr("\"k\" is part of the table's key"), HasSubstr("order_by")));
  EXPECT_THAT(error_of({column("k", "Int64"), column("a", "Int64")}, {{column("a", "Int64")}},
                       DriftPolicy::kEvolve, {{"k"}}),
              HasSubstr("a file lacks it"));
}

TEST(Drift, AKeyThatNobodySetLosesColumnsThatMayBeNull) {
  const Drift drift =
      find_drift({column("k", "Int64"), column("a", "Int64")}, {{column("a", "Int64")}},
                 DriftPolicy::kEvolve, {.columns = {"k", "a"}, .is_given = false});
  EXPECT_EQ(drift.shape, (Shape{column("k", "Nullable(Int64)"), column("a", "Int64")}));
  ASSERT_EQ(drift.changes.size(), 2U);  // the files lack it, and it becomes Nullable
  EXPECT_TRUE(drift.changes[1].needs_rebuild);
  EXPECT_THAT(drift.changes[1].reason, HasSubstr("not sorted by it any more"));
}

TEST(Drift, AnotherZoneWouldMeanOtherInstants) {
  for (const DriftPolicy policy : kAll) {
    EXPECT_THAT(error_of({column("t", "DateTime64(3, 'UTC')")},
                         {{column("t", "DateTime64(3, 'Europe/Berlin')")}}, policy),
                AllOf(HasSubstr("DateTime64(3, 'UTC')"), HasSubstr("timezone")));
  }
}

TEST(Drift, OwnColumnsAreNoneOfItsBusiness) {
  const Shape live = {column("a", "Int64"), column("_file", "LowCardinality(String)"),
                      column("_row", "UInt64")};
  for (const DriftPolicy policy : kAll) {
    const Drift drift = find_drift(live, {{column("a", "Int64")}}, policy, {{"_file"}});
    EXPECT_EQ(drift.shape, live);
    EXPECT_THAT(drift.changes, IsEmpty());
  }
}

TEST(Drift, TextAndNumberPairSurvives) {
  const Shape pair = {column("m", "LowCardinality(String)"), column("m__num", "Int64")};
  // In one file a pair, in others plain numbers, and text alone.
  const Drift drift =
      find_drift({}, {pair, {column("m", "Float64")}, {column("m", "LowCardinality(String)")}},
                 DriftPolicy::kEvolve, {});
  EXPECT_THAT(described(drift.shape), ElementsAre("m String", "m__num Nullable(Float64)"));
  EXPECT_THAT(
      described(find_drift({}, {pair, {column("m", "Int64")}}, DriftPolicy::kEvolve, {}).shape),
      ElementsAre("m String", "m__num Int64"));
}

TEST(Drift, NumbersOfTheTableMoveBesideTheirText) {
  const Shape pair = {column("m", "LowCardinality(String)"), column("m__num", "Int64")};
  const Drift drift =
      find_drift({column("m", "Float64"), column("z", "Int64")},
                 {{pair[0], pair[1], column("z", "Int64")}}, DriftPolicy::kEvolve, {});
  EXPECT_THAT(described(drift.shape),
              ElementsAre("m String", "z Int64", "m__num Nullable(Float64)"));
  clickhouse::TableDefinition definition;
  definition.columns = {{"m", "String", "ZSTD(1)", "it's m"}, {"m__num", "", "ZSTD(1)", ""}};
  EXPECT_THAT(
      alter_sql(drift, "`d`.`t`", definition),
      ElementsAre("ALTER TABLE `d`.`t` ADD COLUMN `m__num` Nullable(Float64) CODEC(ZSTD(1)) AFTER "
                  "`z`",
                  "ALTER TABLE `d`.`t` UPDATE `m__num` = CAST(`m`, 'Nullable(Float64)') WHERE "
                  "isNull(`m__num`)",
                  "ALTER TABLE `d`.`t` MODIFY COLUMN `m` String COMMENT 'it\\'s m' "
                  "CODEC(ZSTD(1))"));
}

TEST(Drift, AlterLeavesRebuildsOut) {
  const Drift drift =
      find_drift({column("k`", "Int64"), column("n", "Int64")},
                 {{column("k`", "String"), column("n", "Decimal(18, 2)"), column("a", "Int64")}},
                 DriftPolicy::kEvolve, {{"k`"}});
  EXPECT_THAT(alter_sql(drift, "t", {}),
              ElementsAre("ALTER TABLE t ADD COLUMN `a` Nullable(Int64) AFTER `n`",
                          "ALTER TABLE t MODIFY COLUMN `n` Decimal(21, 2)"));
}

TEST(Drift, ChecksAskForValuesThatWouldChange) {
  const auto check = [](const std::string& from, const std::string& to) {
    const Drift drift =
        find_drift({column("n", from)}, {{column("n", to)}}, DriftPolicy::kEvolve, {});
    EXPECT_TRUE(drift.changes.at(0).needs_check) << from << " to " << to;
    return check_sql(drift.changes.at(0), "t");
  };
  EXPECT_EQ(check("Int64", "Float64"),
            "SELECT countIf(`n` > 9223372036854774784 OR toInt64(toFloat64(`n`)) != `n`) FROM t");
  EXPECT_EQ(check("Nullable(Int64)", "Float64"),
            "SELECT countIf(isNotNull(`n`) AND (assumeNotNull(`n`) > 9223372036854774784 OR "
            "toInt64(toFloat64(assumeNotNull(`n`))) != assumeNotNull(`n`))) FROM t");
  EXPECT_THAT(check("Decimal(18, 2)", "Float64"),
              AllOf(HasSubstr("1e16"), HasSubstr("toDecimal128(")));
  EXPECT_THAT(check("Date32", "DateTime64(9, 'UTC')"), HasSubstr("toYear(`n`) > 2261"));
}

TEST(Drift, TellsEachChangeByItsKind) {
  const Shape before = {column("same", "Int64"),
                        column("gone", "Int64"),
                        column("n", "Int64"),
                        column("w", "Int32"),
                        column("day", "Date32"),
                        column("id", "Int64"),
                        column("s", "LowCardinality(String)"),
                        column("back", "String")};
  const Shape after = {column("same", "Int64"),          column("n", "Nullable(Int64)"),
                       column("w", "Nullable(Int64)"),   column("day", "Int64"),
                       column("id", "Nullable(String)"), column("s", "String"),
                       column("back", "Date32"),         column("new", "Date")};
  std::vector<std::string> told;
  for (const ColumnChange& change : find_changes(before, after)) {
    told.push_back(fmt::format("{} {}{}", change.column, base::to_string(change.kind()),
                               change.gives_up() ? ", gives up" : ""));
  }
  EXPECT_THAT(told, ElementsAre("gone removed", "n nullable", "w widened", "day retyped, gives up",
                                "id text, gives up", "back retyped", "new added"));
  EXPECT_TRUE(find_changes(before, before).empty());
  ColumnChange added = find_changes({}, {column("new", "Date")}).at(0);
  added.reason = "All are days.";
  EXPECT_EQ(said_of(added),
            "column \"new\" was not in the table and is Date from this load on; drift = \"freeze\" "
            "would have refused the file: All are days.");
}

}  // namespace
}  // namespace qvdhouse::schema
