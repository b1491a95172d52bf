// What the service sees in its sources: one file closely, what it would do with all, and
// forgetting.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "serve/api_context.h"
#include "serve/file_details.h"
#include "serve/parameters.h"
#include "serve/record_json.h"
#include "serve/run_json.h"
#include "sync/decide.h"
#include "sync/planned_table.h"
#include "sync/reset.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kHistoryShown = 50;

// Leaves threads for quick answers.
class SlowTurn {
 public:
  explicit SlowTurn(ApiContext& context) : context_(context) {
    if (!context_.slow.try_acquire_for(std::chrono::seconds(3))) {
      throw Problem(503, "several looks at files and sources are under way; try again");
    }
  }
  ~SlowTurn() { context_.slow.release(); }
  SlowTurn(const SlowTurn&) = delete;
  SlowTurn& operator=(const SlowTurn&) = delete;

 private:
  ApiContext& context_;
};

std::vector<sync::Decision> decisions_of(const Workflow& workflow,
                                         const std::vector<tracking::FileRecord>& tracked,
                                         ApiContext& context) {
  sync::Options options = workflow.options;
  options.load.policy.dialect = context.target().endpoint.dialect;
  return sync::decide(options, *workflow.storage, tracked, context.tracking().tables());
}

const tracking::FileRecord* record_of(const std::vector<tracking::FileRecord>& tracked,
                                      const std::string& path) {
  const auto found = std::ranges::find(tracked, path, &tracking::FileRecord::file_path);
  return found == tracked.end() ? nullptr : &*found;
}

// Of one file, as if its source held no other: a source of many files is not listed for it, and
// tracking is not read whole. So a collision with another file's table is not seen here.
std::vector<sync::Decision> decisions_about(const Workflow& workflow, const std::string& path,
                                            const std::vector<tracking::FileRecord>& tracked,
                                            ApiContext& context) {
  Workflow narrowed = workflow;
  narrowed.options.source = path;
  return decisions_of(narrowed, tracked, context);
}

std::vector<tracking::FileRecord> tracked_as(const std::string& path, ApiContext& context) {
  std::vector<tracking::FileRecord> tracked;
  if (auto record = context.tracking().find(path)) tracked.push_back(std::move(*record));
  return tracked;
}

const sync::Decision* decision_of(const std::vector<sync::Decision>& decisions,
                                  const std::string& path) {
  const auto found =
      std::ranges::find(decisions, path, [](const sync::Decision& d) { return d.file.path; });
  return found == decisions.end() ? nullptr : &*found;
}

Json base_json(const tracking::FileRecord* record, const std::string& path,
               const Workflow* workflow) {
  tracking::FileRecord unknown;
  unknown.file_path = path;
  unknown.file_name = path.substr(path.rfind('/') + 1);
  unknown.status = "new";
  return file_json(record == nullptr ? unknown : *record,
                   workflow == nullptr ? "" : workflow->name);
}

std::string path_parameter(const HttpRequest& request) {
  std::string path = text_parameter(request, "path");
  if (path.empty()) throw Problem(400, "path must be the file_path of a file", {"path"});
  return path;
}

// The decision needs the source, the details need the file: what is missing is null and says why.
HttpResponse file_answer(const HttpRequest& request, ApiContext& context) {
  const std::string path = path_parameter(request);
  const SlowTurn turn(context);
  return context.answers.get(request, [&] {
    const auto configuration = context.configuration();
    const Workflow* workflow = ApiContext::workflow_of(*configuration, path);
    const std::vector<tracking::FileRecord> tracked = tracked_as(path, context);
    const tracking::FileRecord* record = record_of(tracked, path);
    std::vector<sync::Decision> decisions;
    std::string decision_error = "no workflow's source holds this file";
    if (workflow != nullptr) {
      try {
        decisions = decisions_about(*workflow, path, tracked, context);
        decision_error = "the file is not in the source any more";
      } catch (const base::Error& error) {
        decision_error = error.what();
      }
    }
    const sync::Decision* decision = decision_of(decisions, path);
    if (record == nullptr && decision == nullptr) {
      throw Problem(404, "no file of a source and none that was loaded is " + path);
    }
    Json json = base_json(record, path, workflow);
    json["decision"] = decision == nullptr ? Json() : decision_json(*decision);
    json["history"] = Json::array();
    for (const auto& attempt : context.overview(request).attempts_of_files({path}, kHistoryShown)) {
      json["history"].push_back(attempt_json(attempt));
    }
    if (decision != nullptr) {
      add_file_details(json, *workflow, decision->file, record);
    } else {
      json["decision_error"] = decision_error;
      for (const char* part : {"header", "columns", "rows"}) {
        json[part] = nullptr;
        json[std::string(part) + "_error"] = decision_error;
      }
    }
    return json_response(json);
  });
}

