// Files that are spread over shards, and servers that stand in for each other.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/cluster/cluster_fixture.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSpread = R"(
[[table]]
match = "Sales_*.qvd"
name = "Sales"

[[table]]
match = "Small_*.qvd"
name = "Small"
sharding = "copy"
)";
constexpr int kFiles = 12;

class Shards : public ClusterCommandLine {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(ClusterKind::kShards);
    if (IsSkipped()) return;
    write_text("qvdhouse.toml", kSpread);
    for (int i = 0; i < kFiles; ++i) {
      write_table(qvd(fmt::format("Sales_{}.qvd", i)), plain_rows(1'000 * i, 100 + i));
      write_table(qvd(fmt::format("Small_{}.qvd", i)), plain_rows(1'000 * i, 10));
    }
    write_table(qvd("item.qvd"), plain_rows(0, 50));
    EXPECT_EQ(sync()["loaded"], 2 * kFiles + 1);
  }
};

TEST_F(Shards, EachFileIsOnTheShardThatItsNameLeadsTo) {
  if (IsSkipped()) return;
  expect_the_same_everywhere();
  int files = 0;
  for (std::size_t shard = 0; shard < 2; ++shard) {
    const std::string here = fmt::format(
        "SELECT uniqExact(_file), countIf(cityHash64(_file) % 2 != {}) FROM Sales__local", shard);
    const std::string answer = ask(cluster().node_of(shard, 0), here);
    EXPECT_EQ(ask(cluster().node_of(shard, 1), here), answer);
    EXPECT_THAT(answer, ::testing::EndsWith("\t0"));
    EXPECT_GT(std::stoi(answer), 0) << "no file is on shard " << shard;
    files += std::stoi(answer);
  }
  EXPECT_EQ(files, kFiles);
  const std::string all = "SELECT count(), uniqExact(_file) FROM Sales";
  EXPECT_EQ(from_each(all), "1266\t12");
  // One file is looked for on its shard alone.
  const std::string one = ask(0, "SELECT min(_file) FROM Sales");
  EXPECT_EQ(from_each(fmt::format("SELECT count() FROM Sales WHERE _file = '{}' SETTINGS "
                                  "optimize_skip_unused_shards = 1, "
                                  "force_optimize_skip_unused_shards = 2",
                                  one)),
            "100");
  EXPECT_EQ(from_each("SELECT engine FROM system.tables WHERE database = currentDatabase() AND "
                      "name IN ('Sales', 'Small', 'QvdItem') ORDER BY name"),
            "ReplicatedMergeTree\nDistributed\nReplicatedMergeTree");
  EXPECT_EQ(from_each("SELECT count() FROM Small"), "120");
}

TEST_F(Shards, VerifyFindsWhatOneShardLost) {
  if (IsSkipped()) return;
  const std::size_t other = cluster().node_of(1, 1);
  const std::string file = ask(other, "SELECT min(_file) FROM Sales__local");
  cluster().ask(other,
                fmt::format("ALTER TABLE Sales__local DELETE WHERE _file = '{}' AND id % 1000 = 7 "
                            "SETTINGS mutations_sync = 2",
                            file),
                database);
  const Finished verified = on_target({"verify"});
  EXPECT_EQ(verified.exit_code, 6) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr(file.substr(file.rfind('/') + 1)));
}

TEST_F(Shards, ResetTakesFilesAndTablesFromTheirShards) {
  if (IsSkipped()) return;
  const Finished one = on_target({"reset", "--file", "Sales_3.qvd", "--with-data", "--force"});
  EXPECT_EQ(one.exit_code, 0) << one.out << one.err;
  await_all();
  EXPECT_EQ(from_each("SELECT count() FROM Sales"), "1163");
  const Finished all = on_target({"reset", "--table", "Sales", "--with-data", "--force"});
  EXPECT_EQ(all.exit_code, 0) << all.out << all.err;
  EXPECT_EQ(from_each("SELECT count() FROM system.tables WHERE database = currentDatabase() AND "
                      "name LIKE 'Sales%'"),
            "0");
  EXPECT_EQ(sync()["loaded"], kFiles);
  expect_the_same_everywhere();
}

TEST_F(Shards, TablesOfAnotherLayoutAreRefused) {
  if (IsSkipped()) return;
  write_table(qvd("Sales_0.qvd"), plain_rows(0, 7));
  write_table(qvd("Small_0.qvd"), plain_rows(0, 7));
  write_text("qvdhouse.toml",
             "[[table]]\nmatch = 'Sales_*.qvd'\nname = 'Sales'\nsharding = 'copy'\n"
             "[[table]]\nmatch = 'Small_*.qvd'\nname = 'Small'\n");
  const Finished refused = on_target({"sync", "qvds"});
  EXPECT_NE(refused.exit_code, 0) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("Sales are spread over the shards of a cluster"));
  EXPECT_THAT(refused.err, HasSubstr("Small has all rows itself"));
  // As it would be with a shard more.
  write_text("qvdhouse.toml", kSpread);
  ask(0, "ALTER TABLE Sales ON CLUSTER main MODIFY COMMENT 'qvdhouse: files are spread over 3'");
  write_table(qvd("Sales_0.qvd"), plain_rows(0, 8));
  const Finished other = on_target({"sync", "qvds"});
  EXPECT_THAT(other.err, HasSubstr("Sales was made for other shards"));
  EXPECT_EQ(from_each("SELECT count() FROM Sales"), "1266");
}

TEST_F(Shards, NamesOfTheTablesOfShardsAreTaken) {
  if (IsSkipped()) return;
  write_text("qvdhouse.toml", "[[table]]\nmatch = 'x.qvd'\nname = 'x__local'\n");
  write_table(qvd("x.qvd"), plain_rows(0, 7));
  const Finished refused = on_target({"sync", "qvds"});
  EXPECT_NE(refused.exit_code, 0) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("names that end with __local"));
}

