// The right of one run to write certain tables of a server, kept in the server for pipelines on
// other machines to see: a row with a heartbeat in QvdPipelineClaims. On one machine claim/locks.h
// is exact and enough, so the embedded engine needs none.
//
// Without atomic operations in the server, a run first writes that it wants the tables and then
// looks: only one that sees no other goes on; two that see each other both step back, and come
// again after different times.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"

namespace qvdhouse::claim {

// The name of this machine, for people to read; "(unknown)" where it has none.
std::string host_name();

struct LeaseOptions {
  std::chrono::seconds heartbeat{10};  // a sixth of the expiry at most
  std::chrono::seconds expiry{60};     // without a heartbeat
  std::chrono::seconds patience{600};  // for another holder; 0: none
};

// Tables that are needed together; not empty.
using TableGroup = std::set<std::string>;

// Held tables may change while a run goes on. The rest of a lease's members are for one thread,
// others_want() and check() for all.
class Lease {
 public:
  // Waits for other holders of any of `tables`, saying whom in the log; throws ServerError naming
  // host, process, run, start and last heartbeat when patience ends; Cancelled. A holder that has
  // ended on this machine counts for nothing. `had_to_wait` then tells to look again at what is
  // loaded.
  Lease(const clickhouse::Endpoint& endpoint, const std::string& database,
        const std::set<std::string>& tables, const std::string& run_id, const LeaseOptions& options,
        spdlog::logger& log, std::stop_token stop);
  // Holds no table yet: a run that shares its tables with other runs takes them bit by bit.
  Lease(const clickhouse::Endpoint& endpoint, const std::string& database,
        const std::string& run_id, const LeaseOptions& options, spdlog::logger& log,
        std::stop_token stop);
  // Gives the lease back.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Takes some of `wanted`, which is not empty: all that nobody else holds, or a fair share of them
  // where other runs look for work. Waits until there is one; throws as the constructor. Returns
  // their tables.
  std::set<std::string> take(const std::vector<TableGroup>& wanted);
  // Tables whose work is done and written down, or that were never begun.
  void give_back(const std::set<std::string>& tables);
  // How many other runs wait for tables of this lease; asks the server once a second
  // at most, and less often where many runs work.
  std::size_t others_waiting();
  // Who held a table when it was last waited for, "host HOST (process PID, run RUN)"; empty:
  // nobody.
  std::string holder_of(const std::string& table) const;

  bool had_to_wait() const;
  // Whether another run may have taken the tables: no heartbeat could be written for longer than
  // half of the expiry.
  bool may_have_expired() const;
  // Before a commit: throws ServerError when the lease may have expired meanwhile (no heartbeat
  // could be written for longer than half of it).
  void check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Tables that some run, here or on another machine, has the right to write just now. Throws
// ServerError, IoError, Cancelled.
std::set<std::string> leased_tables(const clickhouse::Endpoint& endpoint,
                                    const std::string& database, const std::stop_token& stop);

// The table QvdPipelineClaims: which run of which machine wants or has which tables. Every change
// is another row; the newest of a lease (by `sequence`) holds. All times are the server's. Where
// the database has replicas, the rows are in Keeper (engine KeeperMap), or else in a replicated
// table.
inline constexpr std::string_view kLeaseTable = "QvdPipelineClaims";

enum class LeaseState : std::uint8_t { kReleased = 0, kWanted = 1, kHeld = 2 };

struct LeaseRow {
  std::string lease_id;                      // claim String, unique
  std::uint64_t sequence = 0;                // UInt64, grows with each row of the lease
  LeaseState state = LeaseState::kReleased;  // UInt8
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

class LeaseTable {
 public:
  LeaseTable(const clickhouse::Endpoint& endpoint, const std::string& database,
             std::stop_token stop);
  // Where it is absent.
  void create();
  // Seconds since 1970 by the server's clock.
  std::uint32_t now();
  void write(const LeaseRow& row);
  // Leases that were neither released nor have expired, the oldest first. On replicas also what
  // another one has acknowledged; throws ServerError when that cannot be known now.
  std::vector<LeaseRow> live();
  // Forgets what is older than yesterday.
  void drop_old();

 private:
  void create_as(const std::string& engine);
  bool is_in_keeper();

  clickhouse::Connection connection_;
  std::string database_;
  std::string name_;  // quoted
};

}  // namespace qvdhouse::claim
