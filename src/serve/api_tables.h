// What the answers of tracking's files and tables share.
#pragma once

#include <string>
#include <vector>

#include "serve/owners.h"
#include "serve/router.h"
#include "serve/verdict.h"
#include "tracking/overview.h"

namespace qvdhouse::serve {

struct ApiContext;

Json files_json(const std::vector<tracking::FileRecord>& records, const Owners& owners);

// Throws Problem for a cursor of something else.
tracking::FilePage find_page(tracking::Overview& overview, const tracking::FileQuery& query);

// {table_name, last_loaded_at, lag_seconds, stale, stale_reason, looked_at}; it is made in
// api_status.cc.
Json freshness_json(const tracking::TableOverview& table, const TableFreshness& fresh, Time now);

// The files whose lineage names this file, as the catalogue has it: [{file_path, file_name,
// table_name}]; null where there is no catalogue.
Json fed_files_json(const std::string& path, const std::string& name, const HttpRequest& request,
                    const ApiContext& context);

}  // namespace qvdhouse::serve
