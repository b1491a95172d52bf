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
  std::string engine = "Atomic\n";  // empty: there is no such database
  std::string replicas;             // of system.clusters
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
    if (request.find("FROM system.clusters WHERE cluster = 'shop'") != std::string::npos) {
      return hides_clusters ? failure(497, "Not enough privileges") : rows(replicas);
    }
    return failure(62, "nobody asks that");
  }
};

std::optional<Spread> spread_of(const Server& server) {
  const LoopbackServer one(
      [&](Peer& peer) { peer.send(server.answer_to(peer.receive_until(kFormat))); });
  return find_spread(endpoint_of(one), "shop");
}

// Every `period`th connection reaches the second server.
std::optional<Spread> spread_of(const std::array<Server, 2>& servers, unsigned period) {
  unsigned count = 0;
  const LoopbackServer balancer([&](Peer& peer) {
    const Server& server = servers[++count % period == 0 ? 1 : 0];
    peer.send(server.answer_to(peer.receive_until(kFormat)));
  });
  return find_spread(endpoint_of(balancer), "shop");
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

TEST(Topology, AReplicatedDatabaseIsGoodWithOneReplicaOnly) {
  const std::string engine = "Replicated\n";
  EXPECT_FALSE(spread_of({.engine = engine, .replicas = "n1:9000\n"}));
  const auto spread = spread_of({.engine = engine, .replicas = "n1:9000\nn2:9000\n"});
  ASSERT_TRUE(spread);
  EXPECT_THAT(spread->problem,
              AllOf(HasSubstr("shop"), HasSubstr("2 replicas (n1:9000, n2:9000)")));
  EXPECT_THAT(spread->fix, HasSubstr("Atomic"));
}

TEST(Topology, ReplicasThatCanNotBeCountedAreTakenForSeveral) {
  const std::string engine = "Replicated\n";
  for (const bool hides_clusters : {true, false}) {
    const auto spread = spread_of({.engine = engine, .hides_clusters = hides_clusters});
    ASSERT_TRUE(spread);
    EXPECT_THAT(spread->problem, HasSubstr("how many replicas"));
  }
}

}  // namespace
}  // namespace qvdhouse::clickhouse
