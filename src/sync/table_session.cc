#include "sync/table_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "claim/lease.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/replicas.h"
#include "clickhouse/shards.h"
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
      stored_in_(
          decide::stored_in(decisions_.front()->placement, table_, context.endpoint.dialect)),
      is_shared_(context.shared_tables.contains(table_)),
      left_(decisions_.size()) {}

void TableSession::open() {
  const std::lock_guard lock(mutex_);
  if (!opened_) {
    opened_ = true;
    for (unsigned attempt = 1;; ++attempt) {
      try {
        open_once();
        is_ready_ = true;
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
  const auto kind = is_shared_ ? base::FileLock::Kind::kShared : base::FileLock::Kind::kExclusive;
  bool waited = false;
  if (!lock_) {
    lock_ = claim::try_lock_table(options.lock_dir, options.database, table_, kind);
    waited = !lock_;
    if (waited) {
      lock_ = claim::lock_table(options.lock_dir, options.database, table_, context_.stop, kind);
    }
  }
  clickhouse::Connection connection(context_.endpoint, context_.stop);
  tracking::Tracking tracking(context_.endpoint, options.database);
  read_tracking(tracking);
  choose_servers(connection);
  drop_staging(connection, tracking, waited);
  if (!is_spread()) return prepare(connection);
  // What the first shard has is what the table is taken for: the others are changed before it.
  clickhouse::Connection first(servers_.front(), context_.stop);
  prepare(first);
}

clickhouse::Endpoint TableSession::any_server(std::size_t shard) const {
  return is_spread() ? clickhouse::at_shard(context_.endpoint, shard) : context_.endpoint;
}

void TableSession::choose_servers(clickhouse::Connection& connection) {
  const std::lock_guard lock(servers_mutex_);
  servers_.clear();
  const std::size_t shards = is_spread() ? context_.endpoint.dialect.replication.shards.size() : 1;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    servers_.push_back(clickhouse::pinned(any_server(shard)));
  }
  if (!is_spread()) return;
  std::vector<std::string> keys;
  for (const Decision* decision : decisions_) keys.push_back(file_key(*decision));
  const std::vector<std::size_t> shard_of_key = clickhouse::shards_of(connection, keys);
  for (std::size_t i = 0; i < keys.size(); ++i) shards_[keys[i]] = shard_of_key.at(i);
}

std::size_t TableSession::shard_of(const Decision& decision) const {
  const auto found = shards_.find(file_key(decision));
  return found == shards_.end() ? 0 : found->second;
}

clickhouse::Endpoint TableSession::server_of(const Decision& decision, unsigned attempt) {
  const std::size_t shard = shard_of(decision);
  bool is_free = attempt > 1;
  if (is_free) {
    const std::lock_guard lock(mutex_);
    is_free = pending_.empty();
  }
  const std::lock_guard lock(servers_mutex_);
  if (is_free) {
    const clickhouse::Endpoint any = any_server(shard);
    if (any.hosts) {
      clickhouse::Connection(any, context_.stop).query("SELECT 1");  // finds one that answers
      servers_[shard] = clickhouse::pinned(any);
    }
  }
  return servers_[shard];
}

std::vector<clickhouse::Connection> TableSession::connect() const {
  std::vector<clickhouse::Connection> connections;
  const std::lock_guard lock(servers_mutex_);
  for (const clickhouse::Endpoint& server : servers_) {
    connections.emplace_back(server, context_.stop);
  }
  return connections;
}

// Another run may have worked on the table since this one looked.
void TableSession::read_tracking(tracking::Tracking& tracking) {
  tracked_.clear();
  std::set<std::string> paths;
  for (const Decision* decision : decisions_) {
    paths.insert(decision->file.path);
    if (!decision->moved_from.empty()) paths.insert(decision->moved_from);
  }
  const bool only_loads = std::ranges::all_of(
      decisions_, [](const Decision* decision) { return decision->action == Action::kLoad; });
  // What is done without a file's rows must be right by the table itself.
  if (only_loads && context_.only_run != nullptr && context_.only_run->is_so()) {
    for (const std::string& path : paths) {
      const FileRecord* record = find_record(context_.facts.tracked, path);
      if (record != nullptr) tracked_.push_back(*record);
    }
    return;
  }
  constexpr std::size_t kFewFiles = 4;
  if (paths.size() <= kFewFiles) {
    tracked_ = tracking.files_at(paths);
    return;
  }
  for (FileRecord& record : tracking.files()) {
    if (paths.contains(record.file_path)) tracked_.push_back(std::move(record));
  }
}

// Those of runs that hold files of a shared table just now are in use.
void TableSession::drop_staging(clickhouse::Connection& connection, tracking::Tracking& tracking,
                                bool waited) {
  const std::string& database = context_.options.database;
  std::set<std::string> current = context_.staging_tables;
  if (waited || is_shared_) {
    current = tracking.tables();
    current.merge(load::staging_on_cluster(connection, database));
  }
  std::set<std::string> runs;
  if (is_shared_) {
    runs = claim::leased_tables(context_.endpoint, database, context_.stop)[table_];
  }
  for (const std::string& name : current) {
    if (!load::is_staging_of(database, stored_in_, name)) continue;
    const auto has = [&](const std::string& run_id) { return load::is_of_run(name, run_id); };
    if (std::ranges::any_of(runs, has)) continue;
    if (load::drop_stale_staging(connection, database, name)) {
      context_.log.info("dropped {}, which an earlier run left behind", name);
    }
  }
}

void TableSession::prepare(clickhouse::Connection& connection) {
  std::vector<const Decision*> files;
  std::ranges::copy_if(decisions_, std::back_inserter(files),
                       [](const Decision* file) { return file->action == Action::kLoad; });
  if (files.empty()) return;
  load::finish_swap(connection, stored_in_);
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
  if (is_shared_) {
    plan_as_it_is(files, facts);
    return;
  }
  table_plan_ = plan_table(files, facts);
  if (table_plan_.error) std::rethrow_exception(table_plan_.error);
  if (table_plan_.definition) change_table(connection);
  show_rows(connection);
}

bool TableSession::is_spread() const {
  return decide::is_spread(decisions_.front()->placement, context_.endpoint.dialect);
}

// What readers look at, where it is not the table that has the rows.
void TableSession::show_rows(clickhouse::Connection& connection) const {
  if (is_spread()) {
    clickhouse::ensure_distributed(connection, context_.options.database, table_);
  } else if (stored_in_ != table_) {
    clickhouse::ensure_newest_rows(connection, context_.options.database, table_);
  }
}

// Plans those of the files that the table takes as it is, and puts off the others.
void TableSession::plan_as_it_is(const std::vector<const Decision*>& files,
                                 const PlanFacts& facts) {
  put_off_.clear();
  for (std::vector<const Decision*> left = files; !left.empty();) {
    table_plan_ = plan_table(left, facts);
    if (table_plan_.error) std::rethrow_exception(table_plan_.error);
    if (!table_plan_.changes_table()) return;
    const auto put_off = std::erase_if(left, [&](const Decision* file) {
      const PlannedFile* planned = table_plan_.find(file->file.path);
      if (!planned->changes_table) return false;
      put_off_.insert(file->file.path);
      return true;
    });
    if (put_off > 0) continue;
    for (const Decision* file : left) put_off_.insert(file->file.path);
    left.clear();
  }
  table_plan_ = {};
}

bool TableSession::is_to_share() const {
  if (!is_ready_ || is_shared_) return is_ready_;
  return table_plan_.definition && !table_plan_.is_remade && !table_plan_.commits_together &&
         context_.endpoint.dialect.has_covering_parts && pending_.empty();
}

bool TableSession::may_share() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  return lock && is_to_share();
}

bool TableSession::share() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || !is_to_share()) return false;
  if (!std::exchange(is_shared_, true)) lock_->lock(base::FileLock::Kind::kShared);
  return true;
}

