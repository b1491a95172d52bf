// The schema lock: the tables of a source as a file for git, and what differs from it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/table.h"

namespace qvdhouse::models {

// Names are as lock_name() writes them.
struct LockedTable {
  std::string mode;
  std::vector<std::pair<std::string, std::string>> columns;  // name and type, in their order
  std::map<std::string, std::string> rules;                  // order_by, partition_by, engine, ttl
};
using Lock = std::map<std::string, LockedTable>;  // by table

// The name as JSON can hold it: a byte that is not UTF-8 is \xHH, a backslash two.
std::string lock_name(std::string_view name);

Lock lock_of(const std::vector<Table>& tables);

// One line a column, so that a change is one line in a diff.
std::string lock_text(const Lock& lock);
// Throws ConfigError, naming `path` and what is wrong.
Lock parse_lock(const std::string& text, const std::string& path);

// What a source has become against its lock, as a diff; empty when nothing differs. `found`: tables
// that something is to be loaded into. One of a single file is exactly what the lock says; one of
// many fits into the locked columns. `known`: names of all tables of which there are files; absent:
// not all sources could be asked.
std::string drift_from(const Lock& lock, const std::vector<Table>& found,
                       const std::optional<std::set<std::string>>& known);

}  // namespace qvdhouse::models
