// The tables that a source makes, planned: what plan shows, models are made of and a schema lock is
// held against.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/decisions.h"
#include "models/lock.h"
#include "models/table.h"
#include "sync/planned_table.h"

namespace qvdhouse::cli {

// By source, as DecidedSources::sources has them: every table that decisions to load lead to, in
// the order of their first file. They point into `decided`. Live tables are looked at where
// `tracked` says that there are any. Throws TargetError, Cancelled.
using AllPlanned = std::vector<std::vector<sync::PlannedTable>>;
AllPlanned plan_all(const DecidedSources& decided, const Tracked& tracked, const Context& context);

// The table of a plan that has a definition. `source`: what its files lie below.
models::Table model_of(const sync::PlannedTable& planned, const std::string& source);

// Holds the tables that something would be loaded into against a lock, as the files to load make
// them: what a live table has kept of earlier files is not drift. Throws SchemaError with what has
// drifted, ConfigError for a text that is not a lock.
void check_lock(const std::string& lock_path, const DecidedSources& decided,
                const Context& context);

}  // namespace qvdhouse::cli
