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

// The values of a field that a column of dates does not hold: numbers outside of 1900…2299, and
// texts that are not a date. Blank texts are not counted: they are NULL.
struct Outsiders {
  std::uint64_t number_count = 0;
  std::uint64_t text_count = 0;
  std::uint64_t never_count = 0;   // of the numbers: days that databases write for "no date"
  std::uint64_t nan_count = 0;     // of the numbers: without a nearest end of the range
  std::uint64_t date_count = 0;    // values that are dates
  std::vector<std::string> shown;  // the first few

  std::uint64_t count() const { return number_count + text_count; }
  // Whether the field is dates but for these: days that stand for "no date" counted as dates, fewer
  // values are not dates than are, and at most three, or one in twenty.
  bool are_few() const;
};
// `part`: kDate or kDateTime, in which texts of timestamps count as dates.
Outsiders find_outsiders(const FieldView& field, Part part);

// What the field's policy does with outsiders.
OutsiderPolicy outsider_policy(const FieldView& field);

// Makes `column`, of dates or timestamps, hold the nearest end or NULL where the values are outside
// (`policy`: kClamp or kNull), and warns how many and which.
void admit_outsiders(const Outsiders& outsiders, OutsiderPolicy policy, ColumnPlan& column);

// The column that holds exactly what `dates` cannot.
ColumnPlan outside_column(const FieldView& field, const ColumnPlan& dates);

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

// Rule 3a in the case that a clock type was found for; part of choose_number, in temporal_type.cc.
// Returns false when the field is not temporal or no clock type holds it; then `choice` has at most
// a warning that says so. Throws SchemaError where the policy forbids outsiders.
bool choose_temporal(const FieldView& field, const DisplayTexts& texts, NumberChoice& choice);

}  // namespace qvdhouse::schema
