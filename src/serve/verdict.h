// Whether readers see what they should, and what stands against it: pure functions of facts, which
// the page, the API, `/ready`, alerts and `qvdhouse status` share.
//
// A table is current when its source was looked at within its interval (Workflow::stale_after) and
// all of its files are loaded as they are. A file that is broken makes stale the table that it
// belongs to and no other one. A source that cannot be looked at makes its tables stale when the
// interval is over.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"
#include "serve/schedule.h"
#include "tracking/overview.h"
#include "tracking/runs.h"
#include "tracking/states.h"

namespace qvdhouse::serve {

// Why the newest runs of a workflow did not look at its files.
struct RunProblem {
  std::string error{};
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
  Time since{};  // the end of the first run in a row
  std::uint64_t runs = 0;
  bool is_of_target = false;  // ClickHouse refused or was lost; else the source
};

// Whether the run looked at all files of its source, whatever became of them.
bool has_looked(const tracking::RunRecord& run);
// Whether it ended without having looked, for a reason that the next run may find again.
bool has_not_looked(const tracking::RunRecord& run);
// What `run`, which has just ended, makes of the problem before it. A run that ClickHouse made fail
// has the class kServer, also where its connection was lost.
std::optional<RunProblem> problem_after(const std::optional<RunProblem>& before,
                                        const tracking::RunRecord& run);
// The same for runs of the past, the newest first.
std::optional<RunProblem> problem_after(const std::vector<tracking::RunRecord>& runs);
// The end of the newest of them that looked.
std::optional<Time> last_look(const std::vector<tracking::RunRecord>& runs);
// How long a source may go without a look when nothing is set: twice the time between two starts,
// counted from the first start after `looked_at`. So no night and no weekend without starts makes a
// table stale. 0: without limit, since no two starts follow.
std::chrono::seconds default_stale_after(const Schedule& schedule, Time anchor, Time looked_at);

struct WorkflowFacts {
  std::string name{};
  std::string title{};
  std::optional<Time> last_look{};
  std::chrono::seconds stale_after{0};  // 0: it is never stale
  bool is_paused = false;               // on purpose: never stale
  std::optional<RunProblem> problem{};
  std::optional<Time> busy_since{};  // a run of it is under way, or waits for its turn
};

struct TableFacts {
  std::string name{};
  std::vector<std::string> workflows{};  // whose sources have its files; empty: none has
  std::uint64_t failed_files = 0;
};

struct TargetFacts {
  bool is_tried = false;  // false: it has not been reached yet, and that is no failure
  std::string problem{};  // empty: ClickHouse answers
  std::optional<Time> silent_since{};
  std::uint64_t tries = 0;
};

struct BrokenFact {
  tracking::BrokenFile broken{};
  std::string workflow{};  // empty: no source has it
};

struct VerdictFacts {
  Time now{};
  TargetFacts target{};
  std::string configuration_problem{};
  bool is_loading = false;  // files are being loaded
  std::vector<WorkflowFacts> workflows{};
  // What tracking says, when ClickHouse could be asked:
  bool is_tracking_known = false;
  std::vector<TableFacts> tables{};        // that are there
  std::vector<BrokenFact> broken_files{};  // the newest
  std::uint64_t failed_files = 0;          // all
  std::uint64_t files = 0;
};

enum class Cause { kFile, kSource, kTarget };
constexpr auto words(Cause) {
  return std::to_array<std::string_view>({"file", "source", "target"});
}

// What a person can do about it: try the file again, run the workflow.
enum class Remedy { kNone, kRetry, kRun };
constexpr auto words(Remedy) { return std::to_array<std::string_view>({"none", "retry", "run"}); }

enum class Level { kGood, kWarn, kBad, kLive, kIdle };
constexpr auto words(Level) {
  return std::to_array<std::string_view>({"good", "warn", "bad", "live", "idle"});
}

// One cause of one trouble, as long as it lasts.
struct Incident {
  // The same in every answer: "file:/p/x.qvd", "source:lake", "target". UTF-8: a path that is not
  // is percent-coded as a whole.
  std::string id{};
  Cause cause = Cause::kFile;
  std::string workflow{};
  std::string file_path{};
  std::string table_name{};
  std::string title{};
  Time since{};
  std::uint64_t count = 1;  // attempts or runs that failed
  std::string error{};      // the first line of it
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
  Remedy remedy = Remedy::kNone;
  bool is_overdue = false;  // nothing failed: the source was not looked at for too long
};

struct Verdict {
  Level level = Level::kIdle;
  std::string title{};
  std::optional<Time> unknown_since{};  // ClickHouse does not answer: what follows is not known
  bool is_known = false;
  std::uint64_t tables = 0;
  std::uint64_t current = 0;
  std::uint64_t stale = 0;
  std::uint64_t broken_files = 0;
};

struct TableFreshness {
  std::string table{};
  std::string stale_reason{};  // empty: it is current
  std::optional<Time> looked_at{};
};

struct Judgement {
  Verdict verdict{};
  std::vector<Incident> incidents{};  // the target's, then sources', then files', the newest first
  std::vector<TableFreshness> tables{};  // in the order of the facts
};

TableFreshness freshness_of(const TableFacts& table, const std::vector<WorkflowFacts>& workflows,
                            Time now);
Judgement judge(const VerdictFacts& facts);

// "2026-11-23 03:40:11 UTC"
std::string utc_text(Time time);
inline Time time_of(std::int64_t time_us) {
  return std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(time_us)));
}

}  // namespace qvdhouse::serve
