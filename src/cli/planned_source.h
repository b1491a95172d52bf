// The tables that sources make, planned: what plan shows, models are made of and a schema lock is
// held against.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/decisions.h"
#include "models/table.h"
#include "sync/planned_table.h"

namespace qvdhouse::cli {

// By source, as DecidedSources::sources has them: every table that decisions to load lead to, in
// the order of their first file. They point into `decided`. Live tables are looked at where
// `tracked` says that there are any. Throws TargetError, Cancelled.
using AllPlanned = std::vector<std::vector<sync::PlannedTable>>;
AllPlanned plan_all(const DecidedSources& decided, const Tracked& tracked, const Context& context,
                    bool describes_rules = false);

// The names of all fields and columns in them.
std::set<std::string> names_of(const AllPlanned& all);

// The table of a plan that has a definition. `source`: what its files lie below.
models::Table model_of(const sync::PlannedTable& planned, const std::string& source);

struct SourceModels {
  models::Document document;
  std::size_t failed_files = 0;  // that cannot be read, or wait; each was logged
  int exit_code = 0;             // as plan has it
};

// The tables of the sources that a command takes, as sync would make them in an empty target; needs
// no engine. Throws IoError when a source cannot be listed or no file matches, and what
// Sources::chosen() throws.
SourceModels read_models(std::string_view command, const Context& context);

// Throws ConfigError when a file to be written is there already, and may not be replaced: `flag` is
// what would allow it. An empty path is none.
void check_output_is_new(const std::string& path, bool overwrite,
                         std::string_view flag = "--overwrite");

// Holds the tables that something would be loaded into against a lock, as the files to load make
// them: what a live table has kept of earlier files is not drift. Throws SchemaError with what has
// drifted, ConfigError for a text that is not a lock.
void check_lock(const std::string& lock_path, const DecidedSources& decided,
                const Context& context);

}  // namespace qvdhouse::cli
