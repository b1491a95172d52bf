// The clusters of the tests are real ones: what is done on one node is seen on the others, through
// each of the ways that ClickHouse has for it, and after a node or ZooKeeper was killed too.
//
// The tests of a suite share its cluster, and run in one process (CMakeLists.txt).
#include "tests/servers/cluster.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

constexpr int kNodeExists = 999;  // a Keeper exception

// A cluster that is started for the first test of its suite, and why it could not be.
struct Shared {
  std::unique_ptr<ClickHouseCluster> cluster;
  std::string missing;
  fs::path work;

  void start(const ClusterOptions& options) try {
    work = fs::canonical(fs::temp_directory_path()) / fmt::format("qvdhouse_cl_{}", ::getpid());
    cluster = std::make_unique<ClickHouseCluster>(options, work);
  } catch (const NotAvailable& error) {
    missing = error.what();
  }
  void end() {
    cluster.reset();
    fs::remove_all(work);
  }
};

template <class Suite>
class OnCluster : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared().start(Suite::options()); }
  static void TearDownTestSuite() { shared().end(); }
  void SetUp() override {
    if (!shared().missing.empty()) GTEST_SKIP() << shared().missing;
    ASSERT_NE(shared().cluster, nullptr);
  }

  static ClickHouseCluster& cluster() { return *shared().cluster; }
  static std::string ask(std::size_t node, const std::string& sql) {
    return cluster().ask(node, sql);
  }
  static std::string ask_until(std::size_t node, const std::string& sql,
                               const std::string& expected) {
    return cluster().ask_until(node, sql, expected);
  }

 private:
  static Shared& shared() {
    static Shared shared;
    return shared;
  }
};

// --- 26.7, one shard of two replicas -------------------------------------------------------------

class OneShard : public OnCluster<OneShard> {
 public:
  static ClusterOptions options() { return {}; }
};

TEST_F(OneShard, HasTwoServersOfOneVersionBehindAPassword) {
  EXPECT_EQ(cluster().node_count(), 2U);
  for (const std::size_t node : {0U, 1U})
    EXPECT_THAT(ask(node, "SELECT version()"), StartsWith("26.7."));
  EXPECT_NE(ask(0, "SELECT serverUUID()"), ask(1, "SELECT serverUUID()"));
  EXPECT_EQ(ask(1, "SELECT getMacro('cluster'), getMacro('shard'), getMacro('replica')"),
            "main\t1\tr2\n");
  clickhouse::Endpoint endpoint = cluster().endpoint(1, "default");
  endpoint.password = "wr0ngGuess";
  EXPECT_THROW(clickhouse::Connection(endpoint).query("SELECT 1"), base::ServerError);
}

TEST_F(OneShard, AReplicatedTableFilledOnOneNodeIsSeenOnTheOther) {
  for (const std::size_t node : {0U, 1U}) {
    ask(node,
        "CREATE TABLE filled (a Int64) ENGINE = ReplicatedMergeTree('/tests/filled', '{replica}') "
        "ORDER BY a");
  }
  ask(0, "INSERT INTO filled SELECT number FROM numbers(1000)");
  ask(1, "SYSTEM SYNC REPLICA filled");
  EXPECT_EQ(ask(1, "SELECT count(), sum(a) FROM filled"), "1000\t499500\n");
  EXPECT_EQ(ask(1,
                "SELECT total_replicas, active_replicas, is_readonly FROM system.replicas WHERE "
                "table = 'filled'"),
            "2\t2\t0\n");
}

