// What all files of a run share; outlives every session and load of it.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "claim/lease.h"
#include "clickhouse/connection.h"
#include "decide/decide.h"
#include "source/storage.h"
#include "sync/recorder.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

struct RunContext {
  const Options& options;
  source::Storage& storage;
  clickhouse::Endpoint endpoint;  // with options.database
  std::string run_id;
  decide::Facts facts;
  std::set<std::string> staging_tables;  // that were there when the run began
  double list_seconds = 0;
  Monitor& monitor;
  spdlog::logger& log;
  Recorder& recorder;
  const std::optional<claim::Lease>& lease;  // empty: the target needs none
  std::stop_token stop;
  // Numbers the staging tables of sets.
  mutable std::atomic<std::uint64_t> staged_files{0};
};

// Throws ServerError when another pipeline may have taken the tables over.
inline void check_lease(const RunContext& context) {
  if (context.lease) context.lease->check();
}

}  // namespace qvdhouse::sync
