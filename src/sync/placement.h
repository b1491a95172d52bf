// Which table a file goes to: the first rule whose pattern matches it, else the naming rule
// (docs/configuration.md, "Tables").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/policy.h"
#include "schema/table_rules.h"

namespace qvdhouse::sync {

struct Placement {
  std::string table;
  schema::LoadMode mode = schema::LoadMode::kReplace;
  schema::TableRules rules;  // of the rule that matched; the defaults when none did
  std::vector<schema::NamePart> name_parts;
  // Many files may be this table.
  bool is_set() const { return mode != schema::LoadMode::kReplace; }
};

// A pattern matches the end of a path, part by part from the last: "Sales_*.qvd" the name,
// "region=*/Sales_{yyyymm}.qvd" also the folder. `*` `?` `[]` as in globs; `{part}` is one or more
// characters but '/', taken as a column. Throws SchemaError for a file that can have no table.
Placement place_file(std::string_view path, const std::vector<schema::TableRules>& rules,
                     const schema::Policy& policy);

// Throws ConfigError (naming rule.where) for a pattern or a name that can not be.
void check_rules(const std::vector<schema::TableRules>& rules);

// Today's policy with what the rules say of columns.
schema::Policy policy_of(const schema::Policy& policy, const schema::TableRules& rules);

}  // namespace qvdhouse::sync
