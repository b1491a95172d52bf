// Files and tables as tracking knows them: how full and how fresh they are, and of what they are
// made.
#include "serve/api_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "catalog/tables.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "clickhouse/tab_separated.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "serve/api_context.h"
#include "serve/api_json.h"
#include "serve/judge.h"
#include "serve/router.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kFilesOfTable = 100;
constexpr std::size_t kFedFiles = 50;

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

// What is said of tables besides what tracking knows, asked and made once for all of an answer.
class TableTeller {
 public:
  explicit TableTeller(const ApiContext& context)
      : owners_(context.owners()),
        workflows_(workflow_facts(context.service)),
        now_(context.service.now()) {}

  Json json(const tracking::TableOverview& table) {
    const TableFreshness freshness = freshness_of(facts_of(table, *owners_), workflows_, now_);
    const Json fresh = freshness_json(table, freshness, now_);
    return Json{{"name", table.name},
                {"rows", table.rows},
                {"bytes", table.bytes},
                {"files", table.files},
                {"failed_files", table.failed_files},
                {"mode", mode_of(table)},
                {"last_loaded_at", fresh["last_loaded_at"]},
                {"lag_seconds", fresh["lag_seconds"]},
                {"stale", fresh["stale"]},
                {"stale_reason", fresh["stale_reason"]}};
  }

 private:
  std::string mode_of(const tracking::TableOverview& table) {
    const Workflow* workflow = owners_->of(table.example_path);
    if (workflow == nullptr) return "";
    try {
      std::unique_ptr<decide::Placer>& placer = placers_[workflow->name];
      if (!placer) {
        const sync::Options& options = workflow->options;
        placer =
            std::make_unique<decide::Placer>(options.tables, options.load.policy, options.source);
      }
      const decide::Placement placement = placer->place(table.example_path, table.name);
      return std::string(decide::mode_name(placement.mode));
    } catch (const base::Error&) {
      return "";  // today's rules give it no table
    }
  }

  std::shared_ptr<const Owners> owners_;
  std::vector<WorkflowFacts> workflows_;
  Time now_;
  std::map<std::string, std::unique_ptr<decide::Placer>> placers_;  // by workflow
};

// A time as microseconds, Int64.
std::string micros(const clickhouse::Connection& connection, const std::string& column) {
  return connection.endpoint().dialect.has_datetime64 ? "toUnixTimestamp64Micro(" + column + ")"
                                                      : column;
}

struct Storage {
  std::uint64_t compressed_bytes = 0;
  std::uint64_t uncompressed_bytes = 0;
};

// By name of the table; all tables of the database when `name` is empty.
std::map<std::string, Storage> storage_of(clickhouse::Connection& connection,
                                          const std::string& database, const std::string& name) {
  const std::string answer = tracking::ask(
      connection,
      fmt::format("SELECT table, toUInt64(sum(data_compressed_bytes)), "
                  "toUInt64(sum(data_uncompressed_bytes)) FROM system.parts WHERE database = {} "
                  "AND active{} GROUP BY table",
                  clickhouse::quote_literal(database),
                  name.empty() ? "" : " AND table = " + clickhouse::quote_literal(name)));
  std::map<std::string, Storage> all;
  for (tracking::RowReader reader(answer); !reader.done();) {
    std::string table;
    reader(table);
    Storage& storage = all[table];
    reader(storage.compressed_bytes, storage.uncompressed_bytes);
  }
  return all;
}

void add_storage(Json& json, const Storage& storage) {
  json["compressed_bytes"] = storage.compressed_bytes;
  json["uncompressed_bytes"] = storage.uncompressed_bytes;
}

