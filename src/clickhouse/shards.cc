#include "clickhouse/shards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr std::string_view kKey = "cityHash64(_file)";
// One query asks about so many.
constexpr std::size_t kKeysAtOnce = 1'000;

std::size_t count_slots(const Replication& replication) {
  return std::transform_reduce(replication.shards.begin(), replication.shards.end(), std::size_t{0},
                               std::plus<>(),
                               [](const Shard& shard) { return std::size_t{shard.weight}; });
}

// The shard that a value of the key leads to, as Distributed tables choose it.
std::size_t shard_at(const Replication& replication, std::size_t slot) {
  std::size_t shard = 0;
  while (slot >= replication.shards[shard].weight) slot -= replication.shards[shard++].weight;
  return shard;
}

// Names the shards, since other ones would look for a file's rows elsewhere.
std::string comment_of(const Replication& replication) {
  std::vector<std::string> shards;
  for (const Shard& shard : replication.shards) {
    shards.push_back(shard.weight == 1 ? std::to_string(shard.number)
                                       : fmt::format("{} (weight {})", shard.number, shard.weight));
  }
  return fmt::format("qvdhouse: files are spread over the shards {} of cluster {}",
                     fmt::join(shards, ", "), replication.cluster);
}

std::string described(const ColumnDefinition& column) {
  return fmt::format("{} {} {}", quote_identifier(column.name), column.type, column.comment);
}

}  // namespace

std::string local_table(std::string_view table) { return fmt::format("{}{}", table, kLocalSuffix); }

std::vector<std::size_t> shards_of(Connection& connection,
                                   const std::vector<std::string>& file_keys) {
  const Replication& replication = connection.endpoint().dialect.replication;
  const std::size_t slots = count_slots(replication);
  std::vector<std::size_t> shards;
  for (std::size_t first = 0; first < file_keys.size(); first += kKeysAtOnce) {
    std::vector<std::string> keys;
    const std::size_t end = std::min(first + kKeysAtOnce, file_keys.size());
    for (std::size_t i = first; i < end; ++i) keys.push_back(quote_literal(file_keys[i]));
    const auto answer =
        query_lines(connection, fmt::format("SELECT toString(cityHash64(arrayJoin([{}])) % {})",
                                            fmt::join(keys, ", "), slots));
    for (const std::string& slot : answer) {
      shards.push_back(shard_at(replication, std::stoull(slot)));
    }
  }
  return shards;
}

Endpoint at_shard(Endpoint endpoint, std::size_t shard) {
  endpoint.hosts = endpoint.dialect.replication.shards.at(shard).hosts;
  endpoint.url = endpoint.hosts->current();
  return endpoint;
}

std::string distributed_sql(const Dialect& dialect, std::string_view database,
                            std::string_view table) {
  const std::string local = local_table(table);
  return fmt::format("CREATE OR REPLACE TABLE {}{} AS {} ENGINE = {}({}, {}, {}, {}) COMMENT {}",
                     qualified(database, table), dialect.replication.on_cluster(),
                     qualified(database, local), kDistributed,
                     quote_literal(dialect.replication.cluster), quote_literal(database),
                     quote_literal(local), kKey, quote_literal(comment_of(dialect.replication)));
}

bool is_distributed(Connection& connection, std::string_view database, std::string_view table) {
  return !connection.endpoint().dialect.replication.shards.empty() &&
         engine_of(connection, database, table) == kDistributed;
}

void ensure_distributed(Connection& connection, std::string_view database, std::string_view table) {
  const auto columns = describe_table(connection, database, local_table(table));
  const auto shown = describe_table(connection, database, table);
  if (columns.empty() || std::ranges::equal(columns, shown, {}, described, described)) return;
  connection.query(distributed_sql(connection.endpoint().dialect, database, table));
}

void refuse_distributed(std::string_view database, std::string_view table) {
  throw base::SchemaError(fmt::format(
      "the files of table {}.{} are spread over the shards of a cluster (its engine is "
      "Distributed), and are to be in one table; nothing was changed: set clickhouse.cluster and "
      "sharding = \"file\" as they were, or load it again: qvdhouse reset --table {} --with-data, "
      "then sync",
      database, table, table));
}

void check_distributed(Connection& connection, std::string_view database, std::string_view table) {
  const std::string engine = engine_of(connection, database, table);
  if (engine.empty()) return;
  const std::string fix =
      fmt::format("load it again: qvdhouse reset --table {} --with-data, then sync", table);
  if (engine != kDistributed) {
    throw base::SchemaError(
        fmt::format("table {}.{} has all rows itself (its engine is {}), and its files are to be "
                    "spread over the shards; nothing was changed: {}, or set sharding = \"copy\" "
                    "for it",
                    database, table, engine, fix));
  }
  const std::string expected = comment_of(connection.endpoint().dialect.replication);
  const std::string found = table_comment(connection, database, table).value_or("");
  if (found == expected) return;
  throw base::SchemaError(
      fmt::format("table {}.{} was made for other shards, where its files would not be found again "
                  "(expected the comment \"{}\", found \"{}\"); nothing was changed: {}",
                  database, table, expected, found, fix));
}

}  // namespace qvdhouse::clickhouse
