#include "load/reserved_columns.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "clickhouse/connection.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"
#include "tracking/tracking.h"

namespace qvdhouse::load {

ReservedColumns::ReservedColumns(std::function<clickhouse::Endpoint()> open, std::stop_token stop)
    : open_(std::move(open)), stop_(std::move(stop)) {}

bool ReservedColumns::contains(const std::string& column) {
  if (!column.starts_with('_')) return false;  // as those of ClickHouse do
  const std::lock_guard lock(mutex_);
  auto known = known_.find(column);
  if (known == known_.end()) known = known_.emplace(column, ask(column)).first;
  return known->second;
}

// The tracking table has no column that begins with `_`. Where there is none yet, a temporary table
// of a session that nobody else is in does as well.
bool ReservedColumns::ask(const std::string& column) {
  try {
    if (!connection_) {
      clickhouse::Endpoint endpoint = open_();
      table_ = clickhouse::qualified(endpoint.database, tracking::kFileTable);
      endpoint.database = "system";  // which is there
      connection_.emplace(std::move(endpoint), stop_);
    }
    try {
      return is_selectable(column);
    } catch (const base::ServerError& error) {
      if (!clickhouse::is_absent(error.code())) throw;
    }
    table_ = clickhouse::quote_identifier("qvdhouse_names");
    settings_ = {{"session_id", "qvdhouse_" + clickhouse::random_hex(16)}};
    connection_->query(
        fmt::format("CREATE TEMPORARY TABLE {} (x UInt8) ENGINE = MergeTree ORDER BY x", table_),
        settings_);
    return is_selectable(column);
  } catch (const base::ServerError&) {
    return false;
  } catch (const base::ConfigError&) {
    return false;
  }
}

bool ReservedColumns::is_selectable(const std::string& column) {
  try {
    connection_->query(fmt::format("SELECT {} FROM {} LIMIT 0 FORMAT Null",
                                   clickhouse::quote_identifier(column), table_),
                       settings_);
    return true;
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kUnknownIdentifier) throw;
    return false;
  }
}

}  // namespace qvdhouse::load
