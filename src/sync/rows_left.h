// Rows that are still in tables although the file that they came from was not loaded as it is now:
// it was replaced by a broken one, waits, or failed for any other reason.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// Number of rows by file_path, of those `files` whose last load did not complete and whose table
// exists in the connection's database: all rows of a table of one file, those under the file's key
// in a table of many. Left out are files of a set without a row there, files whose table is that of
// another, loaded file, and files that were reset. `files` must be all that are tracked. Throws
// ServerError, IoError.
std::map<std::string, std::uint64_t> rows_left(const std::vector<tracking::FileRecord>& files,
                                               tracking::Tracking& tracking,
                                               clickhouse::Connection& connection);

}  // namespace qvdhouse::sync
