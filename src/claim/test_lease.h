// What tests find in the claims table of runs that they do not run.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "claim/lease.h"

namespace qvdhouse::claim {

// Writes what a run of another machine leaves that was killed while it held `unit`, and returns it.
inline LeaseRow write_left_behind(LeaseTable& table, const std::string& unit,
                                  const std::string& run_id, std::chrono::seconds expiry) {
  LeaseRow row{.lease_id = "left",
               .sequence = 1,
               .state = LeaseState::kHeld,
               .started = table.now(),
               .expiry = static_cast<std::uint32_t>(expiry.count()),
               .tables = {unit},
               .run_id = run_id,
               .host = "elsewhere",
               .machine = "another machine",
               .pid = 4'194'303,
               .pid_start = 1};
  table.write(row);
  return row;
}

}  // namespace qvdhouse::claim
