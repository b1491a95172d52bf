// qvdhouse sync: loads what is new or changed.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/observation.h"
#include "cli/output.h"
#include "cli/planned_source.h"
#include "cli/progress.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "serve/file_details.h"
#include "sync/failure.h"
#include "sync/outcome.h"
#include "sync/recorded_run.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

struct SyncArguments {
  bool dry_run = false;
  AskedFiles asked;
  std::string locked;  // path of a schema lock; empty: none
  bool json = false;
};

Json file_json(const sync::FileOutcome& file) {
  Json json = serve::decision_json(file.decision);
  json["outcome"] = base::to_string(file.outcome);
  json["rows"] = file.result.row_count;
  json["rows_quarantined"] = file.result.rows_quarantined;
  json["rows_dropped"] = file.result.rows_dropped;
  json["rows_filtered"] = file.result.rows_filtered;
  json["rows_warned"] = file.result.rows_warned;
  json["columns"] = file.result.column_count;
  json["bytes_sent"] = file.result.bytes_sent;
  json["rows_kept"] = file.result.rows_kept;
  json["attempts"] = file.attempts;
  json["taken"] = file.taken;
  Json steps = Json::object();
  for (const load::Step& step : file.result.steps) {
    steps[step.name] = step.seconds();
  }
  json["seconds"] = std::move(steps);
  json["warnings"] = file.result.warnings;
  json["schema_changes"] = Json::parse(sync::changes_json(file.result.column_changes));
  const bool is_failing = sync::is_failing(file);
  json["error"] = is_failing ? sync::failure_message(file) : file.error;
  json["error_class"] = base::to_string(is_failing ? sync::failure_class(file) : file.error_class);
  return json;
}

// What became of one source.
struct SourceRun {
  SourceSettings source;
  sync::Summary summary;
};

// All sources together, for totals.
sync::Summary total(const std::vector<SourceRun>& runs) {
  sync::Summary sum;
  for (const auto& [source, summary] : runs) {
    if (sum.run_id.empty()) sum.run_id = summary.run_id;
    sum.files.insert(sum.files.end(), summary.files.begin(), summary.files.end());
    sum.rows += summary.rows;
    sum.rows_quarantined += summary.rows_quarantined;
    sum.rows_dropped += summary.rows_dropped;
    sum.rows_filtered += summary.rows_filtered;
    sum.bytes += summary.bytes;
    sum.seconds += summary.seconds;
    for (const auto& [replica, tables] : summary.replicas_behind) {
      sum.replicas_behind[replica].insert(tables.begin(), tables.end());
    }
  }
  return sum;
}

// Files that failed in an earlier run and were left alone.
std::uint64_t count_failed_before(const sync::Summary& summary) {
  return static_cast<std::uint64_t>(
      std::count_if(summary.files.begin(), summary.files.end(), sync::stands_failed));
}

std::uint64_t count_of(const sync::Summary& summary, decide::Reason reason) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      summary.files,
      [&](const sync::FileOutcome& file) { return file.decision.reason_code == reason; }));
}

