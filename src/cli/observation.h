// Who is told of runs: the collectors of the settings.
#pragma once

#include <memory>
#include <string>

#include "cli/context.h"
#include "clickhouse/connection.h"
#include "observe/observer.h"
#include "tracking/runs.h"

namespace qvdhouse::cli {

// `log` must outlive it. A command belongs to the trace of who called it (TRACEPARENT); a service
// outlives its caller, and each of its runs has a trace of its own.
std::unique_ptr<observe::Observer> make_observer(const Context& context, spdlog::logger& log,
                                                 bool is_service);

// What is told of a run. `source`: without secrets.
observe::ToldRun told_run(const tracking::RunRecord& order, const std::string& source,
                          const clickhouse::Endpoint& endpoint, bool is_embedded,
                          const Config& config);

}  // namespace qvdhouse::cli