// {at, changes} of the newest load that changed columns of the table; null: none did, as far back
// as the history goes.
Json last_change_json(clickhouse::Connection& connection, const std::string& database,
                      const std::string& table) {
  const std::string answer = tracking::ask(
      connection,
      fmt::format("SELECT toInt64({}), schema_changes, file_path FROM {} WHERE table_name = {} AND "
                  "schema_changes NOT IN ('', '[]') ORDER BY finished_at DESC LIMIT 1",
                  micros(connection, "finished_at"),
                  clickhouse::qualified(database, std::string(tracking::kHistoryTable)),
                  clickhouse::quote_literal(table)));
  if (answer.empty()) return {};
  std::int64_t at_us = 0;
  std::string changes;
  std::string path;
  tracking::RowReader reader(answer);
  reader(at_us, changes, path);
  const Json parsed = Json::parse(changes, nullptr, false);
  return Json{{"at", rfc3339(at_us)},
              {"file_path", path},
              {"changes", parsed.is_array() ? parsed : Json::array()}};
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
    clickhouse::Connection connection(context.target().endpoint, request.http.stop);
    const auto storage = storage_of(connection, context.configuration()->database, "");
    TableTeller teller(context);
    Json tables = Json::array();
    for (const auto& table : context.overview(request.http).tables()) {
      Json json = teller.json(table);
      const auto found = storage.find(table.name);
      add_storage(json, found == storage.end() ? Storage{} : found->second);
      tables.push_back(std::move(json));
    }
    return json_response(Json{{"tables", std::move(tables)}});
  });
}

// Throws Problem 404: only tables of files are shown.
tracking::TableOverview table_called(const std::string& name, tracking::Overview& overview) {
  std::vector<tracking::TableOverview> found = overview.tables(name);
  if (found.empty()) throw Problem(404, "no file was loaded into a table called " + name);
  return std::move(found.front());
}

