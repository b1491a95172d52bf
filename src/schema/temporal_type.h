// Which values of a field a column of dates does not hold (docs/type-mapping.md, "Outsiders"), and
// what becomes of them. Which type a field of dates has is choose_temporal() in number_type.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/field_view.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

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

// Whether all numbers of a field are days written as 20240131; false where it has none.
bool are_compact_days(const qvd::SymbolTable& symbols, const std::stop_token& stop);

}  // namespace qvdhouse::schema
