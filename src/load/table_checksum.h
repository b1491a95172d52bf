// The sums of load/checksum.h as ClickHouse computes them, in SQL.
//
// Reading a large table again for its sums would cost 40 % of its load. So while it is filled, the
// server keeps the sums of each part inside the part as it writes it (a projection of these very
// expressions): asked for them, it adds those up. Without the projection (a small table, one of
// very many columns; `verify`, at any later time) the same query reads everything.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "clickhouse/connection.h"
#include "load/checksum.h"

namespace qvdhouse::load {

// The sums as the SELECT of a projection; empty where columns are too many for one query.
std::string sums_projection_sql(std::span<const ColumnValues> columns,
                                clickhouse::HashFunction function);

// Lets the server compute the checksums of `table` (quoted and qualified), of the rows that `where`
// (SQL; empty: all) says.
Checksums checksum_table(clickhouse::Connection& connection, std::string_view table,
                         std::span<const ColumnValues> columns, unsigned threads,
                         std::string_view where = {});

}  // namespace qvdhouse::load
