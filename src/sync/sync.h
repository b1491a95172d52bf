// Many files, again and again: discover → select → decide → load in parallel → record.
// One bad file never stops the others; what each file's fate was is a value, not an exception.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "claim/lease.h"
#include "clickhouse/connection.h"
#include "decide/decide.h"
#include "load/load.h"
#include "schema/table_rules.h"
#include "source/listing.h"
#include "source/storage.h"
#include "sync/outcome.h"
#include "tracking/runs.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// Microseconds since 1970 UTC.
std::int64_t now_us();

// What becomes of tables that were loaded under other settings.
enum class SettingsChanged {
  kKeep,    // they stay, and the summary says so
  kReload,  // their files are loaded again
};

// What becomes of a file once its load is written down.
enum class AfterLoad { kKeep, kMove, kDelete };

struct Options {
  // Microseconds since 1970 UTC, for all times that a run writes down and compares.
  std::function<std::int64_t()> clock = &now_us;
  std::string source;
  // The source that patterns of tables are relative to, where `source` is one file of it.
  std::string whole_source;
  source::Selection selection;
  // Budget of the whole run: `load.memory_bytes` is shared by the files that load side by side, and
  // `load.streams` is what a large file gets. `load.run_id` is the run's; empty: run() makes one.
  // `load.policy.dialect` is the target's; run() takes that of its endpoint.
  load::Options load;
  std::string database = "local";
  std::filesystem::path lock_dir;  // one flock file a table being loaded (given back in a crash)
  bool full = false;               // load also what is unchanged
  SettingsChanged settings_changed = SettingsChanged::kKeep;
  bool retry_failed = false;          // failed files are tried again now, whatever their back-off
  std::set<std::string> only;         // paths of the files that are taken up; empty: all
  decide::Choice choice;              // of the others, too
  std::vector<std::string> wait_for;  // decide::Facts::wait_for
  AfterLoad after_load = AfterLoad::kKeep;
  std::string after_load_to = "done";  // kMove: a folder, relative to the source's
  bool is_batch_awaited = true;        // false: what wait_for says is not looked at
  // The load of a file begins; called from several threads, and once more for a file that was put
  // off. None: nobody asks.
  std::function<void(const Decision&)> on_file_begin;
  std::stop_token finish;       // asked: what is open is finished, no further file is begun, and
                                // other runs may have the rest at once
  unsigned parallel_files = 0;  // 0: one a core, or two where they are tiny
  unsigned max_attempts = 3;    // within one run, for errors that may pass
  std::chrono::seconds file_timeout{0};  // of one attempt, up to its commit; 0: none
  unsigned history_days = 90;
  unsigned quiet_history_days = tracking::kQuietDays;  // of runs that found nothing to do
  // A file that is not complete waits until nothing was written to it for so long; then it is
  // wrong.
  std::chrono::seconds settle{60};
  // A file waits until nothing was written to it for so long, complete or not; 0: it need not.
  std::chrono::seconds min_age{0};
  std::chrono::milliseconds first_delay{1'000};  // before the second attempt; doubles
  std::vector<schema::TableRules> tables;        // first match wins
  unsigned max_file_partitions = 1'000;          // a table of more files is not partitioned by file
  bool needs_lease = false;  // the target is a server: other machines may write to its tables, too
  claim::LeaseOptions lease;
};

// Lists the source through `storage` and decides, changing nothing; sorted by path. `tracked` is
// Tracking::files(), `tables` Tracking::tables() (without it, no file is loaded again because its
// table is gone), `past` Tracking::past_loads() (without it, no file is an anomaly). Puts into
// `source_error`, where it is given, why run() would fail for an empty
// source (Summary::source_error). Throws ConfigError/IoError when the source cannot be listed.
std::vector<Decision> decide(const Options& options, source::Storage& storage,
                             const std::vector<tracking::FileRecord>& tracked,
                             const std::optional<std::set<std::string>>& tables = std::nullopt,
                             std::string* source_error = nullptr,
                             const tracking::PastLoads& past = {});

// One whole run of one source, reached through `storage`, into asked.database of the endpoint.
// `on_file` is called as each file ends (from one thread at a time). Several runs at once, in one
// process or many, load each file once. A source that cannot be listed, or is empty although files
// of it are known, is said in the summary, so that those of a caller with several go on. Throws
// ServerError/IoError when the target cannot be reached at all, or not any more; a stop ends open
// loads, rolls them back and returns with kCancelled outcomes.
Summary run(const Options& asked, source::Storage& storage, const clickhouse::Endpoint& endpoint,
            Monitor& monitor, spdlog::logger& log,
            const std::function<void(const FileOutcome&)>& on_file, std::stop_token stop = {});

}  // namespace qvdhouse::sync
