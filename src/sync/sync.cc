#include "sync/sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "claim/lease.h"
#include "claim/locks.h"
#include "clickhouse/names.h"
#include "clickhouse/replicas.h"
#include "load/staging.h"
#include "sync/adopt.h"
#include "sync/facts.h"
#include "sync/failure.h"
#include "sync/file_loader.h"
#include "sync/work_plan.h"

namespace qvdhouse::sync {
namespace {

constexpr long kRecordPatienceSeconds = 60;
constexpr std::chrono::seconds kReplicaPatience{10};  // of a whole run

using tracking::ErrorClass;
using tracking::FileRecord;
using tracking::FileState;

using Records = std::map<std::string_view, const FileRecord*>;

// What the decision was made from.
const FileRecord* record_of(const Records& records, const Decision& decision) {
  const auto found =
      records.find(decision.moved_from.empty() ? decision.file.path : decision.moved_from);
  return found == records.end() ? nullptr : found->second;
}

// Whether the target has gone: then each further file would only fail the same way.
class TargetWatch {
 public:
  explicit TargetWatch(const clickhouse::Endpoint& endpoint);
  // Asks the target for a sign of life after a failure that may be its own.
  void note(const FileOutcome& file);
  bool lost() const { return lost_; }
  // Throws IoError.
  void throw_if_lost();

 private:
  clickhouse::Endpoint endpoint_;
  std::mutex mutex_;
  std::string error_;
  std::atomic<bool> lost_ = false;
};

TargetWatch::TargetWatch(const clickhouse::Endpoint& endpoint) : endpoint_(endpoint) {
  endpoint_.database = "system";
}

void TargetWatch::note(const FileOutcome& file) {
  if (file.outcome != Outcome::kFailed) return;
  if (file.error_class != ErrorClass::kIo && file.error_class != ErrorClass::kServer) return;
  try {
    clickhouse::Connection(endpoint_).query("SELECT 1");
  } catch (const base::IoError& error) {
    const std::lock_guard lock(mutex_);
    error_ = error.what();
    lost_ = true;
  } catch (const base::Error&) {
    return;  // it answers
  }
}

void TargetWatch::throw_if_lost() {
  const std::lock_guard lock(mutex_);
  if (!lost_) return;
  throw base::IoError(fmt::format(
      "ClickHouse cannot be reached any more; run again when it is back (what is loaded is not "
      "loaded twice): {}",
      error_));
}

// The outcome's way into the log, from whichever thread.
FileLoader::Done enter_into(OutcomeLog& outcomes, TargetWatch& target, std::size_t index) {
  return [&outcomes, &target, index](FileOutcome outcome) {
    target.note(outcome);
    outcomes.enter(index, std::move(outcome));
  };
}

// The tables of a pass that this run shares with others: what it has not begun it may give away.
class SharedTables {
 public:
  // `lease` may be null: nothing is shared.
  SharedTables(claim::Lease* lease, std::set<std::string> tables, spdlog::logger& log)
      : lease_(lease), log_(log), left_(std::move(tables)) {}

  // To be called for each file. False when its table was given to another run. Throws nothing.
  bool begin(const std::string& table);
  const std::set<std::string>& given() const { return given_; }

 private:
  void give_away(std::size_t runs);

