// Tables: how full and how fresh they are, and of what they are made.
#include <algorithm>
#include <utility>

#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "serve/api_context.h"
#include "serve/parameters.h"
#include "serve/record_json.h"
#include "serve/run_json.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kFilesShown = 100;

// Where a file of it is broken, or its source was not looked at for too long, newer data may be
// missing. A table whose files did not change is fresh, however old its rows are.
bool is_stale(const tracking::TableOverview& table, const ApiContext& context) {
  if (table.failed_files > 0) return true;
  if (!context.service.configuration()) return true;
  const auto owners = context.owners();
  const Workflow* workflow = owners->of(table.example_path);
  if (workflow == nullptr) return false;
  const auto now = std::chrono::system_clock::now();
  for (const WorkflowState& state : context.service.workflows()) {
    if (state.name != workflow->name) continue;
    const bool is_overdue = state.stale_after.count() > 0 && state.last_good && !state.is_paused &&
                            *state.last_good + state.stale_after < now;
    return is_overdue || (state.last && (state.last->status == tracking::RunState::kFailed ||
                                         state.last->status == tracking::RunState::kLost));
  }
  return false;
}

std::string mode_of(const tracking::TableOverview& table, const ApiContext& context) {
  if (!context.service.configuration()) return "";
  const auto owners = context.owners();
  const Workflow* workflow = owners->of(table.example_path);
  if (workflow == nullptr) return "";
  try {
    const decide::Placement placement = decide::place_file(
        table.example_path, workflow->options.tables, workflow->options.load.policy);
    return std::string(decide::mode_name(placement.mode));
  } catch (const base::Error&) {
    return "";  // today's rules give it no table
  }
}

Json table_json(const tracking::TableOverview& table, const ApiContext& context) {
  const Json fresh = freshness_json(table, context);
  return Json{{"name", table.name},
              {"rows", table.rows},
              {"bytes", table.bytes},
              {"files", table.files},
              {"failed_files", table.failed_files},
              {"mode", mode_of(table, context)},
              {"last_loaded_at", fresh["last_loaded_at"]},
              {"lag_seconds", fresh["lag_seconds"]},
              {"stale", fresh["stale"]}};
}

Json columns_json(clickhouse::Connection& connection, const std::string& database,
                  const std::string& table) {
  Json columns = Json::array();
  for (const auto& column : clickhouse::describe_table(connection, database, table)) {
    columns.push_back(
        Json{{"name", column.name}, {"type", column.type}, {"comment", column.comment}});
  }
  return columns;
}

HttpResponse table_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string& name = request.part("name");
  const auto configuration = context.configuration();
  const auto owners = context.owners();
  tracking::Overview overview = context.overview(request.http);
  const std::vector<tracking::TableOverview> found = overview.tables(name);
  if (found.empty()) throw Problem(404, "no file was loaded into a table called " + name);
  Json json = table_json(found.front(), context);

  json["file_count"] = found.front().files;  // "files" are the files themselves here
  tracking::FileQuery query;
  query.table = name;
  query.limit = kFilesShown;
  json["files"] = Json::array();
  for (const tracking::FileRecord& file : overview.find_files(query).files) {
    json["files"].push_back(file_json(file, owners->name_of(file.file_path)));
  }
  clickhouse::Connection connection(context.target().endpoint, request.http.stop);
  json["columns"] = columns_json(connection, configuration->database, name);
  json["create_sql"] = nullptr;
  if (!json["columns"].empty()) {
    std::string sql =
        connection.query("SHOW CREATE TABLE " +
                         clickhouse::qualified(configuration->database, name) + " FORMAT TSVRaw");
    while (sql.ends_with('\n')) sql.pop_back();
    json["create_sql"] = sql;
  }
  return json_response(json);
}

}  // namespace

Json freshness_json(const tracking::TableOverview& table, const ApiContext& context) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  Json lag;
  if (table.last_loaded_at_us != 0) {
    lag = static_cast<double>(std::max<std::int64_t>(now_us - table.last_loaded_at_us, 0)) / 1e6;
  }
  return Json{{"table_name", table.name},
              {"last_loaded_at", rfc3339(table.last_loaded_at_us)},
              {"lag_seconds", std::move(lag)},
              {"stale", is_stale(table, context)}};
}

void add_table_routes(Router& router, ApiContext& context) {
  router.add({.method = "GET",
              .pattern = "/api/tables",
              .parameters = {},
              .handle = [&context](const RoutedRequest& request) {
                return context.answers.get(request.http, [&] {
                  Json tables = Json::array();
                  for (const auto& table : context.overview(request.http).tables()) {
                    tables.push_back(table_json(table, context));
                  }
                  return json_response(Json{{"tables", std::move(tables)}});
                });
              }});
  router.add({.method = "GET",
              .pattern = "/api/tables/{name}",
              .parameters = {},
              .handle = [&context](const RoutedRequest& request) {
                return context.answers.get(request.http,
                                           [&] { return table_answer(request, context); });
              }});
}

}  // namespace qvdhouse::serve
