// The part of load/commit.h that rebuilds a table from its rows.
#pragma once

#include <string>

#include "clickhouse/connection.h"
#include "load/commit.h"

namespace qvdhouse::load {

// SQL: whether a row is one that `rows` replaces.
std::string rows_of(const StagedRows& rows);

// The table without the rows of a file, made as `aside` like the table itself, and swapped in.
void rebuild_without(clickhouse::Connection& connection, const std::string& aside,
                     const std::string& table, const std::string& file_key);

}  // namespace qvdhouse::load
