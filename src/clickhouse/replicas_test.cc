#include "clickhouse/replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "clickhouse/test_http.h"

namespace qvdhouse::clickhouse {
namespace {

using testing::HasSubstr;

std::string failure(int code) {
  return answer("500 Internal Server Error",
                "X-ClickHouse-Exception-Code: " + std::to_string(code) + "\r\n",
                "Code: " + std::to_string(code) + ". DB::Exception: no\n");
}

// Runs `body` on a connection to a database that has replicas (or none), whose server gives one
// answer to all.
void on_server(bool has_replicas, const std::string& reply, std::string_view statement_end,
               const std::function<void(Connection&)>& body) {
  const LoopbackServer server([&](Peer& peer) {
    peer.receive_until(statement_end);
    peer.send(reply);
  });
  Endpoint endpoint = endpoint_of(server);
  endpoint.dialect.replication.is_on = has_replicas;
  Connection connection(endpoint);
  body(connection);
}

TEST(Replicas, AnAlterThatAReplicaHasStillToDoIsDone) {
  for (const bool has_replicas : {true, false}) {
    on_server(has_replicas, failure(341), "DROP PARTITION 1", [](Connection& connection) {
      run_on_all_replicas(connection, "ALTER TABLE t DROP PARTITION 1");
    });
    on_server(has_replicas, failure(36), "DROP PARTITION 1", [](Connection& connection) {
      EXPECT_THROW(run_on_all_replicas(connection, "ALTER TABLE t DROP PARTITION 1"),
                   base::ServerError);
    });
  }
}

TEST(Replicas, WhoMayNotCatchUpReadsWhatIsThere) {
  for (const int code : {60, 36, 159, 497}) {
    on_server(true, failure(code), "LIGHTWEIGHT",
              [](Connection& connection) { catch_up(connection, "shop", "t"); });
  }
  on_server(true, failure(241), "LIGHTWEIGHT", [](Connection& connection) {
    EXPECT_THROW(catch_up(connection, "shop", "t"), base::ServerError);
  });
}

TEST(Replicas, ATableOfOneServerIsRefusedWhereThereAreSeveral) {
  const std::string plain = answer("200 OK", "", "MergeTree\n");
  on_server(true, plain, "FORMAT TSVRaw", [](Connection& connection) {
    try {
      refuse_local_table(connection, "shop", "t");
      ADD_FAILURE() << "not refused";
    } catch (const base::SchemaError& error) {
      EXPECT_THAT(error.what(), HasSubstr("shop.t is on this server only"));
    }
  });
  on_server(false, plain, "FORMAT TSVRaw",
            [](Connection& connection) { refuse_local_table(connection, "shop", "t"); });
  for (const char* engine : {"", "ReplicatedMergeTree\n", "SharedMergeTree\n"}) {
    on_server(true, answer("200 OK", "", engine), "FORMAT TSVRaw",
              [](Connection& connection) { refuse_local_table(connection, "shop", "t"); });
  }
}

TEST(Replicas, ActiveOnesAreCounted) {
  on_server(true, answer("200 OK", "", "2\n"), "FORMAT TSVRaw", [](Connection& connection) {
    EXPECT_EQ(count_active_replicas(connection, "shop", "t"), 2U);
  });
  on_server(true, answer("200 OK", "", ""), "FORMAT TSVRaw", [](Connection& connection) {
    EXPECT_EQ(count_active_replicas(connection, "shop", "t"), 0U);
  });
  on_server(false, failure(36), "FORMAT TSVRaw", [](Connection& connection) {
    EXPECT_EQ(count_active_replicas(connection, "shop", "t"), 0U);
  });
}

}  // namespace
}  // namespace qvdhouse::clickhouse
