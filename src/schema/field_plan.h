// What plan.cc offers to the table's plan: the rules for a field whose column name is chosen.
#pragma once

#include <string_view>
#include <vector>

#include "schema/field_view.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

// Ends the name of the number column beside a text column.
inline constexpr std::string_view kNumberSuffix = "__num";
// Ends the name of the column that holds what a column of dates cannot.
inline constexpr std::string_view kOutsideSuffix = "__outside";

std::vector<ColumnPlan> plan_columns(const FieldView& field);

}  // namespace qvdhouse::schema
