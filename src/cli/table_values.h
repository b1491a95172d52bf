// How the texts of a table's settings become values: as in setting_values.h, each returns what
// would have been right; empty when it is. What goes into DDL as it stands is checked here: it can
// end neither its place in the statement nor the statement.
#pragma once

#include <string>
#include <vector>

#include "cli/config.h"
#include "schema/table_rules.h"

namespace qvdhouse::cli {

std::string take_mode(const RawValue& value, schema::TableRules& rules);
// Names of fields or columns, in which * stands for any characters.
std::string take_name_patterns(const RawValue& value, std::vector<std::string>& out);
std::string take_rename(const std::string& field, const RawValue& value, schema::TableRules& rules);
// One SQL expression.
std::string take_expression(const RawValue& value, std::string& out);
// MergeTree, or one like it that keeps every row and whose tables can be swapped.
std::string take_engine(const RawValue& value, std::string& out);
// The name of a setting of MergeTree and its value.
std::string take_engine_setting(const std::string& name, const RawValue& value,
                                schema::TableRules& rules);
std::string take_statements(const RawValue& value, std::vector<std::string>& out);

}  // namespace qvdhouse::cli
