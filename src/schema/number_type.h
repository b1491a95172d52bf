// Rule 3 of docs/type-mapping.md: the type that holds every number of a field.
#pragma once

#include <string>
#include <vector>

#include "clickhouse/column_type.h"
#include "schema/field_view.h"
#include "schema/plan.h"
#include "schema/rendering.h"
#include "schema/temporal_type.h"

namespace qvdhouse::schema {

// What the display texts are compared with: a text is only a rendering of what the column holds.
enum class Reading { kNumber, kDate, kTime, kInterval };

struct NumberChoice {
  clickhouse::ColumnType type;  // not yet Nullable
  Part part = Part::kNumber;
  bool floor_days = false;
  Reading reading = Reading::kNumber;
  Outsiders outsiders;  // of a column of dates that is to admit them
  std::string reason;
  std::vector<std::string> warnings;
};

// Rule 3: temporal types first, then number types. For fields that have a number.
NumberChoice choose_number(const FieldView& field, const DisplayTexts& texts);

// Rules 3b to 3d alone: Int64, Decimal or Float64.
NumberChoice choose_plain_number(const FieldView& field);

// Rule 3a in the case that a clock type was found for. Returns false when the field is not temporal
// or no clock type holds it; then `choice` has at most a warning that says so. Throws SchemaError
// where the policy forbids outsiders.
bool choose_temporal(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice);

}  // namespace qvdhouse::schema
