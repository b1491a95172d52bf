// The staging table of one load: dropped, whatever happens, unless it was swapped in by then.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "load/column_values.h"
#include "load/layout.h"

namespace qvdhouse::load {

// Larger tables are worth the DDL that makes their load and its verification cheap.
inline constexpr std::uint64_t kSmallTableRows = 262'144;

// The staging table of a target: "QvdItem" → "QvdItem__staging_<run id>"; with a number, for files
// of a set that are staged side by side, "QvdItem__staging_<run id>_<number>".
std::string staging_table(const std::string& target, const std::string& run_id,
                          std::uint64_t number = 0);

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

 private:
  void drop(clickhouse::Connection& connection) const;
  void stop_merges(clickhouse::Connection& connection, bool merges_lose_rows);

  clickhouse::Endpoint endpoint_;
  std::string table_;
  bool is_large_;
  bool has_sums_ = false;
  bool is_stopped_ = false;  // nothing is merged
};

}  // namespace qvdhouse::load
