#include "models/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "models/test_table.h"

namespace qvdhouse::models {
namespace {

using testing::HasSubstr;

Lock item(const std::vector<std::pair<std::string, std::string>>& columns) {
  return lock_of({test_table("QvdItem", columns)});
}

TEST(Lock, ComesBackAsItWasWritten) {
  const Lock lock = item({{"b", "UInt8"}, {"a \"ä\n", "Nullable(String)"}});
  const Lock read = parse_lock(lock_text(lock), "lock.json");
  EXPECT_EQ(drift_from(lock, read), "");
  EXPECT_EQ(read.at("QvdItem").columns, lock.at("QvdItem").columns);
  EXPECT_EQ(lock_text(read), lock_text(lock));
}

TEST(Lock, EachColumnIsALine) {
  EXPECT_THAT(lock_text(item({{"a", "UInt8"}, {"b", "String"}})),
              HasSubstr("        \"a\": \"UInt8\",\n        \"b\": \"String\"\n"));
}

TEST(Lock, DriftIsADiff) {
  EXPECT_EQ(drift_from(item({{"a", "UInt8"}, {"b", "String"}, {"c", "Date"}}),
                       item({{"a", "UInt8"}, {"b", "Nullable(String)"}, {"d", "Bool"}})),
            "`QvdItem`:\n- `b` String\n+ `b` Nullable(String)\n- `c` Date\n+ `d` Bool\n");
  Table table = test_table("QvdItem", {{"a", "UInt8"}});
  const Lock before = lock_of({table});
  table.definition.order_by = {};
  table.mode = "append";
  EXPECT_EQ(drift_from(before, lock_of({table})),
            "`QvdItem`:\n- mode replace\n+ mode append\n- order_by `a`\n+ order_by \n");
}

TEST(Lock, AnotherOrderOfColumnsIsDrift) {
  Table one = test_table("T", {{"a", "Bool"}, {"b", "Bool"}});
  Table other = test_table("T", {{"b", "Bool"}, {"a", "Bool"}});
  other.definition.order_by = one.definition.order_by;
  EXPECT_EQ(drift_from(lock_of({one}), lock_of({other})),
            "`T`:\n- columns in the order `a`, `b`\n+ columns in the order `b`, `a`\n");
}

TEST(Lock, TablesComeAndGo) {
  const Lock old = lock_of({test_table("Old", {{"a", "Bool"}})});
  const Lock young = lock_of({test_table("New", {{"a", "Bool"}, {"b", "Bool"}})});
  EXPECT_EQ(drift_from(old, young),
            "`New`:\n+ a table that the lock does not have, of 2 columns\n"
            "`Old`:\n- a table of 1 columns, which no file makes any more\n");
  EXPECT_EQ(drift_from(old, {}, {"Old"}), "");  // its files are all loaded
}

TEST(Lock, WhatIsNoLockIsNamed) {
  for (const std::string text : {"", "[]", "{}", R"({"qvdhouse_schema_lock": 1})",
                                 R"({"qvdhouse_schema_lock": 2, "tables": {}})",
                                 R"({"qvdhouse_schema_lock": 1, "tables": {"a": {"mode": 1}}})"}) {
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
