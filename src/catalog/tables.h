// The tables of the catalogue, column by column: their DDL, and a file's row as it is sent.
//
// There is one table. What a file's fields are lies in it as arrays, and QvdCatalogFields is a view
// that makes a row of each: so one statement replaces both, and no reader sees the fields of one
// run beside the files of another.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/file_row.h"
#include "clickhouse/ddl.h"
#include "clickhouse/dialect.h"
#include "tracking/row_binary.h"

namespace qvdhouse::catalog {

inline constexpr std::string_view kFileTable = "QvdCatalogFiles";
inline constexpr std::string_view kFieldView = "QvdCatalogFields";

// In the order of encode().
std::vector<clickhouse::ColumnDefinition> file_columns(const clickhouse::Dialect& dialect);

// MergeTree, a partition for each source.
clickhouse::TableDefinition file_table(const std::string& database,
                                       const clickhouse::Dialect& dialect);

// Name and type of each column of the view.
std::vector<clickhouse::ColumnDefinition> field_columns(const clickhouse::Dialect& dialect);
std::string create_field_view(const std::string& database, const clickhouse::Dialect& dialect);

void encode(const FileRow& row, tracking::RowWriter& writer);

}  // namespace qvdhouse::catalog
