// The files that are failed, for counting: one statement.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "tracking/states.h"

namespace qvdhouse::tracking {

struct FailedFile {
  std::string path;
  ErrorClass error_class = ErrorClass::kNone;
};

// At most kMostFailedFiles; empty while the tables are not there.
inline constexpr unsigned kMostFailedFiles = 100'000;
std::vector<FailedFile> failed_files(const clickhouse::Endpoint& endpoint,
                                     const std::string& database, const std::stop_token& stop);

}  // namespace qvdhouse::tracking
