// What a table in the server looks like to those who plan its files.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "load/layout.h"
#include "schema/drift.h"

namespace qvdhouse::sync {

// Whether the table's columns bind its files whatever settings and mode were when it was made.
bool binds_always(const schema::TableRules& rules);

// Empty for a table that is not there. Throws SchemaError for a column of a type that we do not
// write.
schema::Shape live_shape(const load::Layout& layout);

// Columns of sorting and partition key.
schema::Key key_of(clickhouse::Connection& connection, const std::string& table,
                   const schema::TableRules& rules);

// The columns that it is sorted by, in their order, without those that are Nullable in `shape`;
// empty when the key is made of expressions.
std::optional<std::vector<std::string>> kept_order(const load::Layout& layout,
                                                   const schema::Shape& shape);

// Whether the table has the columns that tables of the mode have beside those of fields.
bool has_columns_of(const load::Layout& layout, schema::LoadMode mode);

// The values of `_file` in it; none when it has no such column.
std::vector<std::string> stored_files(clickhouse::Connection& connection, const std::string& table);

// Waits until ALTERs have gone through all rows, where the server cannot be asked to wait itself.
// Throws Cancelled.
void await_mutations(clickhouse::Connection& connection, const std::string& table,
                     std::stop_token stop);

}  // namespace qvdhouse::sync
