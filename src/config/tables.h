// [[table]] and [table.NAME] of qvdhouse.toml: from what was written to the rules of tables
// (docs/configuration.md, "Tables").
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/config.h"
#include "schema/table_rules.h"

namespace qvdhouse::config {

// The keys that are tables themselves: "types", "settings", ….
std::vector<std::string> keys_of_tables();

// The rules in their order, one a pattern; the defaults of the other settings last. Throws
// ConfigError naming the key, where it was set and what is allowed, also for rules that no table
// can follow.
std::vector<schema::TableRules> table_rules(const Config& config);

// How a setting of config.raw_tables[index] is called: "table.Sales.types.Price", or of the first
// [[table]] "table[1].match".
std::string entry_name(const Config& config, std::size_t index, const RawTable::Entry& entry);

}  // namespace qvdhouse::config
