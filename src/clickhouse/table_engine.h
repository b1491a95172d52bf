// Names and arguments of MergeTree engines: the same table kept on one server or on the replicas of
// a cluster.
#pragma once

#include <string>
#include <string_view>

#include "clickhouse/dialect.h"

namespace qvdhouse::clickhouse {

// Whether the server itself keeps rows of such a table on several servers: Replicated…MergeTree,
// and Shared…MergeTree of ClickHouse Cloud. `engine` may go on with keys and settings.
bool is_replicated_engine(std::string_view engine);

// The engine of a table on one server that treats its rows alike:
// "ReplicatedReplacingMergeTree('/path', '{replica}', version) ORDER BY id" →
// "ReplacingMergeTree(version) ORDER BY id".
std::string local_engine(std::string_view engine);

// The engine of a table that keeps every row as it came, laid out like one with `engine`:
// "ReplicatedReplacingMergeTree('/path', '{replica}', version) ORDER BY id" → "MergeTree ORDER BY
// id".
std::string plain_engine(std::string_view engine);

// Which servers of a database with shards keep the rows of a table.
enum class Reach {
  kAllShards,  // all of them
  kOwnShard,   // those of one shard have its part of the rows
};

// `engine`: a replicated one, as qvdhouse names it.
Reach reach_of(std::string_view engine);

// `engine` as a table of the database has to name it: where tables have replicas, "MergeTree" →
// "ReplicatedMergeTree", with a path of its own in ZooKeeper where the server's default one leads
// elsewhere. An engine that is replicated already, or is not a MergeTree, stays.
std::string engine_for(std::string_view engine, const Dialect& dialect, std::string_view database,
                       std::string_view table, Reach reach = Reach::kAllShards);

// Whether the table's path in ZooKeeper is one that engine_for() gave it.
bool has_own_path(std::string_view engine);

}  // namespace qvdhouse::clickhouse
