// Real replicated ClickHouse clusters on loopback: nodes of 26.7 out of the engine's library
// (tests/servers/engine_replica.cc says how), or Debian's 18.16 as it is, with Debian's ZooKeeper.
// Nodes count from 0, shard by shard. All ends with the object, or with the test, however that
// ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "tests/servers/clickhouse.h"
#include "tests/support/process.h"

namespace qvdhouse::tests {

inline constexpr const char* kLimitedUser = "limited";

struct ClusterOptions {
  ServerKind kind = ServerKind::kNewest;  // or kOldest
  std::size_t shards = 1;
  std::size_t replicas = 2;  // of each shard
  bool keeper_map = true;    // whether tables of engine KeeperMap can be made; 18.16 has none
  // "GRANT … ON …": all rights of the user kLimitedUser, whose password is that of user(); 26.7
  // only.
  std::vector<std::string> limited_grants;
};

// Each node knows the cluster as `main` (internal_replication), has the macros {cluster}, {shard}
// ("1", "2" …) and {replica} ("r1", "r2" … in each shard), and runs queries ON CLUSTER.
class ClickHouseCluster {
 public:
  // Starts it; `work` is a folder for its own files. Throws NotAvailable when something has not
  // been fetched, std::runtime_error when a node does not come up.
  ClickHouseCluster(ClusterOptions options, std::filesystem::path work);
  ~ClickHouseCluster();
  ClickHouseCluster(const ClickHouseCluster&) = delete;
  ClickHouseCluster& operator=(const ClickHouseCluster&) = delete;

  std::size_t node_count() const;
  std::size_t node_of(std::size_t shard, std::size_t replica) const;
  std::string user() const;
  std::string password() const;
  std::string url(std::size_t node) const;  // no credentials in it
  std::uint16_t http_port(std::size_t node) const;
  std::uint16_t native_port(std::size_t node) const;
  std::uint16_t zookeeper_port() const;
  clickhouse::Endpoint endpoint(std::size_t node, std::string database) const;
  // CLICKHOUSE_* variables that lead `qvdhouse` to the node; `port` instead of the node's own.
  Environment environment(std::size_t node, const std::string& database,
                          std::uint16_t port = 0) const;

  // One query of the node, as a new connection to `database` asks it.
  std::string ask(std::size_t node, const std::string& sql,
                  const std::string& database = "default") const;
  // Asks until the answer is `expected`, and returns the last answer: another one, or the text of
  // an error, when `patience` has passed.
  std::string ask_until(std::size_t node, const std::string& sql, const std::string& expected,
                        std::chrono::milliseconds patience = std::chrono::seconds(60)) const;

  pid_t pid(std::size_t node) const;  // throws std::logic_error when it does not run
  void kill(std::size_t node);        // kill -9, and its end
  void stop(std::size_t node);        // SIGSTOP: takes connections, answers nothing
  void resume(std::size_t node);      // SIGCONT
  // Kills it if it runs, and starts it with the same ports, data and identity. Replicated tables
  // may be read-only a moment longer than it takes to answer.
  void restart(std::size_t node);
  void kill_zookeeper();     // kill -9: tables become read-only
  void restart_zookeeper();  // kill -9 if it runs; the same port and data

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::tests
