// How runs, workflows, files and attempts look in answers and events.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "claim/claims.h"
#include "serve/router.h"
#include "serve/service.h"
#include "sync/sync.h"
#include "tracking/runs.h"
#include "tracking/tracking.h"

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
// With the first of its tables, and how many they are.
Json worker_json(const claim::Worker& worker);
// A file that has ended: what the event file_finished says.
nlohmann::json file_outcome_json(const tracking::RunRecord& run, const sync::FileOutcome& file);

// The keys of the original's answer first, then ours. `workflow`: null when empty.
Json file_json(const tracking::FileRecord& file, const std::string& workflow);
Json attempt_json(const tracking::Attempt& attempt);
// An entry of `history` in the original's answer.
Json history_json(const tracking::Attempt& attempt);
// An entry of `failures` in the original's answer.
Json failure_json(const tracking::FileRecord& file);

// `tables` and what follows are null while they are not known.
Json verdict_json(const Verdict& verdict);
Json incident_json(const Incident& incident);

Json text_or_null(const std::string& text);

}  // namespace qvdhouse::serve