HttpResponse table_answer(const RoutedRequest& request, ApiContext& context) {
  return context.answers.get(request.http, [&] {
    const std::string& name = request.part("name");
    const auto configuration = context.configuration();
    const auto owners = context.owners();
    tracking::Overview overview = context.overview(request.http);
    const tracking::TableOverview table = table_called(name, overview);
    Json json = TableTeller(context).json(table);

    json["file_count"] = table.files;  // "files" are the files themselves here
    tracking::FileQuery query;
    query.table = name;
    query.limit = kFilesOfTable;
    json["files"] = files_json(overview.find_files(query).files, *owners);
    clickhouse::Connection connection(context.target().endpoint, request.http.stop);
    add_storage(json, storage_of(connection, configuration->database, name)[name]);
    json["last_change"] = last_change_json(connection, configuration->database, name);
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

// "\\N" is NULL; no tab stands within a cell.
Json line_json(std::string_view line) {
  Json cells = Json::array();
  for (;;) {
    const std::size_t end = line.find('\t');
    const bool is_null = line.substr(0, end) == "\\N";
    const std::string cell = clickhouse::take_tsv_value(line);
    cells.push_back(is_null ? Json() : Json(cell));
    if (end == std::string_view::npos) return cells;
  }
}

// TSV, since every server has it and writes values in it as it shows them.
HttpResponse rows_answer(const RoutedRequest& request, ApiContext& context) {
  const std::uint64_t limit = number_parameter(request.http, "limit", 1, 200, 20);
  const SlowTurn turn(context);
  return context.answers.get(request.http, [&] {
    const std::string& name = request.part("name");
    tracking::Overview overview = context.overview(request.http);
    table_called(name, overview);
    clickhouse::Connection connection(context.target().endpoint, request.http.stop);
    const std::string answer = connection.query(
        fmt::format("SELECT * FROM {} LIMIT {} FORMAT TSVWithNames",
                    clickhouse::qualified(context.configuration()->database, name), limit),
        {{"max_execution_time", "20"}, {"max_result_bytes", "33554432"}});
    Json lines = Json::array();
    for (std::string_view rest = answer; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      lines.push_back(line_json(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    Json columns = lines.empty() ? Json::array() : lines.front();
    if (!lines.empty()) lines.erase(lines.begin());
    return json_response(Json{{"columns", std::move(columns)}, {"data", std::move(lines)}});
  });
}

bool has_catalogue(const ApiContext& context) {
  return context.tracking().tables().contains(std::string(catalog::kFieldView));
}

// Fields by a part of their name, and the files that hold them.
HttpResponse fields_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string name = text_parameter(request.http, "name");
  if (name.empty()) throw Problem(400, "name must be a part of a field's name", {"name"});
  const std::uint64_t limit = number_parameter(request.http, "limit", 1, 500, 100);
  return context.answers.get(request.http, [&] {
    if (!has_catalogue(context)) {
      return json_response(Json{{"has_catalogue", false}, {"total", 0}, {"fields", Json::array()}});
    }
    clickhouse::Connection connection(context.target().endpoint, request.http.stop);
    const std::string from = fmt::format(
        "FROM {} WHERE positionCaseInsensitiveUTF8(field_name, {}) > 0",
        clickhouse::qualified(context.configuration()->database, std::string(catalog::kFieldView)),
        clickhouse::quote_literal(name));
    std::uint64_t total = 0;
    const std::string count = tracking::ask(connection, "SELECT count() " + from);
    if (!count.empty()) tracking::RowReader{count}(total);
    const std::string answer = tracking::ask(
        connection,
        fmt::format("SELECT field_name, file_path, file_name, table_name, column_names, "
                    "column_types, symbol_count, toInt64({}) {} ORDER BY lower(field_name) != "
                    "lower({}), field_name, file_path LIMIT {}",
                    micros(connection, "catalogued_at"), from, clickhouse::quote_literal(name),
                    limit));
    Json fields = Json::array();
    for (tracking::RowReader reader(answer); !reader.done();) {
      std::string field;
      std::string path;
      std::string file;
      std::string table;
      std::vector<std::string> columns;
      std::vector<std::string> types;
      std::uint64_t symbols = 0;
      std::int64_t at_us = 0;
      reader(field, path, file, table, columns, types, symbols, at_us);
      fields.push_back(Json{{"field_name", field},
                            {"file_path", path},
                            {"file_name", file},
                            {"table_name", text_or_null(table)},
                            {"columns", columns},
                            {"types", types},
                            {"symbols", symbols},
                            {"catalogued_at", rfc3339(at_us)}});
    }
    return json_response(
        Json{{"has_catalogue", true}, {"total", total}, {"fields", std::move(fields)}});
  });
}

// A condition of SQL: the text names the file, in any case, as a whole name or as the end of a
// path or behind a mark; not as the end of another name.
std::string names_file(const std::string& text, const std::string& name) {
  static constexpr std::string_view kBefore = "/\\[(:\"'`= \t\r\n";
  std::string condition =
      fmt::format("positionCaseInsensitiveUTF8({}, {}) = 1", text, clickhouse::quote_literal(name));
  for (const char before : kBefore) {
    condition += fmt::format(" OR positionCaseInsensitiveUTF8({}, {}) > 0", text,
                             clickhouse::quote_literal(before + name));
  }
  return condition;
}

}  // namespace

Json fed_files_json(const std::string& path, const std::string& name, const HttpRequest& request,
                    const ApiContext& context) {
  if (!has_catalogue(context)) return {};
  clickhouse::Connection connection(context.target().endpoint, request.stop);
  const std::string answer = tracking::ask(
      connection,
      fmt::format(
          "SELECT file_path, file_name, table_name FROM {} WHERE file_path != {} AND "
          "arrayExists(one -> {}, arrayConcat(`lineage.discriminator`, `lineage.statement`)) "
          "ORDER BY file_path LIMIT {}",
          clickhouse::qualified(context.configuration()->database,
                                std::string(catalog::kFileTable)),
          clickhouse::quote_literal(path), names_file("one", name), kFedFiles));
  Json files = Json::array();
  for (tracking::RowReader reader(answer); !reader.done();) {
    std::string fed;
    std::string file;
    std::string table;
    reader(fed, file, table);
    files.push_back(
        Json{{"file_path", fed}, {"file_name", file}, {"table_name", text_or_null(table)}});
  }
  return files;
}

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
              {"GET", "/api/tables/{name}", {}, table_answer},
              {"GET", "/api/tables/{name}/rows", {"limit"}, rows_answer},
              {"GET", "/api/fields", {"name", "limit"}, fields_answer}});
}

}  // namespace qvdhouse::serve
