// A target that rows would reach in part only is refused, and nothing is made there.
#include <gmock/gmock.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/cluster/cluster_fixture.h"
#include "tests/servers/fault_proxy.h"
#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace {

using ::testing::HasSubstr;

class Refusals : public CommandLine {
 protected:
  static void TearDownTestSuite() { cluster_.reset(); }
  // Two shards of two replicas, of 26.7.
  void SetUp() override try {
    CommandLine::SetUp();
    if (!cluster_) {
      cluster_.emplace(ClusterOptions{.shards = 2, .replicas = 2},
                       std::filesystem::temp_directory_path() /
                           ("qvdhouse-shards-" + std::to_string(::getpid())));
    }
    write_qvd("item.qvd");
  } catch (const NotAvailable& missing) {
    GTEST_SKIP() << missing.what();
  }

  // `sync` is refused for the reason, and made no database.
  void expect_refused(const std::string& database, std::uint16_t port, const std::string& setting,
                      const std::vector<std::string>& reasons) const {
    Environment environment = cluster_->environment(0, database, port);
    environment.emplace_back("CLICKHOUSE_CLUSTER", setting);
    const std::string tables =
        "SELECT count() FROM system.tables WHERE database = '" + database + "'";
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"sync", "qvds"}, {"catalog", "qvds"}}) {
      const Finished refused = qvdhouse(command, environment);
      EXPECT_EQ(refused.exit_code, 2) << refused.out << refused.err;
      for (const std::string& reason : reasons) EXPECT_THAT(refused.err, HasSubstr(reason));
      EXPECT_THAT(refused.err, HasSubstr("nothing is made there"));
    }
    for (std::size_t node = 0; node < cluster_->node_count(); ++node) {
      EXPECT_EQ(cluster_->ask(node, tables), "0\n") << node;
    }
  }

  static inline std::optional<ClickHouseCluster> cluster_;
};

TEST_F(Refusals, OfAClusterThatNobodyKnows) {
  expect_refused("shop", 0, "elsewhere",
                 {"the server knows no cluster elsewhere", "Those in system.clusters are: main"});
  expect_refused("shop", 0, "{nothing}", {"the server knows no cluster {nothing}"});
}

TEST_F(Refusals, OfShards) {
  // All servers are on one host here, so that another shard's is not where the cluster's list says.
  expect_refused("shop", 0, "{cluster}",
                 {"no server of shard 2 of cluster main was reached", "clickhouse.hosts"});
  for (std::size_t node = 0; node < cluster_->node_count(); ++node) {
    cluster_->ask(node,
                  "CREATE DATABASE replicated ENGINE = Replicated('/clickhouse/databases/r', "
                  "'{shard}', '{replica}')");
  }
  expect_refused("replicated", 0, "", {"engine Replicated has 2 shards", "engine Atomic"});
}

TEST_F(Refusals, OfAnAddressOfSeveralServers) {
  const FaultProxy balancer({cluster_->http_port(0), cluster_->http_port(1)});
  expect_refused("shop", balancer.port(), "{cluster}",
                 {"is the address of several servers", "Set CLICKHOUSE_URL"});
}

}  // namespace
}  // namespace qvdhouse::tests
