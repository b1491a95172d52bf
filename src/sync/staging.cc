#include "sync/staging.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <random>

#include "clickhouse/ddl.h"
#include "clickhouse/names.h"
#include "load/staging.h"
#include "schema/plan.h"

namespace qvdhouse::sync {

std::string make_run_id(std::int64_t now_us) {
  return fmt::format("{:%Y%m%dT%H%M%S}_{:08x}", fmt::gmtime(now_us / 1'000'000),
                     std::random_device{}());
}

bool is_staging_of(const std::string& database, const std::string& target,
                   const std::string& table) {
  const auto found = load::temporary_table(database, table);
  return found && !found->is_swapped_out &&
         found->target == clickhouse::table_hash(database, target);
}

bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table) {
  const auto comment = clickhouse::table_comment(connection, database, table);
  if (!comment || !comment->starts_with(schema::kTableCommentPrefix)) return false;
  connection.query(clickhouse::drop_table_sql(connection.endpoint().dialect, database, table));
  return true;
}

}  // namespace qvdhouse::sync
