// Table and column names (docs/type-mapping.md, "Names").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/policy.h"

namespace qvdhouse::schema {

// "purchase_order.qvd" → "QvdPurchaseOrder": prefix + PascalCase of the stem, inner capitals kept.
std::string table_name(std::string_view file_name, const Policy& policy);

// Field names → column names, one each; empty for a field that include and exclude leave out. The
// first entry of policy.rename that matches names a field, else policy.naming does. Throws
// SchemaError when two fields claim one name, naming both and the setting that parts them; exact
// duplicates (other writers make them) get "_2", ….
std::vector<std::string> column_names(const std::vector<std::string>& field_names,
                                      const Policy& policy);

}  // namespace qvdhouse::schema
