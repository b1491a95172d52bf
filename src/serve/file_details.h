// One file looked at closely: its header, the columns that it would become and why, its first rows.
#pragma once

#include <string>

#include "base/byte_source.h"
#include "serve/router.h"
#include "serve/service.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::serve {

// "header", "columns" and "rows"; each null with "header_error" and so on when it can't be read.
// Secrets of the lineage are scrubbed. Symbols of a large file are not read for it: then the
// columns are those of its last load, without reasons.
void add_file_details(Json& json, const Workflow& workflow, const source::FileEntry& file,
                      const tracking::FileRecord* record);

Json decision_json(const sync::Decision& decision);

}  // namespace qvdhouse::serve
