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
#include "clickhouse/table_engine.h"

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
  std::vector<std::string> order_by;     // column names; empty: tuple()
  std::vector<std::string> primary_key;  // the first of order_by; empty: all of it
  std::string partition_by;              // SQL expression; empty: none
  std::string sample_by;                 // SQL expression; empty: none
  // Data skipping indexes: name → "expression TYPE minmax GRANULARITY 4".
  std::map<std::string, std::string> indexes;
  std::string engine = "MergeTree";  // with its arguments
  Reach reach = Reach::kAllShards;
  std::string ttl;                              // SQL expression; empty: none
  std::map<std::string, std::string> settings;  // of the engine
  std::string comment;
  Projection projection;
};

// What of the definition a server of that dialect can keep: without codecs where it has none, the
// table's comment in front of the first column's where tables have none (table_comment() finds it
// there). Throws ConfigError for what changes more than speed: a TTL, whose rows would stay, and
// for a primary key, a sample or an index that somebody asked for.
TableDefinition adapted(TableDefinition table, const Dialect& dialect);

// CREATE TABLE `db`.`name` (…) ENGINE = MergeTree ORDER BY (…) COMMENT '…', of the definition as
// adapted to the dialect.
std::string create_table_sql(const TableDefinition& definition, const Dialect& dialect = {});

// DROP TABLE IF EXISTS, so that the name is free when it returns.
std::string drop_table_sql(const Dialect& dialect, std::string_view database,
                           std::string_view table);

// Name and type of each column of a table, in order; empty when the table does not exist.
std::vector<ColumnDefinition> describe_table(Connection& connection, std::string_view database,
                                             std::string_view table);

// What table_comment() says of a table that can have none, since old servers keep no comments on
// replicas: it is one of ours by its path in ZooKeeper.
inline constexpr std::string_view kReplicatedComment = "qvdhouse: kept on replicas";

// The name of a table's engine, "MergeTree"; empty when the table does not exist.
std::string engine_of(Connection& connection, std::string_view database, std::string_view table);

// The comment of a table, or of its first column where the table has none. Nothing when the table
// does not exist.
std::optional<std::string> table_comment(Connection& connection, std::string_view database,
                                         std::string_view table);

}  // namespace qvdhouse::clickhouse
