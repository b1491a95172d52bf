#include "models/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/quote.h"
#include "models/identifier.h"
#include "models/literal.h"

namespace qvdhouse::models {
namespace {

using Scope = Identifiers::Scope;

// Any text, as literals.
Json text_data(const std::string& text) {
  return Json{{"text", text},
              {"comment", comment(text)},
              {"is_empty", text.empty()},
              {"sql", literal(Language::kSql, text)},
              {"sql_identifier", clickhouse::quote_identifier(text)},
              {"python", literal(Language::kPython, text)},
              {"cpp", literal(Language::kCpp, text)},
              {"json", literal(Language::kJson, text)}};
}

// Lists say which item is the last: Mustache cannot count.
template <class Item, class Make>
Json list_data(const std::vector<Item>& items, const Make& make) {
  Json list = Json::array();
  for (const Item& item : items) list.push_back(make(item));
  for (std::size_t i = 0; i < list.size(); ++i) {
    list[i]["index"] = i;
    list[i]["is_last"] = i + 1 == list.size();
  }
  return list;
}

Json texts_data(const std::vector<std::string>& texts) { return list_data(texts, text_data); }

struct MemberNames {
  Identifiers python{Scope::kPythonClass};
  Identifiers cpp{Scope::kCppStruct};
};

// What stands behind the type: "", " = None" or " = Field(…)".
std::string assignment(const Column& column, const PythonType& python, const Json& name) {
  const bool may_be_none = column.type.nullable || column.has_non_finite;
  const bool needs_alias = name["python_identifier"] != column.name;
  if (!needs_alias && python.constraints.empty()) return may_be_none ? " = None" : "";
  return fmt::format(" = Field({}{}{})", may_be_none ? "None" : "...",
                     needs_alias ? ", alias=" + literal(Language::kPython, column.name) : "",
                     python.constraints);
}

// "a.qvd, b.qvd and 7 more"
std::string origin_of(const Table& table) {
  constexpr std::size_t kMostNamed = 10;
  std::string names;
  for (std::size_t i = 0; i < std::min(table.files.size(), kMostNamed); ++i) {
    names += (i == 0 ? "" : ", ") + table.files[i];
  }
  if (table.files.size() <= kMostNamed) return names;
  return fmt::format("{} and {} more", names, table.files.size() - kMostNamed);
}

Json column_data(const Column& column, const std::string& codec, MemberNames& names) {
  const PythonType python = python_type(column.type, column.has_non_finite);
  Json name = text_data(column.name);
  name["python_identifier"] = names.python.add(column.name, "field");
  name["cpp_identifier"] = names.cpp.add(column.name, "field");
  const std::string assigned = assignment(column, python, name);
  return Json{{"name", std::move(name)},
              {"type", text_data(column.type.name())},
              {"is_nullable", column.type.nullable},
              {"codec", text_data(codec)},
              {"reason", text_data(column.reason)},
              {"has_field", !column.field.empty()},
              {"field", text_data(column.field)},
              {"field_comment", text_data(column.field_comment)},
              {"tags", text_data(fmt::format("{}", fmt::join(column.tags, ", ")))},
              {"python",
               Json{{"type", python.type}, {"moose_type", python.moose}, {"assignment", assigned}}},
              {"cpp", Json{{"type", cpp_type(column.type)}}},
              {"json_schema", json_schema(column.type, column.has_non_finite).dump()}};
}

struct ModuleNames {
  Identifiers python{Scope::kPythonModule};
  Identifiers cpp{Scope::kCppNamespace};
};

Json table_data(const Table& table, ModuleNames& names) {
  const clickhouse::TableDefinition& definition = table.definition;
  Json name = text_data(definition.name);
  const std::string python_class = names.python.add(definition.name, "Table");
  const std::string cpp_struct = names.cpp.add(definition.name, "Table");
  name["python_identifier"] = python_class;
  name["cpp_identifier"] = cpp_struct;
  MemberNames members;
  members.cpp.forbid(cpp_struct);  // a member called as its struct would be a constructor
  // An attribute that is another column's alias would be filled with that column's values.
  for (const Column& column : table.columns) members.python.reserve(column.name);
  Json columns = Json::array();
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    columns.push_back(column_data(table.columns[i], definition.columns[i].codec, members));
    columns.back()["index"] = i;
    columns.back()["is_last"] = i + 1 == table.columns.size();
  }
  std::vector<std::string> settings;
  for (const auto& [key, value] : definition.settings)
    settings.push_back(fmt::format("{} = {}", key, value));
  return Json{{"name", std::move(name)},
              {"python_variable", names.python.add(python_class + "Model", "model")},
              {"database", text_data(definition.database)},
              {"mode", table.mode},
              {"ddl", table.ddl},
              {"engine", text_data(definition.engine)},
              {"partition_by", text_data(definition.partition_by)},
              {"ttl", text_data(definition.ttl)},
              {"order_by", texts_data(definition.order_by)},
              {"settings", texts_data(settings)},
              {"origin", text_data(origin_of(table))},
              {"files", texts_data(table.files)},
              {"record_count", table.record_count},
              {"columns", std::move(columns)}};
}

}  // namespace

Json data_of(const Document& document) {
  ModuleNames names;
  return Json{{"version", document.version},
              {"source", text_data(document.source)},
              {"database", text_data(document.database)},
              {"tables", list_data(document.tables,
                                   [&](const Table& table) { return table_data(table, names); })}};
}

}  // namespace qvdhouse::models
