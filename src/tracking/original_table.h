// The table QvdFileTracking as the Python pipeline made it: what it says of files is taken over, so
// that none is loaded twice (docs/from-the-original.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clickhouse/connection.h"

namespace qvdhouse::tracking {

// The name that the pipeline's table has once ours stands in its place.
inline constexpr std::string_view kOriginalTable = "QvdFileTracking_original";
// FileRecord::run_id of what was taken over. Times of files are those that Python printed of a
// double of seconds: right to a microsecond.
inline constexpr std::string_view kOriginalRun = "original";

// What the pipeline's table says of each file, as a SELECT of the columns of ours: the newest row
// of each path. Nothing when the table is ours, absent, or of neither. Throws ServerError, IoError.
std::optional<std::string> select_of_original(clickhouse::Connection& connection,
                                              const std::string& database);

// Puts a table of ours with these rows in the place of the pipeline's by one EXCHANGE, and renames
// that to kOriginalTable. A call that was killed on its way leaves a table
// "QvdFileTracking_adopted_…": its own before the EXCHANGE, the pipeline's after it. Throws
// ConfigError when that name is taken.
void adopt_original(clickhouse::Connection& connection, const std::string& database,
                    const std::string& select);

}  // namespace qvdhouse::tracking
