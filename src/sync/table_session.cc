#include "sync/table_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "load/commit.h"
#include "load/layout.h"
#include "sync/failure.h"
#include "sync/staging.h"
#include "sync/table_shape.h"

namespace qvdhouse::sync {

using tracking::FileRecord;

TableSession::TableSession(const RunContext& context, std::vector<const Decision*> decisions)
    : context_(context),
      decisions_(std::move(decisions)),
      table_(decisions_.front()->table),
      left_(decisions_.size()) {}

void TableSession::open() {
  const std::lock_guard lock(mutex_);
  if (!opened_) {
    opened_ = true;
    for (unsigned attempt = 1;; ++attempt) {
      try {
        open_once();
        return;
      } catch (const std::exception& error) {
        error_ = std::current_exception();
        if (!describe_failure(error).may_pass || attempt == context_.options.max_attempts) break;
      }
      base::pause_for(delay_within_run(attempt, context_.options.first_delay), context_.stop);
      error_ = nullptr;
    }
  }
  if (error_) std::rethrow_exception(error_);
}

void TableSession::open_once() {
  const Options& options = context_.options;
  bool waited = false;
  if (!lock_) {
    lock_ = claim::try_lock_table(options.lock_dir, options.database, table_);
    waited = !lock_;
    if (waited) {
      lock_ = claim::lock_table(options.lock_dir, options.database, table_, context_.stop);
    }
  }
  clickhouse::Connection connection(context_.endpoint, context_.stop);
  tracking::Tracking tracking(context_.endpoint, options.database);
  read_tracking(tracking);
  drop_staging(connection, tracking, waited);
  if (decisions_.front()->placement.is_set()) {
    prepare_set(connection);
  } else {
    read_live_shape(connection);
  }
}

// Another run may have worked on the table since this one looked.
void TableSession::read_tracking(tracking::Tracking& tracking) {
  tracked_.clear();
  std::set<std::string> paths;
  for (const Decision* decision : decisions_) {
    paths.insert(decision->file.path);
    if (!decision->moved_from.empty()) paths.insert(decision->moved_from);
  }
  constexpr std::size_t kFewFiles = 4;
  if (paths.size() <= kFewFiles) {
    for (const std::string& path : paths) {
      if (auto record = tracking.find(path)) tracked_.emplace(path, std::move(*record));
    }
    return;
  }
  for (FileRecord& record : tracking.files()) {
    if (paths.contains(record.file_path)) tracked_.emplace(record.file_path, std::move(record));
  }
}

void TableSession::drop_staging(clickhouse::Connection& connection, tracking::Tracking& tracking,
                                bool waited) {
  const std::set<std::string> current = waited ? tracking.tables() : context_.staging_tables;
  for (const std::string& name : current) {
    if (staging_target(name) != table_) continue;
    if (drop_stale_staging(connection, context_.options.database, name)) {
      context_.log.info("dropped {}, which an earlier run left behind", name);
    }
  }
}

// The table keeps its types when its file comes again, unless the settings were changed since. A
// drift policy that forbids changes holds against the table that is there, whatever the file is
// loaded for.
void TableSession::read_live_shape(clickhouse::Connection& connection) {
  const Decision& decision = *decisions_.front();
  if (decision.action != Action::kLoad) return;
  const FileRecord* record = tracked(decision.file.path);
  const bool comes_again = record != nullptr && record->table_name == table_;
  const bool is_held = binds_always(decision.placement.rules);
  const auto& tables = context_.facts.tables;
  const bool is_there = tables && tables->contains(table_);
  if (!is_held && !comes_again && !is_there) return;
  if (is_held || !comes_again) {
    load::finish_swap(connection, table_);
    if (!load::is_our_table(connection, table_)) return;
  }
  const bool is_bound = is_held || (comes_again && record->settings_hash == decision.settings_hash);
  try {
    replaced_shape_ = live_shape(load::read_layout(connection, table_));
  } catch (const base::SchemaError&) {
    if (is_bound) throw;
    return;  // a column of the user's own, which goes with the old table
  }
  if (is_bound && !replaced_shape_->empty()) live_shape_ = replaced_shape_;
}

void TableSession::prepare_set(clickhouse::Connection& connection) {
  std::vector<const Decision*> files;
  std::size_t new_partitions = 0;
  for (const Decision* decision : decisions_) {
    if (decision->action != Action::kLoad) continue;
    files.push_back(decision);
    const FileRecord* record = tracked(decision->file.path);
    const bool has_partition = decision->placement.mode == schema::LoadMode::kReplaceByFile &&
                               record != nullptr && record->table_name == table_ &&
                               record->status == tracking::FileState::kCompleted;
    if (!has_partition) ++new_partitions;
  }
  if (files.empty()) {
    set_.emplace();
    return;
  }
  set_ = prepare_set_table(context_, connection, files, new_partitions);
}

const FileRecord* TableSession::tracked(const std::string& path) const {
  const auto found = tracked_.find(path);
  return found == tracked_.end() ? nullptr : &found->second;
}

load::Target TableSession::target_of(const Decision& decision, unsigned attempt) const {
  load::Target target = target_for(decision);
  if (!set_) {
    target.shape = live_shape_;
    target.replaced = replaced_shape_;
    return target;
  }
  const std::string& path = decision.file.path;
  if (const auto refused = set_->refused.find(path); refused != set_->refused.end()) {
    std::rethrow_exception(refused->second);
  }
  const auto unplanned = set_->unplanned.find(path);
  if (unplanned != set_->unplanned.end() && (attempt == 1 || set_->shape.empty())) {
    std::rethrow_exception(unplanned->second);
  }
  target.shape = set_->shape;
  target.is_remade = set_->is_remade;
  target.number = ++context_.staged_files;
  return target;
}

std::vector<std::string> TableSession::notes_on(const Decision& decision) const {
  if (!set_) return {};
  const auto found = set_->notes.find(decision.file.path);
  return found == set_->notes.end() ? std::vector<std::string>() : found->second;
}

std::vector<std::string> TableSession::alerts_on(const Decision& decision) const {
  if (!set_) return {};
  const auto found = set_->alerts.find(decision.file.path);
  return found == set_->alerts.end() ? std::vector<std::string>() : found->second;
}

bool TableSession::is_planned(const Decision& decision) const {
  return !set_ || !set_->unplanned.contains(decision.file.path);
}

void TableSession::add(StagedTask staged) {
  const std::lock_guard lock(mutex_);
  pending_.staged.push_back(std::move(staged));
}

void TableSession::add_removal(FileTask task) {
  const std::lock_guard lock(mutex_);
  pending_.removals.push_back(std::move(task));
}

bool TableSession::leave() {
  const std::lock_guard lock(mutex_);
  return --left_ == 0;
}

TableSession::Pending TableSession::take_pending() {
  const std::lock_guard lock(mutex_);
  return std::exchange(pending_, {});
}

// A table is rebuilt only when none of its rows gets lost by it.
void TableSession::check_all_come(clickhouse::Connection& connection,
                                  const Pending& pending) const {
  std::set<std::string> staged;
  for (const StagedTask& file : pending.staged) staged.insert(file.staged->rows().file_key);
  std::vector<std::string> missing = stored_files(connection, table_);
  std::erase_if(missing, [&](const std::string& file) { return staged.contains(file); });
  for (const Decision* decision : decisions_) {
    if (decision->action != Action::kLoad) continue;
    std::string key = target_for(*decision).file_key;
    if (!staged.contains(key)) missing.push_back(std::move(key));
  }
  if (missing.empty()) return;
  throw base::ConfigError(fmt::format(
      "table {} was loaded in another mode and has to be rebuilt out of all its files, but {} of "
      "them cannot be loaded now, among them {}; the table stays as it was: mend that, drop the "
      "table, or set its mode back",
      table_, missing.size(), missing.front()));
}

void TableSession::commit(clickhouse::Connection& connection, const Pending& pending) const {
  std::vector<load::StagedRows> rows;
  for (const StagedTask& file : pending.staged) rows.push_back(file.staged->rows());
  std::vector<std::string> removed;
  for (const FileTask& file : pending.removals) {
    removed.push_back(target_for(file.outcome.decision).file_key);
  }
  if (set_->is_remade) check_all_come(connection, pending);
  check_lease(context_);
  load::rebuild(connection, set_->definition, load::staging_table(table_, context_.run_id), table_,
                rows, removed, !set_->is_remade);
}

}  // namespace qvdhouse::sync