void print_summary_json(const std::vector<SourceRun>& runs, int exit_code) {
  const sync::Summary sum = total(runs);
  const std::uint64_t failed_before = count_failed_before(sum);
  Json json{{"run_id", sum.run_id},
            {"exit_code", exit_code},
            {"loaded", sum.count(sync::Outcome::kLoaded)},
            {"skipped", sum.count(sync::Outcome::kSkipped) - failed_before},
            {"outside_window", count_of(sum, decide::Reason::kWindow)},
            {"beyond_limit", count_of(sum, decide::Reason::kLimit)},
            {"waiting", sum.count(sync::Outcome::kWaiting)},
            {"failed", sum.count(sync::Outcome::kFailed) + failed_before},
            {"failed_before", failed_before},
            {"rolled_back", sum.count(sync::Outcome::kCancelled)},
            {"adopted", sum.count(sync::Outcome::kAdopted)},
            {"removed", sum.count(sync::Outcome::kRemoved)},
            {"rows", sum.rows},
            {"rows_quarantined", sum.rows_quarantined},
            {"rows_dropped", sum.rows_dropped},
            {"rows_filtered", sum.rows_filtered},
            {"bytes", sum.bytes},
            {"schema_changes", sum.column_changes()},
            {"anomalies", sum.anomalies()},
            {"replicas_behind", sum.replicas_behind},
            {"seconds", sum.seconds}};
  json["sources"] = Json::array();
  json["files"] = Json::array();
  for (const auto& [source, summary] : runs) {
    const sync::Failure failure =
        summary.source_error ? sync::describe_failure(summary.source_error) : sync::Failure();
    json["sources"].push_back(Json{{"name", source.name},
                                   {"url", masked_source(source.url)},
                                   {"run_id", summary.run_id},
                                   {"files", summary.files.size()},
                                   {"error", failure.message},
                                   {"error_class", base::to_string(failure.error_class)}});
    for (const sync::FileOutcome& file : summary.files) {
      json["files"].push_back(file_json(file));
      json["files"].back()["source"] = source.name;
    }
  }
  print_json(json);
}

// The last line: what was done, in numbers.
std::string totals(const sync::Summary& summary) {
  std::string text = format_quantity(summary.files.size(), "file") + ":";
  const char* separator = " ";
  const auto add = [&](std::uint64_t count, std::string_view word) {
    if (count == 0) return;
    text += fmt::format("{}{} {}", separator, format_count(count), word);
    separator = ", ";
  };
  const std::uint64_t failed_before = count_failed_before(summary);
  add(summary.count(sync::Outcome::kLoaded), "loaded");
  add(summary.count(sync::Outcome::kAdopted), "adopted");
  add(summary.count(sync::Outcome::kRemoved), "removed");
  const std::uint64_t outside = count_of(summary, decide::Reason::kWindow);
  const std::uint64_t beyond = count_of(summary, decide::Reason::kLimit);
  add(summary.count(sync::Outcome::kSkipped) - failed_before - outside - beyond, "skipped");
  add(outside, "left out by the window");
  add(beyond, "left for later by the limit");
  add(summary.count(sync::Outcome::kWaiting), "waiting");
  add(summary.count(sync::Outcome::kFailed), "failed");
  add(failed_before, "failed before");
  add(summary.count(sync::Outcome::kCancelled), "rolled back");
  const auto taken = static_cast<std::uint64_t>(std::ranges::count_if(
      summary.files, [](const sync::FileOutcome& file) { return !file.taken.empty(); }));
  const bool are_deleted = std::ranges::any_of(summary.files, [](const sync::FileOutcome& file) {
    return file.taken == tracking::kDeleted;
  });
  add(taken, are_deleted ? "deleted after their load" : "moved away after their load");
  if (const std::uint64_t changes = summary.column_changes(); changes > 0) {
    text += fmt::format("; {} of tables in use changed", format_quantity(changes, "column"));
  }
  if (summary.count(sync::Outcome::kLoaded) == 0) return text + "\n";
  const std::string left =
      left_out(summary.rows_quarantined, summary.rows_dropped, summary.rows_filtered);
  text += fmt::format("\n{} rows{}{}, {} in {}", format_count(summary.rows),
                      left.empty() ? "" : " loaded", left, format_bytes(summary.bytes),
                      format_seconds(summary.seconds));
  return text + "\n";
}

// Whether there was anything to print.
bool print_files(const sync::Summary& summary, const SourceSettings& source, bool verbose) {
  std::vector<std::vector<std::string>> rows;
  for (const sync::FileOutcome& file : summary.files) {
    const bool is_quiet = file.outcome == sync::Outcome::kSkipped ||
                          file.decision.reason_code == decide::Reason::kTouched;
    if (is_quiet && !verbose) continue;
    const bool loaded = file.outcome == sync::Outcome::kLoaded;
    rows.push_back({short_path(file.decision.file, source.url), file.decision.table,
                    loaded ? format_count(file.result.row_count) : "–",
                    format_bytes(file.decision.file.size),
                    loaded ? format_seconds(file.result.seconds()) : "–",
                    std::string(base::to_string(file.outcome))});
  }
  if (rows.empty()) return false;
  print_table({{.title = "File", .flexible = true},
               {.title = "Table", .flexible = true},
               {.title = "Rows", .right = true},
               {.title = "Size", .right = true},
               {.title = "Time", .right = true},
               {"Result"}},
              rows);
  print("\n");
  return true;
}

