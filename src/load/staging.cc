#include "load/staging.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "load/table_checksum.h"

namespace qvdhouse::load {
namespace {

constexpr const char* kSumsProjection = "qvdhouse_sums";
constexpr int kAccessDenied = 497;
// For a table that the next run drops, if this one cannot.
constexpr long kDropPatienceSeconds = 10;

// For what only saves time.
void run_if_granted(clickhouse::Connection& connection, const std::string& sql) {
  try {
    connection.query(sql);
  } catch (const base::ServerError& error) {
    if (error.code() != kAccessDenied) throw;
  }
}

}  // namespace

std::string staging_table(const std::string& target, const std::string& run_id,
                          std::uint64_t number) {
  const std::string name = target + "__staging_" + run_id;
  return number == 0 ? name : fmt::format("{}_{}", name, number);
}

Staging::Staging(clickhouse::Endpoint endpoint, std::string table, bool is_large)
    : endpoint_(std::move(endpoint)), table_(std::move(table)), is_large_(is_large) {}

Staging::~Staging() {
  try {
    // A connection of its own: the load's may be stopped.
    clickhouse::Connection connection(clickhouse::impatient(endpoint_, kDropPatienceSeconds));
    drop(connection);
  } catch (const base::Error&) {
    return;
  }
}

std::string Staging::name() const { return clickhouse::qualified(endpoint_.database, table_); }

void Staging::create(clickhouse::Connection& connection, clickhouse::TableDefinition definition,
                     std::span<const ColumnValues> columns) {
  drop(connection);  // an earlier attempt of this run may have left it
  definition.name = table_;
  if (is_large_ && endpoint_.dialect.has_projections) {
    definition.projection = {kSumsProjection, sums_projection_sql(columns, endpoint_.dialect.hash)};
  }
  has_sums_ = !definition.projection.select.empty();
  connection.query(clickhouse::create_table_sql(definition, endpoint_.dialect));
  stop_merges(connection, !definition.ttl.empty() || definition.engine != "MergeTree");
}

void Staging::create_like(clickhouse::Connection& connection, const std::string& table,
                          const Layout& layout, std::span<const ColumnValues> columns) {
  drop(connection);
  load::create_like(connection, table_, table, plain_engine(layout.engine));
  const std::string sums = is_large_ && endpoint_.dialect.has_projections
                               ? sums_projection_sql(columns, endpoint_.dialect.hash)
                               : std::string();
  has_sums_ = !sums.empty();
  if (has_sums_) {
    connection.query(
        fmt::format("ALTER TABLE {} ADD PROJECTION {} ({})", name(), kSumsProjection, sums));
  }
  stop_merges(connection, layout.engine.find(" TTL ") != std::string::npos);
}

// Merges while rows come in would cost as much as the inserts themselves; and where they may take
// rows away (a TTL, an engine that replaces rows), there would be nothing to verify.
void Staging::stop_merges(clickhouse::Connection& connection, bool merges_lose_rows) {
  const std::string sql = fmt::format("SYSTEM STOP MERGES {}", name());
  is_stopped_ = is_large_ || merges_lose_rows;
  if (merges_lose_rows) {
    connection.query(sql);
  } else if (is_large_) {
    run_if_granted(connection, sql);
  }
}

void Staging::settle(clickhouse::Connection& connection) {
  if (is_stopped_) run_if_granted(connection, fmt::format("SYSTEM START MERGES {}", name()));
  // The definition changes at once; the server takes the sums out of the parts when it has time.
  if (has_sums_) {
    connection.query(fmt::format("ALTER TABLE {} DROP PROJECTION {}", name(), kSumsProjection),
                     {{"mutations_sync", "0"}, {"alter_sync", "0"}});
  }
}

void Staging::drop(clickhouse::Connection& connection) const {
  connection.query(clickhouse::drop_table_sql(endpoint_.dialect, endpoint_.database, table_));
}

}  // namespace qvdhouse::load
