// What the service sees in its sources: one file closely, what it would do with all, and
// forgetting.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "clickhouse/connection.h"
#include "decide/anomaly.h"
#include "decide/decide.h"
#include "load/reserved_columns.h"
#include "serve/api_context.h"
#include "serve/api_json.h"
#include "serve/api_tables.h"
#include "serve/file_details.h"
#include "serve/router.h"
#include "source/archive_name.h"
#include "sync/planned_table.h"
#include "sync/reset.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kHistoryShown = 50;
constexpr std::size_t kMostPaths = 1'000;

// Empty: all files are meant.
tracking::PastLoads past_loads(const std::set<std::string>& paths, const sync::Options& options,
                               const ApiContext& context) {
  if (!decide::looks_for_anomalies(options.tables)) return {};
  return context.tracking().past_loads(paths, decide::kLoadsCompared);
}

// What tracking and the source know of one file.
struct KnownFile {
  std::shared_ptr<const Owners> owners;  // which hold the workflow
  const Workflow* workflow = nullptr;    // whose source's listing takes the file; null: none's
  sync::Options options;                 // of the workflow, narrowed to the file
  std::optional<tracking::FileRecord> record;
  std::optional<decide::Decision> decision;
  std::string source_error;  // why the source could not be asked
};

// As if the source held no other file: a source of many files is not listed for it, and tracking is
// not read whole. So a collision with another file's table is not seen here. The path is a
// stranger's: nothing is asked of any storage, and no credentials leave, unless a listing of the
// source takes it.
KnownFile look_at(const std::string& path, ApiContext& context) {
  KnownFile file;
  file.owners = context.owners();
  file.workflow = file.owners->taking(path);
  file.record = context.tracking().find(path);
  if (file.workflow != nullptr) {
    file.options = options_of(*file.workflow, context);
    file.options.whole_source = file.options.source;
    file.options.source = path;
    std::vector<tracking::FileRecord> tracked;
    if (file.record) tracked.push_back(*file.record);
    try {
      for (decide::Decision& decision :
           sync::decide(file.options, *file.workflow->storage, tracked, context.tracking().tables(),
                        nullptr, past_loads({path}, file.options, context))) {
        if (decision.file.path == path) file.decision = std::move(decision);
      }
    } catch (const base::Error& error) {
      file.source_error = error.what();
    }
  }
  return file;
}

std::string unknown_text(const std::string& path) {
  return "no file that a source takes and none that was loaded is " + path;
}

Json base_json(const KnownFile& file, const std::string& path) {
  tracking::FileRecord unknown;
  unknown.file_path = path;
  unknown.file_name = source::name_of_file(path);
  unknown.status = tracking::FileState::kNew;
  return file_json(file.record.value_or(unknown), file.owners->name_of(path));
}

std::string path_parameter(const HttpRequest& request) {
  std::string path = text_parameter(request, "path");
  if (path.empty()) throw Problem(400, "path must be the file_path of a file", {"path"});
  return path;
}

// The decision needs the source, the details need the file: what is missing is null and says why.
HttpResponse file_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string path = path_parameter(request.http);
  const SlowTurn turn(context);
  return context.answers.get(request.http, [&] {
    const KnownFile file = look_at(path, context);
    if (!file.record && !file.decision) throw Problem(404, unknown_text(path));
    Json json = base_json(file, path);
    json["decision"] = file.decision ? decision_json(*file.decision) : Json();
    json["history"] = Json::array();
    for (const auto& attempt :
         context.overview(request.http).attempts_of_files({path}, kHistoryShown)) {
      json["history"].push_back(attempt_json(attempt));
    }
    json["feeds"] = fed_files_json(path, source::name_of_file(path), request.http, context);
    if (file.decision) {
      add_file_details(json, file.options, *file.workflow->storage, *file.decision,
                       file.record ? &*file.record : nullptr);
      return json_response(json);
    }
    const std::string error = !file.source_error.empty() ? file.source_error
                              : file.workflow == nullptr ? "no workflow's source takes this file"
                                                         : "the file is not in the source any more";
    json["decision_error"] = error;
    for (const char* part : {"header", "columns", "rows"}) {
      json[part] = nullptr;
      json[std::string(part) + "_error"] = error;
    }
    return json_response(json);
  });
}

HttpResponse explain_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string path = path_parameter(request.http);
  const SlowTurn turn(context);
  return context.answers.get(request.http, [&] {
    const KnownFile file = look_at(path, context);
    if (!file.record && !file.decision) {
      throw Problem(404, file.source_error.empty() ? unknown_text(path) : file.source_error);
    }
    return json_response(Json{{"next", file.decision ? decision_json(*file.decision) : Json()},
                              {"last", file.record ? base_json(file, path) : Json()}});
  });
}

