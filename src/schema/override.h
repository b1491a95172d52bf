// Rule 0 of docs/type-mapping.md: the user names a column's type.
#pragma once

#include <string>

#include "schema/field_view.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

// Whether policy.overrides names the column, or the field for its main column.
bool has_override(const FieldView& field, const std::string& column_name);

// Which value of a symbol a column of that type takes when a user or a table says the type.
Part part_for(clickhouse::TypeKind kind);

// Casts every symbol for a try. Throws SchemaError for an unknown type and for a symbol that the
// type cannot hold. Nullable is added where cells may be NULL, 'UTC' to a DateTime64 without zone.
ColumnPlan plan_override(const FieldView& field, const std::string& column_name);

}  // namespace qvdhouse::schema
