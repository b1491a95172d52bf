// qvdhouse workflow: what a running service does and did, and telling it what to do.
#include <fmt/format.h>

#include "base/encoding.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/service_client.h"

namespace qvdhouse::cli {
namespace {

struct WorkflowArguments {
  std::string action;  // list, run, backfill, history, status, pause, unpause, cancel
  std::string name;    // of the workflow; of cancel: the run's id
  AskedFiles asked;    // by run and backfill
  bool retry_failed = false;
  bool json = false;
};

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "–";
}

std::string count(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned()
             ? format_count(found->get<std::uint64_t>())
             : "–";
}

std::string duration(const Json& run) {
  const auto found = run.find("duration_seconds");
  return found != run.end() && found->is_number() ? format_seconds(found->get<double>()) : "–";
}

// "2026-07-12T10:15:00.250Z" → "2026-07-12 10:15:00".
std::string time(const Json& object, const char* name) {
  std::string at = text(object, name);
  if (at.size() < 19) return at;
  at.resize(19);
  at[10] = ' ';
  return at;
}

std::string status_of(const Json& workflow) {
  if (workflow["current"].is_object()) return text(workflow["current"], "status");
  if (workflow.value("paused", false)) return "paused";
  return workflow["last"].is_object() ? text(workflow["last"], "status") : "never ran";
}

void print_workflows(const Json& workflows) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& workflow : workflows) {
    const Json& last = workflow["last"];
    rows.push_back({text(workflow, "name"), text(workflow, "schedule"), time(workflow, "next_run"),
                    last.is_object() ? time(last, "finished_at") : "–", status_of(workflow),
                    text(workflow, "source_url")});
  }
  print_table({{"Workflow"},
               {"Schedule"},
               {"Next (UTC)"},
               {"Last (UTC)"},
               {"Status"},
               {.title = "Source", .flexible = true}},
              rows);
}

void print_runs(const Json& runs) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& run : runs) {
    const std::string asked = run["asked_for"].is_string() ? ": " + text(run, "asked_for") : "";
    rows.push_back({time(run, "started_at"), text(run, "workflow"), text(run, "trigger") + asked,
                    count(run, "files_loaded"), count(run, "files_failed"), count(run, "rows"),
                    duration(run), text(run, "status"), text(run, "run_id")});
  }
  print_table({{"Started (UTC)"},
               {"Workflow"},
               {.title = "Why", .flexible = true},
               {.title = "Loaded", .right = true},
               {.title = "Failed", .right = true},
               {.title = "Rows", .right = true},
               {.title = "Time", .right = true},
               {"Status"},
               {"Run"}},
              rows);
  for (const Json& run : runs) {
    if (!run["error"].is_string()) continue;
    print("\n");
    print_paragraph(time(run, "started_at") + ": ", text(run, "error"), 2);
  }
}

// The path of the workflow that is meant, also when its name is left out and there is only one.
Json find_workflow(const ServiceClient& client, const std::string& name) {
  const Json workflows = client.get("/api/workflows")["workflows"];
  std::string names;
  for (const Json& workflow : workflows) {
    if (workflow["name"] == name || (name.empty() && workflows.size() == 1)) return workflow;
    names += (names.empty() ? "" : ", ") + text(workflow, "name");
  }
  throw UsageError(name.empty() ? "say which workflow: " + names
                                : "no workflow is called " + name + " (there is: " + names + ")");
}

std::string path_of(const Json& workflow, std::string_view action) {
  return fmt::format("/api/workflows/{}/{}", base::encode_component(text(workflow, "name")),
                     action);
}

Json newest_runs(const ServiceClient& client, const WorkflowArguments& arguments) {
  constexpr std::uint64_t kRunsShown = 20;
  const std::uint64_t limit = arguments.asked.limit == 0 ? kRunsShown : arguments.asked.limit;
  std::string path = fmt::format("/api/runs?limit={}", limit);
  if (!arguments.name.empty()) path += "&workflow=" + base::encode_component(arguments.name);
  return client.get(path)["runs"];
}

// The run that is under way where no id is given.
std::string run_to_cancel(const ServiceClient& client, const std::string& id) {
  if (!id.empty()) return id;
  std::string found;
  const Json workflows = client.get("/api/workflows")["workflows"];
  for (const Json& workflow : workflows) {
    if (!workflow["current"].is_object()) continue;
    if (!found.empty()) throw UsageError("several runs are under way: give the id of one");
    found = text(workflow["current"], "run_id");
  }
  if (found.empty()) throw UsageError("no run is under way");
  return found;
}

