#include "clickhouse/table_engine.h"

#include <gtest/gtest.h>

#include <string>

namespace qvdhouse::clickhouse {
namespace {

constexpr const char* kWhole =
    "ReplicatedReplacingMergeTree('/it\\'s, (a) path', '{replica}', version) ORDER BY f(a, b)";

TEST(TableEngine, TellsWhatIsReplicated) {
  EXPECT_TRUE(is_replicated_engine(kWhole));
  EXPECT_TRUE(is_replicated_engine("ReplicatedMergeTree"));
  EXPECT_TRUE(is_replicated_engine("SharedMergeTree('/a', '{replica}') ORDER BY tuple()"));
  for (const char* engine :
       {"", "MergeTree", "MergeTree ORDER BY Replicated", "Replicated", "SharedSet", "Memory",
        "Distributed(main, shop, ReplicatedMergeTree)"}) {
    EXPECT_FALSE(is_replicated_engine(engine)) << engine;
  }
}

TEST(TableEngine, IsTheSameOnOneServer) {
  EXPECT_EQ(local_engine(kWhole), "ReplacingMergeTree(version) ORDER BY f(a, b)");
  EXPECT_EQ(local_engine("ReplicatedMergeTree('/a', 'r') ORDER BY tuple()"),
            "MergeTree ORDER BY tuple()");
  EXPECT_EQ(local_engine("ReplicatedMergeTree"), "MergeTree");
  EXPECT_EQ(local_engine("ReplicatedReplacingMergeTree(version)"), "ReplacingMergeTree(version)");
  EXPECT_EQ(local_engine("ReplacingMergeTree(version) ORDER BY id"),
            "ReplacingMergeTree(version) ORDER BY id");
  EXPECT_EQ(local_engine("Memory"), "Memory");
}

TEST(TableEngine, IsPlainForStaging) {
  EXPECT_EQ(plain_engine(kWhole), "MergeTree ORDER BY f(a, b)");
  EXPECT_EQ(plain_engine("ReplacingMergeTree(version)"), "MergeTree");
  EXPECT_EQ(plain_engine("MergeTree PARTITION BY (a, b) ORDER BY id SETTINGS x = 1"),
            "MergeTree PARTITION BY (a, b) ORDER BY id SETTINGS x = 1");
}

TEST(TableEngine, IsNamedAsTheDatabaseNeedsIt) {
  Dialect dialect;
  EXPECT_EQ(engine_for("MergeTree ORDER BY id", dialect, "shop", "t"), "MergeTree ORDER BY id");
  dialect.replication.is_on = true;
  EXPECT_EQ(engine_for("MergeTree ORDER BY id", dialect, "shop", "t"),
            "ReplicatedMergeTree ORDER BY id");
  EXPECT_EQ(engine_for("ReplacingMergeTree(version)", dialect, "shop", "t"),
            "ReplicatedReplacingMergeTree(version)");
  EXPECT_EQ(engine_for(kWhole, dialect, "shop", "t"), kWhole);
  EXPECT_EQ(engine_for("Memory", dialect, "shop", "t"), "Memory");
  dialect.has_default_replica_path = false;
  const std::string old =
      engine_for("ReplacingMergeTree(version) ORDER BY id", dialect, "shop", "t");
  EXPECT_TRUE(old.starts_with("ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/qvdhouse_"))
      << old;
  EXPECT_TRUE(old.ends_with("', '{replica}', version) ORDER BY id")) << old;
  EXPECT_NE(old, engine_for("ReplacingMergeTree(version) ORDER BY id", dialect, "shop", "u"));
  EXPECT_TRUE(has_own_path(old));
  EXPECT_FALSE(has_own_path(kWhole));
  EXPECT_FALSE(has_own_path("MergeTree ORDER BY id"));
  EXPECT_EQ(local_engine(old), "ReplacingMergeTree(version) ORDER BY id");
}

}  // namespace
}  // namespace qvdhouse::clickhouse
