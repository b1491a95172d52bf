// The sums of load/checksum.h as ClickHouse computes them, in SQL.
//
// Reading a large table again for its sum would cost 40 % of its load. So while it is filled, the
// server keeps the sum of each part inside the part as it writes it (a projection of these very
// expressions): asked for it, it adds those up. Without the projection (a small table, one of
// very many columns; `verify`, at any later time) the same query reads everything.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "load/checksum.h"

namespace qvdhouse::load {

// The rows' sums as the SELECT of a projection; empty where columns are too many for one.
std::string sums_projection_sql(std::span<const ColumnValues> columns,
                                clickhouse::HashFunction function);

// The hash of a row, which the rows' sums add up: an expression over the columns.
std::string row_hash_sql(std::span<const ColumnValues> columns, clickhouse::HashFunction function);

// Lets the server sum up the rows of `table` (quoted and qualified, or a subquery) that `where`
// (SQL; empty: all) says.
RowSums sum_table(clickhouse::Connection& connection, std::string_view table,
                  std::span<const ColumnValues> columns, unsigned threads,
                  std::string_view where = {});

// The same of each column.
std::vector<ColumnSums> sum_table_columns(clickhouse::Connection& connection,
                                          std::string_view table,
                                          std::span<const ColumnValues> columns, unsigned threads,
                                          std::string_view where = {});

}  // namespace qvdhouse::load
