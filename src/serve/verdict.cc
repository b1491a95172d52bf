#include "serve/verdict.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/characters.h"
#include "base/encoding.h"
#include "base/quantity.h"

namespace qvdhouse::serve {

using tracking::ErrorClass;
using tracking::RunRecord;
using tracking::RunState;

namespace {

constexpr std::size_t kLongestError = 500;

std::uint64_t files_seen(const RunRecord& run) {
  return run.files_loaded + run.files_skipped + run.files_waiting + run.files_failed;
}

// It was asked for all files, and not for some of them.
bool is_whole(const RunRecord& run) { return run.asked_for.empty() || run.asked_for == "full"; }

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line.size() <= kLongestError) return line;
  std::size_t end = kLongestError;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  return line.substr(0, end) + "…";
}

// Where no look is remembered, since runs began to fail.
std::optional<Time> not_looked_since(const WorkflowFacts& workflow) {
  if (workflow.last_look || !workflow.problem) return workflow.last_look;
  return workflow.problem->since;
}

bool is_overdue(const WorkflowFacts& workflow, Time now) {
  const std::optional<Time> since = not_looked_since(workflow);
  return workflow.stale_after.count() > 0 && since && !workflow.is_paused &&
         *since + workflow.stale_after < now;
}

Incident target_incident(const TargetFacts& target, Time now) {
  return {.id = "target",
          .cause = Cause::kTarget,
          .title = "ClickHouse does not answer",
          .since = target.silent_since.value_or(now),
          .count = std::max<std::uint64_t>(target.tries, 1),
          .error = first_line(target.problem),
          .error_class = ErrorClass::kServer};
}

// Runs of several workflows that ClickHouse made fail have one cause.
void add_refusal(std::vector<Incident>& incidents, const RunProblem& problem) {
  const auto known = std::ranges::find(incidents, "target", &Incident::id);
  if (known == incidents.end()) {
    incidents.push_back({.id = "target",
                         .cause = Cause::kTarget,
                         .title = "ClickHouse makes runs fail",
                         .since = problem.since,
                         .count = problem.runs,
                         .error = first_line(problem.error),
                         .error_class = problem.error_class});
    return;
  }
  known->since = std::min(known->since, problem.since);
}

Incident source_incident(const WorkflowFacts& workflow) {
  const RunProblem& problem = *workflow.problem;
  const bool is_slow = problem.error_class == ErrorClass::kTimeout;
  return {.id = "source:" + workflow.name,
          .cause = Cause::kSource,
          .workflow = workflow.name,
          .title = is_slow ? fmt::format("runs of {} take too long", workflow.name)
                           : fmt::format("source {} cannot be read", workflow.name),
          .since = problem.since,
          .count = problem.runs,
          .error = first_line(problem.error),
          .error_class = problem.error_class,
          .remedy = Remedy::kRun};
}

Incident overdue_incident(const WorkflowFacts& workflow) {
  return {.id = "source:" + workflow.name,
          .cause = Cause::kSource,
          .workflow = workflow.name,
          .title = fmt::format("source {} was not looked at since {}", workflow.name,
                               utc_text(*workflow.last_look)),
          .since = *workflow.last_look + workflow.stale_after,
          .remedy = Remedy::kRun,
          .is_overdue = true};
}

// A path in an id. No tracked path that is UTF-8 looks like a coded one, which has no '/'.
std::string text_of_path(const std::string& path) {
  const bool is_text = std::ranges::none_of(base::decode_characters(path), [](char32_t character) {
    return character >= base::kStrayByte;
  });
  return is_text ? path : base::encode_component(path);
}

Incident file_incident(const BrokenFact& fact) {
  const tracking::FileRecord& file = fact.broken.file;
  std::string title = file.file_name + " is broken";
  if (!file.table_name.empty()) title += fmt::format(" (table {})", file.table_name);
  return {.id = "file:" + text_of_path(file.file_path),
          .cause = Cause::kFile,
          .workflow = fact.workflow,
          .file_path = file.file_path,
          .table_name = file.table_name,
          .title = std::move(title),
          .since = time_of(fact.broken.since_us),
          .count = std::max<std::uint32_t>(file.failure_count, 1),
          .error = first_line(file.error_message),
          .error_class = file.error_class,
          .remedy = fact.workflow.empty() ? Remedy::kNone : Remedy::kRetry};
}

std::vector<Incident> incidents_of(const VerdictFacts& facts) {
  std::vector<Incident> incidents;
  const bool is_silent = facts.target.is_tried && !facts.target.problem.empty();
  if (is_silent) incidents.push_back(target_incident(facts.target, facts.now));
  for (const WorkflowFacts& workflow : facts.workflows) {
    if (workflow.problem && workflow.problem->is_of_target) {
      add_refusal(incidents, *workflow.problem);
    }
  }
  const bool is_target_well = incidents.empty();
  for (const WorkflowFacts& workflow : facts.workflows) {
    if (workflow.problem && !workflow.problem->is_of_target) {
      incidents.push_back(source_incident(workflow));
    } else if (is_target_well && facts.target.problem.empty() && is_overdue(workflow, facts.now)) {
      incidents.push_back(overdue_incident(workflow));
    }
  }
  for (const BrokenFact& fact : facts.broken_files) incidents.push_back(file_incident(fact));
  return incidents;
}

std::string title_of(const Verdict& verdict) {
  if (verdict.stale > 0) {
    return fmt::format("{} of {} current", verdict.current,
                       base::format_quantity(verdict.tables, "table"));
  }
  if (verdict.tables == 1) return "1 table current";
  return fmt::format("All {} current", base::format_quantity(verdict.tables, "table"));
}

