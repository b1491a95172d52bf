// What a server makes of the names of tables and columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "clickhouse/column_type.h"
#include "clickhouse/connection.h"
#include "clickhouse/dialect.h"

namespace qvdhouse::clickhouse {

// Names a table in the names of locks and of temporary tables, which must be short whatever the
// table is called.
std::uint64_t table_hash(std::string_view database, std::string_view table);

// Bytes that a name takes in the names of the server's files: each byte that is not an ASCII
// letter, a digit or `_` takes three.
std::size_t stored_length(std::string_view name);

// The longest table name that the database can hold, in stored_length(). Null `connection`: of a
// server of the dialect whose file system takes names of 255 bytes. Throws ServerError, IoError.
std::size_t longest_table_name(Connection* connection, const Dialect& dialect,
                               const std::string& database);

// The longest name of a column of this type, in stored_length(). Where files can be named by a
// hash, as good as any.
std::size_t longest_column_name(const Dialect& dialect, const ColumnType& type);

// Throws SchemaError for a table name that the database cannot hold, and as longest_table_name(),
// which is asked only for a name that is not short.
void check_table_name(Connection* connection, const Dialect& dialect, const std::string& database,
                      const std::string& table);

}  // namespace qvdhouse::clickhouse
