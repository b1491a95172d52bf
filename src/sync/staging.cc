#include "sync/staging.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "clickhouse/ddl.h"
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

// What may be a run's id just before `end`.
std::string_view before(std::string_view table, std::size_t end) {
  return end < kRunIdShape.size() ? std::string_view()
                                  : table.substr(end - kRunIdShape.size(), kRunIdShape.size());
}

}  // namespace

std::string make_run_id(std::int64_t now_us) {
  return fmt::format("{:%Y%m%dT%H%M%S}_{:08x}", fmt::gmtime(now_us / 1'000'000),
                     std::random_device{}());
}

std::optional<std::string> staging_target(const std::string& table) {
  // The number of a file of a set, "_12", which is not part of the run's id.
  std::size_t end = table.find_last_not_of("0123456789");
  const bool is_numbered = end != std::string::npos && table[end] == '_' &&
                           end + 1 < table.size() && is_run_id(before(table, end));
  if (!is_numbered) end = table.size();
  if (!is_run_id(before(table, end))) return std::nullopt;
  end -= kRunIdShape.size();
  const std::string infix = load::staging_table("", "");
  if (!table.substr(0, end).ends_with(infix)) return std::nullopt;
  std::string target = table.substr(0, end - infix.size());
  if (target.empty()) return std::nullopt;
  return target;
}

bool drop_stale_staging(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table) {
  const auto comment = clickhouse::table_comment(connection, database, table);
  if (!comment || !comment->starts_with(schema::kTableCommentPrefix)) return false;
  connection.query(clickhouse::drop_table_sql(connection.endpoint().dialect, database, table));
  return true;
}

}  // namespace qvdhouse::sync