Json plan_of(const Workflow& workflow, const std::vector<tracking::FileRecord>& tracked,
             const HttpRequest& request, ApiContext& context) {
  sync::Options options = options_of(workflow, context);
  clickhouse::Endpoint target = context.target().endpoint;
  target.database = options.database;
  load::ReservedColumns reserved([&] { return target; }, request.stop);
  options.load.reserved = &reserved;
  clickhouse::Connection connection(target, request.stop);
  const std::set<std::string> tables = context.tracking().tables();
  const std::vector<decide::Decision> decisions = sync::decide(
      options, *workflow.storage, tracked, tables, nullptr, past_loads({}, options, context));
  const std::vector<sync::PlannedTable> planned =
      sync::plan_tables(decisions, {.options = options,
                                    .storage = *workflow.storage,
                                    .tracked = tracked,
                                    .connection = tables.empty() ? nullptr : &connection,
                                    .tables = &tables,
                                    .stop = request.stop});
  return plan_json(decisions, planned, workflow.name);
}

HttpResponse plan_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string name = text_parameter(request.http, "workflow");
  if (!name.empty()) context.workflow(name);
  const SlowTurn turn(context);
  return context.answers.get(request.http, [&] {
    const auto configuration = context.configuration();
    const std::vector<tracking::FileRecord> tracked = context.tracking().files();
    Json list = Json::array();
    for (const Workflow& workflow : configuration->workflows) {
      if (!name.empty() && workflow.name != name) continue;
      const Json plan = plan_of(workflow, tracked, request.http, context);
      list.insert(list.end(), plan.begin(), plan.end());
    }
    return json_response(list);
  });
}

// All of them or, where one was never loaded, none.
void reset(const std::vector<std::string>& paths, bool with_data, ApiContext& context) {
  if (with_data && !context.service.live().empty()) {
    throw Problem(409, "a run is under way that may load this table; cancel it or wait");
  }
  const auto configuration = context.configuration();
  tracking::Tracking tracking = context.tracking();
  const std::vector<tracking::FileRecord> files = tracking.files();
  std::map<std::string_view, const tracking::FileRecord*> known;
  for (const tracking::FileRecord& file : files) known[file.file_path] = &file;
  std::vector<tracking::FileRecord> chosen;
  for (const std::string& path : std::set<std::string>(paths.begin(), paths.end())) {
    const auto record = known.find(path);
    if (record == known.end()) throw Problem(404, "no file that was loaded is " + path);
    chosen.push_back(*record->second);
  }
  const sync::Reset plan = sync::plan_reset(chosen, sync::count_by_table(files), with_data);
  const TargetAccess target = context.target();
  clickhouse::Endpoint endpoint = target.endpoint;
  endpoint.database = configuration->database;
  clickhouse::Connection connection(std::move(endpoint));
  sync::carry_out(plan, target.is_embedded ? configuration->lock_dir : std::filesystem::path(),
                  configuration->database, connection, tracking);
  for (const tracking::FileRecord& file : chosen) {
    context.log.info("{} was reset{}, asked for by the API", file.file_path,
                     with_data ? " with its rows" : "");
  }
  context.answers.forget();
}

HttpResponse reset_file(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"path", "with_data"});
  const std::string path = text_of_member(body, "path");
  const bool with_data = flag_of(body, "with_data");
  reset({path}, with_data, context);
  return json_response(Json{{"path", path}, {"with_data", with_data}}, 202);
}

std::vector<std::string> paths_of(const Json& body) {
  std::vector<std::string> paths = texts_of(body, "paths");
  if (paths.empty() || paths.size() > kMostPaths) {
    throw Problem(400, fmt::format("paths: expected 1 to {} paths of files, found {}", kMostPaths,
                                   paths.size()));
  }
  return paths;
}

HttpResponse reset_files(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"paths", "with_data"});
  const std::vector<std::string> paths = paths_of(body);
  const bool with_data = flag_of(body, "with_data");
  reset(paths, with_data, context);
  return json_response(Json{{"paths", paths}, {"with_data", with_data}}, 202);
}

// A run of each workflow that has some of them.
HttpResponse retry_files(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"paths", "full"});
  const auto owners = context.owners();
  std::map<std::string, std::vector<std::string>> paths_by_workflow;
  for (const std::string& path : paths_of(body)) {
    const Workflow* workflow = owners->taking(path);
    if (workflow == nullptr) throw Problem(404, "no workflow's source takes " + path);
    paths_by_workflow[workflow->name].push_back(path);
  }
  Json runs = Json::array();
  for (const auto& [workflow, paths] : paths_by_workflow) {
    const std::string run_id = start_run({.workflow = workflow,
                                          .trigger = tracking::RunTrigger::kRetry,
                                          .files = paths,
                                          .full = flag_of(body, "full"),
                                          .retry_failed = true},
                                         context);
    runs.push_back(Json{{"workflow", workflow}, {"run_id", run_id}, {"files", paths.size()}});
  }
  return json_response(Json{{"runs", std::move(runs)}}, 202);
}

}  // namespace

void add_file_routes(Router& router, ApiContext& context) {
  add_routes(router, context,
             {{"GET", "/api/file", {"path"}, file_answer},
              {"GET", "/api/explain", {"path"}, explain_answer},
              {"GET", "/api/plan", {"workflow"}, plan_answer},
              {"POST", "/api/file/reset", {}, reset_file},
              {"POST", "/api/files/retry", {}, retry_files},
              {"POST", "/api/files/reset", {}, reset_files}});
}

}  // namespace qvdhouse::serve
