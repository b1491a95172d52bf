#include "sync/work_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <thread>
#include <utility>

namespace qvdhouse::sync {
namespace {

using Items = std::vector<WorkItem>;
using Tables = std::map<std::string, std::vector<std::size_t>>;  // decisions, by table

// A file of this size keeps all streams busy by itself.
constexpr std::uint64_t kLargeFileBytes = 64 << 20;
// Files of this size, on average, spend most of their time in statements, waiting for the server.
constexpr std::uint64_t kTinyFileBytes = 1 << 20;

void append(Items& items, Items more) {
  std::move(more.begin(), more.end(), std::back_inserter(items));
}

bool are_tiny(const Items& items, const std::vector<Decision>& decisions) {
  std::uint64_t bytes = 0;
  for (const WorkItem& item : items) bytes += decisions[item.index].file.size;
  return bytes < items.size() * kTinyFileBytes;
}

void add_batch(std::vector<Batch>& batches, Items items, const std::vector<Decision>& decisions,
               bool one_by_one, const RunContext& context) {
  if (items.empty()) return;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned wanted = context.options.parallel_files;
  const unsigned by_cores = are_tiny(items, decisions) ? 2 * cores : cores;
  const unsigned parallel = one_by_one ? 1 : wanted > 0 ? wanted : by_cores;
  Batch batch{.items = std::move(items), .load = context.options.load};
  batch.workers = static_cast<unsigned>(std::min<std::size_t>(parallel, batch.items.size()));
  batch.load.run_id = context.run_id;
  batch.load.streams = std::max(1U, batch.load.streams / batch.workers);
  batch.load.memory_bytes /= batch.workers;
  batches.push_back(std::move(batch));
}

// Within one table, what only goes or changes its name comes before what is loaded.
struct TableItems {
  Items changes;
  Items small;
  Items large;
};

bool is_large_load(const Decision& decision) {
  return decision.action == Action::kLoad && decision.file.size >= kLargeFileBytes;
}

// A multi-file table has one session for all its files.
Items items_in_order(const std::vector<std::size_t>& files, const std::vector<Decision>& decisions,
                     const RunContext& context) {
  // By name whatever the order is: columns of a new table follow those of its first file.
  std::vector<const Decision*> all;
  for (const std::size_t i : std::set(files.begin(), files.end())) all.push_back(&decisions[i]);
  std::shared_ptr<TableSession> shared;
  if (all.front()->placement.is_set()) shared = std::make_shared<TableSession>(context, all);
  Items items;
  for (const std::size_t i : files) {
    items.push_back({i, shared ? shared
                               : std::make_shared<TableSession>(
                                     context, std::vector<const Decision*>{&decisions[i]})});
  }
  return items;
}

TableItems items_of(const std::vector<std::size_t>& files, const std::vector<Decision>& decisions,
                    const RunContext& context) {
  TableItems items;
  for (WorkItem& item : items_in_order(files, decisions, context)) {
    const Decision& decision = decisions[item.index];
    Items& part = decision.action != Action::kLoad ? items.changes
                  : is_large_load(decision)        ? items.large
                                                   : items.small;
    part.push_back(std::move(item));
  }
  return items;
}

// Loads in their order, and what goes or changes its name before those of its table.
std::vector<Batch> plan_in_turn(const RunContext& context, const std::vector<Decision>& decisions,
                                const Tables& tables) {
  const auto turn_of = [&](std::size_t i) {
    const bool is_load = decisions[i].action == Action::kLoad;
    return is_load ? decisions[i].turn + 1 : 0;
  };
  std::vector<std::vector<std::size_t>> groups;
  for (const auto& [table, files] : tables) {
    groups.push_back(files);
    std::ranges::stable_sort(groups.back(), {}, turn_of);
  }
  // What only goes away waits for nothing.
  std::ranges::stable_sort(groups, {}, [&](const std::vector<std::size_t>& files) {
    const auto first = std::ranges::find_if(files, [&](std::size_t i) { return turn_of(i) > 0; });
    return first == files.end() ? 0 : turn_of(*first);
  });
  std::vector<Batch> batches;
  Items open;
  bool is_open_large = false;
  for (const std::vector<std::size_t>& files : groups) {
    for (WorkItem& item : items_in_order(files, decisions, context)) {
      const bool is_large = is_large_load(decisions[item.index]);
      if (is_large != is_open_large) {
        add_batch(batches, std::exchange(open, {}), decisions, is_open_large, context);
      }
      is_open_large = is_large;
      open.push_back(std::move(item));
    }
  }
  add_batch(batches, std::move(open), decisions, is_open_large, context);
  return batches;
}

}  // namespace

bool needs_table(const Decision& decision) {
  if (decision.action == Action::kLoad || decision.action == Action::kRemove) return true;
  return decision.action == Action::kAdopt && !decision.moved_from.empty();
}

std::vector<Batch> plan_work(const RunContext& context, const std::vector<Decision>& decisions) {
  Tables tables;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (needs_table(decisions[i])) tables[decisions[i].table].push_back(i);
  }
  if (context.options.choice.order != decide::Order::kName) {
    return plan_in_turn(context, decisions, tables);
  }
  Items changes;
  Items small;
  Items large;
  std::vector<Batch> batches_of_sets;
  for (const auto& [table, files] : tables) {
    TableItems items = items_of(files, decisions, context);
    if (!decisions[files.front()].placement.is_set()) {
      append(changes, std::move(items.changes));
      append(small, std::move(items.small));
      append(large, std::move(items.large));
      continue;
    }
    append(items.changes, std::move(items.small));
    if (items.large.empty()) {
      append(small, std::move(items.changes));
    } else {
      add_batch(batches_of_sets, std::move(items.changes), decisions, false, context);
      add_batch(batches_of_sets, std::move(items.large), decisions, true, context);
    }
  }
  std::vector<Batch> batches;
  add_batch(batches, std::move(changes), decisions, false, context);
  add_batch(batches, std::move(small), decisions, false, context);
  std::ranges::move(batches_of_sets, std::back_inserter(batches));
  add_batch(batches, std::move(large), decisions, true, context);
  return batches;
}

}  // namespace qvdhouse::sync
