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
#include "load/load.h"
#include "schema/table_rules.h"
#include "source/listing.h"
#include "source/storage.h"
#include "sync/placement.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

struct Options {
  std::string source;
  source::Selection selection;
  // Budget of the whole run: `load.memory_bytes` is shared by the files that load side by side, and
  // `load.streams` is what a large file gets. `load.run_id` is the run's; empty: run() makes one.
  load::Options load;
  std::string database = "local";
  std::filesystem::path lock_dir;  // one flock file a table being loaded (given back in a crash)
  bool full = false;               // load also what is unchanged
  bool retry_failed = false;       // failed files are tried again now, whatever their back-off
  std::set<std::string> only;      // paths of the files that are taken up; empty: all
  std::stop_token finish;          // asked: what is open is finished, no further file is begun
  unsigned parallel_files = 0;     // 0: by cores
  unsigned max_attempts = 3;       // within one run, for errors that may pass
  std::chrono::seconds file_timeout{0};  // of one attempt, up to its commit; 0: none
  unsigned history_days = 90;
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

enum class Action {
  kLoad,
  kSkip,
  kWait,
  kRefuse,
  kAdopt,   // nothing to load: only what tracking says of it changes (touched, moved)
  kRemove,  // the file has vanished and its rows go (vanished = "delete")
};

// "load", "skip", "wait", "refuse", "adopt", "remove".
std::string_view action_name(Action action);

// What sync would do with one file, and why (the sentence that `explain` prints).
struct Decision {
  source::FileEntry file;
  Action action = Action::kSkip;
  // kAdopt: touched, moved. kRemove: vanished.
  // kLoad: new, changed, full, retry, missing (its table is gone), renamed (its table's name is
  // another now), mode (its table's load mode is another now), settings. kSkip: unchanged, backoff,
  // failed-unchanged, vanished (its rows are kept), or the listing's skip_code (hidden, temporary,
  // excluded, link, unreadable, not-a-file). kWait: unfinished. kRefuse: collision, name.
  std::string reason_code;
  std::string reason;
  std::string table;  // empty for what the listing skipped
  Placement placement;
  std::string stored_as;      // value of `_file`; the path unless the file was moved since its load
  std::string moved_from;     // kAdopt, moved: the path that it was loaded from; its record's table
                              // may have another name (kReplace): it is renamed
  std::string settings_hash;  // of today's settings and rules, for the record
  std::string error_class{};  // kSkip, of a file that failed before or is unreadable: why, as in
                              // tracking::FileRecord
  std::string content_hash{};  // kAdopt: of the file (sync/content_hash.h)
};

enum class Outcome { kLoaded, kSkipped, kWaiting, kFailed, kCancelled, kAdopted, kRemoved };

// "loaded", "skipped", "waiting", "failed", "rolled back", "adopted", "removed".
std::string_view outcome_name(Outcome outcome);

struct FileOutcome {
  Decision decision;
  Outcome outcome = Outcome::kSkipped;
  load::Result result;
  std::string error;
  std::string error_class;  // as in tracking::FileRecord
  unsigned attempts = 0;
};

struct Summary {
  std::string run_id;
  // Why the source could not be listed, or is empty although files of it are known, and as whose
  // fault (as in tracking::FileRecord); empty: neither. Its files stay as they are.
  std::string source_error;
  std::string source_error_class;
  std::vector<FileOutcome> files;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // of the files loaded
  double seconds = 0;
  std::uint64_t count(Outcome outcome) const;
};

// What a progress display may read while run() works; all members are safe from another thread.
class Monitor {
 public:
  struct Active {
    std::string name;
    std::string step;
    std::uint64_t rows_sent = 0;
    std::uint64_t rows_total = 0;
  };
  struct Snapshot {
    std::uint64_t files_total = 0;
    std::uint64_t files_done = 0;
    std::uint64_t files_failed = 0;
    std::uint64_t bytes_total = 0;  // of all files to load
    std::uint64_t bytes_done = 0;   // of files done plus the part of the active ones
    std::uint64_t rows_done = 0;
    std::vector<Active> active;
  };
  Monitor();
  ~Monitor();
  Snapshot snapshot() const;

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Lists the source through `storage` and decides, changing nothing; sorted by path. `tracked` is
// Tracking::files(), `tables` Tracking::tables() (without it, no file is loaded again because its
// table is gone). Puts into `source_error`, where it is given, why run() would fail for an empty
// source (Summary::source_error). Throws ConfigError/IoError when the source cannot be listed.
std::vector<Decision> decide(const Options& options, source::Storage& storage,
                             const std::vector<tracking::FileRecord>& tracked,
                             const std::optional<std::set<std::string>>& tables = std::nullopt,
                             std::string* source_error = nullptr);

// One whole run of one source, reached through `storage`, into options.database of the endpoint.
// `on_file` is called as each file ends (from one thread at a time). Several runs at once, in one
// process or many, load each file once. A source that cannot be listed, or is empty although files
// of it are known, is said in the summary, so that those of a caller with several go on. Throws
// ServerError/IoError when the target cannot be reached at all, or not any more; a stop ends open
// loads, rolls them back and returns with kCancelled outcomes.
Summary run(const Options& options, source::Storage& storage, const clickhouse::Endpoint& endpoint,
            Monitor& monitor, spdlog::logger& log,
            const std::function<void(const FileOutcome&)>& on_file, std::stop_token stop = {});

}  // namespace qvdhouse::sync
