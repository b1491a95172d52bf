// How runs, workflows and what became of a run's files look in answers and events; records of files
// and attempts are record_json.h's.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "serve/service.h"
#include "sync/sync.h"
#include "tracking/runs.h"

namespace qvdhouse::serve {

// "2026-07-12T10:15:00.250Z"; null for 0, and for what no calendar has.
nlohmann::json rfc3339(std::int64_t time_us);
nlohmann::json rfc3339(Time time);
nlohmann::json rfc3339(const std::optional<Time>& time);

// Bytes that are no UTF-8 (a path may hold any) as U+FFFD: JSON can't carry them.
std::string json_text(std::string_view text);

// The word of the class; null for none.
nlohmann::json class_or_null(tracking::ErrorClass error_class);

nlohmann::json run_json(const tracking::RunRecord& run);
// files_total, files_done, …, rates since the run began and the seconds that are left; the estimate
// is null until something was done.
nlohmann::json progress_json(const LiveRun& live);
// run_json() and "progress".
nlohmann::json live_run_json(const LiveRun& live);
nlohmann::json workflow_json(const WorkflowState& workflow);
// A file that has ended: what the event file_finished says.
nlohmann::json file_outcome_json(const tracking::RunRecord& run, const sync::FileOutcome& file);

}  // namespace qvdhouse::serve
