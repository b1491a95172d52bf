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
#include "load/staging.h"
#include "sync/adopt.h"
#include "sync/facts.h"
#include "sync/failure.h"
#include "sync/file_loader.h"
#include "sync/work_plan.h"

namespace qvdhouse::sync {
namespace {

constexpr long kRecordPatienceSeconds = 60;

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

void run_batch(Batch& batch, const std::vector<Decision>& decisions, const Records& records,
               const RunContext& context, OutcomeLog& outcomes, TargetWatch& target) {
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
void sweep_temporary_tables(const RunContext& context) {
  const Options& options = context.options;
  const std::string& database = options.database;
  const auto hash_of = [&](const std::string& table) {
    return clickhouse::table_hash(database, table);
  };
  try {
    clickhouse::Connection connection(context.endpoint, context.stop);
    std::map<std::string, load::TemporaryTable> found;
    std::set<std::uint64_t> live;
    for (const std::string& name : tracking::Tracking(context.endpoint, database).tables()) {
      if (const auto temporary = load::temporary_table(database, name)) {
        found.emplace(name, *temporary);
      } else {
        live.insert(hash_of(name));
      }
    }
    // One that was swapped out has the only rows of a table that is not there.
    std::erase_if(found, [&](const auto& entry) {
      return entry.second.is_swapped_out &&
             (context.endpoint.dialect.has_exchange || !live.contains(entry.second.target));
    });
    if (found.empty()) return;
    std::set<std::uint64_t> leased;
    if (options.needs_lease) {
      std::ranges::transform(claim::leased_tables(context.endpoint, database, context.stop),
                             std::inserter(leased, leased.end()), hash_of);
    }
    for (const auto& [name, temporary] : found) {
      if (leased.contains(temporary.target)) continue;
      if (claim::is_table_locked(options.lock_dir, temporary.target)) continue;
      if (load::drop_stale_staging(connection, database, name)) {
        context.log.info("dropped {}, which an earlier run left behind", name);
      }
    }
  } catch (const base::Error& error) {
    context.log.warn("staging tables of earlier runs may be left for the next run: {}",
                     error.what());
  }
}

// What a stop left undone.
void settle_untouched(const std::vector<Decision>& decisions, OutcomeLog& outcomes) {
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (outcomes.has(i)) continue;
    outcomes.enter(i, {.decision = decisions[i],
                       .outcome = Outcome::kCancelled,
                       .error = "stopped before it was begun",
                       .error_class = ErrorClass::kCancelled});
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

// What is to be done, and the right to do it.
struct Decided {
  std::set<std::string> tables;  // of the database, when it was decided
  decide::Facts facts;
  std::vector<Decision> decisions;
  std::optional<claim::Lease> lease;
};

std::set<std::string> tables_to_write(const std::vector<Decision>& decisions,
                                      const std::vector<FileRecord>& tracked) {
  std::set<std::string> tables;
  std::set<std::string_view> moved;
  for (const Decision& decision : decisions) {
    if (needs_table(decision)) tables.insert(decision.table);
    if (!decision.moved_from.empty()) moved.insert(decision.moved_from);
  }
  for (const FileRecord& record : tracked) {
    if (moved.contains(record.file_path)) tables.insert(record.table_name);
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

// Decides, and again when another pipeline had to be waited for: it may have changed everything.
void decide_all(const Options& options, source::Storage& storage, tracking::Tracking& tracking,
                const clickhouse::Endpoint& target, const std::string& run_id,
                const std::vector<source::FileEntry>& listing, spdlog::logger& log,
                const std::stop_token& stop, Decided& decided) {
  std::set<std::string> claimed;
  while (true) {
    decided.tables = tracking.tables();
    decided.facts = gather_facts(options, storage, tracking.files(), decided.tables, stop);
    decided.decisions = decide::decide_files(listing, decided.facts);
    keep_chosen(decided.decisions, options.only);
    std::set<std::string> wanted = tables_to_write(decided.decisions, decided.facts.tracked);
    if (!options.needs_lease || std::ranges::includes(claimed, wanted)) return;
    decided.lease.reset();
    decided.lease.emplace(target, options.database, wanted, run_id, options.lease, log, stop);
    if (!decided.lease->had_to_wait()) return;
    claimed = std::move(wanted);
  }
}

// Notes what is not to be loaded, and works off the rest.
void work_off(const std::vector<Decision>& decisions, const RunContext& context,
              OutcomeLog& outcomes, TargetWatch& target) {
  Records records;
  for (const FileRecord& record : context.facts.tracked) records[record.file_path] = &record;
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
    run_batch(batch, decisions, records, context, outcomes, target);
    for (const WorkItem& item : batch.items) {
      if (item.session) abandon_pending(*item.session, context);
    }
  }
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
  Decided decided;
  decide_all(options, storage, tracking, target, summary.run_id, listing, log, stop, decided);
  if (const std::string why = decide::why_source_is_lost(listing, decided.facts); !why.empty()) {
    summary.source_error = std::make_exception_ptr(base::IoError(why));
    return summary;
  }
  for (const Decision& decision : decided.decisions) {
    if (decision.action == Action::kLoad) monitor.announce(decision.file.size);
  }

  std::erase_if(decided.tables, [&](const std::string& name) {
    return !load::temporary_table(options.database, name);
  });
  OutcomeLog outcomes(decided.decisions.size(), monitor, log, on_file);
  TargetWatch watch(target);
  // What was done is recorded even after a stop, unless the server is silent.
  std::optional<Recorder> recorder(
      std::in_place,
      tracking::Tracking(clickhouse::impatient(target, kRecordPatienceSeconds), options.database),
      log);
  const RunContext context{.options = options,
                           .storage = storage,
                           .endpoint = target,
                           .run_id = summary.run_id,
                           .facts = std::move(decided.facts),
                           .staging_tables = std::move(decided.tables),
                           .list_seconds = list_seconds,
                           .monitor = monitor,
                           .log = log,
                           .recorder = *recorder,
                           .lease = decided.lease,
                           .stop = stop};
  work_off(decided.decisions, context, outcomes, watch);

  // Write down what is not yet, and clean up.
  recorder.reset();
  decided.lease.reset();
  watch.throw_if_lost();
  settle_untouched(decided.decisions, outcomes);
  sweep_temporary_tables(context);

  summary.files = outcomes.take();
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
