// A fixture for tests of the whole way into a replicated cluster: commands through one node, looks
// at every node.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/target_fixture.h"
#include "tests/servers/cluster.h"

namespace qvdhouse::tests {

enum class ClusterKind {
  kReplicatedDatabase,  // 26.7, a database of the engine Replicated: no setting
  kOnCluster,           // 26.7, clickhouse.cluster and an Atomic database
  kOldest,              // 18.16 x 2, clickhouse.cluster
  kShards,              // 26.7, two shards of two replicas, clickhouse.cluster and clickhouse.hosts
};
// "replicated_database", "on_cluster", "on_cluster_18_16", "shards"
std::ostream& operator<<(std::ostream& out, ClusterKind kind);

class ClusterCommandLine : public TargetCommandLine {
 protected:
  static void TearDownTestSuite();

  // A cluster of the kind, one for all tests of a program that follow each other, and a database of
  // its own for the test. Skips the test when a server has not been fetched.
  void start(ClusterKind wanted);
  // A cluster that no other test gets, since this one ends its servers.
  void start_own(ClusterKind wanted);
  void TearDown() override;

  ClickHouseCluster& cluster() const;
  // Commands go through that node from now on.
  void through(std::size_t node);
  // What a node answers in the database, without the last line end.
  std::string ask(std::size_t node, const std::string& sql) const;
  // Every node has all that was replicated: it has been told to catch up, and has.
  void await_all() const;
  // The same answer from each node, which is returned.
  std::string from_each(const std::string& sql) const;

  // Through each node: `verify` says exact, tracking says the same, no file has failed, and nothing
  // temporary is there. A sync through the last one loads nothing.
  void expect_the_same_everywhere();

  ClusterKind kind = ClusterKind::kReplicatedDatabase;

 private:
  struct Shared;
  void start_on(std::shared_ptr<Shared> shared);
  void expect_exact(std::size_t node);

  std::shared_ptr<Shared> shared_;
};

// The fixture of a suite that is run on every kind.
class EachCluster : public ClusterCommandLine, public ::testing::WithParamInterface<ClusterKind> {
 protected:
  void SetUp() override {
    CommandLine::SetUp();
    start(GetParam());
  }
  bool is_oldest() const { return GetParam() == ClusterKind::kOldest; }
};

}  // namespace qvdhouse::tests
