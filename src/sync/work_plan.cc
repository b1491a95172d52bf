#include "sync/work_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <thread>
#include <utility>

namespace qvdhouse::sync {
namespace {

// A file of this size keeps all streams busy by itself.
constexpr std::uint64_t kLargeFileBytes = 64 << 20;

void append(std::vector<WorkItem>& items, std::vector<WorkItem> more) {
  std::move(more.begin(), more.end(), std::back_inserter(items));
}

class Planner {
 public:
  Planner(const RunContext& context, const std::vector<Decision>& decisions)
      : context_(context), decisions_(decisions) {}

  std::vector<Lane> plan();

 private:
  // Within one table, what only goes or changes its name comes before what is loaded.
  struct Items {
    std::vector<WorkItem> changes;
    std::vector<WorkItem> small;
    std::vector<WorkItem> large;
  };
  Items items_of(const std::vector<std::size_t>& files) const;
  Lane make_lane(std::vector<WorkItem> items, bool one_by_one) const;

  const RunContext& context_;
  const std::vector<Decision>& decisions_;
};

Planner::Items Planner::items_of(const std::vector<std::size_t>& files) const {
  std::shared_ptr<TableSession> session;
  if (decisions_[files.front()].placement.is_set()) {
    std::vector<const Decision*> all;
    for (const std::size_t i : files) all.push_back(&decisions_[i]);
    session = std::make_shared<TableSession>(context_, std::move(all));
  }
  Items items;
  for (const std::size_t i : files) {
    const Decision& decision = decisions_[i];
    const bool is_large = decision.file.size >= kLargeFileBytes;
    auto& part = decision.action != Action::kLoad ? items.changes
                 : is_large                       ? items.large
                                                  : items.small;
    part.push_back({i, session ? session
                               : std::make_shared<TableSession>(
                                     context_, std::vector<const Decision*>{&decision})});
  }
  return items;
}

Lane Planner::make_lane(std::vector<WorkItem> items, bool one_by_one) const {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned wanted = context_.options.parallel_files;
  const unsigned parallel = wanted > 0 ? wanted : cores;
  Lane lane{.items = std::move(items), .load = context_.options.load};
  if (!one_by_one) {
    lane.workers = static_cast<unsigned>(std::min<std::size_t>(parallel, lane.items.size()));
  }
  lane.load.run_id = context_.run_id;
  lane.load.streams = std::max(1U, lane.load.streams / lane.workers);
  lane.load.memory_bytes /= lane.workers;
  return lane;
}

std::vector<Lane> Planner::plan() {
  std::map<std::string, std::vector<std::size_t>> tables;
  for (std::size_t i = 0; i < decisions_.size(); ++i) {
    if (needs_table(decisions_[i])) tables[decisions_[i].table].push_back(i);
  }
  std::vector<WorkItem> changes;
  std::vector<WorkItem> small;
  std::vector<WorkItem> large;
  std::vector<Lane> lanes_of_sets;
  for (const auto& [table, files] : tables) {
    Items items = items_of(files);
    if (!decisions_[files.front()].placement.is_set()) {
      append(changes, std::move(items.changes));
      append(small, std::move(items.small));
      append(large, std::move(items.large));
      continue;
    }
    append(items.changes, std::move(items.small));
    if (items.large.empty()) {
      append(small, std::move(items.changes));
      continue;
    }
    if (!items.changes.empty()) {
      lanes_of_sets.push_back(make_lane(std::move(items.changes), false));
    }
    lanes_of_sets.push_back(make_lane(std::move(items.large), true));
  }
  std::vector<Lane> lanes;
  if (!changes.empty()) lanes.push_back(make_lane(std::move(changes), false));
  if (!small.empty()) lanes.push_back(make_lane(std::move(small), false));
  std::move(lanes_of_sets.begin(), lanes_of_sets.end(), std::back_inserter(lanes));
  if (!large.empty()) lanes.push_back(make_lane(std::move(large), true));
  return lanes;
}

}  // namespace

bool needs_table(const Decision& decision) {
  if (decision.action == Action::kLoad || decision.action == Action::kRemove) return true;
  return decision.action == Action::kAdopt && !decision.moved_from.empty();
}

std::vector<Lane> plan_work(const RunContext& context, const std::vector<Decision>& decisions) {
  return Planner(context, decisions).plan();
}

}  // namespace qvdhouse::sync
