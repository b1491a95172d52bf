#include "clickhouse/topology.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "base/workers.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

// A balancer that picks one of two servers by chance shows one only to so many connections once in
// a thousand times.
constexpr std::size_t kConnections = 10;

// Servers on one host differ by where their data is.
constexpr std::string_view kWhoAnswers =
    "SELECT concat('host ', hostName(){}, ', data in ', (SELECT min(data_path) FROM "
    "system.databases WHERE name IN ('default', 'system')))";
constexpr std::string_view kAndUuid = ", ', UUID ', toString(serverUUID())";

std::string query_value(Connection& connection, std::string_view select) {
  const std::vector<std::string> lines = query_lines(connection, select);
  return lines.empty() ? "" : lines.front();
}

// The database may not be there yet.
Endpoint anywhere(Endpoint endpoint) {
  endpoint.database = "system";
  return endpoint;
}

// The server behind a new connection; nothing when it is too old for the statement.
std::optional<std::string> ask_server_id(const Endpoint& endpoint, const std::string& sql,
                                         const std::stop_token& stop) {
  try {
    Connection connection(endpoint, stop);
    return query_value(connection, sql);
  } catch (const base::ServerError& error) {
    if (error.code() != error_code::kUnknownFunction) throw;
    return std::nullopt;
  }
}

// ClickHouse Cloud keeps all tables for all of its servers.
bool is_cloud(Connection& connection) {
  return query_value(connection, "SELECT value FROM system.settings WHERE name = 'cloud_mode'") ==
         "1";
}

struct Replica {
  unsigned shard = 0;
  bool is_local = false;
  std::string address;  // "n1:9000"
};

// The replicas of a cluster; empty when there is none of that name, or they may not be listed.
std::vector<Replica> replicas_of(Connection& connection, const std::string& cluster) {
  std::vector<Replica> replicas;
  try {
    const auto lines = query_lines(
        connection,
        fmt::format(
            "SELECT concat(toString(shard_num), ' ', toString(is_local), ' ', host_name, ':', "
            "toString(port)) FROM system.clusters WHERE cluster = {} ORDER BY shard_num, "
            "replica_num",
            quote_literal(cluster)));
    for (const std::string& line : lines) {
      const std::size_t local = line.find(' ') + 1;
      replicas.push_back({.shard = static_cast<unsigned>(std::stoul(line)),
                          .is_local = line.substr(local, 1) == "1",
                          .address = line.substr(line.find(' ', local) + 1)});
    }
  } catch (const base::ServerError& error) {
    if (error.code() != error_code::kAccessDenied) throw;
  }
  return replicas;
}

std::size_t count_shards(const std::vector<Replica>& replicas) {
  std::set<unsigned> shards;
  for (const Replica& replica : replicas) shards.insert(replica.shard);
  return shards.size();
}

Topology described(Replication replication, const std::string& what,
                   const std::vector<Replica>& replicas) {
  Topology topology{
      .replication = std::move(replication), .replicas = {}, .problem = {}, .text = {}};
  for (const Replica& replica : replicas) topology.replicas.push_back(replica.address);
  topology.text =
      what + (replicas.empty()
                  ? "; the server does not list its replicas"
                  : fmt::format(": {} ({})", base::format_quantity(replicas.size(), "replica"),
                                fmt::join(topology.replicas, ", ")));
  return topology;
}

Topology refused(std::string problem, std::string fix) {
  return {.replication = {},
          .replicas = {},
          .problem = Spread{std::move(problem), std::move(fix)},
          .text = {}};
}

Topology refuse_shards(const std::string& what, std::size_t shards) {
  return refused(
      fmt::format("{} has {} shards, and rows would be loaded on one of them only", what, shards),
      "Choose a database or a cluster of one shard; shards are not supported yet");
}

Topology ask_replicated_database(Connection& connection, const std::string& database) {
  const std::vector<Replica> replicas = replicas_of(connection, database);
  const std::string what = fmt::format("database {}, engine Replicated", database);
  if (const std::size_t shards = count_shards(replicas); shards > 1) {
    return refuse_shards(what, shards);
  }
  return described({.is_on = true, .cluster = {}, .all_replicas = database}, what, replicas);
}

// "{name}" as that macro says; any other text as it is.
std::string macro_value(Connection& connection, const std::string& text) {
  if (!text.starts_with('{') || !text.ends_with('}')) return text;
  return query_value(connection,
                     fmt::format("SELECT substitution FROM system.macros WHERE macro = {}",
                                 quote_literal(text.substr(1, text.size() - 2))));
}

