// qvdhouse history: every attempt, newest first.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"
#include "serve/api_json.h"
#include "source/scope.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct HistoryArguments {
  std::string file;
  std::size_t limit = 50;
  bool json = false;
};

double seconds_of(const tracking::Attempt& attempt) {
  return static_cast<double>(attempt.finished_at_us - attempt.started_at_us) / 1e6;
}

Json attempt_json(const tracking::Attempt& attempt) {
  Json steps = Json::object();
  for (const tracking::StepTime& step : attempt.steps) steps[step.name] = step.seconds;
  return Json{{"run_id", attempt.file.run_id},
              {"attempt_id", attempt.attempt_id},
              {"attempt", attempt.attempt},
              {"file_path", attempt.file.file_path},
              {"file_name", attempt.file.file_name},
              {"table_name", attempt.file.table_name},
              {"reason", attempt.reason},
              {"status", base::to_string(attempt.file.status)},
              {"row_count", attempt.file.row_count},
              {"rows_quarantined", attempt.file.rows_quarantined},
              {"rows_dropped", attempt.file.rows_dropped},
              {"rows_filtered", attempt.file.rows_filtered},
              {"bytes_sent", attempt.bytes_sent},
              {"started_at", serve::rfc3339(attempt.started_at_us)},
              {"finished_at", serve::rfc3339(attempt.finished_at_us)},
              {"seconds", seconds_of(attempt)},
              {"steps", std::move(steps)},
              {"error_class", base::to_string(attempt.file.error_class)},
              {"error_message", attempt.file.error_message}};
}

void print_attempts(const std::vector<tracking::Attempt>& attempts, bool verbose) {
  std::vector<std::vector<std::string>> rows;
  for (const tracking::Attempt& attempt : attempts) {
    rows.push_back({format_time(attempt.started_at_us), attempt.file.file_name, attempt.reason,
                    format_count(attempt.file.row_count), format_seconds(seconds_of(attempt)),
                    std::string(base::to_string(attempt.file.status))});
  }
  print_table({{"Started (UTC)"},
               {.title = "File", .flexible = true},
               {"Why"},
               {.title = "Rows", .right = true},
               {.title = "Time", .right = true},
               {"Result"}},
              rows);
  for (const tracking::Attempt& attempt : attempts) {
    std::string detail = attempt.file.error_message;
    if (attempt.file.status == tracking::FileState::kCompleted) {
      const std::string left = left_out(attempt.file.rows_quarantined, attempt.file.rows_dropped);
      if (!left.empty()) detail += "rows that break rules: " + left.substr(2);
    }
    for (const tracking::StepTime& step : attempt.steps) {
      if (!verbose) break;
      detail += fmt::format("{}{} {}", detail.empty() ? "" : ", ", step.name,
                            format_seconds(step.seconds));
    }
    if (detail.empty()) continue;
    print("\n");
    print_paragraph(
        fmt::format("{} {}: ", format_time(attempt.started_at_us), attempt.file.file_name), detail,
        2);
  }
}

int run_history(const HistoryArguments& arguments, const Context& context) {
  // A path or URL is compared as tracking has it; a name is in no folder.
  const bool is_path = arguments.file.find('/') != std::string::npos;
  const std::string file = is_path ? source::identity_of(arguments.file) : arguments.file;
  std::vector<tracking::Attempt> attempts;
  if (target_may_hold_data(context.config)) {
    const Target target = Target::open(context, false);
    attempts = at_target(context.config, [&] {
      return target.tracking(context.config).history(file, arguments.limit);
    });
  }
  if (arguments.json) {
    Json json = Json::array();
    for (const tracking::Attempt& attempt : attempts) json.push_back(attempt_json(attempt));
    print_json(json);
  } else if (attempts.empty()) {
    print(arguments.file.empty() ? std::string("No attempts are recorded.\n")
                                 : fmt::format("No attempts at {} are recorded.\n",
                                               printable(masked_source(arguments.file))));
  } else {
    print_attempts(attempts, context.verbose);
  }
  return kOk;
}

}  // namespace

void add_history(CommandLine& line) {
  auto [o, a] = line.add("history", kTables, "every attempt, newest first", run_history);
  o.example("qvdhouse history Item.qvd -v");
  o.settings({Topic::kServer, Topic::kEngine});
  o.option("FILE", a.file, "", "path, URL, name or stem (default: all files)");
  o->add_option("--limit", a.limit, "most attempts shown")->capture_default_str();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
