// What models are made from: a table as sync would create it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clickhouse/column_type.h"
#include "clickhouse/ddl.h"
#include "schema/drift.h"

namespace qvdhouse::models {

struct Column {
  std::string name;
  clickhouse::ColumnType type;
  std::string reason;           // why this type
  bool has_non_finite = false;  // a Float64 that JSON may have to write as null
  // From the QVD; empty for columns of our own.
  std::string field;
  std::string field_comment;
  std::vector<std::string> tags;
};

struct Table {
  clickhouse::TableDefinition definition;
  std::string ddl;                    // CREATE TABLE …, without a semicolon
  std::vector<schema::Shape> shapes;  // of many files: what each with rows would be by itself
  std::string mode;                   // "replace", "replace_by_file", "append", "upsert"
  std::vector<Column> columns;        // as in the definition
  std::vector<std::string> files;     // as the source calls them
  std::uint64_t record_count = 0;     // of all files
};

struct Document {
  std::string version;  // of qvdhouse
  std::string source;   // without secrets
  std::string database;
  std::vector<Table> tables;
};

}  // namespace qvdhouse::models
