// Column types that a server lacks, and the next ones that hold the same values (docs/
// type-mapping.md, "Servers without a type"). Nothing is rounded: text holds what no type can.
#pragma once

#include <string>

#include "schema/field_view.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

// Gives the column the first type that the server of the policy's dialect has and that holds every
// symbol of the field: Date32 → Date, DateTime64 → DateTime, Time64 → text, Bool → UInt8 (0 or 1);
// dates and stamps that those cannot hold → ISO text. Returns what a reason should say of it, such
// as ", as Date since ClickHouse 18.16 has no Date32"; empty when the type stays.
std::string fall_back(const FieldView& field, ColumnPlan& column);

}  // namespace qvdhouse::schema
