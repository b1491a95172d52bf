#include "serve/judge.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace qvdhouse::serve {

std::vector<WorkflowFacts> workflow_facts(const Service& service) {
  std::vector<WorkflowFacts> facts;
  for (WorkflowState& state : service.workflows()) facts.push_back(std::move(state.facts));
  return facts;
}

VerdictFacts facts_of(const Service& service) {
  const Health health = service.health();
  VerdictFacts facts;
  facts.now = service.now();
  facts.target = health.target;
  facts.configuration_problem = health.configuration_problem;
  facts.is_loading = std::ranges::any_of(service.live(), [](const LiveRun& run) {
    return run.progress.bytes_done < run.progress.bytes_total;
  });
  facts.workflows = workflow_facts(service);
  return facts;
}

TableFacts facts_of(const tracking::TableOverview& table, const Owners& owners) {
  std::set<std::string> names;
  for (const std::string& path : table.example_paths) names.insert(owners.name_of(path));
  names.erase("");
  return {.name = table.name,
          .workflows = {names.begin(), names.end()},
          .failed_files = table.failed_files};
}

void add_tracked(VerdictFacts& facts, tracking::Overview& overview, const Owners& owners,
                 const std::vector<tracking::TableOverview>& tables,
                 const tracking::Totals& totals) {
  facts.is_tracking_known = true;
  facts.files = totals.files;
  facts.failed_files = totals.failed_files;
  for (const tracking::TableOverview& table : tables) {
    if (table.is_there) facts.tables.push_back(facts_of(table, owners));
  }
  if (totals.failed_files == 0) return;
  for (tracking::BrokenFile& broken : overview.broken_files(kMostBrokenFiles)) {
    std::string workflow = owners.name_of(broken.file.file_path);
    facts.broken_files.push_back({.broken = std::move(broken), .workflow = std::move(workflow)});
  }
}

VerdictFacts ask_facts(const Service& service, const std::stop_token& stop) {
  VerdictFacts facts = facts_of(service);
  const std::optional<TargetAccess> target = service.target();
  const std::shared_ptr<const Configuration> configuration = service.configuration();
  if (!target || !configuration || !facts.target.problem.empty()) return facts;
  tracking::Overview overview(target->endpoint, configuration->database, stop);
  const tracking::Totals totals = overview.totals(0);
  add_tracked(facts, overview, Owners(configuration), overview.tables(), totals);
  return facts;
}

}  // namespace qvdhouse::serve
