#include "serve/file_details.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/byte_source.h"
#include "decide/placement.h"
#include "load/first_rows.h"
#include "load/load.h"
#include "qvd/header.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"
#include "serve/api_context.h"
#include "serve/api_json.h"

namespace qvdhouse::serve {
namespace {

constexpr std::uint64_t kFirstRows = 20;

Json header_json(const qvd::TableHeader& header) {
  Json lineage = Json::array();
  for (const qvd::Lineage& part : header.lineage) {
    lineage.push_back(Json{{"discriminator", part.discriminator}, {"statement", part.statement}});
  }
  return Json{
      {"table_name", header.table_name},  {"creator", header.creator_document},
      {"build", header.build_number},     {"created_at", text_or_null(header.created_at)},
      {"row_count", header.record_count}, {"record_bytes", header.record_bytes},
      {"fields", header.fields.size()},   {"compression", nullptr},  // compressed files are refused
      {"comment", header.comment},        {"tags", header.table_tags},
      {"warnings", header.warnings},      {"lineage", std::move(lineage)}};
}

Json columns_json(const load::PreparedFile& file) {
  Json columns = Json::array();
  for (const schema::ColumnPlan& plan : file.plan.columns) {
    Json column{{"name", plan.name}, {"type", plan.type.name()}, {"reason", plan.reason}};
    const bool has_field = plan.field_index < file.header.fields.size();
    const qvd::FieldHeader* field = has_field ? &file.header.fields[plan.field_index] : nullptr;
    column["field"] = field == nullptr ? Json() : Json(field->name);
    column["tags"] = field == nullptr ? Json::array() : Json(field->tags);
    column["number_format"] = field == nullptr ? Json() : Json(field->number_format.type);
    column["symbols"] = field == nullptr ? Json() : Json(field->symbol_count);
    column["nullable"] = has_field && file.may_be_null[plan.field_index];
    column["comment"] = field == nullptr ? Json() : text_or_null(field->comment);
    column["warnings"] = plan.warnings;
    columns.push_back(std::move(column));
  }
  return columns;
}

// As the last load made them: FileRecord.schema is [["column", "type"], …].
Json recorded_columns(const tracking::FileRecord* record) {
  if (record == nullptr) return {};
  const Json schema = Json::parse(record->schema, nullptr, false);
  if (!schema.is_array()) return {};
  Json columns = Json::array();
  for (const Json& pair : schema) {
    if (!pair.is_array() || pair.size() != 2) return {};
    columns.push_back(Json{{"name", pair[0]},
                           {"type", pair[1]},
                           {"reason", nullptr},
                           {"field", nullptr},
                           {"tags", Json::array()},
                           {"number_format", nullptr},
                           {"symbols", nullptr},
                           {"nullable", nullptr}});
  }
  return columns;
}

Json cell_json(const qvd::SymbolTable& symbols, std::uint32_t code) {
  if (code == 0) return {};
  const std::size_t symbol = code - 1;
  if (symbols.has_text(symbol)) return std::string(symbols.text(symbol));
  if (symbols.kind(symbol) == qvd::SymbolKind::kInt) return symbols.integer(symbol);
  return symbols.number(symbol);
}

Json rows_json(const base::ByteSource& bytes, const load::PreparedFile& file) {
  const load::FirstRows first = load::first_rows(bytes, file, kFirstRows);
  Json names = Json::array();
  const std::vector<bool> in_table = load::fields_in_table(file);
  std::vector<Json> rows(first.row_count, Json::array());
  for (std::size_t field = 0; field < first.codes.size(); ++field) {
    if (!in_table[field]) continue;
    names.push_back(file.header.fields[field].name);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      rows[row].push_back(cell_json(file.symbols[field], first.codes[field][row]));
    }
  }
  return Json{{"columns", std::move(names)}, {"data", std::move(rows)}};
}

std::uint64_t symbol_bytes(const qvd::TableHeader& header) {
  std::uint64_t sum = 0;
  for (const qvd::FieldHeader& field : header.fields) sum += field.length;
  return sum;
}

// Puts what `make` returns under `name`, or why it cannot be.
template <class Make>
void add_part(Json& json, const std::string& name, const Make& make) {
  json[name] = nullptr;
  try {
    json[name] = make();
  } catch (const base::Error& error) {
    json[name + "_error"] = error.what();
  }
}

}  // namespace

Json decision_json(const sync::Decision& decision) {
  return Json{{"path", decision.file.path},
              {"name", decision.file.name},
              {"size", decision.file.size},
              {"mtime", rfc3339(decision.file.mtime_us)},
              {"table", decision.table},
              {"stored_as", decision.table.empty() ? "" : decision.stored_as},
              {"moved_from", decision.moved_from},
              {"action", base::to_string(decision.action)},
              {"reason_code", base::to_string(decision.reason_code)},
              {"reason", decision.reason},
              {"has_other_settings", decision.has_other_settings},
              {"anomaly", decision.anomaly}};
}

Json plan_json(const std::vector<sync::Decision>& decisions,
               const std::vector<sync::PlannedTable>& tables, const std::string& source) {
  std::map<const sync::Decision*, Json> plans;
  for (const sync::PlannedTable& table : tables) {
    for (const sync::PlannedFile& file : table.files) {
      plans[file.decision] = Json{{"ddl", file.error ? "" : table.all_ddl()},
                                  {"alters", file.error ? Json::array() : Json(table.alters)},
                                  {"notes", table.notes},
                                  {"warnings", file.remarks()},
                                  {"error", file.failure.message}};
    }
  }
  Json list = Json::array();
  for (const sync::Decision& decision : decisions) {
    Json item = decision_json(decision);
    const auto plan = plans.find(&decision);
    item.update(plan != plans.end() ? plan->second
                                    : Json{{"ddl", ""},
                                           {"alters", Json::array()},
                                           {"notes", Json::array()},
                                           {"warnings", Json::array()},
                                           {"error", ""}});
    item["mode"] = decision.table.empty() ? "" : decide::mode_name(decision.placement.mode);
    item["source"] = source;
    list.push_back(std::move(item));
  }
  return list;
}

void add_file_details(Json& json, const sync::Options& options, source::Storage& storage,
                      const sync::Decision& decision, const tracking::FileRecord* record) {
  std::unique_ptr<base::ByteSource> bytes;
  std::optional<qvd::TableHeader> header;
  add_part(json, "header", [&] {
    bytes = storage.open(decision.file);
    header = qvd::read_header(*bytes);
    return header_json(*header);
  });
  json["columns"] = recorded_columns(record);
  json["rows"] = nullptr;
  std::string missing;
  if (!header) {
    missing = json["header_error"];
  } else if (symbol_bytes(*header) > kMostSymbolBytes) {
    missing = "the file is too large to be looked at here; see qvdhouse inspect";
  }
  if (!missing.empty()) {
    json["columns_error"] = missing;
    json["rows_error"] = missing;
    return;
  }
  std::optional<load::PreparedFile> whole;
  add_part(json, "columns", [&] {
    const auto [of_file, target] =
        decide::load_of(options.load, decision.placement, decide::file_key(decision));
    whole = load::prepare(*bytes, decision.file.name, of_file, target);
    return columns_json(*whole);
  });
  if (whole) {
    for (const std::string& alert : whole->alerts) json["header"]["warnings"].push_back(alert);
    add_part(json, "rows", [&] { return rows_json(*bytes, *whole); });
  } else {
    const std::string why = json["columns_error"];
    json["rows_error"] = why;
  }
}

}  // namespace qvdhouse::serve