// Whether to say why a file was not loaded: without it, one that failed before and is left alone
// would look like one that is loaded.
bool needs_a_word(const sync::FileOutcome& file) {
  return file.outcome == sync::Outcome::kWaiting || sync::is_failing(file) ||
         !file.result.alerts.empty();
}

// Why files were not loaded, and what nobody must miss of those that were; whether there was
// anything to print.
bool print_causes(const sync::Summary& summary, const SourceSettings& source) {
  bool printed = false;
  for (const sync::FileOutcome& file : summary.files) {
    if (!needs_a_word(file)) continue;
    const std::string name = short_path(file.decision.file, source.url) + ": ";
    if (file.outcome != sync::Outcome::kLoaded) {
      print_paragraph(name, sync::failure_message(file), 2);
    }
    for (const std::string& alert : file.result.alerts) {
      print_paragraph(name + "warning: ", alert, 2);
    }
    printed = true;
  }
  return printed;
}

// Nothing failed, and each file is loaded or left out on purpose.
bool is_all_well(const std::vector<SourceRun>& runs, int exit_code) {
  return exit_code == kOk && std::all_of(runs.begin(), runs.end(), [](const SourceRun& run) {
           return std::none_of(run.summary.files.begin(), run.summary.files.end(), needs_a_word);
         });
}

void print_summary(const std::vector<SourceRun>& runs, const std::vector<OpenSource>& opened,
                   int exit_code, const Context& context) {
  if (context.quiet && is_all_well(runs, exit_code)) return;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& [source, summary] = runs[i];
    bool ends_in_text = true;  // and not in a blank line
    if (runs.size() > 1) print(printable(source_title(source)) + "\n");
    if (summary.source_error) {
      print_paragraph("not reached: ", sync::describe_failure(summary.source_error).message, 2);
    } else if (summary.files.empty()) {
      print(printable(no_files(opened[i])) + ".\n");
    } else {
      const bool has_table = !context.quiet && print_files(summary, source, context.verbose);
      ends_in_text = print_causes(summary, source) || !has_table;
    }
    if (ends_in_text && runs.size() > 1) print("\n");
  }
  const sync::Summary sum = total(runs);
  if (!sum.files.empty()) print(totals(sum));
  if (const std::string kept = sum.other_settings(); !kept.empty()) print_paragraph("", kept, 2);
  if (const std::string behind = sum.behind(); !behind.empty()) {
    print_paragraph("warning: ", behind, 2);
  }
}

int dry_run(const SyncArguments& arguments, Sources& sources, const Context& context) {
  const Tracked tracked = read_tracked(context);
  Json json = Json::array();
  const DecidedSources decided =
      decide_sources(sources.chosen("sync", true), tracked, arguments.asked, context);
  if (!arguments.locked.empty()) check_lock(arguments.locked, decided, context);
  for (const auto& [source, options, decisions] : decided.sources) {
    if (!arguments.json) print_decisions(decisions, source, decided.are_several());
    for (const decide::Decision& decision : decisions) {
      json.push_back(serve::decision_json(decision));
      json.back()["source"] = source.settings.name;
    }
  }
  if (arguments.json) print_json(json);
  warn_of_idle_includes(listed_of(decided), context);
  return decided.exit_code;
}