int say(const Json& json, bool as_json, const std::string& sentence) {
  if (as_json) {
    print_json(json);
  } else {
    print(sentence + "\n");
  }
  return kOk;
}

Json backfill_body(const AskedFiles& asked) {
  if (asked.window.since.empty() && asked.window.until.empty()) {
    throw UsageError("backfill: say which files, with --since, --until or both");
  }
  Json body{{"full", asked.full}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("since", asked.window.since);
  add("until", asked.window.until);
  add("by", asked.window.by);
  if (asked.limit > 0) body["limit"] = asked.limit;
  return body;
}

// What is for other actions is refused: a run of the whole source is not what --since asks for.
void check_arguments(const WorkflowArguments& arguments) {
  const decide::ChoiceTexts& window = arguments.asked.window;
  const bool has_window = !window.since.empty() || !window.until.empty() || !window.by.empty();
  if (has_window && arguments.action != "backfill") {
    throw UsageError("--since, --until and --by are for backfill");
  }
  if (arguments.action == "run" && arguments.asked.limit > 0) {
    throw UsageError("run: --limit is for backfill, history and status");
  }
}

int run_workflow(const WorkflowArguments& arguments, const Context& context) {
  check_arguments(arguments);
  const ServiceClient client(context.config.serve);
  const std::string& action = arguments.action;
  if (action == "list" || action == "status") {
    const Json workflows = arguments.name.empty()
                               ? client.get("/api/workflows")["workflows"]
                               : Json::array({find_workflow(client, arguments.name)});
    if (arguments.json) return say(workflows, true, "");
    print_workflows(workflows);
    if (action == "list") return kOk;
    print("\n");
    print_runs(newest_runs(client, arguments));
    return kOk;
  }
  if (action == "history") {
    const Json runs = newest_runs(client, arguments);
    if (arguments.json) return say(runs, true, "");
    print_runs(runs);
    return kOk;
  }
  if (action == "cancel") {
    const std::string run_id = run_to_cancel(client, arguments.name);
    const Json answer =
        client.post("/api/runs/" + base::encode_component(run_id) + "/cancel", Json::object());
    return say(answer, arguments.json, "The run " + run_id + " is being rolled back.");
  }
  const Json workflow = find_workflow(client, arguments.name);
  const std::string name = text(workflow, "name");
  if (action == "run") {
    const Json body{{"full", arguments.asked.full}, {"retry_failed", arguments.retry_failed}};
    const Json answer = client.post(path_of(workflow, "run"), body);
    return say(answer, arguments.json, fmt::format("{} runs: {}", name, text(answer, "run_id")));
  }
  if (action == "backfill") {
    const Json answer = client.post(path_of(workflow, action), backfill_body(arguments.asked));
    return say(answer, arguments.json,
               fmt::format("{} is backfilled: {}", name, text(answer, "run_id")));
  }
  const Json answer = client.post(path_of(workflow, action), Json::object());
  return say(answer, arguments.json,
             action == "pause" ? name + " is paused until `qvdhouse workflow unpause`."
                               : name + " goes on; next run: " + time(answer, "next_run") + " UTC");
}

}  // namespace

void add_workflow(CommandLine& line) {
  auto [o, a] = line.add("workflow", kService,
                         "what a running service does, and telling it what to do", run_workflow);
  o.example(
      "qvdhouse workflow run\n  qvdhouse workflow backfill lake --since 2024-01 --until 2024-03\n"
      "  qvdhouse workflow history lake --limit 5");
  o.settings({Topic::kService});
  o.option("ACTION", a.action, "", "list, run, backfill, history, status, pause, unpause or cancel")
      ->required()
      ->check(CLI::IsMember(
          {"list", "run", "backfill", "history", "status", "pause", "unpause", "cancel"}));
  o.option("NAME", a.name, "", "a workflow (default: the only one); for cancel: a run's id");
  o.flag("--full", a.asked.full, "run, backfill: load unchanged files too");
  o.flag("--retry-failed", a.retry_failed, "run: try failed files now");
  o.window(a.asked, "backfill: ");
  o.option("--limit", a.asked.limit, "N",
           "history, status: most runs shown (default: 20);\nbackfill: most files loaded")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40).description(""));
  o.json(a.json);
}

}  // namespace qvdhouse::cli
