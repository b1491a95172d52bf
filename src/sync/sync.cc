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
#include "base/pause.h"
#include "claim/lease.h"
#include "claim/locks.h"
#include "claim/unit.h"
#include "clickhouse/names.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/replicas.h"
#include "clickhouse/shards.h"
#include "decide/anomaly.h"
#include "load/made_types.h"
#include "load/staging.h"
#include "sync/adopt.h"
#include "sync/facts.h"
#include "sync/failure.h"
#include "sync/file_loader.h"
#include "sync/held_units.h"
#include "sync/sweep_quarantine.h"
#include "sync/take_loaded.h"
#include "sync/work_plan.h"
#include "tracking/original_table.h"

namespace qvdhouse::sync {
namespace {

constexpr long kRecordPatienceSeconds = 60;
constexpr std::chrono::seconds kReplicaPatience{10};  // of a whole run
constexpr std::chrono::milliseconds kBetweenGivings{250};

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

// The tables that a decision writes: a file that moved may rename its table.
claim::TableGroup tables_of(const Decision& decision, const Records& records) {
  if (!needs_table(decision)) return {};
  claim::TableGroup tables = {decision.table};
  if (!decision.moved_from.empty()) {
    if (const FileRecord* record = record_of(records, decision)) tables.insert(record->table_name);
  }
  return tables;
}

void run_batch(Batch& batch, const std::vector<Decision>& decisions, const Records& records,
               const RunContext& context, HeldUnits& held, OutcomeLog& outcomes,
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
      const Decision& decision = decisions[item.index];
      if (!held.begin(decision, tables_of(decision, records), item.session)) continue;
      const auto done = [&held, &decision,
                         enter = enter_into(outcomes, target, item.index)](FileOutcome outcome) {
        held.end(decision);
        enter(std::move(outcome));
      };
      if (!loader.work_on(decision, record_of(records, decision), item.session, done)) {
        held.put_off(decision);
      }
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
  // What waits for its batch, or is held, is not taken up: tracking goes on to tell of the last
  // load, whose rows are in the table.
  const bool is_for_later =
      decision.reason_code == Reason::kWaitFor || decision.reason_code == Reason::kAnomaly;
  if (decision.action == Action::kSkip || known || is_for_later) {
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
    // Tables that have the rows of others, which claims and locks name.
    std::map<std::uint64_t, std::uint64_t> shown_as;
    std::set<std::string> names = tracking::Tracking(endpoint, database).tables();
    names.merge(load::staging_on_cluster(connection, database));
    for (const std::string& name : names) {
      if (const auto temporary = load::temporary_table(database, name)) {
        found.emplace(name, *temporary);
      } else {
        live.insert(hash_of(name));
        for (const std::string_view suffix : {clickhouse::kRowsSuffix, clickhouse::kLocalSuffix}) {
          if (!name.ends_with(suffix)) continue;
          shown_as[hash_of(name)] = hash_of(name.substr(0, name.size() - suffix.size()));
        }
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
      for (const auto& [table, runs] : claim::leased_tables(endpoint, database, stop)) {
        leased.insert(hash_of(table));
        leased.insert(hash_of(clickhouse::local_table(table)));
      }
    }
    const auto is_in_use = [&](std::uint64_t target) {
      return leased.contains(target) || claim::is_table_locked(options.lock_dir, target);
    };
    for (const auto& [name, temporary] : found) {
      const auto shown = shown_as.find(temporary.target);
      if (is_in_use(temporary.target)) continue;
      if (shown != shown_as.end() && is_in_use(shown->second)) continue;
      if (load::drop_stale_staging(connection, database, name)) {
        log.info("dropped {}, which an earlier run left behind", name);
      }
    }
  } catch (const base::Error& error) {
    log.warn("staging tables of earlier runs may be left for the next run: {}", error.what());
  }
}

// False when the source cannot be listed; the summary says why.
bool list_source(const Options& options, source::Storage& storage, Listing& listing,
                 Summary& summary) {
  try {
    check_after_load(options, {});
    listing = list_all(options, storage);
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
  Records records;  // of the facts
  std::vector<Decision> decisions;
};

// Leaves out what was not chosen. The whole source was looked at all the same: names that collide,
// and files that moved, are found only so.
void keep_chosen(std::vector<Decision>& decisions, const std::set<std::string>& only) {
  if (only.empty()) return;
  std::erase_if(decisions, [&](const Decision& decision) {
    return !only.contains(decision.file.path) && !only.contains(decision.moved_from);
  });
}

// What earlier passes of the run have done.
struct Settled {
  std::set<std::string> paths;
  std::uint64_t loads = 0;  // of them, those that were to be loaded
};

// `full_since_us`: of a full run that shares its files with others (decide::Facts).
Decided decide_all(const Options& options, source::Storage& storage, tracking::Tracking& tracking,
                   const Listing& listing, const std::stop_token& stop, const Settled& settled = {},
                   std::int64_t full_since_us = 0) {
  Decided decided{.tables = tracking.tables(), .facts = {}, .records = {}, .decisions = {}};
  decided.facts = gather_facts(options, storage, tracking.files(), decided.tables, listing, stop);
  decided.facts.full_since_us = full_since_us;
  for (const FileRecord& record : decided.facts.tracked) {
    decided.records[record.file_path] = &record;
  }
  decided.decisions = decide::decide_files(listing.files, decided.facts);
  keep_chosen(decided.decisions, options.only);
  std::erase_if(decided.decisions, [&](const Decision& decision) {
    return settled.paths.contains(decision.file.path);
  });
  const std::set<std::string> compared = decide::files_to_compare(decided.decisions, decided.facts);
  if (!compared.empty()) {
    decide::find_anomalies(decided.decisions, decided.facts,
                           tracking.past_loads(compared, decide::kLoadsCompared));
  }
  decide::take_turns(decided.decisions, options.choice, settled.loads);
  return decided;
}

// Notes what is not to be loaded, and works off the rest.
void work_off(const std::vector<Decision>& decisions, const Records& records,
              const RunContext& context, HeldUnits& held, OutcomeLog& outcomes,
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
    run_batch(batch, decisions, records, context, held, outcomes, target);
    for (const WorkItem& item : batch.items) {
      if (item.session) abandon_pending(*item.session, context);
    }
  }
}

// The files of a run, worked off in passes: one where the target needs no lease or no other run
// works there; else one for each share of tables and files that this run takes.
class Passes {
 public:
  // All of it outlives the object.
  struct Means {
    const Options& options;
    source::Storage& storage;
    const clickhouse::Endpoint& endpoint;
    const std::string& run_id;
    const Listing& listing;
    double list_seconds;
    tracking::Tracking& tracking;
    Monitor& monitor;
    spdlog::logger& log;
    const std::function<void(const FileOutcome&)>& on_file;
    const claim::OnlyRun* only_run;
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
  std::vector<claim::Want> wanted() const;
  bool may_share(const Decision& decision) const;
  bool holds(const Decision& decision) const;

  Means means_;
  const std::int64_t began_us_ = means_.options.clock();
  Decided decided_;  // `decisions`: those that are not settled
  TargetWatch watch_;
  std::optional<claim::Lease> lease_;
  std::set<std::string> held_;     // units
  std::set<std::string> put_off_;  // files (paths) that need their whole table
  bool is_first_ = true;
  std::vector<FileOutcome> files_;
  Settled settled_;
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

// Whether the file can be loaded while other runs load other files of its table. Not where a
// server may bring replaced partitions back: there, files are replaced by a rebuild of the table.
bool Passes::may_share(const Decision& decision) const {
  return means_.endpoint.dialect.has_covering_parts && !unit_of(decision).empty() &&
         !put_off_.contains(decision.file.path);
}

bool Passes::holds(const Decision& decision) const {
  if (!lease_ || std::ranges::includes(held_, tables_of(decision, decided_.records))) return true;
  return may_share(decision) && held_.contains(unit_of(decision));
}

std::vector<claim::Want> Passes::wanted() const {
  std::vector<claim::TableGroup> groups;
  std::map<std::string, std::size_t> places;  // which group a table is in
  std::map<std::string, std::vector<std::string>> files;
  for (const Decision& decision : decided_.decisions) {
    claim::TableGroup tables = tables_of(decision, decided_.records);
    if (tables.empty()) continue;
    if (may_share(decision)) files[decision.table].push_back(decide::file_key(decision));
    // Groups that share a table become one.
    for (const std::string& table : claim::TableGroup(tables)) {
      const auto place = places.find(table);
      if (place != places.end()) tables.merge(std::exchange(groups[place->second], {}));
    }
    for (const std::string& table : tables) places[table] = groups.size();
    groups.push_back(std::move(tables));
  }
  std::vector<claim::Want> wants;
  for (claim::TableGroup& group : groups) {
    if (group.empty()) continue;
    claim::Want& want = wants.emplace_back(claim::Want{.tables = std::move(group)});
    if (want.tables.size() == 1) want.files = std::move(files[*want.tables.begin()]);
  }
  return wants;
}

// False when there is nothing left that this run may do.
bool Passes::take_share() {
  if (!lease_) return is_first_;
  try {
    if (!held_.empty()) lease_->give_back(std::exchange(held_, {}));
    const std::vector<claim::Want> wants = wanted();
    if (wants.empty()) return is_first_;
    held_ = lease_->take(wants, means_.options.finish);
    if (!is_first_ || lease_->had_to_wait()) decide_again();
  } catch (const base::Cancelled&) {
    if (is_first_ && means_.stop.stop_requested()) throw;
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
  decided_ = decide_all(means_.options, means_.storage, means_.tracking, means_.listing,
                        means_.stop, settled_, began_us_);
  for (Decision& decision : decided_.decisions) {
    if (decision.reason_code != Reason::kUnchanged) continue;
    const FileRecord* record = record_of(decided_.records, decision);
    const std::string loader = record == nullptr ? "" : lease_->who_is(record->run_id);
    if (loader.empty()) continue;
    decision.reason = fmt::format("loaded by {}; {}", loader, decision.reason);
  }
}

void Passes::settle(std::vector<FileOutcome> outcomes) {
  for (FileOutcome& outcome : outcomes) {
    settled_.paths.insert(outcome.decision.file.path);
    settled_.loads += outcome.decision.action == Action::kLoad ? 1 : 0;
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

// What needs no table, and what is for tables and files that this run holds.
void Passes::run_pass() {
  std::vector<Decision> decisions;
  std::vector<Decision> later;
  for (Decision& decision : decided_.decisions) {
    (holds(decision) ? decisions : later).push_back(std::move(decision));
  }
  std::set<std::string> staging = decided_.tables;
  std::erase_if(staging, [&](const std::string& name) {
    return !load::temporary_table(means_.options.database, name);
  });
  clickhouse::Connection connection(means_.endpoint, means_.stop);
  staging.merge(load::staging_on_cluster(connection, means_.options.database));
  OutcomeLog outcomes(decisions.size(), means_.monitor, means_.log, means_.on_file);
  HeldUnits held(lease_ ? &*lease_ : nullptr, held_, decisions, means_.log);
  std::set<std::string> shared;
  for (const std::string& unit : held_) {
    if (claim::table_of(unit) != unit) shared.emplace(claim::table_of(unit));
  }
  {
    // What was done is recorded even after a stop, unless the server is silent.
    Recorder recorder(
        tracking::Tracking(clickhouse::impatient(means_.endpoint, kRecordPatienceSeconds),
                           means_.options.database),
        lease_ ? &*lease_ : nullptr, means_.log);
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
                             .only_run = means_.only_run,
                             .shared_tables = std::move(shared),
                             .stop = means_.stop};
    // Whoever waits for work gets some while long files load, too.
    std::jthread giving_away;
    if (lease_) {
      giving_away = std::jthread([&](const std::stop_token& ended) {
        while (base::pause_for(kBetweenGivings, ended)) held.give_to_waiting();
      });
    }
    // Whoever asks for the end must not wait for the server.
    std::jthread giving_back;
    const std::stop_callback on_finish(
        means_.options.finish, [&] { giving_back = std::jthread([&] { held.give_back_rest(); }); });
    work_off(decisions, decided_.records, context, held, outcomes, watch_);
  }
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (!outcomes.has(i)) later.push_back(std::move(decisions[i]));
  }
  settle(outcomes.take());
  held_ = held.held();
  put_off_.insert(held.put_off_files().begin(), held.put_off_files().end());
  decided_.decisions = std::move(later);
}

// Waits a while for the replicas of the tables that were written, and says which stay behind.
void await_replicas(Summary& summary, const clickhouse::Endpoint& target, spdlog::logger& log,
                    const std::stop_token& stop) {
  if (!target.dialect.replication.is_on) return;
  const auto end = std::chrono::steady_clock::now() + kReplicaPatience;
  std::map<std::string, std::string> tables;  // that were written → that have their rows
  for (const FileOutcome& file : summary.files) {
    if (file.outcome != Outcome::kLoaded && file.outcome != Outcome::kRemoved) continue;
    const Decision& decision = file.decision;
    tables.emplace(decision.table,
                   decide::stored_in(decision.placement, decision.table, target.dialect));
  }
  const auto ask = [&](clickhouse::Connection& connection, const std::string& table,
                       const std::string& stored_in, const std::string& prefix) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    for (const std::string& replica :
         clickhouse::await_replicas(connection, target.database, stored_in,
                                    std::max(left, std::chrono::milliseconds(0)))) {
      summary.replicas_behind[prefix + replica].insert(table);
    }
  };
  try {
    clickhouse::Connection connection(target, stop);
    const std::vector<clickhouse::Shard>& shards = target.dialect.replication.shards;
    for (const auto& [table, stored_in] : tables) {
      if (stored_in != clickhouse::local_table(table)) {
        ask(connection, table, stored_in, "");
        continue;
      }
      for (std::size_t i = 0; i < shards.size(); ++i) {
        clickhouse::Connection of_shard(clickhouse::at_shard(target, i), stop);
        // As the replicas of tables are called that all shards keep.
        ask(of_shard, table, stored_in, fmt::format("{}-", shards[i].number));
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
  if (tracking.ensure_tables()) {
    log.info("what {}.{} of the Python pipeline says of files was taken over; that table is {} now",
             options.database, tracking::kFileTable, tracking::kOriginalTable);
  }
  load::ReservedColumns reserved([&] { return target; }, stop);
  options.load.reserved = &reserved;
  load::MadeTypes made_types;
  options.load.made_types = &made_types;

  // List what there is, and decide.
  const auto list_start = std::chrono::steady_clock::now();
  Summary summary{.run_id = options.load.run_id.empty() ? load::make_run_id(options.clock())
                                                        : options.load.run_id};
  Listing listing;
  if (!list_source(options, storage, listing, summary)) return summary;
  const double list_seconds = seconds_since(list_start);
  check_after_load(options, listing.files);
  const claim::OnlyRun only_run(options.lock_dir, summary.run_id);
  Decided decided = decide_all(options, storage, tracking, listing, stop);
  if (const std::string why = decide::why_source_is_lost(listing.files, decided.facts);
      !why.empty()) {
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
                          .only_run = options.needs_lease ? nullptr : &only_run,
                          .stop = stop},
                         std::move(decided))
                      .run();
  take_loaded(options, storage, tracking, summary.files, log, stop);
  sweep_temporary_tables(options, target, log, stop);
  sweep_quarantine(options, target, log, stop);
  await_replicas(summary, target, log, stop);
  for (const FileOutcome& file : summary.files) {
    if (file.outcome != Outcome::kLoaded) continue;
    summary.rows += file.result.row_count;
    summary.rows_quarantined += file.result.rows_quarantined;
    summary.rows_dropped += file.result.rows_dropped;
    summary.rows_filtered += file.result.rows_filtered;
    summary.bytes += file.decision.file.size;
  }
  summary.seconds = seconds_since(start);
  if (const std::string kept = summary.other_settings(); !kept.empty()) log.info("{}", kept);
  return summary;
}

}  // namespace qvdhouse::sync
