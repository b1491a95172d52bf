#include "clickhouse/topology.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
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
    "system.databases WHERE name IN ('default', 'system'))) FORMAT TSVRaw";
constexpr std::string_view kAndUuid = ", ', UUID ', toString(serverUUID())";

std::string one_line(std::string answer) {
  while (answer.ends_with('\n')) answer.pop_back();
  return answer;
}

// The server behind a new connection; nothing when it is too old for the statement.
std::optional<std::string> ask_server_id(const Endpoint& endpoint, const std::string& sql,
                                         const std::stop_token& stop) {
  try {
    return one_line(Connection(endpoint, stop).query(sql));
  } catch (const base::ServerError& error) {
    if (error.code() != error_code::kUnknownFunction) throw;
    return std::nullopt;
  }
}

std::optional<Spread> find_servers(const Endpoint& endpoint, const std::stop_token& stop) {
  std::vector<std::string> answers(kConnections);
  std::string sql = fmt::format(kWhoAnswers, kAndUuid);
  if (!ask_server_id(endpoint, sql, stop)) sql = fmt::format(kWhoAnswers, "");
  // At once: a balancer that looks for the least busy server takes another one for each.
  base::for_each_index(kConnections, kConnections, [&](std::size_t i) {
    answers[i] = ask_server_id(endpoint, sql, stop).value_or("an older server");
  });
  const std::set<std::string> servers(answers.begin(), answers.end());
  if (servers.size() == 1) return std::nullopt;
  return Spread{
      fmt::format("{} is the address of several servers: {} connections reached {} of them ({}). "
                  "Rows would be loaded on one of them only",
                  endpoint.url, kConnections, servers.size(), fmt::join(servers, "; ")),
      "Set CLICKHOUSE_URL (or CLICKHOUSE_HOST) to the address of one of the servers; clusters are "
      "not supported yet"};
}

// "n1:9000"; empty when the replicas cannot be listed.
std::vector<std::string> replicas_of(Connection& connection, const std::string& database) {
  std::string answer;
  try {
    answer = connection.query(
        fmt::format("SELECT concat(host_name, ':', toString(port)) FROM system.clusters WHERE "
                    "cluster = {} ORDER BY shard_num, replica_num FORMAT TSVRaw",
                    quote_literal(database)));
  } catch (const base::ServerError& error) {
    if (error.code() != error_code::kAccessDenied) throw;
  }
  std::vector<std::string> replicas;
  for (std::string_view rest = answer; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) replicas.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return replicas;
}

std::optional<Spread> find_replicas(const Endpoint& endpoint, const std::string& database,
                                    const std::stop_token& stop) {
  Connection connection(endpoint, stop);
  const std::string engine = one_line(
      connection.query(fmt::format("SELECT engine FROM system.databases WHERE name = {} FORMAT "
                                   "TSVRaw",
                                   quote_literal(database))));
  if (engine != "Replicated") return std::nullopt;
  const std::vector<std::string> replicas = replicas_of(connection, database);
  if (replicas.size() == 1) return std::nullopt;
  const std::string count =
      replicas.empty()
          ? fmt::format("system.clusters does not tell user {} how many replicas it has",
                        endpoint.user)
          : fmt::format("it has {} replicas ({})", replicas.size(), fmt::join(replicas, ", "));
  return Spread{
      fmt::format("database {} has the engine Replicated, and {}. Rows would be loaded on one "
                  "replica only",
                  database, count),
      "Set CLICKHOUSE_DB (or the database of CLICKHOUSE_URL) to a database of another engine on "
      "one server, made by CREATE DATABASE … ENGINE = Atomic; clusters are not supported yet"};
}

}  // namespace

std::optional<Spread> find_spread(const Endpoint& endpoint, const std::string& database,
                                  std::stop_token stop) {
  Endpoint anywhere = endpoint;
  anywhere.database = "system";  // the database may not be there yet
  if (auto spread = find_servers(anywhere, stop)) return spread;
  return find_replicas(anywhere, database, stop);
}

}  // namespace qvdhouse::clickhouse
