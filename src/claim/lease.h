// The right of one run to write certain tables of a server, or certain files of them
// (claim/unit.h), kept in the server for pipelines on other machines to see: a row with a heartbeat
// in QvdPipelineClaims. On one machine claim/locks.h is exact and enough, so the embedded engine
// needs none.
//
// Without atomic operations in the server, a run first writes that it wants the tables and then
// looks: only one that sees no other goes on; two that see each other both step back, and come
// again after different times.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "claim/unit.h"
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

// What does for a part of a run's work.
struct Want {
  TableGroup tables;
  // Keys of files of the only table: while other runs hold some of its files and none holds the
  // table, any of these that is free will do.
  std::vector<std::string> files{};
};

// The most bytes of names of units that a lease takes into its row: Keeper takes rows of 1 MB at
// most.
inline constexpr std::size_t kMostUnitBytes = 400'000;

// Held units may change while a run goes on. The rest of a lease's members are for one thread,
// others_waiting(), clock_us(), may_have_expired() and check() for all.
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
  // where other runs look for work. Waits until there is one; throws as the constructor, and
  // Cancelled when `ends` says so. Returns the units.
  std::set<std::string> take(const std::vector<Want>& wanted, const std::stop_token& ends = {});
  // The same of units that do for themselves, without waiting: empty when others hold all of them,
  // and when another run wanted them at the same moment, after which both may try again, each after
  // a pause of its own. Throws ServerError, IoError, Cancelled.
  std::set<std::string> try_take(const std::set<std::string>& units);
  // Units whose work is done and written down, or that were never begun. `instead` is held from the
  // same moment on: files of tables that are given back. Throws as check() when something is left.
  void give_back(const std::set<std::string>& units, const std::set<std::string>& instead = {});
  // How many other runs wait for a unit (any_file_of() a table included) that `is_to_give`; asks
  // the server once a second at most, and less often where many runs work.
  std::size_t others_waiting(const std::function<bool(const std::string& unit)>& is_to_give);
  // Who a run is that held units which this one waited for, "host HOST (process PID, run RUN)";
  // empty: no such run was seen.
  std::string who_is(const std::string& run_id) const;

  // Whether units were held by other runs, so that what is loaded may have changed.
  bool had_to_wait() const;
  // Whether another run may have taken the tables: no heartbeat could be written for longer than
  // half of the expiry.
  bool may_have_expired() const;
  // Microseconds since 1970 for what is written down of what this lease has held, by the server's
  // clock: it stands still when the lease is not renewed any more, so that it is less than what any
  // lease says that takes the same units after this one expired, whatever the clocks of machines
  // are. 0: nothing was ever held.
  std::int64_t clock_us() const;
  // Before a commit: throws ServerError when the lease may have expired meanwhile (no heartbeat
  // could be written for longer than half of it).
  void check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Tables that some run, here or on another machine, has the right to write just now, or files of
// which it has; and the ids of such runs. Throws ServerError, IoError, Cancelled.
std::map<std::string, std::set<std::string>> leased_tables(const clickhouse::Endpoint& endpoint,
                                                           const std::string& database,
                                                           const std::stop_token& stop);

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
  std::vector<std::string> tables;  // Array(String), units
  std::string run_id;               // String
  std::string host;                 // String, its name
  std::string machine;              // String, of the processes that see each other
  std::uint32_t pid = 0;            // UInt32
  std::uint64_t pid_start = 0;      // UInt64, field 22 of /proc/PID/stat
  std::int64_t silent_seconds = 0;  // since the last heartbeat; not written
  std::uint32_t read_at = 0;        // seconds since 1970, when it was read; not written
};

// LeaseTable::live() without those whose process has ended on this machine. Throws ServerError,
// IoError, Cancelled.
std::vector<LeaseRow> living_leases(const clickhouse::Endpoint& endpoint,
                                    const std::string& database, const std::stop_token& stop);

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