std::string TableSession::why_put_off(const Decision& decision) const {
  return put_off_.contains(decision.file.path) ? "the table has to be changed for it" : "";
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
  const bool is_rebuilt =
      std::ranges::any_of(table_plan_.drift.changes, &schema::Change::needs_rebuild);
  if (table_plan_.alters.empty() && !is_rebuilt) return;
  std::vector<clickhouse::Connection> connections = connect();
  for (const std::string& sql : table_plan_.alters) {
    for (auto of_shard = connections.rbegin(); of_shard != connections.rend(); ++of_shard) {
      clickhouse::run_on_all_replicas(*of_shard, sql);
      await_mutations(*of_shard, stored_in_, context_.stop);
    }
  }
  if (is_rebuilt) {
    load::rebuild(connections, *table_plan_.definition,
                  load::staging_table(context_.options.database, stored_in_, context_.run_id),
                  stored_in_, {}, {});
  }
}

const FileRecord* TableSession::tracked(const std::string& path) const {
  return find_record(tracked_, path);
}

decide::FileLoad TableSession::load_of(const Decision& decision, unsigned attempt,
                                       const load::Options& options) const {
  decide::FileLoad file = decide::load_of(options, decision.placement, decide::file_key(decision),
                                          context_.options.clock());
  file.target.table = stored_in_;
  const auto& tables = context_.facts.tables;
  // A table of many files was made with its session.
  file.target.may_exist = decision.placement.is_set() || !tables || tables->contains(stored_in_);
  const FileRecord* record = tracked(decision.file.path);
  file.target.has_quarantine = !tables || tables->contains(file.target.quarantine) ||
                               (record != nullptr && record->rows_quarantined > 0);
  if (!decision.placement.is_set()) {
    replaced_.bind(file);
    // After a failure nothing is taken for known.
    if (record != nullptr && record->rows_hash != 0 && attempt == 1 && !context_.options.full &&
        record->status == tracking::FileState::kCompleted && record->table_name == decision.table) {
      file.target.held = {.row_count = record->row_count, .hash_sum = record->rows_hash};
    }
    return file;
  }
  const schema::Shape& shape = table_plan_.drift.shape;
  const PlannedFile* plan = planned(decision);
  if (plan != nullptr && plan->error && (plan->is_refused || attempt == 1 || shape.empty())) {
    std::rethrow_exception(plan->error);
  }
  hold_to(shape, file);
  file.target.is_remade = table_plan_.is_remade;
  // What the user's own SQL may change is asked for each time.
  const schema::TableRules& rules = decision.placement.rules;
  const bool may_change = !rules.pre_sql.empty() || !rules.post_sql.empty();
  if (!is_spread() && !may_change) file.target.layout = &layout_;
  file.target.number = ++context_.staged_files;
  return file;
}

