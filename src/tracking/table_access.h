// What the tables of this module share: how they are made, kept in shape, read, filled and emptied.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "clickhouse/connection.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {

// ClickHouse's own database, which is always there; ours may have to be created first, and a
// request that names a missing database is refused whatever it asks.
clickhouse::Endpoint anywhere(clickhouse::Endpoint endpoint);

// Creates it where it is absent; who may not create databases need not, where it is there.
void ensure_database(clickhouse::Connection& connection, const std::string& database);

// Adds columns that an older version of qvdhouse did not have. RowBinary carries no types, so what
// is in the table must be what the codec writes: throws ConfigError when it is not.
void match_columns(clickhouse::Connection& connection, const std::string& database,
                   std::string_view table, const std::vector<Column>& wanted);

// Makes rows go `days` after their `started_at` (0: never), the table being older than the setting
// or not. On a server without TTL those that are due go now.
void expire_rows(clickhouse::Connection& connection, const std::string& database,
                 std::string_view table, unsigned days);

// RowBinary of SELECT `what` FROM table `rest`; empty also when the table or its database is not
// there.
std::string select_rows(clickhouse::Connection& connection, const std::string& database,
                        std::string_view what, std::string_view table, std::string_view rest);

// The same of `columns`; one that an older version of qvdhouse did not have, in a table that no run
// has brought up to date yet, has its type's default (String and UInt64 only).
std::string select_columns(clickhouse::Connection& connection, const std::string& database,
                           const std::vector<Column>& columns, std::string_view table,
                           std::string_view rest);

void insert_rows(clickhouse::Connection& connection, const std::string& database,
                 std::string_view table, const std::vector<Column>& columns,
                 std::span<const std::byte> row_binary);

// Returns when they are gone.
void delete_rows(clickhouse::Connection& connection, const std::string& database,
                 std::string_view table, const std::string& condition);

// No such table, or no such database.
bool is_absent(const base::ServerError& error);

}  // namespace qvdhouse::tracking
