// A table as tests of models want it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/table.h"

namespace qvdhouse::models {

// `columns`: names and ClickHouse types.
inline Table test_table(const std::string& name,
                        const std::vector<std::pair<std::string, std::string>>& columns) {
  Table table;
  table.definition.database = "local";
  table.definition.name = name;
  table.ddl = "CREATE TABLE …";
  table.mode = "replace";
  table.files = {name + ".qvd"};
  schema::Shape shape;
  for (const auto& [column, type] : columns) {
    table.columns.push_back({.name = column,
                             .type = *clickhouse::parse_column_type(type),
                             .reason = "because",
                             .field = column});
    table.definition.columns.push_back({.name = column, .type = type});
    shape.push_back({.name = column, .type = table.columns.back().type});
  }
  table.shapes = {shape};
  if (!columns.empty()) table.definition.order_by = {columns[0].first};
  return table;
}

}  // namespace qvdhouse::models
