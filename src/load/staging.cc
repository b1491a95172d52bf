#include "load/staging.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/error_code.h"
#include "clickhouse/names.h"
#include "clickhouse/quote.h"
#include "clickhouse/table_engine.h"
#include "load/table_checksum.h"
#include "schema/plan.h"
#include "tracking/row_binary.h"

namespace qvdhouse::load {
namespace {

constexpr const char* kSumsProjection = "qvdhouse_sums";
// For a table that the next run drops, if this one cannot.
constexpr long kDropPatienceSeconds = 10;

// For what only saves time.
void run_if_granted(clickhouse::Connection& connection, const std::string& sql) {
  try {
    connection.query(sql);
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kAccessDenied) throw;
  }
}

// Shapes of names: 0 stands for a decimal digit, f for a hexadecimal one.
constexpr std::string_view kHashes = "ffffffffffffffff_ffffffffffffffff";
constexpr std::string_view kRunId = "00000000T000000_ffffffff";  // as make_run_id()

bool is_hex(char c) { return base::is_digit(c) || (c >= 'a' && c <= 'f'); }

bool has_shape(std::string_view text, std::string_view shape) {
  return std::ranges::equal(text, shape, [](char c, char s) {
    return s == '0' ? base::is_digit(c) : s == 'f' ? is_hex(c) : c == s;
  });
}

// The end of a staging table's name in version 0.1: the run, and the number of a file of a set.
bool is_run_and_number(std::string_view text) {
  if (!has_shape(text.substr(0, kRunId.size()), kRunId)) return false;
  text.remove_prefix(kRunId.size());
  if (text.empty()) return true;
  return text.size() > 1 && text.front() == '_' &&
         std::ranges::all_of(text.substr(1), base::is_digit);
}

bool is_hex_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_hex);
}

std::uint32_t run_hash(const std::string& run_id) {
  return static_cast<std::uint32_t>(XXH3_64bits(run_id.data(), run_id.size()));
}

// Added to the number of a table that a rebuild makes.
constexpr std::uint32_t kAside = 1U << 31;

std::string temporary_name(std::string_view kind, const std::string& database,
                           const std::string& target, std::uint64_t unique) {
  return fmt::format("{}{:016x}_{:016x}", kind, clickhouse::table_hash(database, target), unique);
}

}  // namespace

std::string make_run_id(std::int64_t now_us) {
  return fmt::format("{:%Y%m%dT%H%M%S}_{:08x}", fmt::gmtime(now_us / 1'000'000),
                     std::random_device{}());
}

std::string staging_table(const std::string& database, const std::string& target,
                          const std::string& run_id, std::uint32_t number) {
  return temporary_name(kStagingMark, database, target,
                        std::uint64_t{run_hash(run_id)} << 32 | number);
}

std::string aside_table(const std::string& database, const std::string& target,
                        const std::string& run_id, std::uint32_t number) {
  return staging_table(database, target, run_id, number | kAside);
}

std::string swapped_out_table(const std::string& database, const std::string& target) {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return temporary_name(kSwappedOutMark, database, target, static_cast<std::uint64_t>(now));
}

std::optional<TemporaryTable> temporary_table(const std::string& database, std::string_view name) {
  for (const std::string_view kind : {kStagingMark, kSwappedOutMark}) {
    const std::size_t at = name.rfind(kind);
    if (at == std::string_view::npos) continue;
    const std::string_view target = name.substr(0, at);
    const std::string_view rest = name.substr(at + kind.size());
    TemporaryTable found{.is_swapped_out = kind == kSwappedOutMark};
    if (target.empty() && has_shape(rest, kHashes)) {
      found.target = std::stoull(std::string(rest.substr(0, 16)), nullptr, 16);
      return found;
    }
    const bool is_of_0_1 = found.is_swapped_out ? is_hex_number(rest) : is_run_and_number(rest);
    if (target.empty() || !is_of_0_1) continue;
    found.target = clickhouse::table_hash(database, target);
    return found;
  }
  return std::nullopt;
}

