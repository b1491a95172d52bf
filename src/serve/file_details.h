// Files as JSON: what a run would do with each, and one looked at closely (its header, the columns
// that it would become and why, its first rows).
#pragma once

#include <string>
#include <vector>

#include "serve/router.h"
#include "source/storage.h"
#include "sync/planned_table.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::serve {

// "header", "columns" and "rows" of a file that lies in `storage`, decided with `options`; each
// null with "header_error" and so on when it can't be read.
// Symbols of a large file are not read for it: then the columns are those of its last load, without
// reasons.
void add_file_details(Json& json, const sync::Options& options, source::Storage& storage,
                      const sync::Decision& decision, const tracking::FileRecord* record);

// What a run does with a file, and why; also in `--json` of commands.
Json decision_json(const sync::Decision& decision);

// Each decision_json() with what the plan of its table adds to one to load: "ddl",
// "alters", "notes", "warnings", "error"; "mode" and "source" (its name).
Json plan_json(const std::vector<sync::Decision>& decisions,
               const std::vector<sync::PlannedTable>& tables, const std::string& source);

}  // namespace qvdhouse::serve
