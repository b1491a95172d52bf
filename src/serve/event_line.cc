#include "serve/event_line.h"

#include <fmt/format.h>

#include "serve/event_data.h"

namespace qvdhouse::serve {
namespace {

std::string because(const nlohmann::json& data) {
  const std::string error = text_of(data, "error");
  return error.empty() ? "" : ": " + error;
}

void say_run_finished(const nlohmann::json& data, LogLine& line) {
  const std::optional<tracking::RunState> state = run_state_of(data);
  line.level = is_bad(state) ? "error" : "info";
  line.message = fmt::format(
      "run {} after {:.1f} s: {} files loaded, {} skipped, {} waiting, {} failed, {} rows{}",
      text_of(data, "status"), number_of(data, "duration_seconds"), count_of(data, "files_loaded"),
      count_of(data, "files_skipped"), count_of(data, "files_waiting"),
      count_of(data, "files_failed"), count_of(data, "rows"), because(data));
  if (state == tracking::RunState::kSkipped) line.message = "run skipped" + because(data);
}

void say_file_finished(const nlohmann::json& data, LogLine& line) {
  const std::string status = text_of(data, "status");
  const std::optional<sync::Outcome> outcome = outcome_of(data);
  line.level = is_bad(outcome) ? "error" : "info";
  line.message = fmt::format("{} {}: {} rows in {:.1f} s into {}", text_of(data, "file_name"),
                             status, count_of(data, "rows"), number_of(data, "duration_seconds"),
                             text_of(data, "table_name"));
  if (outcome != sync::Outcome::kLoaded) {
    line.message = fmt::format("{} {}{}", text_of(data, "file_name"), status, because(data));
  }
}

void say_health(const nlohmann::json& data, LogLine& line) {
  line.message = "ready";
  if (data.value("ready", true)) return;
  const bool is_starting = data.value("starting", false);
  line.level = is_starting ? "debug" : "error";
  line.message = is_starting ? "not ready yet" : "not ready";
  const char* separator = ": ";
  for (const nlohmann::json& problem : data.value("problems", nlohmann::json::array())) {
    if (!problem.is_string()) continue;
    line.message += separator + problem.get<std::string>();
    separator = "; ";
  }
}

}  // namespace

LogLine line_of(const Event& event) {
  const nlohmann::json& data = event.data;
  LogLine line;
  line.event = event.type;
  line.level = "info";
  line.workflow = text_of(data, "workflow");
  line.run_id = text_of(data, "run_id");
  line.file = text_of(data, "file_path");
  if (event.type == "run_started") {
    line.message = fmt::format("run of {} started ({})", line.workflow, text_of(data, "trigger"));
  } else if (event.type == "run_finished") {
    say_run_finished(data, line);
  } else if (event.type == "file_started") {
    line.message = text_of(data, "file_name") + " started";
    line.level = "debug";
  } else if (event.type == "file_finished") {
    say_file_finished(data, line);
  } else if (event.type == "workflow_changed") {
    line.workflow = text_of(data, "name");
    line.message = fmt::format("workflow {} is {}", line.workflow,
                               data.value("paused", false) ? "paused" : "active");
    line.level = "debug";
  } else if (event.type == "health_changed") {
    say_health(data, line);
  }
  return line;
}

}  // namespace qvdhouse::serve
