// What the replicas of a table have of it, where the database is kept on several servers
// (Dialect::replication). Elsewhere each of these does nothing but the statement.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

// Runs an ALTER and returns when every active replica has done it. One that is not active does it
// when it is back. Throws ServerError, IoError, Cancelled.
void run_on_all_replicas(Connection& connection, std::string_view sql);

// Before a table is read: brings this replica what others have acknowledged. False when that was
// not possible in time (the only replica that has it is down), or not allowed: the grant SYSTEM
// SYNC REPLICA is missing. Throws ServerError, IoError, Cancelled.
bool catch_up(Connection& connection, std::string_view database, std::string_view table);

// Throws SchemaError for a table that is on this server only, where the database is kept on
// several.
void refuse_local_table(Connection& connection, std::string_view database, std::string_view table);

// Throws SchemaError when a server of the cluster has no replica of the table: it was added to the
// cluster after the table was made, and an own table of the same name there is another one.
void check_all_servers(Connection& connection, std::string_view database, std::string_view table);

// How many replicas of a table are active; 0 when it has none. They may be fewer a moment later.
unsigned count_active_replicas(Connection& connection, std::string_view database,
                               std::string_view table);

// Waits until each active replica has what the table holds now, `patience` at most. Returns the
// names of those that lack some of it, and of those that are not active: they fetch it later. Where
// the servers may not ask each other, only the latter are known.
std::vector<std::string> await_replicas(Connection& connection, std::string_view database,
                                        std::string_view table, std::chrono::milliseconds patience);

}  // namespace qvdhouse::clickhouse
