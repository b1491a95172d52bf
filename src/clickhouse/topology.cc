#include "clickhouse/topology.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "base/workers.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"
#include "http/curl.h"

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
  unsigned weight = 1;  // of the shard
  bool is_local = false;
  std::string address;  // "n1:9000"
};

// The replicas of a cluster; empty when there is none of that name, or they may not be listed.
std::vector<Replica> replicas_of(Connection& connection, const std::string& cluster) {
  std::vector<Replica> replicas;
  try {
    const auto lines = query_lines(
        connection,
        fmt::format("SELECT concat(toString(shard_num), ' ', toString(shard_weight), ' ', "
                    "toString(is_local), ' ', host_name, ':', toString(port)) FROM system.clusters "
                    "WHERE cluster = {} ORDER BY shard_num, "
                    "replica_num",
                    quote_literal(cluster)));
    for (const std::string& line : lines) {
      std::istringstream words(line);
      Replica& replica = replicas.emplace_back();
      words >> replica.shard >> replica.weight >> replica.is_local >> replica.address;
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
  if (replicas.empty()) {
    topology.text = what + "; the server does not list its replicas";
    return topology;
  }
  const std::size_t shards = count_shards(replicas);
  topology.text = fmt::format(
      "{}: {}{} ({})", what,
      shards > 1 ? fmt::format("{}, ", base::format_quantity(shards, "shard")) : "",
      base::format_quantity(replicas.size(), "replica"), fmt::join(topology.replicas, ", "));
  return topology;
}

Topology refused(std::string problem, std::string fix) {
  return {.replication = {},
          .replicas = {},
          .problem = Spread{std::move(problem), std::move(fix)},
          .text = {}};
}

// Where one of the servers that the settings name is reached, and of which part of the cluster it
// is.
struct Place {
  std::string url;
  std::vector<std::string> lines;  // its answer
};

constexpr long kReachPatienceSeconds = 5;

// The answer of the server at `url` alone; nothing when it is not reached.
std::optional<Place> ask_at(Endpoint endpoint, const std::string& url, const std::string& select,
                            const std::stop_token& stop) {
  endpoint = impatient(std::move(endpoint), kReachPatienceSeconds);
  endpoint.url = url;
  endpoint.hosts = nullptr;
  try {
    Connection connection(std::move(endpoint), stop);
    return Place{.url = url, .lines = query_lines(connection, select)};
  } catch (const base::IoError&) {
    return std::nullopt;
  }
}

// Those of the endpoint's servers that are reached.
std::vector<Place> ask_hosts(const Endpoint& endpoint, const std::string& select,
                             const std::stop_token& stop) {
  const std::vector<std::string> urls =
      endpoint.hosts ? endpoint.hosts->urls() : std::vector{endpoint.url};
  std::vector<std::optional<Place>> asked(urls.size());
  base::for_each_index(urls.size(), static_cast<unsigned>(urls.size()),
                       [&](std::size_t i) { asked[i] = ask_at(endpoint, urls[i], select, stop); });
  std::vector<Place> places;
  for (std::optional<Place>& place : asked) {
    if (place) places.push_back(*std::move(place));
  }
  return places;
}

// "; no answer from URL, URL", or nothing.
std::string silence_of(const Endpoint& endpoint, const std::vector<Place>& places) {
  std::vector<std::string> silent = endpoint.hosts->urls();
  std::erase_if(silent, [&](const std::string& url) {
    return std::ranges::find(places, url, &Place::url) != places.end();
  });
  return silent.empty() ? "" : fmt::format("; no answer from {}", fmt::join(silent, ", "));
}

// Every server keeps the database at the same place of its Keeper.
Topology ask_replicated_database(Connection& connection, const std::string& database,
                                 const std::stop_token& stop) {
  const std::vector<Replica> replicas = replicas_of(connection, database);
  const std::string what = fmt::format("database {}, engine Replicated", database);
  if (const std::size_t shards = count_shards(replicas); shards > 1) {
    return refused(
        fmt::format("{} has {} shards, and the server lets no table of it be kept on all of them, "
                    "as tracking is",
                    what, shards),
        "Use a database of the engine Atomic, and name the cluster of its servers "
        "(clickhouse.cluster)");
  }
  std::string silence;
  if (connection.endpoint().hosts) {
    const std::string keeper_path = fmt::format(
        "SELECT extract(engine_full, '^Replicated.([^,)]*)') FROM system.databases WHERE name = {}",
        quote_literal(database));
    const std::string own = query_value(connection, keeper_path);
    const std::vector<Place> places = ask_hosts(connection.endpoint(), keeper_path, stop);
    silence = silence_of(connection.endpoint(), places);
    for (const Place& place : places) {
      if (place.lines == std::vector{own}) continue;
      return refused(
          fmt::format("{} (clickhouse.hosts) has no part of {}", place.url, what),
          "Leave it away, or make the database there with the path and the shard that it has on "
          "the other servers");
    }
  }
  Topology topology =
      described({.is_on = true, .cluster = {}, .all_replicas = database}, what, replicas);
  topology.text += silence;
  return topology;
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

// The address of another server of the cluster whose HTTP port is that of `url`.
std::string url_of(const std::string& url, const Replica& replica) {
  const std::string host = replica.address.substr(0, replica.address.rfind(':'));
  http::Url there = *http::Url::parse(url);
  there.set(CURLUPART_HOST, host.find(':') == std::string::npos ? host : "[" + host + "]");
  std::string text = there.part(CURLUPART_URL);
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// The servers of each shard that are reached, at the addresses of the settings or else at those of
// the cluster's own list. Fills `topology`, or says what is wrong there.
void find_shards(const Connection& connection, const std::string& what,
                 const std::vector<Replica>& replicas, const std::stop_token& stop,
                 Topology& topology) {
  const Endpoint& endpoint = connection.endpoint();
  const bool has_shards = count_shards(replicas) > 1;
  if (!has_shards && !endpoint.hosts) return;
  const std::string own_shard = fmt::format(
      "SELECT DISTINCT toString(shard_num) FROM system.clusters WHERE cluster = {} AND is_local",
      quote_literal(topology.replication.cluster));
  std::map<unsigned, std::vector<std::string>> urls;
  const std::vector<Place> places = ask_hosts(endpoint, own_shard, stop);
  if (endpoint.hosts) topology.text += silence_of(endpoint, places);
  for (const Place& place : places) {
    if (place.lines.empty()) {
      topology = refused(
          fmt::format("{} (clickhouse.hosts) is not one of the servers of {}", place.url, what),
          "Leave it away");
      return;
    }
    urls[static_cast<unsigned>(std::stoul(place.lines.front()))].push_back(place.url);
  }
  if (!has_shards) return;
  for (const Replica& replica : replicas) {
    std::vector<std::string>& known = urls[replica.shard];
    const std::vector<std::string> shard = {std::to_string(replica.shard)};
    if (!known.empty()) continue;
    const auto place = ask_at(endpoint, url_of(pinned(endpoint).url, replica), own_shard, stop);
    if (place && place->lines == shard) known.push_back(place->url);
  }
  for (const Replica& replica : replicas) {
    const std::vector<std::string>& known = urls[replica.shard];
    if (known.empty()) {
      topology = refused(
          fmt::format("no server of shard {} of {} was reached, and rows go to the servers of each",
                      replica.shard, what),
          "Name the HTTP address of one of them in clickhouse.hosts");
      return;
    }
    std::vector<Shard>& shards = topology.replication.shards;
    if (!shards.empty() && shards.back().number == replica.shard) continue;
    shards.push_back({.number = replica.shard,
                      .weight = replica.weight,
                      .hosts = std::make_shared<Hosts>(known)});
  }
}

Topology ask_cluster(Connection& connection, const std::string& wanted,
                     const std::stop_token& stop) {
  const Dialect& dialect = connection.endpoint().dialect;
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
  if (const std::size_t shards = count_shards(replicas);
      shards > 1 && !dialect.has_default_replica_path) {
    return refused(
        fmt::format("{} has {} shards, and ClickHouse {} keeps no table on all of them, as "
                    "tracking is",
                    what, shards, dialect.version()),
        "Choose a cluster of one shard, or a newer server");
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
  if (dialect.needs_low_cardinality_setting && !allows_low_cardinality(connection)) {
    return refused(
        fmt::format("ClickHouse {} makes tables with LowCardinality on a cluster only where each "
                    "server's own settings allow it",
                    dialect.version()),
        "Add <allow_experimental_low_cardinality_type>1 to the default profile of each server of "
        "the cluster");
  }
  Topology topology = described(
      {.is_on = true, .cluster = cluster, .all_replicas = cluster, .servers = replicas.size()},
      what, replicas);
  find_shards(connection, what, replicas, stop, topology);
  return topology;
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
  Connection connection(anywhere(endpoint), stop);
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
  if (engine == "Replicated") return ask_replicated_database(connection, database, stop);
  if (!cluster.empty()) return ask_cluster(connection, cluster, stop);
  if (endpoint.hosts) {
    return refused(
        fmt::format("clickhouse.hosts names more servers than one, and tables of database {} are "
                    "on one server only",
                    database),
        "Use a database of the engine Replicated, or name the cluster of the servers "
        "(clickhouse.cluster)");
  }
  return {.replication = {}, .replicas = {}, .problem = {}, .text = "one server"};
}

}  // namespace qvdhouse::clickhouse