// One source after the other; what ClickHouse cannot do ends all.
std::vector<SourceRun> run_all(const std::vector<OpenSource>& sources, const AskedFiles& asked,
                               const Target& target, const Context& context) {
  sync::Monitor monitor;
  std::unique_ptr<ProgressDisplay> progress;
  if (!context.quiet) progress = std::make_unique<ProgressDisplay>(monitor, context.display);
  // On a terminal the live block says it, and the table at the end.
  const bool says_lines = !context.quiet && (context.verbose || !context.display.is_terminal());
  const auto on_file = [&](const sync::FileOutcome& file) {
    const std::string line = outcome_line(file);
    if (says_lines && !line.empty()) context.display.line(line);
  };
  const auto observer = make_observer(context, context.log, false);
  std::vector<SourceRun> runs;
  for (const OpenSource& source : sources) {
    if (!runs.empty() && context.stop.stop_requested()) throw base::Cancelled("stopped");
    sync::Options options = asked_options(asked, source.settings, context);
    options.needs_lease = target.engine() == nullptr;
    const std::string workflow = source.settings.name.empty() ? "default" : source.settings.name;
    tracking::RunRecord order = sync::new_run(workflow, tracking::RunTrigger::kCommand);
    order.asked_for =
        sync::asked_for(options.choice, options.full, options.whole_source.empty() ? 0 : 1);
    const sync::RunHooks hooks =
        observer->watch(told_run(order, masked_source(source.settings.url), target.endpoint(),
                                 target.engine() != nullptr, context.config),
                        {.on_begin = {}, .on_file_begin = {}, .on_file = on_file, .on_end = {}});
    sync::RecordedRun run =
        sync::run_recorded(options, source.storage, target.endpoint(), std::move(order), monitor,
                           context.log, hooks, context.stop);
    if (run.error) at_target(context.config, [&] { std::rethrow_exception(run.error); });
    runs.push_back({source.settings, std::move(run.summary)});
  }
  return runs;
}

int run_sync(const SyncArguments& arguments, const Context& context) {
  Sources sources(context);
  if (arguments.dry_run) return dry_run(arguments, sources, context);

  const std::vector<OpenSource> chosen = sources.chosen("sync", true);
  const Target target = Target::open(context, true);
  if (!arguments.locked.empty()) {
    const Tracked tracked = read_tracked(context);
    check_lock(arguments.locked, decide_sources(chosen, tracked, arguments.asked, context),
               context);
  }
  const std::vector<SourceRun> runs = run_all(chosen, arguments.asked, target, context);
  // The only source cannot be reached: the command's own error.
  if (runs.size() == 1 && runs[0].summary.source_error) {
    std::rethrow_exception(runs[0].summary.source_error);
  }

  std::vector<sync::Summary> summaries;
  std::vector<ListedSource> listed;
  for (const SourceRun& run : runs) {
    summaries.push_back(run.summary);
    if (run.source.selection.include.empty()) continue;
    listed.push_back({run.source, {}});
    for (const sync::FileOutcome& file : run.summary.files) {
      listed.back().files.push_back(file.decision.file);
    }
  }
  const int exit_code = exit_code_of_runs(summaries);
  warn_of_idle_includes(listed, context);
  if (exit_code == kOk && !context.config.sync.load.policy.overrides.empty()) {
    warn_of_idle_columns(
        at_target(context.config, [&] { return target.tracking(context.config).files(); }), {},
        context);
  }
  if (arguments.json) {
    print_summary_json(runs, exit_code);
  } else {
    print_summary(runs, chosen, exit_code, context);
  }
  return exit_code;
}

}  // namespace

void add_sync(CommandLine& line) {
  auto [o, a] = line.add("sync", kLoading, "load what is new or changed", run_sync);
  o.example("qvdhouse sync ./qvds");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kTypes, Topic::kLoading, Topic::kTables,
              Topic::kServer, Topic::kEngine, Topic::kLogs, Topic::kObservation});
  o.source();
  o.flag("--dry-run", a.dry_run, "only say what would be done");
  o.flag("--full", a.asked.full, "load unchanged files too");
  o.choice(a.asked);
  o.locked(a.locked);
  o.json(a.json);
}

}  // namespace qvdhouse::cli
