// Files and tables as tracking knows them: how full and how fresh they are, and of what they are
// made.
#include "serve/api_tables.h"

#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "serve/api_context.h"
#include "serve/api_json.h"
#include "serve/router.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kFilesOfTable = 100;

tracking::FileQuery::Sort sort_of(const std::string& name) {
  using Sort = tracking::FileQuery::Sort;
  if (name == "name") return Sort::kName;
  if (name == "size") return Sort::kSize;
  if (name == "rows") return Sort::kRows;
  if (name == "duration") return Sort::kDuration;
  return Sort::kProcessedAt;
}

HttpResponse files_answer(const RoutedRequest& request, ApiContext& context) {
  tracking::FileQuery query;
  query.search = text_parameter(request.http, "search");
  query.status = base::parse<tracking::FileState>(choice_parameter(
      request.http, "status", {"completed", "failed", "waiting", "reset", "vanished"}));
  query.table = text_parameter(request.http, "table");
  query.sort = sort_of(
      choice_parameter(request.http, "sort", {"name", "processed_at", "size", "rows", "duration"}));
  query.is_ascending = choice_parameter(request.http, "order", {"asc", "desc"}) == "asc";
  query.limit = number_parameter(request.http, "limit", 1, 500, 50);
  query.after = text_parameter(request.http, "after");
  const std::string workflow = text_parameter(request.http, "workflow");
  return context.answers.get(request.http, [&] {
    const auto owners = context.owners();
    if (!workflow.empty()) {
      query.path_condition = owners->condition(context.workflow(workflow).name);
    }
    tracking::Overview overview = context.overview(request.http);
    const tracking::FilePage page = find_page(overview, query);
    return json_response(Json{{"total", page.total},
                              {"files", files_json(page.files, *owners)},
                              {"next_after", text_or_null(page.next_after)}});
  });
}

std::string mode_of(const tracking::TableOverview& table, const ApiContext& context) {
  if (!context.service.configuration()) return "";
  const auto owners = context.owners();
  const Workflow* workflow = owners->of(table.example_path);
  if (workflow == nullptr) return "";
  try {
    const decide::Placement placement =
        decide::place_file(table.example_path, workflow->options.tables,
                           workflow->options.load.policy, workflow->options.source);
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

Json table_columns_json(clickhouse::Connection& connection, const std::string& database,
                        const std::string& table) {
  Json columns = Json::array();
  for (const auto& column : clickhouse::describe_table(connection, database, table)) {
    columns.push_back(
        Json{{"name", column.name}, {"type", column.type}, {"comment", column.comment}});
  }
  return columns;
}

HttpResponse tables_answer(const RoutedRequest& request, ApiContext& context) {
  return context.answers.get(request.http, [&] {
    Json tables = Json::array();
    for (const auto& table : context.overview(request.http).tables()) {
      tables.push_back(table_json(table, context));
    }
    return json_response(Json{{"tables", std::move(tables)}});
  });
}

HttpResponse table_answer(const RoutedRequest& request, ApiContext& context) {
  return context.answers.get(request.http, [&] {
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
    query.limit = kFilesOfTable;
    json["files"] = files_json(overview.find_files(query).files, *owners);
    clickhouse::Connection connection(context.target().endpoint, request.http.stop);
    json["columns"] = table_columns_json(connection, configuration->database, name);
    json["create_sql"] = nullptr;
    if (!json["columns"].empty()) {
      std::string sql =
          connection.query("SHOW CREATE TABLE " +
                           clickhouse::qualified(configuration->database, name) + " FORMAT TSVRaw");
      while (sql.ends_with('\n')) sql.pop_back();
      json["create_sql"] = sql;
    }
    return json_response(json);
  });
}

}  // namespace

Json files_json(const std::vector<tracking::FileRecord>& records, const Owners& owners) {
  Json files = Json::array();
  for (const tracking::FileRecord& record : records) {
    files.push_back(file_json(record, owners.name_of(record.file_path)));
  }
  return files;
}

tracking::FilePage find_page(tracking::Overview& overview, const tracking::FileQuery& query) {
  try {
    return overview.find_files(query);
  } catch (const base::ConfigError& error) {
    throw Problem(400, std::string("after: ") + error.what(), {"next_after of an answer"});
  }
}

void add_table_routes(Router& router, ApiContext& context) {
  add_routes(router, context,
             {{"GET",
               "/api/files",
               {"search", "status", "table", "workflow", "sort", "order", "limit", "after"},
               files_answer},
              {"GET", "/api/tables", {}, tables_answer},
              {"GET", "/api/tables/{name}", {}, table_answer}});
}

}  // namespace qvdhouse::serve
