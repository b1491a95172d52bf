// Tables of which readers see the newest row of each key (docs/incremental.md). Such a table is
// two: "Orders__rows", which has the rows of all files, and the view "Orders" over it, which shows
// of each key the newest one, unless that says that the key is gone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"

namespace qvdhouse::clickhouse {

// Ends the name of the table that has the rows.
inline constexpr std::string_view kRowsSuffix = "__rows";
// Begins the comment of the view.
inline constexpr std::string_view kNewestRowsComment = "qvdhouse: the newest rows of ";

std::string rows_table(std::string_view table);

// CREATE OR REPLACE VIEW of `table`. `columns`: of its rows' table.
std::string newest_rows_sql(const Dialect& dialect, std::string_view database,
                            std::string_view table, const std::vector<ColumnDefinition>& columns);

// Whether the table is such a view. Throws ServerError, IoError, Cancelled.
bool is_newest_rows(Connection& connection, std::string_view database, std::string_view table);

// Whether there is a table with its rows, whatever became of the view. Throws as above.
bool has_newest_rows(Connection& connection, std::string_view database, std::string_view table);

// Makes the view where it is absent or does not show the columns that its rows' table has. Throws
// ServerError, IoError, Cancelled.
void ensure_newest_rows(Connection& connection, std::string_view database, std::string_view table);

// Throws SchemaError where one of the two names is that of another table.
void check_newest_rows(Connection& connection, std::string_view database, std::string_view table);

// Throws the SchemaError for a table of newest rows that is to be loaded in another mode.
[[noreturn]] void refuse_newest_rows(std::string_view database, std::string_view table);

}  // namespace qvdhouse::clickhouse
