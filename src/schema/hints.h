// What a field's header and tags claim against what its symbols are. Hints decide nothing that the
// symbols do not allow (docs/qvd-format.md, section 2.3); where they are wrong, a reader is told.
#pragma once

#include <string>
#include <vector>

#include "schema/field_view.h"

namespace qvdhouse::schema {

// One sentence for each claim that is wrong. `is_temporal`: the column became a date, stamp or
// time.
std::vector<std::string> false_hints(const FieldView& field, bool is_temporal);

}  // namespace qvdhouse::schema
