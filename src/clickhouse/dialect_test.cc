#include "clickhouse/dialect.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace qvdhouse::clickhouse {
namespace {

ColumnType type(TypeKind kind) { return {.kind = kind}; }

TEST(Dialect, NewestHasEverything) {
  const Dialect dialect = dialect_of("26.7.3.1");
  EXPECT_EQ(dialect.version(), "26.7");
  EXPECT_TRUE(dialect.has_exchange);
  EXPECT_TRUE(dialect.has_projections);
  EXPECT_TRUE(dialect.has_type(type(TypeKind::kTime64)));
  EXPECT_EQ(dialect.hash, HashFunction::kXxh3);
  EXPECT_EQ(dialect.best_compression, Compression::kZstd);
}

// What Debian's 18.16.1 really refuses and takes is asked of one by tests/servers.
TEST(Dialect, OldestLacksWhatCameLater) {
  const Dialect dialect = dialect_of("18.16.1");
  EXPECT_EQ(dialect.version(), "18.16");
  EXPECT_FALSE(dialect.has_exchange);
  EXPECT_FALSE(dialect.has_table_comment);
  EXPECT_FALSE(dialect.has_codecs);
  EXPECT_FALSE(dialect.has_alter_settings);
  for (const auto kind :
       {TypeKind::kDate32, TypeKind::kDateTime64, TypeKind::kTime64, TypeKind::kBool}) {
    EXPECT_FALSE(dialect.has_type(type(kind)));
  }
  EXPECT_TRUE(dialect.has_type({.kind = TypeKind::kDecimal, .precision = 38, .scale = 3}));
  EXPECT_TRUE(dialect.has_type({.kind = TypeKind::kString, .low_cardinality = true}));
  EXPECT_EQ(dialect.hash, HashFunction::kMetroHash);
  EXPECT_EQ(dialect.best_compression, Compression::kGzip);
}

TEST(Dialect, VersionsBetween) {
  EXPECT_FALSE(dialect_of("20.9.7.11").has_exchange);
  EXPECT_TRUE(dialect_of("20.10.1.1").has_exchange);
  EXPECT_FALSE(dialect_of("25.8.1.1").has_time64);
  EXPECT_TRUE(dialect_of("22.8.1.1").has_datetime64);
  EXPECT_TRUE(dialect_of("100.1").has_time64);
}

TEST(Dialect, RefusesWhatIsTooOldOrNoVersion) {
  for (const char* version : {"18.14.19", "1.1.54388", "0.0", "", "26", "26.", ".7", "26.x",
                              "26.7x", "nginx/1.22", "-1.2"}) {
    EXPECT_THROW(dialect_of(version), base::ServerError) << version;
  }
}

}  // namespace
}  // namespace qvdhouse::clickhouse