// By the settings of the user, without what is sent with each request.
bool allows_low_cardinality(const Connection& connection) {
  Endpoint endpoint = connection.endpoint();
  endpoint.dialect.needs_low_cardinality_setting = false;
  Connection own(endpoint);
  return query_value(own,
                     "SELECT value FROM system.settings WHERE name = "
                     "'allow_experimental_low_cardinality_type'") == "1";
}

Topology ask_cluster(Connection& connection, const std::string& wanted) {
  const std::string cluster = macro_value(connection, wanted);
  const std::vector<Replica> replicas = replicas_of(connection, cluster);
  const std::string what = "cluster " + (cluster.empty() ? wanted : cluster);
  if (replicas.empty()) {
    const auto names =
        query_lines(connection, "SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster");
    return refused(fmt::format("the server knows no {} (clickhouse.cluster)", what),
                   names.empty()
                       ? "system.clusters has none"
                       : fmt::format("Those in system.clusters are: {}", fmt::join(names, ", ")));
  }
  if (const std::size_t shards = count_shards(replicas); shards > 1) {
    return refuse_shards(what, shards);
  }
  if (std::ranges::none_of(replicas, &Replica::is_local)) {
    return refused(
        fmt::format("the server that was reached is not one of {}, which system.clusters lists",
                    what),
        "Set CLICKHOUSE_URL to one of its servers, or clickhouse.cluster to the cluster of this "
        "one");
  }
  const auto macros = query_lines(connection, "SELECT macro FROM system.macros");
  for (const std::string_view needed : {"shard", "replica"}) {
    if (std::ranges::find(macros, needed) != macros.end()) continue;
    return refused(
        fmt::format("the server has no macro {}, which names a table's replicas", needed),
        "Add <macros> with shard and replica to the settings of each server of the "
        "cluster");
  }
  // The servers run a statement ON CLUSTER with their own settings, not with those it came with.
  if (connection.endpoint().dialect.needs_low_cardinality_setting &&
      !allows_low_cardinality(connection)) {
    return refused(
        fmt::format("ClickHouse {} makes tables with LowCardinality on a cluster only where each "
                    "server's own settings allow it",
                    connection.endpoint().dialect.version()),
        "Add <allow_experimental_low_cardinality_type>1 to the default profile of each server of "
        "the cluster");
  }
  return described(
      {.is_on = true, .cluster = cluster, .all_replicas = cluster, .servers = replicas.size()},
      what, replicas);
}

}  // namespace

std::optional<Spread> find_servers(const Endpoint& endpoint, std::stop_token stop) {
  const Endpoint system = anywhere(endpoint);
  Connection connection(system, stop);
  if (is_cloud(connection)) return std::nullopt;
  std::vector<std::string> answers(kConnections);
  std::string sql = fmt::format(kWhoAnswers, kAndUuid);
  if (!ask_server_id(system, sql, stop)) sql = fmt::format(kWhoAnswers, "");
  // At once: a balancer that looks for the least busy server takes another one for each.
  base::for_each_index(kConnections, kConnections, [&](std::size_t i) {
    answers[i] = ask_server_id(system, sql, stop).value_or("an older server");
  });
  const std::set<std::string> servers(answers.begin(), answers.end());
  if (servers.size() == 1) return std::nullopt;
  return Spread{
      fmt::format("{} is the address of several servers: {} connections reached {} of them ({}). "
                  "A load uses tables that are on one of them only",
                  endpoint.url, kConnections, servers.size(), fmt::join(servers, "; ")),
      "Set CLICKHOUSE_URL (or CLICKHOUSE_HOST) to the address of one of the servers"};
}

Topology ask_topology(const Endpoint& endpoint, const std::string& database,
                      const std::string& cluster, std::stop_token stop) {
  Connection connection(anywhere(endpoint), std::move(stop));
  if (is_cloud(connection)) {
    return {.replication = {},
            .replicas = {},
            .problem = {},
            .text = "ClickHouse Cloud, which keeps each table for all of its servers"};
  }
  const std::string engine = query_value(
      connection,
      fmt::format("SELECT engine FROM system.databases WHERE name = {}", quote_literal(database)));
  // Such a database brings each statement to its replicas, and refuses ON CLUSTER.
  if (engine == "Replicated") return ask_replicated_database(connection, database);
  if (!cluster.empty()) return ask_cluster(connection, cluster);
  return {.replication = {}, .replicas = {}, .problem = {}, .text = "one server"};
}

}  // namespace qvdhouse::clickhouse
