#include "clickhouse/ddl.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::clickhouse {
namespace {

TableDefinition sample() {
  return {.database = "db",
          .name = "t",
          .columns = {{.name = "a", .type = "Int64", .codec = "Delta, ZSTD(1)", .comment = "key"},
                      {.name = "b", .type = "String", .codec = "ZSTD(1)"}},
          .order_by = {"a"},
          .partition_by = "b",
          .settings = {{"index_granularity", "1024"}},
          .comment = "qvdhouse: x.qvd",
          .projection = {.name = "p", .select = "SELECT count()"}};
}

TEST(CreateTable, OfANewServer) {
  EXPECT_EQ(create_table_sql(sample()),
            "CREATE TABLE `db`.`t`\n(\n"
            "  `a` Int64 COMMENT 'key' CODEC(Delta, ZSTD(1)),\n"
            "  `b` String CODEC(ZSTD(1)),\n"
            "  PROJECTION `p` (SELECT count())\n"
            ")\nENGINE = MergeTree\nPARTITION BY b\nORDER BY (`a`)\n"
            "SETTINGS `index_granularity` = 1024\nCOMMENT 'qvdhouse: x.qvd'");
}

TEST(CreateTable, OldServersKeepTheCommentInTheFirstColumn) {
  EXPECT_EQ(create_table_sql(sample(), dialect_of("18.16.1")),
            "CREATE TABLE `db`.`t`\n(\n"
            "  `a` Int64 COMMENT 'qvdhouse: x.qvd; key',\n"
            "  `b` String\n"
            ")\nENGINE = MergeTree\nPARTITION BY b\nORDER BY (`a`)\n"
            "SETTINGS `index_granularity` = 1024");
}

TEST(CreateTable, AdaptedTwiceIsAdaptedOnce) {
  const Dialect old = dialect_of("18.16.1");
  EXPECT_EQ(create_table_sql(adapted(sample(), old), old), create_table_sql(sample(), old));
}

TEST(CreateTable, TtlWhereThereIsNone) {
  auto table = sample();
  table.ttl = "toDate(a) + INTERVAL 1 DAY";
  EXPECT_THROW(create_table_sql(table, dialect_of("18.16.1")), base::ConfigError);
  EXPECT_NE(create_table_sql(table).find("TTL toDate(a) + INTERVAL 1 DAY"), std::string::npos);
}

TEST(CreateTable, KeysSampleAndIndexes) {
  auto table = sample();
  table.order_by = {"a", "b"};
  table.primary_key = {"a"};
  table.sample_by = "a";
  table.indexes = {{"it's", "b TYPE bloom_filter GRANULARITY 4"}};
  const std::string sql = create_table_sql(table);
  EXPECT_NE(sql.find(",\n  INDEX `it's` b TYPE bloom_filter GRANULARITY 4\n)"), std::string::npos)
      << sql;
  EXPECT_NE(sql.find("\nORDER BY (`a`, `b`)\nPRIMARY KEY (`a`)\nSAMPLE BY a\n"), std::string::npos)
      << sql;
  const Dialect old = dialect_of("18.16.1");
  for (const auto& clear : {+[](TableDefinition& t) { t.primary_key.clear(); },
                            +[](TableDefinition& t) { t.sample_by.clear(); },
                            +[](TableDefinition& t) { t.indexes.clear(); }}) {
    EXPECT_THROW(create_table_sql(table, old), base::ConfigError);
    clear(table);
  }
  EXPECT_NO_THROW(create_table_sql(table, old));
}

TEST(DropTable, WaitsWhereItCanBeTold) {
  EXPECT_EQ(drop_table_sql({}, "db", "t`x"), "DROP TABLE IF EXISTS `db`.`t\\`x` SYNC");
  EXPECT_EQ(drop_table_sql(dialect_of("18.16.1"), "db", "t"), "DROP TABLE IF EXISTS `db`.`t`");
}

}  // namespace
}  // namespace qvdhouse::clickhouse
