// The table QvdPipelineClaims: which run of which machine wants or has which tables. Every change
// is another row; the newest of a claim (by `sequence`) holds. All times are the server's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::sync {

enum class ClaimState : std::uint8_t { kReleased = 0, kWanted = 1, kHeld = 2 };

struct ClaimRow {
  std::string claim;                         // String, unique
  std::uint64_t sequence = 0;                // UInt64, grows with each row of the claim
  ClaimState state = ClaimState::kReleased;  // UInt8
  std::uint32_t started = 0;                 // DateTime
  std::uint32_t expiry = 0;  // UInt32, seconds without a heartbeat until it counts for nothing
  std::vector<std::string> tables;  // Array(String)
  std::string run_id;               // String
  std::string host;                 // String, its name
  std::string machine;              // String, of the processes that see each other
  std::uint32_t pid = 0;            // UInt32
  std::uint64_t pid_start = 0;      // UInt64, field 22 of /proc/PID/stat
  std::int64_t silent_seconds = 0;  // since the last heartbeat; not written
};

class ClaimTable {
 public:
  ClaimTable(const clickhouse::Endpoint& endpoint, const std::string& database,
             std::stop_token stop);
  // Where it is absent.
  void create();
  // Seconds since 1970 by the server's clock.
  std::uint32_t now();
  void write(const ClaimRow& row);
  // Claims that were neither released nor have expired, the oldest first.
  std::vector<ClaimRow> live();
  // Forgets what is older than yesterday.
  void drop_old();

 private:
  clickhouse::Connection connection_;
  std::string name_;  // quoted
};

}  // namespace qvdhouse::sync
