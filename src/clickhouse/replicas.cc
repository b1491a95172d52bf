#include "clickhouse/replicas.h"

#include <fmt/format.h>

#include <algorithm>
#include <stop_token>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/ddl.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"
#include "clickhouse/shards.h"
#include "clickhouse/table_engine.h"

namespace qvdhouse::clickhouse {
namespace {

using std::chrono::milliseconds;

// For a part whose only replica is down; what it brings is read again later.
constexpr std::string_view kCatchUpSeconds = "10";
constexpr milliseconds kFirstLook{5};
constexpr milliseconds kLastLook{250};

std::string is_table(std::string_view database, std::string_view table) {
  return fmt::format("database = {} AND table = {}", quote_literal(database), quote_literal(table));
}

}  // namespace

void run_on_all_replicas(Connection& connection, std::string_view sql) {
  try {
    connection.query(sql, {{"replication_alter_partitions_sync", "2"},
                           {"replication_wait_for_inactive_replica_timeout", "0"},
                           {"mutations_sync", "2"}});
  } catch (const base::ServerError& error) {
    // This replica has done it, and one that is not active has not.
    if (error.code() != error_code::kUnfinished) throw;
  }
}

bool catch_up(Connection& connection, std::string_view database, std::string_view table) {
  const Dialect& dialect = connection.endpoint().dialect;
  if (!dialect.replication.is_on) return true;
  try {
    connection.query(fmt::format("SYSTEM SYNC REPLICA {}{}", qualified(database, table),
                                 dialect.has_light_sync ? " LIGHTWEIGHT" : ""),
                     {{"receive_timeout", std::string(kCatchUpSeconds)}});
    return true;
  } catch (const base::ServerError& error) {
    // There is no such table, or it is not a replicated one.
    if (is_absent(error.code()) || error.code() == error_code::kBadArguments) return true;
    if (error.code() != error_code::kAccessDenied && error.code() != error_code::kTimeoutExceeded) {
      throw;
    }
    return false;
  }
}

void refuse_local_table(Connection& connection, std::string_view database, std::string_view table) {
  if (!connection.endpoint().dialect.replication.is_on) return;
  const std::string engine = engine_of(connection, database, table);
  if (engine.empty() || is_replicated_engine(engine) || engine == "KeeperMap") return;
  if (engine == kDistributed) refuse_distributed(database, table);
  throw base::SchemaError(fmt::format(
      "table {}.{} is on this server only (its engine is {}), and the database is kept on several "
      "servers; it is left as it is: rename or drop it (RENAME TABLE, DROP TABLE), and it is made "
      "on all of them, or choose another database",
      database, table, engine));
}

void check_all_servers(Connection& connection, std::string_view database, std::string_view table) {
  const Replication& replication = connection.endpoint().dialect.replication;
  if (replication.cluster.empty()) return;
  const auto count =
      query_lines(connection, fmt::format("SELECT total_replicas FROM system.replicas WHERE {}",
                                          is_table(database, table)));
  if (count.empty() || std::stoul(count.front()) >= replication.servers) return;
  throw base::SchemaError(fmt::format(
      "table {}.{} has {} of the {} replicas that cluster {} has servers for, so that some server "
      "would "
      "get none of the rows. If a server is down, run again when it is back. If it was added "
      "later, make "
      "the tables of the database on it by CREATE TABLE … UUID '…', as SHOW CREATE TABLE shows "
      "them with "
      "show_table_uuid_in_table_create_query_if_not_nil = 1, or choose another database",
      database, table, count.front(), replication.servers, replication.cluster));
}

unsigned count_active_replicas(Connection& connection, std::string_view database,
                               std::string_view table) {
  if (!connection.endpoint().dialect.replication.is_on) return 0;
  const auto count =
      query_lines(connection, fmt::format("SELECT active_replicas FROM system.replicas WHERE {}",
                                          is_table(database, table)));
  return count.empty() ? 0 : static_cast<unsigned>(std::stoul(count.front()));
}

std::vector<std::string> await_replicas(Connection& connection, std::string_view database,
                                        std::string_view table, milliseconds patience) {
  const Dialect& dialect = connection.endpoint().dialect;
  if (!dialect.replication.is_on || !dialect.has_active_replica_wait) return {};
  const std::string where = is_table(database, table);
  const auto own = query_lines(
      connection,
      // On shards, a table of that name is another one on each.
      fmt::format("SELECT concat('cityHash64(zookeeper_path) = ', "
                  "toString(cityHash64(zookeeper_path)), ' AND (log_pointer <= ', "
                  "toString(log_max_index), ' OR (queue_size != 0 AND queue_oldest_time <= "
                  "toDateTime(', toString(toUnixTimestamp(now())), ')))') FROM system.replicas "
                  "WHERE {}",
                  where));
  if (own.empty()) return {};
  const std::string behind = fmt::format(
      "SELECT replica_name FROM clusterAllReplicas({}, system.replicas) WHERE {} AND {} ORDER BY "
      "replica_name",
      quote_literal(dialect.replication.all_replicas), where, own.front());
  std::vector<std::string> late;
  milliseconds waited{0};
  for (milliseconds pause = kFirstLook;; pause = std::min(pause * 2, kLastLook)) {
    try {
      late = query_lines(connection, behind, {{"skip_unavailable_shards", "1"}});
    } catch (const base::ServerError&) {
      // The servers of a Replicated database may not log in to each other.
      late.clear();
    }
    if (late.empty() || waited >= patience) break;
    base::pause_for(pause, {});
    waited += pause;
  }
  const auto inactive = query_lines(
      connection,
      fmt::format("SELECT arrayJoin(mapKeys(mapFilter((name, active) -> active = 0, "
                  "replica_is_active))) AS name FROM system.replicas WHERE {} ORDER BY name",
                  where));
  late.insert(late.end(), inactive.begin(), inactive.end());
  return late;
}

}  // namespace qvdhouse::clickhouse