HttpResponse explain_answer(const HttpRequest& request, ApiContext& context) {
  const std::string path = path_parameter(request);
  const SlowTurn turn(context);
  return context.answers.get(request, [&] {
    const auto configuration = context.configuration();
    const Workflow* workflow = ApiContext::workflow_of(*configuration, path);
    const std::vector<tracking::FileRecord> tracked = tracked_as(path, context);
    const tracking::FileRecord* record = record_of(tracked, path);
    std::vector<sync::Decision> decisions;
    try {
      if (workflow != nullptr) decisions = decisions_about(*workflow, path, tracked, context);
    } catch (const base::Error& error) {
      if (record == nullptr) throw Problem(404, error.what());
    }
    const sync::Decision* decision = decision_of(decisions, path);
    if (record == nullptr && decision == nullptr) {
      throw Problem(404, "no file of a source and none that was loaded is " + path);
    }
    return json_response(
        Json{{"next", decision == nullptr ? Json() : decision_json(*decision)},
             {"last", record == nullptr ? Json() : base_json(record, path, workflow)}});
  });
}

// To load, by table.
using Groups = std::map<std::string, std::vector<const sync::Decision*>>;

void add_plan(Json& list, const Workflow& workflow,
              const std::vector<tracking::FileRecord>& tracked, const HttpRequest& request,
              ApiContext& context) {
  sync::Options options = workflow.options;
  clickhouse::Connection connection(context.target().endpoint, request.stop);
  options.load.policy.dialect = connection.endpoint().dialect;
  const std::vector<sync::Decision> decisions = decisions_of(workflow, tracked, context);
  Groups groups;
  for (const sync::Decision& decision : decisions) {
    if (decision.action == sync::Action::kLoad) groups[decision.table].push_back(&decision);
  }
  std::map<const sync::Decision*, Json> plans;
  const sync::PlanFacts facts{options, *workflow.storage, tracked, &connection};
  for (const auto& [table, group] : groups) {
    const sync::PlannedTable planned = sync::plan_table_of(group, facts);
    for (const sync::PlannedFile& file : planned.files) {
      const bool is_loaded = file.error.empty();
      plans[file.decision] =
          Json{{"ddl", is_loaded ? planned.ddl : ""},
               {"alters", is_loaded ? planned.alters : std::vector<std::string>()},
               {"notes", planned.notes},
               {"warnings", file.warnings},
               {"error", file.error}};
    }
  }
  for (const sync::Decision& decision : decisions) {
    Json item = decision_json(decision);
    const auto found = plans.find(&decision);
    item.update(found != plans.end() ? found->second
                                     : Json{{"ddl", ""},
                                            {"alters", Json::array()},
                                            {"notes", Json::array()},
                                            {"warnings", Json::array()},
                                            {"error", ""}});
    item["mode"] = decision.table.empty() ? "" : sync::mode_name(decision.placement.mode);
    item["source"] = workflow.name;
    list.push_back(std::move(item));
  }
}

HttpResponse plan_answer(const HttpRequest& request, ApiContext& context) {
  const std::string name = text_parameter(request, "workflow");
  if (!name.empty()) context.workflow(name);
  const SlowTurn turn(context);
  return context.answers.get(request, [&] {
    const auto configuration = context.configuration();
    const std::vector<tracking::FileRecord> tracked = context.tracking().files();
    Json list = Json::array();
    for (const Workflow& workflow : configuration->workflows) {
      if (!name.empty() && workflow.name != name) continue;
      add_plan(list, workflow, tracked, request, context);
    }
    return json_response(list);
  });
}

HttpResponse reset_file(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"path", "with_data"});
  const std::string path = text_of_member(body, "path");
  const bool with_data = flag_of(body, "with_data");
  if (with_data && !context.service.live().empty()) {
    throw Problem(409, "a run is under way that may load this table; cancel it or wait");
  }
  const auto configuration = context.configuration();
  tracking::Tracking tracking = context.tracking();
  const std::vector<tracking::FileRecord> files = tracking.files();
  const tracking::FileRecord* record = record_of(files, path);
  if (record == nullptr) throw Problem(404, "no file that was loaded is " + path);
  const sync::Reset reset = sync::plan_reset({*record}, sync::count_by_table(files), with_data);
  clickhouse::Endpoint endpoint = context.target().endpoint;
  endpoint.database = configuration->database;
  clickhouse::Connection connection(std::move(endpoint));
  sync::carry_out(reset, configuration->database, connection, tracking);
  context.log.info("{} was reset{}, asked for by the API", path, with_data ? " with its rows" : "");
  context.answers.forget();
  return json_response(Json{{"path", path}, {"with_data", with_data}}, 202);
}

}  // namespace

void add_file_routes(Router& router, ApiContext& context) {
  const auto get = [&](const char* pattern, const char* parameter, auto handle) {
    router.add({.method = "GET",
                .pattern = pattern,
                .parameters = {parameter},
                .handle = [&context, handle](const RoutedRequest& request) {
                  return handle(request.http, context);
                }});
  };
  get("/api/file", "path", file_answer);
  get("/api/explain", "path", explain_answer);
  get("/api/plan", "workflow", plan_answer);
  router.add({.method = "POST",
              .pattern = "/api/file/reset",
              .parameters = {},
              .handle = [&context](const RoutedRequest& request) {
                return reset_file(request, context);
              }});
}

}  // namespace qvdhouse::serve
