// What killed loads left in quarantine tables (load/quarantine.h) and no further load of the file
// takes away, since the file is again as it was loaded before.
#pragma once

#include <spdlog/logger.h>

#include <stop_token>

#include "clickhouse/connection.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

// Looks at tables that nobody loads right now; to be called by a run that holds none. Failures are
// logged: the next run looks again.
void sweep_quarantine(const Options& options, const clickhouse::Endpoint& endpoint,
                      spdlog::logger& log, const std::stop_token& stop);

}  // namespace qvdhouse::sync
