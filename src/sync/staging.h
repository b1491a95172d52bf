// Staging tables that a load left behind because it, or the server, was killed. A name is of one
// run, and whoever holds the target's claim knows that no load of it is alive: so every staging
// table of that target is stale.
#pragma once

#include <cstdint>
#include <string>

#include "clickhouse/connection.h"

namespace qvdhouse::sync {

// "20260712T101500_3f9a2c1b": start time and 32 random bits.
std::string make_run_id(std::int64_t now_us);

// Whether `table` is named as a staging table of the target (load/staging.h).
bool is_staging_of(const std::string& database, const std::string& target,
                   const std::string& table);

// Drops a temporary table if it was made by us (its comment says so). No load that is alive may
// have made it. Returns whether it was dropped.
bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table);

}  // namespace qvdhouse::sync