bool is_staging_of(const std::string& database, const std::string& target,
                   const std::string& table) {
  const auto found = temporary_table(database, table);
  return found && !found->is_swapped_out &&
         found->target == clickhouse::table_hash(database, target);
}

bool is_of_run(const std::string& table, const std::string& run_id) {
  constexpr std::size_t kNumberDigits = 8;
  if (table.size() < 2 * kNumberDigits) return false;
  return std::string_view(table).substr(table.size() - 2 * kNumberDigits, kNumberDigits) ==
         fmt::format("{:08x}", run_hash(run_id));
}

bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table) {
  const auto comment = clickhouse::table_comment(connection, database, table);
  const bool is_ours = comment ? comment->starts_with(schema::kTableCommentPrefix)
                               : staging_on_cluster(connection, database).contains(table);
  if (!is_ours) return false;
  connection.query(clickhouse::drop_table_sql(connection.endpoint().dialect, database, table));
  return true;
}

std::set<std::string> staging_on_cluster(clickhouse::Connection& connection,
                                         const std::string& database) {
  const clickhouse::Dialect& dialect = connection.endpoint().dialect;
  // The table function is as new as that wait.
  if (dialect.replication.cluster.empty() || !dialect.has_active_replica_wait) return {};
  std::set<std::string> names;
  try {
    const std::string answer = connection.query(
        fmt::format(
            "SELECT DISTINCT name FROM clusterAllReplicas({}, system.tables) WHERE database "
            "= {} AND startsWith(name, {}) AND startsWith(comment, {}) FORMAT RowBinary",
            clickhouse::quote_literal(dialect.replication.cluster),
            clickhouse::quote_literal(database), clickhouse::quote_literal(kStagingMark),
            clickhouse::quote_literal(schema::kTableCommentPrefix)),
        {{"skip_unavailable_shards", "1"}});
    for (tracking::RowReader reader(answer); !reader.done();) {
      std::string name;
      reader(name);
      names.insert(std::move(name));
    }
  } catch (const base::ServerError&) {
    return {};
  }
  return names;
}

Staging::Staging(clickhouse::Endpoint endpoint, std::string table, bool is_large)
    : endpoint_(std::move(endpoint)), table_(std::move(table)), is_large_(is_large) {}

Staging::~Staging() {
  if (is_gone_) return;
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
  definition.name = table_;
  const clickhouse::Dialect local = endpoint_.dialect.local();
  if (endpoint_.dialect.replication.is_on) {
    definition.engine = clickhouse::plain_engine(definition.engine);
  }
  if (is_large_ && endpoint_.dialect.has_projections) {
    definition.projection = {kSumsProjection, sums_projection_sql(columns, endpoint_.dialect.hash)};
  }
  has_sums_ = !definition.projection.select.empty();
  create_by(connection, [&] { connection.query(clickhouse::create_table_sql(definition, local)); });
  stop_merges(connection, !definition.ttl.empty() || definition.engine != "MergeTree");
}

// An earlier attempt of this run may have left a table of its name.
void Staging::create_by(clickhouse::Connection& connection,
                        const std::function<void()>& create) const {
  try {
    create();
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kTableAlreadyExists) throw;
    drop(connection);
    create();
  }
}

void Staging::create_like(clickhouse::Connection& connection, const std::string& table,
                          const Layout& layout, std::span<const ColumnValues> columns) {
  create_by(connection, [&] {
    load::create_like(connection, table_, table, clickhouse::plain_engine(layout.engine),
                      layout.comment, endpoint_.dialect.local());
  });
  // The live table of an old server has no comment on replicas; by one of its own, the next run
  // knows this one.
  if (!endpoint_.dialect.has_table_comment && endpoint_.dialect.replication.is_on) {
    connection.query(fmt::format("ALTER TABLE {} COMMENT COLUMN {} {}", name(),
                                 clickhouse::quote_identifier(layout.columns.at(0).name),
                                 clickhouse::quote_literal(clickhouse::kReplicatedComment)));
  }
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
  connection.query(
      clickhouse::drop_table_sql(endpoint_.dialect.local(), endpoint_.database, table_));
}

}  // namespace qvdhouse::load
