#include "sync/table_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/replicas.h"
#include "decide/decide.h"
#include "load/commit.h"
#include "load/layout.h"
#include "load/staging.h"
#include "sync/failure.h"

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
  prepare(connection);
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
      if (auto record = tracking.find(path)) tracked_.push_back(std::move(*record));
    }
    return;
  }
  for (FileRecord& record : tracking.files()) {
    if (paths.contains(record.file_path)) tracked_.push_back(std::move(record));
  }
}

void TableSession::drop_staging(clickhouse::Connection& connection, tracking::Tracking& tracking,
                                bool waited) {
  const std::set<std::string> current = waited ? tracking.tables() : context_.staging_tables;
  for (const std::string& name : current) {
    if (!load::is_staging_of(context_.options.database, table_, name)) continue;
    if (load::drop_stale_staging(connection, context_.options.database, name)) {
      context_.log.info("dropped {}, which an earlier run left behind", name);
    }
  }
}

void TableSession::prepare(clickhouse::Connection& connection) {
  std::vector<const Decision*> files;
  std::ranges::copy_if(decisions_, std::back_inserter(files),
                       [](const Decision* file) { return file->action == Action::kLoad; });
  if (files.empty()) return;
  load::finish_swap(connection, table_);
  const auto& tables = context_.facts.tables;
  const PlanFacts facts{.options = context_.options,
                        .storage = context_.storage,
                        .tracked = tracked_,
                        .connection = &connection,
                        .tables = tables ? &*tables : nullptr,
                        .stop = context_.stop};
  if (!files.front()->placement.is_set()) {
    replaced_ = read_live_table(files, facts);
    return;
  }
  table_plan_ = plan_table(files, facts);
  if (table_plan_.error) std::rethrow_exception(table_plan_.error);
  if (table_plan_.definition) change_table(connection);
}

// Makes the table what it was planned to be. One that is remade stays until all files can take its
// place.
void TableSession::change_table(clickhouse::Connection& connection) const {
  for (const schema::Change& change : table_plan_.drift.changes) {
    context_.log.info("table {}, {}", table_, schema::said_of(change));
  }
  if (table_plan_.is_remade) return;
  if (!table_plan_.keeps_rows) {
    connection.query(table_plan_.ddl);
    return;
  }
  check_lease(context_);
  for (const std::string& sql : table_plan_.alters) {
    clickhouse::run_on_all_replicas(connection, sql);
    await_mutations(connection, table_, context_.stop);
  }
  if (std::ranges::any_of(table_plan_.drift.changes, &schema::Change::needs_rebuild)) {
    load::rebuild(connection, *table_plan_.definition,
                  load::staging_table(context_.options.database, table_, context_.run_id), table_,
                  {}, {});
  }
}

const FileRecord* TableSession::tracked(const std::string& path) const {
  return find_record(tracked_, path);
}

decide::FileLoad TableSession::load_of(const Decision& decision, unsigned attempt,
                                       const load::Options& options) const {
  decide::FileLoad file =
      decide::load_of(options, decision.placement, decide::file_key(decision), now_us());
  if (!decision.placement.is_set()) {
    replaced_.bind(file);
    return file;
  }
  const schema::Shape& shape = table_plan_.drift.shape;
  const PlannedFile* plan = planned(decision);
  if (plan != nullptr && plan->error && (plan->is_refused || attempt == 1 || shape.empty())) {
    std::rethrow_exception(plan->error);
  }
  hold_to(shape, file);
  file.target.is_remade = table_plan_.is_remade;
  file.target.number = ++context_.staged_files;
  return file;
}

const PlannedFile* TableSession::planned(const Decision& decision) const {
  return table_plan_.find(decision.file.path);
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
    const std::string& key = file_key(*decision);
    if (!staged.contains(key)) missing.push_back(key);
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
  for (const FileTask& file : pending.removals) removed.push_back(file_key(file.outcome.decision));
  if (table_plan_.is_remade) check_all_come(connection, pending);
  check_lease(context_);
  // Absent where no file could be planned at first.
  const auto& definition = table_plan_.definition ? *table_plan_.definition
                                                  : pending.staged.front().staged->definition();
  load::rebuild(connection, definition,
                load::staging_table(context_.options.database, table_, context_.run_id), table_,
                rows, removed, !table_plan_.is_remade);
}

}  // namespace qvdhouse::sync
