// The table of many files, made ready for those that one run loads: its columns hold all of them,
// and it is known whether each file still gets a partition of its own.
#pragma once

#include <exception>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "schema/drift.h"
#include "sync/file_task.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

struct SetTable {
  schema::Shape shape;                     // of the rows that all files send
  clickhouse::TableDefinition definition;  // of the table, to rebuild it
  // A partition a file would be too many, or the table has none: its files are committed together.
  bool commits_together = false;
  // The table was of another mode: its rows all come again, and until they have, it stays.
  bool is_remade = false;
  std::map<std::string, std::exception_ptr> unplanned;     // path → why its columns are not known
  std::map<std::string, std::exception_ptr> refused;       // path → what the drift policy forbids
  std::map<std::string, std::vector<std::string>> notes;   // path → columns left out, and why
  std::map<std::string, std::vector<std::string>> alerts;  // path → types that gave up for it
};

// Plans all `files` (decisions to load of one set), then creates the table or changes it. A file
// that cannot be planned is left out: its own load says why. `new_partitions`: how many of the
// files have no partition yet. Throws SchemaError (the table is another's, or cannot hold the
// files), ServerError, IoError, Cancelled. The table must be held by the caller.
SetTable prepare_set_table(const RunContext& context, clickhouse::Connection& connection,
                           const std::vector<const Decision*>& files, std::size_t new_partitions);

// The load options for one file: the policy with the rules of its table.
load::Options options_for(const load::Options& options, const Decision& decision);

// Where the file's rows go; `shape` and `number` are left to the caller.
load::Target target_for(const Decision& decision);

}  // namespace qvdhouse::sync
