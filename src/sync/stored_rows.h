// Rows that tables really have of their files, whatever tracking says of them: a file may have been
// replaced by a broken one, and a table may have been changed by hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// Number of rows by file_path in the tables of the connection's database: all rows of a table of
// one file, those under the file's key in a table of many. Of each loaded file (0: its table is not
// there), and of others with a row, but for files whose table is that of another, loaded file, and
// files that were reset or moved. `files` must be all that are tracked. Throws ServerError,
// IoError.
std::map<std::string, std::uint64_t> stored_rows(const std::vector<tracking::FileRecord>& files,
                                                 tracking::Tracking& tracking,
                                                 clickhouse::Connection& connection);

}  // namespace qvdhouse::sync
