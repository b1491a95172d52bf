// The schema lock: the tables of a source as a file for git, and what differs from it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "models/table.h"

namespace qvdhouse::models {

struct LockedTable {
  std::string mode;
  std::vector<std::pair<std::string, std::string>> columns;  // name and type, in their order
  // The rest of the table's definition: "order_by" → "`a`, `b`", "engine" → "MergeTree", …
  std::map<std::string, std::string> rules;
};
using Lock = std::map<std::string, LockedTable>;  // by table

Lock lock_of(const std::vector<Table>& tables);

// One line a column, so that a change is one line in a diff.
std::string lock_text(const Lock& lock);
// Throws ConfigError, naming `path` and what is wrong.
Lock parse_lock(const std::string& text, const std::string& path);

// What a source has become against its lock, as a diff; empty when nothing differs. `found`: tables
// that would be made now; `kept`: names of tables that are not looked at again, since all their
// files are loaded.
std::string drift_from(const Lock& lock, const Lock& found, const std::set<std::string>& kept = {});

}  // namespace qvdhouse::models
