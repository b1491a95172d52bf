#include "sync/held_units.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "claim/unit.h"
#include "decide/decide.h"
#include "sync/work_plan.h"

namespace qvdhouse::sync {
namespace {

// How many of `count` make equal shares for `runs` others and this one.
std::size_t share_of(std::size_t count, std::size_t runs) {
  return (count * runs + runs) / (runs + 1);
}

}  // namespace

std::string unit_of(const Decision& decision) {
  if (decision.action != Action::kLoad || !decision.placement.is_set()) return {};
  return claim::file_unit(decision.table, decide::file_key(decision));
}

HeldUnits::HeldUnits(claim::Lease* lease, const std::set<std::string>& held,
                     const std::vector<Decision>& decisions, spdlog::logger& log)
    : lease_(lease), log_(log), held_(held) {
  if (lease_ == nullptr) return;
  for (const std::string& unit : held_) {
    if (claim::table_of(unit) == unit) left_.insert(unit);
  }
  for (const Decision& decision : decisions) {
    if (!decision.placement.is_set()) continue;
    Files& files = files_[decision.table];
    const std::string unit = unit_of(decision);
    if (!unit.empty()) files.left.insert(unit);
    if (unit.empty() && needs_table(decision)) ++files.others;
  }
}

bool HeldUnits::begin(const Decision& decision, const claim::TableGroup& tables,
                      const std::shared_ptr<TableSession>& session) {
  if (lease_ == nullptr) return true;
  const std::string unit = unit_of(decision);
  const auto is_given = [&](const std::string& name) { return given_.contains(name); };
  const std::lock_guard lock(mutex_);
  if (is_given(unit) || std::ranges::any_of(tables, is_given)) return false;
  for (const std::string& table : tables) left_.erase(table);
  if (const auto files = files_.find(decision.table); files != files_.end()) {
    files->second.session = session;
    if (files->second.left.erase(unit) > 0) files->second.open.insert(unit);
  }
  return true;
}

void HeldUnits::end(const Decision& decision) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(decision.table);
  if (found == files_.end()) return;
  Files& files = found->second;
  const std::string unit = unit_of(decision);
  if (unit.empty()) --files.others;
  files.open.erase(unit);
}

void HeldUnits::put_off(const Decision& decision) {
  const std::lock_guard lock(mutex_);
  put_off_.insert(decision.file.path);
  if (lease_ != nullptr) files_[decision.table].open.erase(unit_of(decision));
}

void HeldUnits::give_back_rest() {
  if (lease_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  try {
    give_tables(left_.size());
    for (auto& [table, files] : files_) give_files(table, files, files.left.size());
  } catch (const base::Error& error) {
    log_.debug("what was not begun is given back at the end: {}", error.what());
  }
}

void HeldUnits::give_to_waiting() {
  const std::lock_guard lock(mutex_);
  try {
    give_away();
  } catch (const base::Error& error) {
    log_.debug("nothing is given to other runs now: {}", error.what());
  }
}

void HeldUnits::give_away() {
  if (!left_.empty()) {
    const std::size_t runs = lease_->others_waiting(
        [&](const std::string& unit) { return left_.contains(claim::table_of(unit)); });
    if (runs > 0) {
      give_tables(share_of(left_.size(), runs));
      return;
    }
  }
  for (auto& [table, files] : files_) {
    const std::shared_ptr<TableSession> session = files.session.lock();
    if (files.left.empty() || files.others > 0 || !session || !session->may_share()) continue;
    const std::string any = claim::any_file_of(table);
    const std::size_t runs =
        lease_->others_waiting([&](const std::string& unit) { return unit == any; });
    if (runs > 0) give_files(table, files, share_of(files.left.size(), runs));
  }
}

// The last first. They are given even if the server does not say that it knows.
void HeldUnits::give_tables(std::size_t count) {
  if (count == 0) return;
  std::set<std::string> given;
  for (; count > 0; --count) given.insert(left_.extract(std::prev(left_.end())));
  given_.insert(given.begin(), given.end());
  for (const std::string& table : given) held_.erase(table);
  lease_->give_back(given);
}

// The run may have held the whole table: from now on it holds the files that it keeps.
void HeldUnits::give_files(const std::string& table, Files& files, std::size_t count) {
  if (count == 0 || files.others > 0) return;
  const std::shared_ptr<TableSession> session = files.session.lock();
  if (!session || !session->share()) return;
  std::size_t bytes = 0;
  for (const auto* units : {&files.open, &files.left}) {
    for (const std::string& unit : *units) bytes += unit.size();
  }
  for (; !files.left.empty() && (count > 0 || bytes > claim::kMostUnitBytes);) {
    count -= std::min<std::size_t>(count, 1);
    bytes -= std::prev(files.left.end())->size();
    given_.insert(files.left.extract(std::prev(files.left.end())));
  }
  std::set<std::string> before;
  std::ranges::copy_if(held_, std::inserter(before, before.end()),
                       [&](const std::string& unit) { return claim::table_of(unit) == table; });
  std::set<std::string> kept = files.open;
  kept.insert(files.left.begin(), files.left.end());
  for (const std::string& unit : before) held_.erase(unit);
  held_.insert(kept.begin(), kept.end());
  lease_->give_back(before, kept);
}

}  // namespace qvdhouse::sync
