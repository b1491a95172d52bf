#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "sync/claim.h"
#include "sync/failure.h"
#include "sync/file_loader.h"
#include "sync/ledger.h"
#include "sync/monitor.h"
#include "sync/staging.h"
#include "sync/sync.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;

// A file of this size keeps all streams busy by itself.
constexpr std::uint64_t kLargeFileBytes = 64 << 20;

// Files that load side by side, and what each of them gets.
struct Lane {
  std::vector<std::size_t> files;  // indexes into the decisions
  unsigned workers = 1;
  load::Options load;
};

Lane make_lane(const Options& options, const std::string& run_id, std::vector<std::size_t> files,
               unsigned workers) {
  Lane lane{.files = std::move(files), .load = options.load};
  lane.workers = std::clamp<unsigned>(
      workers, 1, std::max<unsigned>(1, static_cast<unsigned>(lane.files.size())));
  lane.load.run_id = run_id;
  lane.load.streams = std::max(1U, options.load.streams / lane.workers);
  lane.load.memory_bytes = options.load.memory_bytes / lane.workers;
  return lane;
}

// Small files side by side first, each with one stream or few; then the large ones, each with all.
std::vector<Lane> make_lanes(const Options& options, const std::string& run_id,
                             const std::vector<Decision>& decisions) {
  std::vector<std::size_t> small;
  std::vector<std::size_t> large;
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i].action != Action::kLoad) continue;
    (decisions[i].file.size < kLargeFileBytes ? small : large).push_back(i);
  }
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned parallel = options.parallel_files > 0 ? options.parallel_files : cores;
  std::vector<Lane> lanes;
  lanes.push_back(make_lane(options, run_id, std::move(small), parallel));
  lanes.push_back(make_lane(options, run_id, std::move(large), 1));
  return lanes;
}

using Records = std::map<std::string_view, const FileRecord*>;

const FileRecord* record_of(const Records& records, const Decision& decision) {
  const auto found = records.find(decision.file.path);
  return found == records.end() ? nullptr : found->second;
}

void run_lane(const Lane& lane, const std::vector<Decision>& decisions, const Records& records,
              const RunContext& context, Ledger& ledger, TargetWatch& target) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    FileLoader loader(context, lane.load);
    while (!context.stop.stop_requested() && !target.lost()) {
      const std::size_t position = next++;
      if (position >= lane.files.size()) return;
      const std::size_t index = lane.files[position];
      loader.load(decisions[index], record_of(records, decisions[index]),
                  [&ledger, &target, index](FileOutcome outcome) {
                    target.note(outcome);
                    ledger.enter(index, std::move(outcome));
                  });
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < lane.workers && !lane.files.empty(); ++i) workers.emplace_back(work);
}

// Skipped, waiting and refused files: nothing to load, but the table may have to say so.
void settle_unloaded(const Decision& decision, const FileRecord* previous,
                     const RunContext& context, std::size_t index, Ledger& ledger) {
  FileOutcome outcome{.decision = decision, .result = {}, .error = {}, .error_class = {}};
  FileRecord record;
  if (decision.action != Action::kSkip) {
    record = new_record(decision, previous, context);
    record.error_message = decision.reason;
  }
  if (decision.action == Action::kWait) {
    outcome.outcome = Outcome::kWaiting;
    record.status = "waiting";
  } else if (decision.action == Action::kRefuse) {
    outcome.outcome = Outcome::kFailed;
    outcome.error = decision.reason;
    outcome.error_class = "schema";
    record.status = "failed";
    record.error_class = "schema";
    record.failure_count = 1;
    record.retry_at_us = record.processed_at_us;  // at once when nothing stands against it any more
  }
  // A row that says the same already keeps its time: that is since when the file has been waiting.
  const bool known =
      previous != nullptr && previous->status == record.status &&
      is_same_version(decision.file, *previous) &&
      (record.status == "waiting" || previous->error_message == record.error_message);
  if (decision.action == Action::kSkip || known) {
    ledger.enter(index, std::move(outcome));
    return;
  }
  context.recorder.add({.file = std::move(record),
                        .attempts = {},
                        .claim = std::nullopt,
                        .done = [&ledger, index, outcome = std::move(outcome)](const std::string&) {
                          ledger.enter(index, outcome);
                        }});
}

