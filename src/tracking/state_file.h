// The state of a target as a file: the rows of the tracking tables as lines of JSON, with which
// another target goes on where this one stopped.
//
//   {"qvdhouse_state":1}
//   {"table":"QvdFileTracking"}
//   {"file_path":"/data/item.qvd", …}      a line a row; times are microseconds since 1970 UTC
//   …
//   {"end":true,"rows":1234}               without it, the file was cut
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "clickhouse/connection.h"

namespace qvdhouse::tracking {

using StateRows = std::map<std::string, std::uint64_t, std::less<>>;  // by table

// Hands over the file piece by piece. A table that is not there has no rows. Throws ServerError,
// IoError, Cancelled.
StateRows dump_state(clickhouse::Connection& connection, const std::string& database,
                     const std::function<void(std::string_view)>& write);

// A whole file, looked at once. Throws InputError for one that is not a whole dump, IoError when it
// cannot be read.
class StateFile {
 public:
  explicit StateFile(std::filesystem::path path);
  const std::filesystem::path& path() const { return path_; }
  const StateRows& rows() const { return rows_; }

 private:
  std::filesystem::path path_;
  StateRows rows_;
};

// Makes the tables where they are absent and fills them. Throws ConfigError when they
// have rows already and not `replaces` (which empties them first), VerifyError when the tables do
// not have the file's rows at the end; ServerError, IoError, Cancelled.
StateRows restore_state(clickhouse::Connection& connection, const std::string& database,
                        unsigned history_days, const StateFile& file, bool replaces);

}  // namespace qvdhouse::tracking
