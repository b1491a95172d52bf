#include "clickhouse/table_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qvdhouse::clickhouse {
namespace {

using testing::MatchesRegex;

Dialect replicated() {
  Dialect dialect;
  dialect.replication = {.is_on = true, .cluster = "main", .all_replicas = "main"};
  return dialect;
}

TEST(TableEngine, IsKnownToBeReplicated) {
  for (const char* engine : {"ReplicatedMergeTree", "ReplicatedMergeTree('/a', 'b') ORDER BY id",
                             "SharedReplacingMergeTree('/a', 'b', v)"}) {
    EXPECT_TRUE(is_replicated_engine(engine)) << engine;
  }
  for (const char* engine : {"MergeTree", "ReplacingMergeTree(v) ORDER BY id", "Log", "",
                             "MergeTree ORDER BY `ReplicatedMergeTree`"}) {
    EXPECT_FALSE(is_replicated_engine(engine)) << engine;
  }
}

TEST(TableEngine, LocalOneHasNoPathAndReplica) {
  EXPECT_EQ(local_engine("ReplicatedMergeTree('/t/{uuid}/{shard}', '{replica}') ORDER BY id"),
            "MergeTree ORDER BY id");
  EXPECT_EQ(local_engine("ReplicatedReplacingMergeTree('/it\\'s, (a)', 'r', v) ORDER BY (a, b)"),
            "ReplacingMergeTree(v) ORDER BY (a, b)");
  EXPECT_EQ(local_engine("ReplicatedReplacingMergeTree(v)"), "ReplacingMergeTree(v)");
  EXPECT_EQ(local_engine("SharedMergeTree"), "MergeTree");
  EXPECT_EQ(local_engine("ReplacingMergeTree(v) ORDER BY id"), "ReplacingMergeTree(v) ORDER BY id");
}

TEST(TableEngine, PlainOneKeepsEveryRow) {
  EXPECT_EQ(
      plain_engine("ReplicatedSummingMergeTree('/a', 'b', (x, y)) PARTITION BY p ORDER BY id"),
      "MergeTree PARTITION BY p ORDER BY id");
  EXPECT_EQ(plain_engine("MergeTree"), "MergeTree");
}

TEST(TableEngine, IsReplicatedWhereTheDatabaseIs) {
  EXPECT_EQ(engine_for("ReplacingMergeTree(v) ORDER BY id", Dialect(), "d", "t"),
            "ReplacingMergeTree(v) ORDER BY id");
  EXPECT_EQ(engine_for("ReplacingMergeTree(v) ORDER BY id", replicated(), "d", "t"),
            "ReplicatedReplacingMergeTree(v) ORDER BY id");
  EXPECT_EQ(engine_for("MergeTree", replicated(), "d", "t"), "ReplicatedMergeTree");
  for (const char* engine : {"ReplicatedMergeTree('/a', 'b')", "SharedMergeTree", "Log",
                             "KeeperMap('/a') PRIMARY KEY k"}) {
    EXPECT_EQ(engine_for(engine, replicated(), "d", "t"), engine);
  }
}

TEST(TableEngine, IsOnAllShardsOrSpreadOverThem) {
  Dialect sharded = replicated();
  sharded.replication.shards.resize(2);
  const std::string on_all = engine_for("ReplacingMergeTree(v) ORDER BY id", sharded, "d", "t");
  EXPECT_EQ(on_all,
            "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/all_shards', "
            "'{shard}-{replica}', v) ORDER BY id");
  EXPECT_EQ(reach_of(on_all), Reach::kAllShards);
  EXPECT_EQ(local_engine(on_all), "ReplacingMergeTree(v) ORDER BY id");
  const std::string spread = engine_for("MergeTree", sharded, "d", "t", Reach::kOwnShard);
  EXPECT_EQ(spread, "ReplicatedMergeTree");
  EXPECT_EQ(reach_of(spread), Reach::kOwnShard);
  EXPECT_EQ(reach_of("ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')"),
            Reach::kOwnShard);
}

TEST(TableEngine, HasAPathOfItsOwnOnAnOldServer) {
  Dialect old = replicated();
  old.has_default_replica_path = false;
  const std::string one = engine_for("ReplacingMergeTree(v) ORDER BY id", old, "d", "t'{x}");
  EXPECT_THAT(one, MatchesRegex("ReplicatedReplacingMergeTree\\('/clickhouse/tables/[{]shard[}]/"
                                "qvdhouse_[0-9a-f]+', '[{]replica[}]', v\\) ORDER BY id"));
  EXPECT_NE(one, engine_for("ReplacingMergeTree(v) ORDER BY id", old, "d", "u"));
}

}  // namespace
}  // namespace qvdhouse::clickhouse
