// Rule 3 of docs/type-mapping.md: the type that holds every number of a field.
#pragma once

#include <string>
#include <vector>

#include "clickhouse/column_type.h"
#include "schema/field_view.h"
#include "schema/plan.h"
#include "schema/rendering.h"

namespace qvdhouse::schema {

// What the display texts are compared with: a text is only a rendering of what the column holds.
enum class Reading { kNumber, kDate, kTime, kInterval };

struct NumberChoice {
  clickhouse::ColumnType type;  // not yet Nullable
  Part part = Part::kNumber;
  bool floor_days = false;
  Reading reading = Reading::kNumber;
  std::string reason;
  std::vector<std::string> warnings;
};

// Rule 3: temporal types first, then number types. For fields that have a number.
NumberChoice choose_number(const FieldView& field, const DisplayTexts& texts);

// Rules 3b to 3d alone: Int64, Decimal or Float64.
NumberChoice choose_plain_number(const FieldView& field);

}  // namespace qvdhouse::schema
