#include "clickhouse/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "clickhouse/test_http.h"

namespace qvdhouse::clickhouse {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kFormat = "FORMAT TSVRaw";  // ends each statement

std::string failure(int code, const std::string& text) {
  return answer("500 Internal Server Error",
                "X-ClickHouse-Exception-Code: " + std::to_string(code) + "\r\n",
                "Code: " + std::to_string(code) + ". DB::Exception: " + text + "\n");
}

std::string rows(const std::string& text) { return answer("200 OK", "", text); }

// What a server says of itself and of the database "shop".
struct Server {
  std::string identity = "host a";
  bool has_uuid = true;
  bool is_cloud = false;
  std::string engine = "Atomic\n";  // empty: there is no such database
  std::string replicas;  // of cluster "shop" or "main": "SHARD WEIGHT IS_LOCAL HOST:PORT"
  std::string own_shard = "1\n";
  std::string keeper_path = "'/databases/shop'\n";
  bool hides_clusters = false;
  std::string macros = "shard\nreplica\n";

  std::string answer_to(const std::string& request) const {
    if (request.find("hostName()") != std::string::npos) {
      const bool asks_uuid = request.find("serverUUID()") != std::string::npos;
      if (asks_uuid && !has_uuid) return failure(46, "Unknown function serverUUID");
      return rows(identity + "\n");
    }
    if (request.find("extract(engine_full") != std::string::npos) return rows(keeper_path);
    if (request.find("FROM system.databases WHERE name = 'shop'") != std::string::npos) {
      return rows(engine);
    }
    const auto asks = [&](const char* text) { return request.find(text) != std::string::npos; };
    if (asks("DISTINCT toString(shard_num)")) return rows(own_shard);
    if (asks("name = 'cloud_mode'")) return rows(is_cloud ? "1\n" : "");
    if (asks("FROM system.clusters WHERE cluster = 'shop'") ||
        asks("FROM system.clusters WHERE cluster = 'main'")) {
      return hides_clusters ? failure(497, "Not enough privileges") : rows(replicas);
    }
    if (asks("FROM system.clusters WHERE cluster = ")) return rows("");
    if (asks("DISTINCT cluster FROM system.clusters")) return rows("main\nother\n");
    if (asks("SELECT substitution FROM system.macros WHERE macro = 'cluster'")) {
      return rows("main\n");
    }
    if (asks("SELECT macro FROM system.macros")) return rows(macros);
    return failure(62, "nobody asks that");
  }
};

constexpr std::string_view kTwoShards = "1 1 1 127.0.0.1:9000\n2 3 0 127.0.0.1:9001\n";

// Asks the first server, where the settings name all of them.
Topology topology_of_hosts(const std::vector<Server>& servers, const std::string& cluster,
                           std::vector<std::string> more_urls = {}) {
  std::vector<std::unique_ptr<LoopbackServer>> running;
  std::vector<std::string> urls;
  for (const Server& server : servers) {
    running.push_back(std::make_unique<LoopbackServer>(
        [&](Peer& peer) { peer.send(server.answer_to(peer.receive_until(kFormat))); }));
    urls.push_back(endpoint_of(*running.back()).url);
  }
  urls.insert(urls.end(), more_urls.begin(), more_urls.end());
  Endpoint endpoint = endpoint_of(*running.front());
  endpoint.hosts = std::make_shared<Hosts>(urls);
  return ask_topology(endpoint, "shop", cluster);
}

Topology topology_of(const Server& server, const std::string& cluster = {}) {
  const LoopbackServer one(
      [&](Peer& peer) { peer.send(server.answer_to(peer.receive_until(kFormat))); });
  return ask_topology(endpoint_of(one), "shop", cluster);
}

std::optional<Spread> servers_of(const Server& server) {
  const LoopbackServer one(
      [&](Peer& peer) { peer.send(server.answer_to(peer.receive_until(kFormat))); });
  return find_servers(endpoint_of(one));
}

// Every `period`th connection reaches the second server.
std::optional<Spread> spread_of(const std::array<Server, 2>& servers, unsigned period) {
  unsigned count = 0;
  const LoopbackServer balancer([&](Peer& peer) {
    const Server& server = servers[++count % period == 0 ? 1 : 0];
    peer.send(server.answer_to(peer.receive_until(kFormat)));
  });
  return find_servers(endpoint_of(balancer));
}

TEST(Topology, OneServerIsGood) {
  EXPECT_FALSE(servers_of({}));
  EXPECT_FALSE(servers_of({.has_uuid = false}));
  for (const char* engine : {"Atomic\n", "Ordinary\n", ""}) {
    const Topology topology = topology_of({.engine = engine});
    EXPECT_FALSE(topology.problem) << engine;
    EXPECT_FALSE(topology.replication.is_on) << engine;
    EXPECT_EQ(topology.text, "one server");
  }
}

TEST(Topology, AnAddressOfSeveralServersIsFound) {
  for (const bool has_uuid : {true, false}) {
    const std::array<Server, 2> servers{Server{.identity = "host a", .has_uuid = has_uuid},
                                        Server{.identity = "host b", .has_uuid = has_uuid}};
    for (const unsigned period : {2U, 3U, 7U}) {
      const auto spread = spread_of(servers, period);
      ASSERT_TRUE(spread) << period;
      EXPECT_THAT(spread->problem, AllOf(HasSubstr("http://127.0.0.1:"), HasSubstr("2 of them"),
                                         HasSubstr("host a"), HasSubstr("host b")));
      EXPECT_THAT(spread->fix, HasSubstr("CLICKHOUSE_URL"));
    }
  }
}

TEST(Topology, ServersOfDifferentAgeAreSeveral) {
  const Server young{.identity = "host a"};
  const Server old{.identity = "host b", .has_uuid = false};
  for (const auto& servers : {std::array{young, old}, std::array{old, young}}) {
    const auto spread = spread_of(servers, 3);
    ASSERT_TRUE(spread);
    EXPECT_THAT(spread->problem, HasSubstr("2 of them"));
  }
}

TEST(Topology, AReplicatedDatabaseNeedsNoSetting) {
  for (const char* cluster : {"", "main"}) {
    const Topology topology = topology_of(
        {.engine = "Replicated\n", .replicas = "1 1 1 n1:9000\n1 1 0 n2:9000\n"}, cluster);
    EXPECT_FALSE(topology.problem);
    EXPECT_TRUE(topology.replication.is_on);
    EXPECT_EQ(topology.replication.on_cluster(), "") << "such a database refuses it";
    EXPECT_EQ(topology.replication.all_replicas, "shop");
    EXPECT_THAT(topology.text, HasSubstr("2 replicas (n1:9000, n2:9000)"));
  }
  for (const bool hides_clusters : {true, false}) {
    const Topology hidden =
        topology_of({.engine = "Replicated\n", .hides_clusters = hides_clusters});
    EXPECT_TRUE(hidden.replication.is_on);
    EXPECT_THAT(hidden.text, HasSubstr("does not list its replicas"));
  }
}

TEST(Topology, AClusterIsNamedOnCluster) {
  for (const char* name : {"main", "{cluster}"}) {
    const Topology topology = topology_of({.replicas = "1 1 0 n1:9000\n1 1 1 n2:9000\n"}, name);
    EXPECT_FALSE(topology.problem);
    EXPECT_TRUE(topology.replication.is_on);
    EXPECT_EQ(topology.replication.on_cluster(), " ON CLUSTER `main`");
    EXPECT_EQ(topology.replicas, (std::vector<std::string>{"n1:9000", "n2:9000"}));
  }
}

TEST(Topology, WhatWouldLeaveServersWithoutRowsIsRefused) {
  const auto problem = [](const Server& server, const std::string& cluster) {
    const Topology topology = topology_of(server, cluster);
    EXPECT_FALSE(topology.replication.is_on);
    return topology.problem ? topology.problem->problem + ". " + topology.problem->fix
                            : std::string("none");
  };
  EXPECT_THAT(problem({.engine = "Replicated\n", .replicas = std::string(kTwoShards)}, ""),
              HasSubstr("has 2 shards"));
  EXPECT_THAT(problem({}, "none"),
              AllOf(HasSubstr("knows no cluster none"), HasSubstr("main, other")));
  EXPECT_THAT(problem({.replicas = "1 1 0 n1:9000\n"}, "main"),
              HasSubstr("not one of cluster main"));
  EXPECT_THAT(problem({.replicas = "1 1 1 n1:9000\n", .macros = "shard\n"}, "main"),
              HasSubstr("no macro replica"));
}

TEST(Topology, TheServersOfEachShardAreFoundAmongTheHosts) {
  const Server first{.replicas = std::string(kTwoShards)};
  Server second = first;
  second.own_shard = "2\n";
  const Topology topology =
      topology_of_hosts({first, second, first}, "main", {"http://127.0.0.1:1"});
  ASSERT_FALSE(topology.problem) << topology.problem->problem;
  const std::vector<Shard>& shards = topology.replication.shards;
  ASSERT_EQ(shards.size(), 2U);
  EXPECT_EQ(shards[0].number, 1U);
  EXPECT_EQ(shards[0].hosts->urls().size(), 2U);
  EXPECT_EQ(shards[1].weight, 3U);
  EXPECT_EQ(shards[1].hosts->urls().size(), 1U);
  EXPECT_THAT(topology.text, AllOf(HasSubstr("2 shards, 2 replicas"),
                                   HasSubstr("no answer from http://127.0.0.1:1")));
  EXPECT_TRUE(topology_of_hosts({first, first}, "main").problem) << "none of shard 2";
}

TEST(Topology, HostsOfOtherTablesAreRefused) {
  const auto problem = [](const std::vector<Server>& servers, const std::string& cluster) {
    const Topology topology = topology_of_hosts(servers, cluster);
    return topology.problem ? topology.problem->problem : std::string("none");
  };
  EXPECT_THAT(problem({{}, {}}, ""), HasSubstr("are on one server only"));
  const Server replicated{.engine = "Replicated\n"};
  EXPECT_EQ(problem({replicated, replicated}, ""), "none");
  EXPECT_THAT(problem({replicated, {.engine = "Replicated\n", .keeper_path = "'/other'\n"}}, ""),
              HasSubstr("has no part of database shop"));
  EXPECT_THAT(problem({replicated, {.keeper_path = ""}}, ""), HasSubstr("has no part of"));
  const Server of_cluster{.replicas = "1 1 1 n1:9000\n"};
  EXPECT_EQ(problem({of_cluster, of_cluster}, "main"), "none");
  EXPECT_THAT(problem({of_cluster, {.replicas = "1 1 1 n1:9000\n", .own_shard = ""}}, "main"),
              HasSubstr("is not one of the servers of cluster main"));
}

TEST(Topology, CloudKeepsTablesForAllOfItsServers) {
  const Topology topology = topology_of({.is_cloud = true, .engine = "Shared\n"}, "main");
  EXPECT_FALSE(topology.problem);
  EXPECT_FALSE(topology.replication.is_on);
  const Server first{.identity = "host a", .is_cloud = true};
  const Server second{.identity = "host b", .is_cloud = true};
  EXPECT_FALSE(spread_of({first, second}, 2));
}

}  // namespace
}  // namespace qvdhouse::clickhouse
