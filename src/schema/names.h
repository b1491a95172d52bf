// Table and column names (docs/type-mapping.md, "Names").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/policy.h"

namespace qvdhouse::schema {

// "purchase_order.qvd" → "QvdPurchaseOrder": prefix + PascalCase of the stem, inner capitals kept;
// small with NamingPolicy::kOriginal: "PurchaseOrder.qvd" → "QvdPurchaseorder". Words of scripts
// other than ASCII, whose first letter stays as it is, are parted by "_". `known`: the table that
// the file was loaded into; it stays when an older version named it, which joined such words.
std::string table_name(std::string_view file_name, const Policy& policy,
                       std::string_view known = {});

// Field names → column names, one each; empty for a field that include, exclude and only leave
// out, or that a protection drops. The first entry of policy.rename that matches names a field,
// else policy.naming does. Throws SchemaError when two fields claim one name, naming both and the
// setting that parts them; exact duplicates (other writers make them) get "_2", ….
std::vector<std::string> column_names(const std::vector<std::string>& field_names,
                                      const Policy& policy);

// Names with wildcards, as settings write them: `*` stands for any characters, also none; all else
// for itself, capitals included.
bool matches_pattern(std::string_view name, std::string_view pattern);

// What each `*` of a pattern stands for, each of them but the last for as little as possible; empty
// when the name does not match.
std::optional<std::vector<std::string_view>> match_stars(std::string_view name,
                                                         std::string_view pattern);

// What a field's name says beside its column's: the text of those `*` of the entry of rename that
// the new name does not repeat, joined by blanks. With "*-∥-*" = "*", "MATNR-∥-Material" is the
// column MATNR, and this is "Material".
std::string rest_of_name(std::string_view field, const Policy& policy);

// The setting of a name: the entry with just that name, else the longest pattern that matches.
// Null: none.
template <class Value>
const Value* find_setting(const std::map<std::string, Value>& settings, std::string_view name) {
  const auto exact = settings.find(std::string(name));
  if (exact != settings.end()) return &exact->second;
  const Value* found = nullptr;
  std::size_t longest = 0;
  for (const auto& [pattern, value] : settings) {
    if ((found != nullptr && pattern.size() <= longest) || !matches_pattern(name, pattern)) {
      continue;
    }
    found = &value;
    longest = pattern.size();
  }
  return found;
}

}  // namespace qvdhouse::schema