Verdict verdict_of(const VerdictFacts& facts, const std::vector<Incident>& incidents,
                   const std::vector<TableFreshness>& tables) {
  Verdict verdict;
  if (!facts.is_tracking_known || !facts.target.problem.empty()) {
    const bool is_silent = facts.target.is_tried && !facts.target.problem.empty();
    verdict.level = is_silent ? Level::kBad : Level::kIdle;
    verdict.title = is_silent ? "ClickHouse does not answer" : "Starting";
    if (is_silent) verdict.unknown_since = facts.target.silent_since;
    return verdict;
  }
  verdict.is_known = true;
  verdict.tables = tables.size();
  verdict.stale = static_cast<std::uint64_t>(std::ranges::count_if(
      tables, [](const TableFreshness& table) { return !table.stale_reason.empty(); }));
  verdict.current = verdict.tables - verdict.stale;
  verdict.broken_files = facts.failed_files;
  const bool is_cut_off = std::ranges::any_of(incidents, [](const Incident& incident) {
    return incident.cause != Cause::kFile && !incident.is_overdue;
  });
  if (is_cut_off) {
    verdict.level = Level::kBad;
  } else if (verdict.stale > 0 || facts.failed_files > 0 || !incidents.empty() ||
             !facts.configuration_problem.empty()) {
    verdict.level = Level::kWarn;
  } else if (facts.is_loading) {
    verdict.level = Level::kLive;
  } else {
    verdict.level = verdict.tables == 0 ? Level::kIdle : Level::kGood;
  }
  verdict.title = verdict.tables == 0 ? "No table yet" : title_of(verdict);
  return verdict;
}

}  // namespace

std::string utc_text(Time time) { return date::format("%F %T UTC", time); }

bool has_looked(const RunRecord& run) {
  if (!is_whole(run) || run.error_class == ErrorClass::kTimeout) return false;
  return run.status == RunState::kCompleted || run.status == RunState::kPartial ||
         (run.status == RunState::kFailed && files_seen(run) > 0);
}

bool has_not_looked(const RunRecord& run) {
  return run.status == RunState::kFailed &&
         (files_seen(run) == 0 || run.error_class == ErrorClass::kTimeout);
}

std::optional<RunProblem> problem_after(const std::optional<RunProblem>& before,
                                        const RunRecord& run) {
  if (has_not_looked(run)) {
    RunProblem problem = before.value_or(RunProblem{.since = time_of(run.finished_at_us)});
    problem.error = run.error;
    problem.error_class = run.error_class;
    problem.is_of_target = run.error_class == ErrorClass::kServer;
    ++problem.runs;
    return problem;
  }
  // A run of some files in time says nothing of the time that all take.
  const bool is_settled =
      has_looked(run) || (before && before->error_class != ErrorClass::kTimeout &&
                          (run.status == RunState::kCompleted || run.status == RunState::kPartial ||
                           run.status == RunState::kFailed));
  return is_settled ? std::nullopt : before;
}

std::optional<RunProblem> problem_after(const std::vector<RunRecord>& runs) {
  std::optional<RunProblem> problem;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    problem = problem_after(problem, *run);
  }
  return problem;
}

std::optional<Time> last_look(const std::vector<RunRecord>& runs) {
  const auto found = std::ranges::find_if(runs, &has_looked);
  if (found == runs.end()) return std::nullopt;
  return time_of(found->finished_at_us);
}

std::chrono::seconds default_stale_after(const Schedule& schedule, Time anchor, Time looked_at) {
  const std::optional<Time> first = schedule.next(looked_at, anchor);
  const std::optional<Time> second = first ? schedule.next(*first, anchor) : std::nullopt;
  if (!second) return std::chrono::seconds(0);
  // The last start of a day is followed by a night.
  const std::optional<Time> third = schedule.next(*second, anchor);
  const auto between = third ? std::min(*second - *first, *third - *second) : *second - *first;
  return std::max(2 * between, *first - looked_at + between);
}

TableFreshness freshness_of(const TableFacts& table, const std::vector<WorkflowFacts>& workflows,
                            Time now) {
  TableFreshness fresh{.table = table.name};
  if (table.failed_files > 0) {
    fresh.stale_reason = base::format_quantity(table.failed_files, "file") + " broken";
  }
  bool is_seen = true;  // by all
  std::optional<Time> overdue_since;
  for (const WorkflowFacts& workflow : workflows) {
    if (std::ranges::find(table.workflows, workflow.name) == table.workflows.end()) continue;
    if (workflow.last_look) {
      fresh.looked_at =
          std::min(fresh.looked_at.value_or(*workflow.last_look), *workflow.last_look);
    }
    is_seen = is_seen && workflow.last_look.has_value();
    if (!is_overdue(workflow, now)) continue;
    const Time since = *not_looked_since(workflow);
    overdue_since = std::min(overdue_since.value_or(since), since);
  }
  if (!is_seen) fresh.looked_at.reset();
  if (fresh.stale_reason.empty() && overdue_since) {
    fresh.stale_reason = "not looked at since " + utc_text(*overdue_since);
  }
  return fresh;
}

Judgement judge(const VerdictFacts& facts) {
  Judgement judgement;
  judgement.incidents = incidents_of(facts);
  for (const TableFacts& table : facts.tables) {
    judgement.tables.push_back(freshness_of(table, facts.workflows, facts.now));
  }
  judgement.verdict = verdict_of(facts, judgement.incidents, judgement.tables);
  return judgement;
}

}  // namespace qvdhouse::serve