TEST_F(OneShard, AReplicatedDatabaseMakesItsTablesOnBothNodes) {
  for (const std::size_t node : {0U, 1U}) {
    ask(node,
        "CREATE DATABASE everywhere ENGINE = Replicated('/tests/everywhere', '{shard}', "
        "'{replica}')");
  }
  ask(0, "CREATE TABLE everywhere.made (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  EXPECT_EQ(ask_until(1, "EXISTS everywhere.made", "1\n"), "1\n");
  ask(1, "INSERT INTO everywhere.made VALUES (7)");
  EXPECT_EQ(ask_until(0, "SELECT * FROM everywhere.made", "7\n"), "7\n");
}

TEST_F(OneShard, AQueryOnClusterRunsOnBothNodes) {
  ask(0, "CREATE TABLE both ON CLUSTER main (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  EXPECT_EQ(ask(0, "EXISTS both") + ask(1, "EXISTS both"), "1\n1\n");
  ask(1, "DROP TABLE both ON CLUSTER '{cluster}' SYNC");
  EXPECT_EQ(ask(0, "EXISTS both") + ask(1, "EXISTS both"), "0\n0\n");
}

TEST_F(OneShard, OfManyStrictInsertsIntoAKeeperMapOneWins) {
  ask(0,
      "CREATE TABLE leases ON CLUSTER main (key String, owner UInt64) ENGINE = "
      "KeeperMap('/tests/leases') PRIMARY KEY key");
  constexpr std::size_t kWriters = 8;
  for (const char* key : {"first", "second", "third"}) {
    std::atomic<int> winners = 0;
    std::vector<std::jthread> writers;
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, writer] {
        try {
          ask(writer % 2,
              fmt::format(
                  "INSERT INTO leases SETTINGS keeper_map_strict_mode = 1 VALUES ('{}', {})", key,
                  writer));
          ++winners;
        } catch (const base::ServerError& error) {
          EXPECT_EQ(error.code(), kNodeExists) << error.what();
        }
      });
    }
    writers.clear();
    EXPECT_EQ(winners, 1) << key;
  }
  EXPECT_EQ(ask(0, "SELECT * FROM leases ORDER BY key"),
            ask(1, "SELECT * FROM leases ORDER BY key"));
}