// Staging tables that killed runs left, of whichever table nobody loads right now.
void sweep_staging(const RunContext& context) {
  try {
    const Options& options = context.options;
    clickhouse::Connection connection(context.endpoint);
    for (const std::string& name :
         tracking::Tracking(context.endpoint, options.database).tables()) {
      const std::optional<std::string> target = staging_target(name);
      if (!target) continue;
      const std::optional<Claim> claim =
          Claim::try_acquire(options.lock_dir, options.database, *target);
      if (claim && drop_stale_staging(connection, options.database, name)) {
        context.log.info("dropped {}, which an earlier run left behind", name);
      }
    }
  } catch (const base::Error& error) {
    context.log.warn("staging tables of earlier runs may be left for the next run: {}",
                     error.what());
  }
}

// What a stop left undone.
void settle_untouched(const std::vector<Decision>& decisions, Ledger& ledger) {
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (ledger.has(i)) continue;
    ledger.enter(i, {.decision = decisions[i],
                     .outcome = Outcome::kCancelled,
                     .result = {},
                     .error = "stopped before it was begun",
                     .error_class = "cancelled"});
  }
}

// False when the source can not be listed; the summary says why.
bool list_source(const Options& options, source::Storage& storage,
                 std::vector<source::FileEntry>& listing, Summary& summary) {
  try {
    listing = storage.list(options.source, options.selection);
    return true;
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    Failure failure = describe_failure(error);
    summary.source_error = std::move(failure.message);
    summary.source_error_class = std::move(failure.error_class);
    return false;
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Summary run(const Options& options, source::Storage& storage, const clickhouse::Endpoint& endpoint,
            Monitor& monitor, spdlog::logger& log,
            const std::function<void(const FileOutcome&)>& on_file, std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  clickhouse::Endpoint target = endpoint;
  target.database = options.database;

  // See what has been loaded already.
  tracking::Tracking tracking(target, options.database, options.history_days);
  tracking.ensure_tables();
  std::vector<FileRecord> tracked = tracking.files();
  std::set<std::string> tables = tracking.tables();

  // List what there is, and decide.
  const auto list_start = std::chrono::steady_clock::now();
  Summary summary{
      .run_id = make_run_id(now_us()), .source_error = {}, .source_error_class = {}, .files = {}};
  std::vector<source::FileEntry> listing;
  if (!list_source(options, storage, listing, summary)) return summary;
  const double list_seconds = seconds_since(list_start);
  Facts facts = gather_facts(options, storage, std::move(tracked), tables);
  const std::vector<Decision> decisions = decide_files(std::move(listing), facts);
  for (const Decision& decision : decisions) {
    if (decision.action == Action::kLoad) announce_file(monitor, decision.file.size);
  }

  std::erase_if(tables, [](const std::string& name) { return !staging_target(name); });
  Ledger ledger(decisions.size(), monitor, log, on_file);
  TargetWatch watch(target);
  std::optional<Recorder> recorder(std::in_place, std::move(tracking), log);
  const RunContext context{.options = options,
                           .storage = storage,
                           .endpoint = target,
                           .run_id = summary.run_id,
                           .facts = std::move(facts),
                           .staging_tables = std::move(tables),
                           .list_seconds = list_seconds,
                           .monitor = monitor,
                           .log = log,
                           .recorder = *recorder,
                           .stop = stop};
  Records records;
  for (const FileRecord& record : context.facts.tracked) records[record.file_path] = &record;

  // Note what is not to be loaded, and load the rest.
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i].action == Action::kLoad) continue;
    settle_unloaded(decisions[i], record_of(records, decisions[i]), context, i, ledger);
  }
  for (const Lane& lane : make_lanes(options, context.run_id, decisions)) {
    run_lane(lane, decisions, records, context, ledger, watch);
  }

  // Write down what is not yet, and clean up.
  recorder.reset();
  watch.throw_if_lost();
  settle_untouched(decisions, ledger);
  sweep_staging(context);

  summary.files = ledger.take();
  for (const FileOutcome& file : summary.files) {
    if (file.outcome != Outcome::kLoaded) continue;
    summary.rows += file.result.row_count;
    summary.bytes += file.decision.file.size;
  }
  summary.seconds = seconds_since(start);
  return summary;
}

}  // namespace qvdhouse::sync
