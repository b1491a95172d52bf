// CREATE TABLE statements and what DESCRIBE says of a table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/column_type.h"
#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

struct ColumnDefinition {
  std::string name;
  std::string type;   // as ClickHouse spells it
  std::string codec;  // "Delta, ZSTD(1)"; empty: the server's default
  std::string comment;
};

// An aggregate that the server keeps in each part as it writes it.
struct Projection {
  std::string name;
  std::string select;  // "SELECT …" without FROM; empty: no projection
};

struct TableDefinition {
  std::string database;
  std::string name;
  std::vector<ColumnDefinition> columns;
  std::vector<std::string> order_by;            // column names; empty: tuple()
  std::string partition_by;                     // SQL expression; empty: none
  std::string engine = "MergeTree";             // with its arguments
  std::string ttl;                              // SQL expression; empty: none
  std::map<std::string, std::string> settings;  // of the engine
  std::string comment;
  Projection projection;
};

// CREATE TABLE `db`.`name` (…) ENGINE = MergeTree ORDER BY (…) COMMENT '…'
std::string create_table_sql(const TableDefinition& table);

// Name and type of each column of a table, in order; empty when the table does not exist.
std::vector<ColumnDefinition> describe_table(Connection& connection, std::string_view database,
                                             std::string_view table);

// The comment of a table: of its first column, in front of that column's own, where the server has
// none for tables. Nothing when the table does not exist.
std::optional<std::string> table_comment(Connection& connection, std::string_view database,
                                         std::string_view table);

}  // namespace qvdhouse::clickhouse
