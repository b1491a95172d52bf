#include "sync/staging.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "clickhouse/quote.h"
#include "load/load.h"
#include "schema/plan.h"

namespace qvdhouse::sync {
namespace {

// The shape of make_run_id(): 0 stands for a decimal digit, f for a hexadecimal one.
constexpr std::string_view kRunIdShape = "00000000T000000_ffffffff";

bool is_run_id(std::string_view text) {
  const auto fits = [](char c, char shape) {
    const bool digit = c >= '0' && c <= '9';
    if (shape == '0') return digit;
    if (shape == 'f') return digit || (c >= 'a' && c <= 'f');
    return c == shape;
  };
  return std::ranges::equal(text, kRunIdShape, fits);
}

}  // namespace

std::string make_run_id(std::int64_t now_us) {
  return fmt::format("{:%Y%m%dT%H%M%S}_{:08x}", fmt::gmtime(now_us / 1'000'000),
                     std::random_device{}());
}

std::optional<std::string> staging_target(const std::string& table) {
  if (table.size() <= kRunIdShape.size()) return std::nullopt;
  const std::size_t end = table.size() - kRunIdShape.size();
  const std::string run_id = table.substr(end);
  const std::string infix = load::staging_table("", "");
  if (!is_run_id(run_id) || !table.substr(0, end).ends_with(infix)) return std::nullopt;
  const std::string target = table.substr(0, end - infix.size());
  if (target.empty() || load::staging_table(target, run_id) != table) return std::nullopt;
  return target;
}

bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table) {
  const std::string ours = connection.query(fmt::format(
      "SELECT startsWith(comment, {}) FROM system.tables WHERE database = {} AND name = {} FORMAT "
      "TSVRaw",
      clickhouse::quote_literal(schema::kTableCommentPrefix), clickhouse::quote_literal(database),
      clickhouse::quote_literal(table)));
  if (!ours.starts_with('1')) return false;
  connection.query(
      fmt::format("DROP TABLE IF EXISTS {} SYNC", clickhouse::qualified(database, table)));
  return true;
}

}  // namespace qvdhouse::sync