TEST_F(OneShard, APartitionOfALocalTableReplacesTheReplicatedOnesRows) {
  ask(0, "CREATE TABLE target ON CLUSTER main (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  ask(0, "INSERT INTO target SELECT number FROM numbers(200)");
  ask(0, "CREATE TABLE staging (a Int64) ENGINE = MergeTree ORDER BY a");
  ask(0, "INSERT INTO staging SELECT number + 1000 FROM numbers(300)");
  ask(0, "ALTER TABLE target REPLACE PARTITION tuple() FROM staging");
  ask(1, "SYSTEM SYNC REPLICA target");
  EXPECT_EQ(ask(1, "SELECT count(), min(a) FROM target"), "300\t1000\n");
}

TEST_F(OneShard, AKilledNodeComesBackWithItsDataAndFetchesTheRest) {
  ask(0, "CREATE TABLE kept ON CLUSTER main (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  ask(1, "INSERT INTO kept VALUES (1)");
  ask(0, "SYSTEM SYNC REPLICA kept");
  const std::string before = ask(1, "SELECT serverUUID()");
  cluster().kill(1);
  EXPECT_THROW(ask(1, "SELECT 1"), base::IoError);
  ask(0, "INSERT INTO kept VALUES (2)");
  cluster().restart(1);
  EXPECT_EQ(ask(1, "SELECT serverUUID()"), before);
  EXPECT_EQ(ask_until(1, "SELECT sum(a) FROM kept", "3\n"), "3\n");
  EXPECT_EQ(ask_until(1, "SELECT is_readonly FROM system.replicas WHERE table = 'kept'", "0\n"),
            "0\n");
  ask(0, "CREATE TABLE after_kill ON CLUSTER main (a Int64) ENGINE = MergeTree ORDER BY a");
  EXPECT_EQ(ask(1, "EXISTS after_kill"), "1\n");
}

TEST_F(OneShard, AStoppedNodeIsLateAndNotLost) {
  ask(0, "CREATE TABLE late ON CLUSTER main (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  cluster().stop(1);
  ask(0, "INSERT INTO late VALUES (1)");
  EXPECT_EQ(ask(0, "SELECT * FROM late"), "1\n");
  auto answer = std::async(std::launch::async, [] { return ask(1, "SELECT 'late'"); });
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  cluster().resume(1);
  EXPECT_EQ(answer.get(), "late\n");
  EXPECT_EQ(ask_until(1, "SELECT * FROM late", "1\n"), "1\n");
}

TEST_F(OneShard, WithoutZooKeeperTablesAreReadOnly) {
  ask(0, "CREATE TABLE guarded ON CLUSTER main (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  ask(0, "INSERT INTO guarded VALUES (1)");
  cluster().kill_zookeeper();
  EXPECT_THROW(ask(0, "INSERT INTO guarded SETTINGS insert_keeper_max_retries = 0 VALUES (2)"),
               base::ServerError);
  EXPECT_EQ(ask(0, "SELECT * FROM guarded"), "1\n");
  cluster().restart_zookeeper();
  EXPECT_EQ(ask_until(0, "INSERT INTO guarded VALUES (3)", ""), "");
  EXPECT_EQ(ask_until(1, "SELECT sum(a) FROM guarded", "4\n"), "4\n");
}

// --- 26.7, two shards of two replicas, without KeeperMap -----------------------------------------

class TwoShards : public OnCluster<TwoShards> {
 public:
  static ClusterOptions options() { return {.shards = 2, .keeper_map = false}; }
};

TEST_F(TwoShards, ADistributedTableHasTheRowsOfBothShards) {
  ask(0, "CREATE TABLE part ON CLUSTER main (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a");
  ask(0, "CREATE TABLE whole ON CLUSTER main AS part ENGINE = Distributed(main, default, part, a)");
  ask(0,
      "INSERT INTO whole SETTINGS distributed_foreground_insert = 1 SELECT number FROM "
      "numbers(1000)");
  for (std::size_t node = 0; node < cluster().node_count(); ++node)
    ask(node, "SYSTEM SYNC REPLICA part");
  EXPECT_EQ(ask(3, "SELECT count(), sum(a) FROM whole"), "1000\t499500\n");
  for (const std::size_t shard : {0U, 1U}) {
    for (const std::size_t replica : {0U, 1U}) {
      EXPECT_EQ(ask(cluster().node_of(shard, replica), "SELECT count() FROM part"), "500\n");
    }
  }
}

TEST_F(TwoShards, NodesAskEachOtherAsTheUserWhoAsks) {
  EXPECT_EQ(
      ask(2, "SELECT currentUser(), count() FROM clusterAllReplicas(main, system.one) GROUP BY 1"),
      cluster().user() + "\t4\n");
}

TEST_F(TwoShards, KeeperMapCanBeSwitchedOff) {
  try {
    ask(0, "CREATE TABLE leases (key String) ENGINE = KeeperMap('/tests/leases') PRIMARY KEY key");
    FAIL() << "it was made";
  } catch (const base::ServerError& error) {
    EXPECT_THAT(error.what(), HasSubstr("keeper_map_path_prefix"));
  }
}

// --- 18.16, one shard of two replicas ------------------------------------------------------------

class Oldest : public OnCluster<Oldest> {
 public:
  static ClusterOptions options() { return {.kind = ServerKind::kOldest}; }
};

TEST_F(Oldest, ReplicatesAndRunsQueriesOnCluster) {
  EXPECT_THAT(ask(1, "SELECT version()"), StartsWith("18.16.1"));
  ask(0,
      "CREATE TABLE filled ON CLUSTER main (a Int64) ENGINE = "
      "ReplicatedMergeTree('/tests/{shard}/filled', '{replica}') ORDER BY a");
  ask(0, "INSERT INTO filled SELECT number FROM system.numbers LIMIT 1000");
  EXPECT_EQ(ask_until(1, "SELECT count(), sum(a) FROM filled", "1000\t499500\n"), "1000\t499500\n");
  cluster().kill(1);
  ask(0, "INSERT INTO filled SELECT number FROM system.numbers LIMIT 10");
  cluster().restart(1);
  EXPECT_EQ(ask_until(1, "SELECT count() FROM filled", "1010\n"), "1010\n");
}

}  // namespace
}  // namespace qvdhouse::tests