const PlannedFile* TableSession::planned(const Decision& decision) const {
  return table_plan_.find(decision.file.path);
}

bool TableSession::add(StagedTask& staged) {
  const std::lock_guard lock(mutex_);
  if (is_shared_) return false;
  pending_.staged.push_back(std::move(staged));
  return true;
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
  std::vector<std::string> missing = stored_files(connection, is_spread() ? table_ : stored_in_);
  std::erase_if(missing, [&](const std::string& file) { return staged.contains(file); });
  for (const Decision* decision : decisions_) {
    if (decision->action != Action::kLoad) continue;
    const std::string& key = file_key(*decision);
    if (!staged.contains(key)) missing.push_back(key);
  }
  if (missing.empty()) return;
  throw base::ConfigError(fmt::format(
      "table {} was made for another mode or drift and has to be rebuilt out of all its files, but "
      "{} "
      "of them {} not loaded by this run, among them {}; the table stays as it was: load all files "
      "(--full), drop the table, or set mode and drift back",
      table_, missing.size(), missing.size() == 1 ? "is" : "are", missing.front()));
}

void TableSession::commit(const Pending& pending) const {
  std::vector<clickhouse::Connection> connections = connect();
  std::vector<load::StagedRows> rows;
  for (const StagedTask& file : pending.staged) {
    rows.push_back(file.staged->rows());
    rows.back().shard = shard_of(file.task.outcome.decision);
  }
  std::vector<std::string> removed;
  for (const FileTask& file : pending.removals) removed.push_back(file_key(file.outcome.decision));
  if (table_plan_.is_remade) check_all_come(connections.front(), pending);
  check_lease(context_);
  // Absent where no file could be planned at first.
  const auto& definition = table_plan_.definition ? *table_plan_.definition
                                                  : pending.staged.front().staged->definition();
  load::rebuild(connections, definition,
                load::staging_table(context_.options.database, stored_in_, context_.run_id),
                stored_in_, rows, removed, !table_plan_.is_remade);
  show_rows(connections.front());
}

void TableSession::delete_rows(const Decision& decision) const {
  std::vector<clickhouse::Connection> connections = connect();
  load::delete_file(connections, shard_of(decision), stored_in_, file_key(decision),
                    load::staging_table(context_.options.database, stored_in_, context_.run_id));
}

}  // namespace qvdhouse::sync
