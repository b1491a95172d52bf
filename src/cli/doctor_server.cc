#include "cli/doctor_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "clickhouse/compressor.h"
#include "clickhouse/quote.h"
#include "clickhouse/topology.h"

namespace qvdhouse::cli {
namespace {

constexpr int kSyntaxError = 62;  // an old server: it has no CHECK GRANT
constexpr int kAccessDenied = 497;

struct Right {
  std::string_view right;  // "ALTER DELETE"
  std::string_view on;     // "system.parts"; empty: all tables of the database
};

// In the order in which a sync needs them (docs/operations.md, "Least rights").
constexpr std::array kRights = {
    Right{"SELECT", ""},
    Right{"INSERT", ""},
    Right{"CREATE TABLE", ""},
    Right{"DROP TABLE", ""},
    Right{"ALTER ADD COLUMN", ""},
    Right{"ALTER MODIFY COLUMN", ""},
    Right{"ALTER DELETE", ""},
    Right{"ALTER UPDATE", ""},
    Right{"ALTER ADD PROJECTION", ""},
    Right{"ALTER DROP PROJECTION", ""},
    Right{"ALTER TTL", ""},
    Right{"TABLE ENGINE", "MergeTree"},
    Right{"TABLE ENGINE", "ReplacingMergeTree"},
};
// Systems' tables may be open to all without a grant: these are read to see it.
constexpr std::array<std::string_view, 3> kSystemTables = {"system.tables", "system.columns",
                                                           "system.parts"};

std::string right_on(const Right& right, const std::string& database) {
  return fmt::format(
      "{} ON {}", right.right,
      right.on.empty() ? clickhouse::quote_identifier(database) + ".*" : std::string(right.on));
}

std::string grant(const std::string& right_on, const std::string& user) {
  return fmt::format("GRANT {} TO {}", right_on, clickhouse::quote_identifier(user));
}

bool may_read(clickhouse::Connection& connection, std::string_view table) {
  try {
    connection.query(fmt::format("SELECT count() FROM {} WHERE 0", table));
    return true;
  } catch (const base::ServerError& error) {
    if (error.code() != kAccessDenied) throw;
    return false;
  }
}

}  // namespace

Finding describe_dialect(const clickhouse::Endpoint& endpoint) {
  using clickhouse::TypeKind;
  const clickhouse::Dialect& dialect = endpoint.dialect;
  std::vector<std::string> facts;
  std::vector<std::string_view> missing;
  if (!dialect.has_date32) missing.push_back("Date32");
  if (!dialect.has_datetime64) missing.push_back("DateTime64");
  if (!dialect.has_time64) missing.push_back("Time64");
  if (!dialect.has_bool) missing.push_back("Bool");
  if (!missing.empty()) {
    facts.push_back(fmt::format("no {} (columns get the next type)", fmt::join(missing, ", ")));
  }
  facts.emplace_back(dialect.has_exchange
                         ? "tables are swapped by EXCHANGE"
                         : "tables are swapped by RENAME: a reader may find none for a moment");
  facts.emplace_back(dialect.hash == clickhouse::HashFunction::kXxh3 ? "checksums by xxh3"
                                                                     : "checksums by metroHash64");
  facts.push_back(fmt::format(
      "rows are sent {}",
      endpoint.compression == clickhouse::Compression::kNone
          ? "uncompressed"
          : "in " + std::string(clickhouse::Compressor::encoding(endpoint.compression))));
  return {.what = "dialect", .detail = fmt::format("{}", fmt::join(facts, "; "))};
}

Finding check_one_server(const clickhouse::Endpoint& endpoint, const std::string& database,
                         std::stop_token stop) {
  const auto spread = clickhouse::find_spread(endpoint, database, std::move(stop));
  const std::string what = "one server";
  if (spread) return {what, false, spread->problem, spread->fix, kConfig};
  return {.what = what, .detail = "every connection reaches the same one, without replicas"};
}

std::vector<Finding> check_grants(clickhouse::Connection& connection, const std::string& database) {
  const std::string user = connection.endpoint().user;
  std::vector<std::string> good;
  std::vector<std::string> missing;
  for (const Right& right : kRights) {
    const std::string wanted = right_on(right, database);
    try {
      const std::string answer = connection.query("CHECK GRANT " + wanted);
      (answer.starts_with('1') ? good : missing).push_back(wanted);
    } catch (const base::ServerError& error) {
      if (error.code() != kSyntaxError) throw;
      std::vector<std::string> all;
      for (const Right& one : kRights) all.push_back(right_on(one, database));
      return {
          {.what = "rights",
           .detail = fmt::format("not checked: ClickHouse {} cannot be asked. Needed are: {}",
                                 connection.endpoint().dialect.version(), fmt::join(all, ", "))}};
    }
  }
  for (const std::string_view table : kSystemTables) {
    (may_read(connection, table) ? good : missing).push_back(fmt::format("SELECT ON {}", table));
  }
  std::vector<Finding> findings;
  for (const std::string& right : missing) {
    findings.push_back({"right", false, fmt::format("user {} lacks {}", user, right),
                        grant(right, user), kClickHouse});
  }
  if (missing.empty()) {
    findings.push_back(
        {.what = "rights",
         .detail = fmt::format("user {} has all {} that are needed", user, good.size())});
  }
  return findings;
}

}  // namespace qvdhouse::cli
