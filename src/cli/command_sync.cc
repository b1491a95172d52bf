// qvdhouse sync: loads what is new or changed.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/target.h"
#include "source/listing.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

double seconds_of(const load::Result& result) {
  double seconds = 0;
  for (const load::Step& step : result.steps) {
    seconds += std::chrono::duration<double>(step.duration).count();
  }
  return seconds;
}

std::string_view outcome_name(sync::Outcome outcome) {
  switch (outcome) {
    case sync::Outcome::kLoaded:
      return "loaded";
    case sync::Outcome::kSkipped:
      return "skipped";
    case sync::Outcome::kWaiting:
      return "waiting";
    case sync::Outcome::kFailed:
      return "failed";
    case sync::Outcome::kCancelled:
      return "rolled back";
  }
  return "";
}

Json file_json(const sync::FileOutcome& file) {
  Json json = decision_json(file.decision);
  json["outcome"] = outcome_name(file.outcome);
  json["rows"] = file.result.row_count;
  json["columns"] = file.result.column_count;
  json["bytes_sent"] = file.result.bytes_sent;
  json["attempts"] = file.attempts;
  Json steps = Json::object();
  for (const load::Step& step : file.result.steps) {
    steps[step.name] = std::chrono::duration<double>(step.duration).count();
  }
  json["seconds"] = std::move(steps);
  json["warnings"] = file.result.warnings;
  json["error"] = file.error;
  json["error_class"] = file.error_class;
  return json;
}

void print_summary_json(const sync::Summary& summary, int exit_code) {
  Json json{{"run_id", summary.run_id},
            {"exit_code", exit_code},
            {"loaded", summary.count(sync::Outcome::kLoaded)},
            {"skipped", summary.count(sync::Outcome::kSkipped)},
            {"waiting", summary.count(sync::Outcome::kWaiting)},
            {"failed", summary.count(sync::Outcome::kFailed)},
            {"rolled_back", summary.count(sync::Outcome::kCancelled)},
            {"rows", summary.rows},
            {"bytes", summary.bytes},
            {"seconds", summary.seconds}};
  json["files"] = Json::array();
  for (const sync::FileOutcome& file : summary.files) json["files"].push_back(file_json(file));
  print_json(json);
}

// The last line: what was done, in numbers.
std::string totals(const sync::Summary& summary) {
  std::string text = format_quantity(summary.files.size(), "file") + ":";
  const char* separator = " ";
  const auto add = [&](sync::Outcome outcome, std::string_view word) {
    if (summary.count(outcome) == 0) return;
    text += fmt::format("{}{} {}", separator, format_count(summary.count(outcome)), word);
    separator = ", ";
  };
  add(sync::Outcome::kLoaded, "loaded");
  add(sync::Outcome::kSkipped, "skipped");
  add(sync::Outcome::kWaiting, "waiting");
  add(sync::Outcome::kFailed, "failed");
  add(sync::Outcome::kCancelled, "rolled back");
  if (summary.count(sync::Outcome::kLoaded) == 0) return text + "\n";
  text += fmt::format("\n{} rows, {} in {}", format_count(summary.rows),
                      format_bytes(summary.bytes), format_seconds(summary.seconds));
  return text + "\n";
}

void print_summary(const sync::Summary& summary, const Context& context) {
  if (summary.files.empty()) {
    print(fmt::format("No files match {} in {}.\n", context.config.selection.pattern,
                      printable(context.config.source)));
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const sync::FileOutcome& file : summary.files) {
    if (file.outcome == sync::Outcome::kSkipped && !context.verbose) continue;
    const bool loaded = file.outcome == sync::Outcome::kLoaded;
    rows.push_back({short_path(file.decision.file, context.config.source),
                    loaded ? file.result.table : file.decision.table,
                    loaded ? format_count(file.result.row_count) : "–",
                    format_bytes(file.decision.file.size),
                    loaded ? format_seconds(seconds_of(file.result)) : "–",
                    std::string(outcome_name(file.outcome))});
  }
  if (!rows.empty()) {
    print_table({{.title = "File", .flexible = true},
                 {.title = "Table", .flexible = true},
                 {.title = "Rows", .right = true},
                 {.title = "Size", .right = true},
                 {.title = "Time", .right = true},
                 {"Result"}},
                rows);
    print("\n");
  }
  for (const sync::FileOutcome& file : summary.files) {
    const bool failed = file.outcome == sync::Outcome::kFailed;
    // One that failed before and is left alone would else look like one that is loaded.
    const bool failed_before =
        file.decision.reason_code == "failed-unchanged" || file.decision.reason_code == "backoff";
    if (!failed && !failed_before && file.outcome != sync::Outcome::kWaiting) continue;
    print_paragraph(short_path(file.decision.file, context.config.source) + ": ",
                    failed ? file.error : file.decision.reason, 2);
  }
  print(totals(summary));
}

// A run that could not go on: the source's fault when it can not be listed, else ClickHouse's.
[[noreturn]] void throw_for_its_side(const sync::Options& options, const base::IoError& error) {
  source::list_files(options.source, options.selection);
  throw TargetError(error.what());
}

}  // namespace

int run_sync(const SyncArguments& arguments, const Context& context) {
  sync::Options options = sync_options(context.config);
  options.full = arguments.full;
  check_source_exists(options.source);

  if (arguments.dry_run) {
    const Tracked tracked = read_tracked(context);
    const auto decisions = sync::decide(options, tracked.files, tracked.tables);
    if (arguments.json) {
      Json json = Json::array();
      for (const sync::Decision& decision : decisions) json.push_back(decision_json(decision));
      print_json(json);
    } else {
      print_decisions(decisions, options.source);
    }
    return kOk;
  }

  const Target target = Target::open(context, true);
  sync::Monitor monitor;
  sync::Summary summary;
  {
    std::unique_ptr<Progress> progress;
    if (!context.quiet) progress = std::make_unique<Progress>(monitor, context.display);
    // On a terminal the live block says it, and the table at the end.
    const bool says_lines = !context.quiet && (context.verbose || !context.display.is_terminal());
    const auto on_file = [&](const sync::FileOutcome& file) {
      const std::string line = outcome_line(file);
      if (says_lines && !line.empty()) context.display.line(line);
    };
    try {
      summary = sync::run(options, target.endpoint(), monitor, context.log, on_file, context.stop);
    } catch (const base::IoError& error) {
      throw_for_its_side(options, error);
    }
  }

  const int exit_code = exit_code_of_run(summary);
  if (arguments.json) {
    print_summary_json(summary, exit_code);
  } else {
    print_summary(summary, context);
  }
  return exit_code;
}

}  // namespace qvdhouse::cli
