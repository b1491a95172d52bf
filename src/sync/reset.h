// Forgets files, so that the next run takes them up again: tracking's rows of them go, and their
// own rows too when that is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// What is to be done about the chosen files.
struct Reset {
  std::vector<std::string> forgotten;          // their rows in the tracking table go
  std::vector<tracking::FileRecord> restated;  // theirs stay, so that they keep their key
  std::set<std::string> dropped;               // tables
  std::vector<tracking::FileRecord> emptied;   // whose rows go out of a table that stays
  std::uint64_t count() const { return forgotten.size() + restated.size(); }
};

// How many files each table has.
std::map<std::string, std::size_t> count_by_table(const std::vector<tracking::FileRecord>& files);

// A table of many files goes only with the last of them. The rows of a file that was moved are
// known by its first path: forgotten, it would be loaded beside them.
Reset plan_reset(const std::vector<tracking::FileRecord>& chosen,
                 const std::map<std::string, std::size_t>& files_of_table, bool with_data);

// Throws ServerError, IoError. Rows first: should it stop midway, the tracking rows that are left
// lead back to them. `lock_dir`: of the runs of an embedded target, which notice it by a
// claim::RunLock; empty: runs ask the server each time.
void carry_out(const Reset& reset, const std::filesystem::path& lock_dir,
               const std::string& database, clickhouse::Connection& connection,
               tracking::Tracking& tracking);

}  // namespace qvdhouse::sync
