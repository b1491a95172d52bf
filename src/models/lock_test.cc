#include "models/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "models/test_table.h"

namespace qvdhouse::models {
namespace {

using testing::HasSubstr;
using Columns = std::vector<std::pair<std::string, std::string>>;

Lock item(const Columns& columns) { return lock_of({test_table("QvdItem", columns)}); }

std::string drift(const Columns& was, const Columns& is) {
  return drift_from(item(was), {test_table("QvdItem", is)}, std::set<std::string>{"QvdItem"});
}

TEST(Lock, ComesBackAsItWasWritten) {
  const Columns columns{{"b", "UInt8"}, {"a \"ä\n\\", "Nullable(String)"}, {"x\xff", "Bool"}};
  const Lock read = parse_lock(lock_text(item(columns)), "lock.json");
  EXPECT_EQ(drift_from(read, {test_table("QvdItem", columns)}, std::nullopt), "");
  EXPECT_EQ(read.at("QvdItem").columns, item(columns).at("QvdItem").columns);
  EXPECT_EQ(lock_text(read), lock_text(item(columns)));
}

TEST(Lock, EachColumnIsALine) {
  EXPECT_THAT(lock_text(item({{"a", "UInt8"}, {"b", "String"}})),
              HasSubstr("        \"a\": \"UInt8\",\n        \"b\": \"String\"\n"));
}

TEST(Lock, DriftIsADiff) {
  EXPECT_EQ(drift({{"a", "UInt8"}, {"b", "String"}, {"c", "Date"}},
                  {{"a", "UInt8"}, {"b", "Nullable(String)"}, {"d", "Bool"}}),
            "`QvdItem`:\n- `b` String\n+ `b` Nullable(String)\n- `c` Date\n+ `d` Bool\n");
  Table table = test_table("QvdItem", {{"a", "UInt8"}});
  const Lock before = lock_of({table});
  table.definition.order_by = {};
  table.mode = "append";
  EXPECT_EQ(drift_from(before, {table}, std::nullopt),
            "`QvdItem`:\n- mode replace\n+ mode append\n- order_by `a`\n+ order_by \n");
}

TEST(Lock, AnotherOrderOfColumnsIsDrift) {
  const Table one = test_table("T", {{"a", "Bool"}, {"b", "Bool"}});
  Table other = test_table("T", {{"b", "Bool"}, {"a", "Bool"}});
  other.definition.order_by = one.definition.order_by;
  EXPECT_EQ(drift_from(lock_of({one}), {other}, std::nullopt),
            "`T`:\n- columns in the order `a`, `b`\n+ columns in the order `b`, `a`\n");
}

// What sync would not change a live table for is not drift.
TEST(Lock, FilesOfASetFitIntoItsColumns) {
  const auto set = [](const Columns& columns) {
    Table table = test_table("Sales", columns);
    table.mode = "replace_by_file";
    return table;
  };
  const Lock lock = lock_of(
      {set({{"a", "Int64"}, {"b", "Nullable(Float64)"}, {"_file", "LowCardinality(String)"}})});
  const auto against = [&](const Columns& columns) {
    return drift_from(lock, {set(columns)}, std::nullopt);
  };
  EXPECT_EQ(against({{"b", "Int64"}, {"a", "Int64"}}), "");  // narrower, in another order
  EXPECT_EQ(against({{"a", "Int64"}}), "");                  // without b, which may be NULL
  EXPECT_EQ(against({{"a", "Nullable(Int64)"}}), "`Sales`:\n- `a` Int64\n+ `a` Nullable(Int64)\n");
  EXPECT_EQ(against({{"b", "Float64"}}), "`Sales`:\n- `a` Int64\n+ `a` Nullable(Int64)\n");
  EXPECT_EQ(against({{"a", "Int64"}, {"c", "Bool"}}), "`Sales`:\n+ `c` Nullable(Bool)\n");
}

TEST(Lock, TablesComeAndGo) {
  const Lock old = lock_of({test_table("Old", {{"a", "Bool"}})});
  const Table young = test_table("New", {{"a", "Bool"}, {"b", "Bool"}});
  EXPECT_EQ(drift_from(old, {young}, std::set<std::string>{"New"}),
            "`New`:\n+ a table that the lock does not have, of 2 columns\n"
            "`Old`:\n- a table of 1 columns, of which there is no file here\n");
  EXPECT_EQ(drift_from(old, {}, std::set<std::string>{"Old"}), "");  // its files are all loaded
  EXPECT_EQ(drift_from(old, {}, std::nullopt), "");                  // its source is down
}

TEST(Lock, WhatIsNoLockIsNamed) {
  for (const std::string text :
       {"", "[]", "{}", R"({"qvdhouse_schema_lock": 1})",
        R"({"qvdhouse_schema_lock": 2, "tables": {}})",
        R"({"qvdhouse_schema_lock": 1.9, "tables": {}})",
        R"({"qvdhouse_schema_lock": true, "tables": {}})",
        R"({"qvdhouse_schema_lock": 1, "tables": []})",
        R"({"qvdhouse_schema_lock": 1, "tables": {"a": "x"}})",
        R"({"qvdhouse_schema_lock": 1, "tables": {"a": {"mode": 1}}})",
        R"({"qvdhouse_schema_lock": 1, "tables": {"a": {"mode": "replace", "order_by": "",
            "partition_by": "", "engine": "", "ttl": "", "columns": ["a"]}}})",
        R"({"qvdhouse_schema_lock": 1, "tables": {"a": {"mode": "replace", "columns": {}}}})"}) {
    try {
      parse_lock(text, "my.lock");
      ADD_FAILURE() << text;
    } catch (const base::ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("my.lock")) << text;
    }
  }
}

}  // namespace
}  // namespace qvdhouse::models
