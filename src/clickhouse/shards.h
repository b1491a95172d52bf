// Tables whose files are spread over the shards of a cluster (docs/cluster.md). Such a table is
// two: "Sales__local" on every server, which has the rows of each file on the servers of one shard,
// and the Distributed table "Sales" over it, which shows them all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

// Ends the name of the table that has the rows.
inline constexpr std::string_view kLocalSuffix = "__local";

std::string local_table(std::string_view table);

// The shard that each file's rows are on, as an index of Replication::shards: cityHash64(_file)
// decides, by the weights of the shards. Throws ServerError, IoError, Cancelled.
std::vector<std::size_t> shards_of(Connection& connection,
                                   const std::vector<std::string>& file_keys);

// The servers of one shard.
Endpoint at_shard(Endpoint endpoint, std::size_t shard);

// CREATE OR REPLACE TABLE of the Distributed table, with the columns that its rows' table has.
std::string distributed_sql(const Dialect& dialect, std::string_view database,
                            std::string_view table);

inline constexpr std::string_view kDistributed = "Distributed";

// Whether the table shows the rows of others.
bool is_distributed(Connection& connection, std::string_view database, std::string_view table);

// Makes the Distributed table where it is absent or has other columns than its rows' table. Throws
// ServerError, IoError, Cancelled.
void ensure_distributed(Connection& connection, std::string_view database, std::string_view table);

// Throws the SchemaError for a table whose files are spread where all its rows are to be in itself.
[[noreturn]] void refuse_distributed(std::string_view database, std::string_view table);

// Throws SchemaError where the table is one that this layout has no place for: it has the rows
// itself, or its files were spread over other shards.
void check_distributed(Connection& connection, std::string_view database, std::string_view table);

}  // namespace qvdhouse::clickhouse
