#include "clickhouse/names.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::clickhouse {
namespace {

TEST(TableNames, TakeThreeBytesForWhatIsNoLetterOfAscii) {
  EXPECT_EQ(stored_length(""), 0U);
  EXPECT_EQ(stored_length("Qvd_Item9"), 9U);
  EXPECT_EQ(stored_length("a-b.c"), 9U);
  EXPECT_EQ(stored_length("я"), 6U);
  EXPECT_EQ(stored_length("漢"), 9U);
  EXPECT_EQ(stored_length(std::string_view("\0\n", 2)), 6U);
}

TEST(TableNames, HaveAHashOfDatabaseAndTable) {
  EXPECT_EQ(fmt::format("{:016x}", table_hash("local", "QvdItem")), "a1e9d2f37db7ea22");
  EXPECT_NE(table_hash("a", "bc"), table_hash("ab", "c"));
}

TEST(TableNames, HaveTheLimitOfTheServer) {
  const Dialect oldest = dialect_of("18.16.1");
  EXPECT_EQ(longest_table_name(nullptr, {}, "local"), 208U);
  EXPECT_EQ(longest_table_name(nullptr, {}, "моя"), 195U);
  EXPECT_EQ(longest_table_name(nullptr, {}, std::string(250, 'x')), 0U);
  EXPECT_EQ(longest_table_name(nullptr, oldest, "local"), 247U);
  EXPECT_NO_THROW(check_table_name(nullptr, {}, "local", std::string(208, 'x')));
  EXPECT_NO_THROW(check_table_name(nullptr, oldest, "local", std::string(247, 'x')));
  EXPECT_THROW(check_table_name(nullptr, oldest, "local", std::string(248, 'x')),
               base::SchemaError);
  try {
    check_table_name(nullptr, {}, "local", std::string(206, 'x') + "-");
    FAIL();
  } catch (const base::SchemaError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("takes 209 bytes in the names of ClickHouse's "
                                                 "files; expected at most 208 in database local"));
  }
}

TEST(ColumnNames, HaveALimitWhereFilesAreNamedAfterThem) {
  const ColumnType number{.kind = TypeKind::kInt64};
  const ColumnType text{.kind = TypeKind::kString, .low_cardinality = true};
  const Dialect oldest = dialect_of("18.16.1");
  EXPECT_EQ(longest_column_name(oldest, number), 251U);
  EXPECT_EQ(longest_column_name(oldest, text), 246U);
  EXPECT_EQ(longest_column_name(oldest, {.kind = TypeKind::kInt64, .nullable = true}), 246U);
  EXPECT_GT(longest_column_name(dialect_of("24.3.1"), text), 100'000U);
}

}  // namespace
}  // namespace qvdhouse::clickhouse
