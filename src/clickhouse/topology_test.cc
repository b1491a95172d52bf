#include "clickhouse/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "clickhouse/test_http.h"

namespace qvdhouse::clickhouse {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kFormat = "FORMAT TSVRaw";  // ends each statement

std::string failure(int code, const std::string& text) {
  return answer("500 Internal Server Error",
                "X-ClickHouse-Exception-Code: " + std::to_string(code) + "\r\n",
                "Code: " + std::to_string(code) + ". DB::Exception: " + text + "\n");
}

std::string rows(const std::string& text) { return answer("200 OK", "", text); }

// What a server says of itself, of the database "shop" and of its clusters.
struct Server {
  std::string identity = "host a";
  bool has_uuid = true;
  bool is_cloud = false;
  std::string engine = "Atomic\n";  // empty: there is no such database
  std::string replicas;             // of the cluster "shop" or "main": "SHARD LOCAL HOST:PORT" each
  std::string macros = "cluster\nshard\nreplica\n";
  bool hides_clusters = false;

  std::string answer_to(const std::string& request) const {
    if (request.find("hostName()") != std::string::npos) {
      const bool asks_uuid = request.find("serverUUID()") != std::string::npos;
      if (asks_uuid && !has_uuid) return failure(46, "Unknown function serverUUID");
      return rows(identity + "\n");
    }
    if (request.find("FROM system.databases WHERE name = 'shop'") != std::string::npos) {
      return rows(engine);
    }
    const auto asks = [&](std::string_view part) {
      return request.find(part) != std::string::npos;
    };
    if (asks("name = 'cloud_mode'")) return rows(is_cloud ? "1\n" : "");
    if (asks("WHERE macro = 'cluster'")) return rows("main\n");
    if (asks("WHERE macro = ")) return rows("");
    if (asks("SELECT macro FROM system.macros")) return rows(macros);
    if (asks("SELECT DISTINCT cluster")) return rows("main\nother\n");
    if (asks("FROM system.clusters WHERE cluster = 'shop'") ||
        asks("FROM system.clusters WHERE cluster = 'main'")) {
      return hides_clusters ? failure(497, "Not enough privileges") : rows(replicas);
    }
    if (asks("FROM system.clusters")) return rows("");
    return failure(62, "nobody asks that");
  }
};

std::optional<Spread> spread_of(const Server& server) {
  const LoopbackServer one(
      [&](Peer& peer) { peer.send(server.answer_to(peer.receive_until(kFormat))); });
  return find_servers(endpoint_of(one));
}

Topology topology_of(const Server& server, const std::string& cluster = {}) {
  const LoopbackServer one(
      [&](Peer& peer) { peer.send(server.answer_to(peer.receive_until(kFormat))); });
  return ask_topology(endpoint_of(one), "shop", cluster);
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
  EXPECT_FALSE(spread_of({}));
  EXPECT_FALSE(spread_of({.has_uuid = false}));
  EXPECT_FALSE(spread_of({.has_uuid = false, .engine = "Ordinary\n"}));
  EXPECT_FALSE(spread_of({.engine = ""})) << "the database is made later";
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

constexpr const char* kTwoReplicas = "1 1 n1:9000\n1 0 n2:9000\n";
constexpr const char* kTwoShards = "1 1 n1:9000\n2 0 n2:9000\n";

TEST(Topology, ADatabaseOfOneServerHasNoReplicas) {
  for (const char* engine : {"", "Atomic\n", "Ordinary\n"}) {
    const Topology topology = topology_of({.engine = engine});
    EXPECT_FALSE(topology.problem);
    EXPECT_FALSE(topology.replication.is_on);
  }
}

TEST(Topology, AReplicatedDatabaseNeedsNoSetting) {
  for (const char* cluster : {"", "main"}) {
    const Topology topology =
        topology_of({.engine = "Replicated\n", .replicas = kTwoReplicas}, cluster);
    EXPECT_FALSE(topology.problem);
    EXPECT_TRUE(topology.replication.is_on);
    EXPECT_EQ(topology.replication.on_cluster(), "") << "it would be refused";
    EXPECT_EQ(topology.replication.all_replicas, "shop");
    EXPECT_THAT(topology.replicas, ElementsAre("n1:9000", "n2:9000"));
    EXPECT_EQ(topology.text, "database shop, engine Replicated: 2 replicas (n1:9000, n2:9000)");
  }
}

TEST(Topology, ReplicasThatAreNotListedAreThereAllTheSame) {
  for (const bool hides_clusters : {true, false}) {
    const Topology topology =
        topology_of({.engine = "Replicated\n", .hides_clusters = hides_clusters});
    EXPECT_FALSE(topology.problem);
    EXPECT_TRUE(topology.replication.is_on);
    EXPECT_THAT(topology.text, HasSubstr("does not list its replicas"));
  }
}

TEST(Topology, AClusterIsNamedOrAMacro) {
  for (const char* cluster : {"main", "{cluster}"}) {
    const Topology topology = topology_of({.replicas = kTwoReplicas}, cluster);
    EXPECT_FALSE(topology.problem) << topology.problem->problem;
    EXPECT_TRUE(topology.replication.is_on);
    EXPECT_EQ(topology.replication.on_cluster(), " ON CLUSTER `main`");
    EXPECT_EQ(topology.text, "cluster main: 2 replicas (n1:9000, n2:9000)");
  }
}

TEST(Topology, WhatWouldPutRowsOnSomeServersOnlyIsRefused) {
  const auto problem = [](const Server& server, const std::string& cluster) {
    const auto spread = topology_of(server, cluster).problem;
    return spread ? spread->problem + ". " + spread->fix : "none";
  };
  EXPECT_THAT(problem({.engine = "Replicated\n", .replicas = kTwoShards}, ""),
              HasSubstr("database shop, engine Replicated has 2 shards"));
  EXPECT_THAT(problem({.replicas = kTwoShards}, "main"), HasSubstr("cluster main has 2 shards"));
  EXPECT_THAT(problem({}, "elsewhere"),
              AllOf(HasSubstr("knows no cluster elsewhere"), HasSubstr("main, other")));
  EXPECT_THAT(problem({}, "{nothing}"), HasSubstr("knows no cluster {nothing}"));
  EXPECT_THAT(problem({.replicas = "1 0 n1:9000\n1 0 n2:9000\n"}, "main"),
              HasSubstr("is not one of cluster main"));
  EXPECT_THAT(problem({.replicas = kTwoReplicas, .macros = "cluster\nshard\n"}, "main"),
              AllOf(HasSubstr("no macro replica"), HasSubstr("<macros>")));
}

TEST(Topology, ClickHouseCloudIsOneServerToUs) {
  const Server cloud{.is_cloud = true, .engine = "Shared\n"};
  EXPECT_FALSE(topology_of(cloud).problem);
  EXPECT_FALSE(topology_of(cloud).replication.is_on);
  const std::array<Server, 2> servers{cloud, Server{.identity = "host b", .is_cloud = true}};
  EXPECT_FALSE(spread_of(servers, 2)) << "its servers share all tables";
}

}  // namespace
}  // namespace qvdhouse::clickhouse
