// The staging table of one load: dropped, whatever happens, unless it was swapped in by then.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "load/column_values.h"
#include "load/layout.h"

namespace qvdhouse::load {

// Larger tables are worth the DDL that makes their load and its verification cheap.
inline constexpr std::uint64_t kSmallTableRows = 262'144;

// "20260712T101500_3f9a2c1b": start time and 32 random bits.
std::string make_run_id(std::int64_t now_us);

// Tables that are there for the time of a load have names of a fixed length, however long the
// target's is: temporary_table() tells whose they are.
inline constexpr std::string_view kStagingMark = "__staging_";
inline constexpr std::string_view kSwappedOutMark = "__swapped_out_";

// "__staging_<hash of the target>_<hash of the run><number>": `number` parts files of a set that
// are staged side by side.
std::string staging_table(const std::string& database, const std::string& target,
                          const std::string& run_id, std::uint32_t number = 0);
// The table that a rebuild needs for its time, beside the staging table of that number.
std::string aside_table(const std::string& database, const std::string& target,
                        const std::string& run_id, std::uint32_t number = 0);
// "__swapped_out_<hash of the target>_<time>": where a server without EXCHANGE keeps the old table
// for the moment of a swap. No killed server has left a folder of that name, which 18.16 would
// stumble over.
std::string swapped_out_table(const std::string& database, const std::string& target);

struct TemporaryTable {
  std::uint64_t target = 0;  // clickhouse::table_hash()
  bool is_swapped_out = false;
};

// What a table is by its name; empty for any other name than of those two, or of those that version
// 0.1 made: "QvdItem__staging_20260712T101500_3f9a2c1b", also with a number behind it ("…_12"), and
// "QvdItem__swapped_out_18c2e4b5".
std::optional<TemporaryTable> temporary_table(const std::string& database, std::string_view name);

// Whether `table` is named as a staging table of the target.
bool is_staging_of(const std::string& database, const std::string& target,
                   const std::string& table);
// Whether such a table is the run's.
bool is_of_run(const std::string& table, const std::string& run_id);

// Drops a temporary table that a load left behind because it, or the server, was killed, if it was
// made by us (its comment says so). A name is of one run, and whoever holds the target's claim
// knows that no load of it is alive: so every staging table of that target is stale; where several
// runs hold files of the target, each that is of none of them. Returns whether it was dropped.
bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table);

// Staging tables of ours that any server of the cluster has, which only statements ON CLUSTER
// reach: each is on the server that its load talked to. Empty where no statement goes ON CLUSTER,
// where the servers cannot be asked for it, and where the user may not.
std::set<std::string> staging_on_cluster(clickhouse::Connection& connection,
                                         const std::string& database);

class Staging {
 public:
  // Nothing is created yet. While a large load comes in, nothing is merged, and the server keeps
  // its column sums (load/table_checksum.h).
  Staging(clickhouse::Endpoint endpoint, std::string table, bool is_large);
  // Drops what is there under its name (after an exchange: the old rows). What cannot be dropped
  // now (the server is gone) the next run drops, which knows it by its name.
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::string& table() const { return table_; }
  std::string name() const;  // quoted and qualified

  // Creates it after `definition`, but under its own name. Throws ServerError, IoError.
  void create(clickhouse::Connection& connection, clickhouse::TableDefinition definition,
              std::span<const ColumnValues> columns);
  // Creates it so that its partitions can become those of a table of this layout.
  void create_like(clickhouse::Connection& connection, const std::string& table,
                   const Layout& layout, std::span<const ColumnValues> columns);
  // Makes it a table like any other, ready to be swapped in.
  void settle(clickhouse::Connection& connection);
  // It has another name now, and there is nothing to drop.
  void was_renamed() { is_gone_ = true; }

 private:
  void create_by(clickhouse::Connection& connection, const std::function<void()>& create) const;
  void drop(clickhouse::Connection& connection) const;
  void stop_merges(clickhouse::Connection& connection, bool merges_lose_rows);

  clickhouse::Endpoint endpoint_;
  std::string table_;
  bool is_large_;
  bool has_sums_ = false;
  bool is_stopped_ = false;  // nothing is merged
  bool is_gone_ = false;
};

}  // namespace qvdhouse::load
