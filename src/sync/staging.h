// Staging tables that a load left behind because it, or the server, was killed. A load's own
// staging table is named after its run, and whoever holds the target's claim knows that no load of
// it is alive: so every staging table of that target is stale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "clickhouse/connection.h"

namespace qvdhouse::sync {

// "20260712T101500_3f9a2c1b": start time and 32 random bits.
std::string make_run_id(std::int64_t now_us);

// "QvdItem" for "QvdItem__staging_20260712T101500_3f9a2c1b", also with the number of a file of a
// set behind it ("…_12"); empty for any other name.
std::optional<std::string> staging_target(const std::string& table);

// Drops it if it was made by us (its comment says so). The claim on its target must be held.
// Returns whether it was dropped.
bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table);

}  // namespace qvdhouse::sync
