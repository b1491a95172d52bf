#include "claim/claims.h"

#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "claim/lease.h"
#include "claim/unit.h"
#include "clickhouse/error_code.h"
#include "tracking/runs.h"

namespace qvdhouse::claim {
namespace {

std::vector<LeaseRow> living_or_none(const clickhouse::Endpoint& endpoint,
                                     const std::string& database, const std::stop_token& stop) {
  try {
    return living_leases(endpoint, database, stop);
  } catch (const base::ServerError& error) {
    if (clickhouse::is_absent(error.code())) return {};
    throw;
  }
}

// Puts the tables of a claim into `worker`, without those that are no tables of files.
void add_tables(Worker& worker, const LeaseRow& row) {
  std::set<std::string> tables;
  for (const std::string& unit : row.tables) {
    std::string table(table_of(unit));
    if (table == tracking::kWorkflowTable) continue;
    if (unit != table && unit != any_file_of(table)) ++worker.files;
    tables.insert(std::move(table));
  }
  worker.tables.assign(tables.begin(), tables.end());
}

}  // namespace

std::string schedule_claim(std::string_view workflow) {
  return file_unit(tracking::kWorkflowTable, workflow);
}

std::vector<Worker> workers(const clickhouse::Endpoint& endpoint, const std::string& database,
                            const std::stop_token& stop) {
  std::vector<Worker> found;
  std::map<std::string, std::size_t> places;  // by run
  for (const LeaseRow& row : living_or_none(endpoint, database, stop)) {
    Worker worker{.host = row.host,
                  .process = row.pid,
                  .run_id = row.run_id,
                  .is_working = row.state == LeaseState::kHeld,
                  .since_us = std::int64_t{row.started} * 1'000'000,
                  .silent_seconds = row.silent_seconds,
                  .tables = {}};
    add_tables(worker, row);
    if (worker.tables.empty()) continue;
    const auto [place, is_new] = places.try_emplace(row.run_id, found.size());
    if (is_new) {
      found.push_back(std::move(worker));
    } else if (worker.is_working) {
      found[place->second] = std::move(worker);
    }
  }
  return found;
}

}  // namespace qvdhouse::claim