  claim::Lease* lease_;
  spdlog::logger& log_;
  std::mutex mutex_;
  std::set<std::string> left_;  // not begun
  std::set<std::string> given_;
};

bool SharedTables::begin(const std::string& table) {
  if (lease_ == nullptr) return true;
  const std::lock_guard lock(mutex_);
  if (given_.contains(table)) return false;
  left_.erase(table);
  try {
    if (!left_.empty()) give_away(lease_->others_waiting());
  } catch (const base::Error& error) {
    log_.debug("no tables are given to other runs now: {}", error.what());
  }
  return true;
}

// As many of those that are left as make equal shares, the last first.
void SharedTables::give_away(std::size_t runs) {
  std::set<std::string> given;
  for (std::size_t count = (left_.size() * runs + runs) / (runs + 1); count > 0; --count) {
    given.insert(left_.extract(std::prev(left_.end())));
  }
  if (given.empty()) return;
  given_.insert(given.begin(), given.end());  // even if the server does not say that it knows
  lease_->give_back(given);
}

void run_batch(Batch& batch, const std::vector<Decision>& decisions, const Records& records,
               const RunContext& context, SharedTables& shared, OutcomeLog& outcomes,
               TargetWatch& target) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    FileLoader loader(context, batch.load);
    const auto is_over = [&] {
      return context.stop.stop_requested() || context.options.finish.stop_requested() ||
             target.lost();
    };
    while (!is_over()) {
      const std::size_t position = next++;
      if (position >= batch.items.size()) return;
      // The last to let go of a session gives its table back.
      WorkItem item = std::move(batch.items[position]);
      if (!shared.begin(decisions[item.index].table)) continue;
      loader.work_on(decisions[item.index], record_of(records, decisions[item.index]), item.session,
                     enter_into(outcomes, target, item.index));
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < batch.workers; ++i) workers.emplace_back(work);
}

// Skipped, waiting and refused files: nothing to load, but the table may have to say so.
void settle_unloaded(const Decision& decision, const FileRecord* previous,
                     const RunContext& context, std::size_t index, OutcomeLog& outcomes) {
  FileOutcome outcome{.decision = decision};
  FileRecord record;
  if (decision.action != Action::kSkip) {
    record = new_record(decision, previous, context);
    record.error_message = decision.reason;
  }
  if (decision.action == Action::kWait) {
    outcome.outcome = Outcome::kWaiting;
    record.status = FileState::kWaiting;
  } else if (decision.action == Action::kRefuse) {
    outcome.outcome = Outcome::kFailed;
    outcome.error = decision.reason;
    outcome.error_class = ErrorClass::kSchema;
    record.status = FileState::kFailed;
    record.error_class = ErrorClass::kSchema;
    record.failure_count = 1;
    record.retry_at_us = record.processed_at_us;  // at once when nothing stands against it any more
  }
  // A row that says the same already keeps its time: that is since when the file has been waiting.
  const bool known =
      previous != nullptr && previous->status == record.status &&
      decide::is_same_version(decision.file, *previous) &&
      (record.status == FileState::kWaiting || previous->error_message == record.error_message);
  if (decision.action == Action::kSkip || known) {
    outcomes.enter(index, std::move(outcome));
    return;
  }
  context.recorder.add({.files = {std::move(record)},
                        .done = [&outcomes, index, outcome = std::move(outcome)](
                                    const std::string&) { outcomes.enter(index, outcome); }});
}

// Temporary tables that killed runs left, of whichever table nobody loads right now. The run's own
// lease has been given back. A load has its table before it makes another one of these: what was
// there before we see that nobody has the table is no living load's.
void sweep_temporary_tables(const Options& options, const clickhouse::Endpoint& endpoint,
                            spdlog::logger& log, const std::stop_token& stop) {
  const std::string& database = options.database;
  const auto hash_of = [&](const std::string& table) {
    return clickhouse::table_hash(database, table);
  };
  try {
    clickhouse::Connection connection(endpoint, stop);
    std::map<std::string, load::TemporaryTable> found;
    std::set<std::uint64_t> live;
    for (const std::string& name : tracking::Tracking(endpoint, database).tables()) {
      if (const auto temporary = load::temporary_table(database, name)) {
        found.emplace(name, *temporary);
      } else {
        live.insert(hash_of(name));
      }
    }
    // One that was swapped out has the only rows of a table that is not there.
    std::erase_if(found, [&](const auto& entry) {
      return entry.second.is_swapped_out &&
             (endpoint.dialect.has_exchange || !live.contains(entry.second.target));
    });
    if (found.empty()) return;
    std::set<std::uint64_t> leased;
    if (options.needs_lease) {
      std::ranges::transform(claim::leased_tables(endpoint, database, stop),
                             std::inserter(leased, leased.end()), hash_of);
    }
    for (const auto& [name, temporary] : found) {
      if (leased.contains(temporary.target)) continue;
      if (claim::is_table_locked(options.lock_dir, temporary.target)) continue;
      if (load::drop_stale_staging(connection, database, name)) {
        log.info("dropped {}, which an earlier run left behind", name);
      }
    }
  } catch (const base::Error& error) {
    log.warn("staging tables of earlier runs may be left for the next run: {}", error.what());
  }
}

// False when the source cannot be listed; the summary says why.
bool list_source(const Options& options, source::Storage& storage,
                 std::vector<source::FileEntry>& listing, Summary& summary) {
  try {
    listing = storage.list(options.source, options.selection);
    return true;
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error&) {
    summary.source_error = std::current_exception();
    return false;
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What is to be done.
struct Decided {
  std::set<std::string> tables;  // of the database, when it was decided
  decide::Facts facts;
  std::vector<Decision> decisions;
};

// The tables that a decision writes: a file that moved may rename its table.
claim::TableGroup tables_of(const Decision& decision, const Records& records) {
  if (!needs_table(decision)) return {};
  claim::TableGroup tables = {decision.table};
  if (!decision.moved_from.empty()) {
    if (const FileRecord* record = record_of(records, decision)) tables.insert(record->table_name);
  }
  return tables;
}

// Leaves out what was not chosen. The whole source was looked at all the same: names that collide,
// and files that moved, are found only so.
void keep_chosen(std::vector<Decision>& decisions, const std::set<std::string>& only) {
  if (only.empty()) return;
  std::erase_if(decisions, [&](const Decision& decision) {
    return !only.contains(decision.file.path) && !only.contains(decision.moved_from);
  });
}

Decided decide_all(const Options& options, source::Storage& storage, tracking::Tracking& tracking,
                   const std::vector<source::FileEntry>& listing, const std::stop_token& stop) {
  Decided decided{.tables = tracking.tables(), .facts = {}, .decisions = {}};
  decided.facts = gather_facts(options, storage, tracking.files(), decided.tables, stop);
  decided.decisions = decide::decide_files(listing, decided.facts);
  keep_chosen(decided.decisions, options.only);
  return decided;
}

// Notes what is not to be loaded, and works off the rest.
void work_off(const std::vector<Decision>& decisions, const Records& records,
              const RunContext& context, SharedTables& shared, OutcomeLog& outcomes,
              TargetWatch& target) {
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const Decision& decision = decisions[i];
    if (needs_table(decision)) continue;
    const FileRecord* record = record_of(records, decision);
    if (decision.action == Action::kAdopt) {
      const auto adopt =
          decision.reason_code == Reason::kVanished ? settle_vanished : adopt_touched;
      adopt({.outcome = {.decision = decision}, .done = enter_into(outcomes, target, i)}, *record,
            context);
    } else {
      settle_unloaded(decision, record, context, i, outcomes);
    }
  }
  std::vector<Batch> batches = plan_work(context, decisions);
  for (Batch& batch : batches) {
    run_batch(batch, decisions, records, context, shared, outcomes, target);
    for (const WorkItem& item : batch.items) {
      if (item.session) abandon_pending(*item.session, context);
    }
  }
}

// The files of a run, worked off in passes: one where the target needs no lease or no other run
// works there; else one for each share of the tables that this run takes.
class Passes {
 public:
  // All of it outlives the object.
  struct Means {
    const Options& options;
    source::Storage& storage;
    const clickhouse::Endpoint& endpoint;
    const std::string& run_id;
    const std::vector<source::FileEntry>& listing;
    double list_seconds;
    tracking::Tracking& tracking;
    Monitor& monitor;
    spdlog::logger& log;
    const std::function<void(const FileOutcome&)>& on_file;
    std::stop_token stop;
  };

  Passes(const Means& means, Decided first)
      : means_(means), decided_(std::move(first)), watch_(means.endpoint) {
    if (means.options.needs_lease) {
      lease_.emplace(means.endpoint, means.options.database, means.run_id, means.options.lease,
                     means.log, means.stop);
    }
  }
  // Throws ServerError when another run holds what is needed for the first pass, IoError when the
  // target is lost.
  std::vector<FileOutcome> run();

 private:
  bool is_over() const {
    return means_.stop.stop_requested() || means_.options.finish.stop_requested() || watch_.lost();
  }
  bool take_share();
  void decide_again();
  void run_pass();
  void settle(std::vector<FileOutcome> outcomes);
  // What is left ends like that.
  void settle_all(const FileOutcome& end);
  std::vector<claim::TableGroup> wanted() const;
  Records records() const;

  Means means_;
  Decided decided_;  // `decisions`: those that are not settled
  TargetWatch watch_;
  std::optional<claim::Lease> lease_;
  std::set<std::string> held_;
  bool is_first_ = true;
  std::vector<FileOutcome> files_;
  std::set<std::string> settled_;  // paths
};

std::vector<FileOutcome> Passes::run() {
  while (take_share()) {
    run_pass();
    is_first_ = false;
    if (is_over() || decided_.decisions.empty()) break;
  }
  lease_.reset();
  watch_.throw_if_lost();
  settle_all({.outcome = Outcome::kCancelled,
              .error = "stopped before it was begun",
              .error_class = ErrorClass::kCancelled});
  std::ranges::sort(files_, {}, [](const FileOutcome& file) -> const std::string& {
    return file.decision.file.path;
  });
  return std::move(files_);
}

Records Passes::records() const {
  Records records;
  for (const FileRecord& record : decided_.facts.tracked) records[record.file_path] = &record;
  return records;
}

std::vector<claim::TableGroup> Passes::wanted() const {
  std::vector<claim::TableGroup> groups;
  std::map<std::string, std::size_t> places;  // which group a table is in
  const Records known = records();
  for (const Decision& decision : decided_.decisions) {
    claim::TableGroup tables = tables_of(decision, known);
    if (tables.empty()) continue;
    // Groups that share a table become one.
    for (const std::string& table : claim::TableGroup(tables)) {
      const auto place = places.find(table);
      if (place != places.end()) tables.merge(std::exchange(groups[place->second], {}));
    }
    for (const std::string& table : tables) places[table] = groups.size();
    groups.push_back(std::move(tables));
  }
  std::erase_if(groups, [](const claim::TableGroup& group) { return group.empty(); });
  return groups;
}

// False when there is nothing left that this run may do.
bool Passes::take_share() {
  if (!lease_) return is_first_;
  try {
    if (!held_.empty()) lease_->give_back(std::exchange(held_, {}));
    const std::vector<claim::TableGroup> groups = wanted();
    if (groups.empty()) return is_first_;
    held_ = lease_->take(groups);
    if (!is_first_ || lease_->had_to_wait()) decide_again();
  } catch (const base::Cancelled&) {
    if (is_first_) throw;
    return false;
  } catch (const base::ServerError& error) {
    if (is_first_) throw;
    settle_all(
        {.outcome = Outcome::kFailed, .error = error.what(), .error_class = ErrorClass::kServer});
    return false;
  }
  return true;
}

// Another run may have changed everything.
void Passes::decide_again() {
  decided_ =
      decide_all(means_.options, means_.storage, means_.tracking, means_.listing, means_.stop);
  std::erase_if(decided_.decisions,
                [&](const Decision& decision) { return settled_.contains(decision.file.path); });
  for (Decision& decision : decided_.decisions) {
    const std::string holder = lease_->holder_of(decision.table);
    if (decision.reason_code == Reason::kUnchanged && !holder.empty()) {
      decision.reason = fmt::format("loaded by {}; {}", holder, decision.reason);
    }
  }
}

void Passes::settle(std::vector<FileOutcome> outcomes) {
  for (FileOutcome& outcome : outcomes) {
    settled_.insert(outcome.decision.file.path);
    files_.push_back(std::move(outcome));
  }
}

void Passes::settle_all(const FileOutcome& end) {
  OutcomeLog outcomes(decided_.decisions.size(), means_.monitor, means_.log, means_.on_file);
  for (std::size_t i = 0; i < decided_.decisions.size(); ++i) {
    FileOutcome outcome = end;
    outcome.decision = std::move(decided_.decisions[i]);
    outcomes.enter(i, std::move(outcome));
  }
  decided_.decisions.clear();
  settle(outcomes.take());
}

// What needs no table, and what is for tables that this run holds.
void Passes::run_pass() {
  const Records known = records();
  std::vector<Decision> decisions;
  std::vector<Decision> later;
  for (Decision& decision : decided_.decisions) {
    const bool is_free = !lease_ || std::ranges::includes(held_, tables_of(decision, known));
    (is_free ? decisions : later).push_back(std::move(decision));
  }
  std::set<std::string> staging = decided_.tables;
  std::erase_if(staging, [&](const std::string& name) {
    return !load::temporary_table(means_.options.database, name);
  });
  OutcomeLog outcomes(decisions.size(), means_.monitor, means_.log, means_.on_file);
  SharedTables shared(lease_ ? &*lease_ : nullptr, held_, means_.log);
  {
    // What was done is recorded even after a stop, unless the server is silent.
    Recorder recorder(
        tracking::Tracking(clickhouse::impatient(means_.endpoint, kRecordPatienceSeconds),
                           means_.options.database),
        means_.log);
    const RunContext context{.options = means_.options,
                             .storage = means_.storage,
                             .endpoint = means_.endpoint,
                             .run_id = means_.run_id,
                             .facts = decided_.facts,
                             .staging_tables = std::move(staging),
                             .list_seconds = means_.list_seconds,
                             .monitor = means_.monitor,
                             .log = means_.log,
                             .recorder = recorder,
                             .lease = lease_,
                             .stop = means_.stop};
    work_off(decisions, known, context, shared, outcomes, watch_);
  }
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (!outcomes.has(i)) later.push_back(std::move(decisions[i]));
  }
  settle(outcomes.take());
  for (const std::string& table : shared.given()) held_.erase(table);
  decided_.decisions = std::move(later);
}

// Waits a while for the replicas of the tables that were written, and says which stay behind.
void await_replicas(Summary& summary, const clickhouse::Endpoint& target, spdlog::logger& log,
                    const std::stop_token& stop) {
  if (!target.dialect.replication.is_on) return;
  const auto end = std::chrono::steady_clock::now() + kReplicaPatience;
  std::set<std::string> tables;
  for (const FileOutcome& file : summary.files) {
    if (file.outcome == Outcome::kLoaded) tables.insert(file.result.table);
    if (file.outcome == Outcome::kRemoved) tables.insert(file.decision.table);
  }
  try {
    clickhouse::Connection connection(target, stop);
    for (const std::string& table : tables) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      for (const std::string& replica : clickhouse::await_replicas(
               connection, target.database, table, std::max(left, std::chrono::milliseconds(0)))) {
        summary.replicas_behind[replica].insert(table);
      }
    }
  } catch (const base::Error& error) {
    log.warn("the replicas of the tables that were written cannot be asked: {}", error.what());
  }
  if (const std::string behind = summary.behind(); !behind.empty()) log.warn("{}", behind);
}

}  // namespace

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Summary run(const Options& asked, source::Storage& storage, const clickhouse::Endpoint& endpoint,
            Monitor& monitor, spdlog::logger& log,
            const std::function<void(const FileOutcome&)>& on_file, std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  Options options = asked;
  options.load.policy.dialect = endpoint.dialect;
  clickhouse::Endpoint target = endpoint;
  target.database = options.database;
  tracking::Tracking tracking(target, options.database, options.history_days);
  tracking.ensure_tables();
  load::ReservedColumns reserved([&] { return target; }, stop);
  options.load.reserved = &reserved;

  // List what there is, and decide.
  const auto list_start = std::chrono::steady_clock::now();
  Summary summary{.run_id = options.load.run_id.empty() ? load::make_run_id(now_us())
                                                        : options.load.run_id};
  std::vector<source::FileEntry> listing;
  if (!list_source(options, storage, listing, summary)) return summary;
  const double list_seconds = seconds_since(list_start);
  Decided decided = decide_all(options, storage, tracking, listing, stop);
  if (const std::string why = decide::why_source_is_lost(listing, decided.facts); !why.empty()) {
    summary.source_error = std::make_exception_ptr(base::IoError(why));
    return summary;
  }
  for (const Decision& decision : decided.decisions) {
    if (decision.action == Action::kLoad) monitor.announce(decision.file.size);
  }

  summary.files = Passes({.options = options,
                          .storage = storage,
                          .endpoint = target,
                          .run_id = summary.run_id,
                          .listing = listing,
                          .list_seconds = list_seconds,
                          .tracking = tracking,
                          .monitor = monitor,
                          .log = log,
                          .on_file = on_file,
                          .stop = stop},
                         std::move(decided))
                      .run();
  sweep_temporary_tables(options, target, log, stop);
  await_replicas(summary, target, log, stop);
  for (const FileOutcome& file : summary.files) {
    if (file.outcome != Outcome::kLoaded) continue;
    summary.rows += file.result.row_count;
    summary.bytes += file.decision.file.size;
  }
  summary.seconds = seconds_since(start);
  if (const std::string kept = summary.other_settings(); !kept.empty()) log.info("{}", kept);
  return summary;
}

}  // namespace qvdhouse::sync