class Failover : public ClusterCommandLine, public ::testing::WithParamInterface<ClusterKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start_own(GetParam());
    if (IsSkipped()) return;
    write_text("qvdhouse.toml", kSpread);
    target.emplace_back("CLICKHOUSE_HOSTS", cluster().url(1));
  }
};

TEST_P(Failover, AnotherServerTakesOverFromTheFirst) {
  if (IsSkipped()) return;
  write_table(qvd("item.qvd"), plain_rows(0, 50));
  write_table(qvd("Sales_1.qvd"), plain_rows(0, 50));
  EXPECT_EQ(sync()["loaded"], 2);
  cluster().kill(0);
  write_table(qvd("item.qvd"), plain_rows(0, 60));
  write_table(qvd("Sales_2.qvd"), plain_rows(100, 70));
  EXPECT_EQ(sync()["loaded"], 2) << "through the other one";
  EXPECT_EQ(on_target({"verify"}).exit_code, 0);
  cluster().restart(0);
  await_all();
  EXPECT_EQ(from_each("SELECT count() FROM Sales"), "120");
  EXPECT_EQ(from_each("SELECT count() FROM QvdItem"), "60");
}

// The one that loads goes away while rows come in: what was not committed is loaded again, by the
// other one, in the same run.
TEST_P(Failover, ALoadGoesOnWhenItsServerGoesAway) {
  if (IsSkipped()) return;
  write_text("qvdhouse.toml", "[[table]]\nmatch = '*.qvd'\npre_sql = ['SELECT sleep(2)']\n");
  for (int i = 0; i < 6; ++i) {
    write_table(qvd(fmt::format("t{}.qvd", i)), plain_rows(0, 100 + i));
  }
  Process loading(binary(), {"sync", "qvds", "--json"}, target, folder);
  EXPECT_EQ(
      cluster().ask_until(
          0, "SELECT count() > 0 FROM system.processes WHERE query LIKE 'SELECT sleep(2)%'", "1\n"),
      "1\n");
  cluster().kill(0);
  const Finished done = loading.wait();
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  cluster().restart(0);
  expect_the_same_everywhere();
}

INSTANTIATE_TEST_SUITE_P(ReplicatedDatabase, Failover,
                         ::testing::Values(ClusterKind::kReplicatedDatabase),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(OnCluster, Failover, ::testing::Values(ClusterKind::kOnCluster),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace qvdhouse::tests
