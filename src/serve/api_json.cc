#include "serve/api_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace qvdhouse::serve {

namespace {

using nlohmann::json;

constexpr std::int64_t kMicroseconds = 1'000'000;

double seconds_between(std::int64_t from_us, std::int64_t to_us) {
  return static_cast<double>(to_us - from_us) / static_cast<double>(kMicroseconds);
}

json plain_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(json_text(text));
}

json run_or_null(const std::optional<tracking::RunRecord>& run) {
  return run ? run_json(*run) : json(nullptr);
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// Each begins when the one before it has ended.
template <class AnyJson>
AnyJson steps_json(const std::vector<tracking::StepTime>& steps) {
  AnyJson list = AnyJson::array();
  double start = 0;
  for (const tracking::StepTime& step : steps) {
    list.push_back(
        AnyJson{{"name", step.name}, {"start_seconds", start}, {"seconds", step.seconds}});
    start += step.seconds;
  }
  return list;
}

// Attempts of earlier versions have none.
Json changes_of(const tracking::Attempt& attempt) {
  const Json changes = Json::parse(attempt.schema_changes, nullptr, false);
  return changes.is_array() ? changes : Json::array();
}

}  // namespace

json class_or_null(tracking::ErrorClass error_class) {
  return plain_or_null(std::string(base::to_string(error_class)));
}

json rfc3339(std::int64_t time_us) {
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  if (time_us <= 0 || time_us >= kYear10000 * kMicroseconds) return nullptr;
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(time_us / kMicroseconds),
                     time_us % kMicroseconds / 1'000);
}

json rfc3339(Time time) { return rfc3339(time.time_since_epoch().count() * kMicroseconds); }

json rfc3339(const std::optional<Time>& time) { return time ? rfc3339(*time) : json(nullptr); }

std::string json_text(std::string_view text) {
  // The library's own replacement, taken out of its quotes again.
  const std::string quoted =
      json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
  return json::parse(quoted).get<std::string>();
}

json run_json(const tracking::RunRecord& run) {
  return {{"run_id", run.run_id},
          {"workflow", json_text(run.workflow)},
          {"trigger", base::to_string(run.trigger)},
          {"asked_for", plain_or_null(run.asked_for)},
          {"status", base::to_string(run.status)},
          {"scheduled_at", rfc3339(run.scheduled_at_us)},
          {"started_at", rfc3339(run.started_at_us)},
          {"finished_at", rfc3339(run.finished_at_us)},
          {"duration_seconds", run.finished_at_us == 0
                                   ? json(nullptr)
                                   : json(seconds_between(run.started_at_us, run.finished_at_us))},
          {"attempt", run.attempt},
          {"files_loaded", run.files_loaded},
          {"files_skipped", run.files_skipped},
          {"files_waiting", run.files_waiting},
          {"files_failed", run.files_failed},
          {"rows", run.rows},
          {"rows_quarantined", run.rows_quarantined},
          {"rows_dropped", run.rows_dropped},
          {"rows_filtered", run.rows_filtered},
          {"bytes", run.bytes},
          {"schema_changes", run.schema_changes},
          {"anomalies", run.anomalies},
          {"replicas_behind", run.replicas_behind},
          {"error", plain_or_null(run.error)},
          {"error_class", class_or_null(run.error_class)}};
}

json progress_json(const LiveRun& live) {
  const sync::Monitor::Snapshot& now = live.progress;
  const double bytes_per_second = per_second(now.bytes_done, live.seconds);
  json active = json::array();
  for (const sync::Monitor::Active& file : now.active) {
    active.push_back({{"name", json_text(file.name)},
                      {"step", file.step},
                      {"rows_sent", file.rows_sent},
                      {"rows_total", file.rows_total}});
  }
  json eta = nullptr;
  if (bytes_per_second > 0) {
    eta = static_cast<double>(now.bytes_total - std::min(now.bytes_total, now.bytes_done)) /
          bytes_per_second;
  }
  return {{"files_total", now.files_total},
          {"files_done", now.files_done},
          {"files_failed", now.files_failed},
          {"bytes_total", now.bytes_total},
          {"bytes_done", now.bytes_done},
          {"rows_done", now.rows_done},
          {"rows_per_second", per_second(now.rows_done, live.seconds)},
          {"bytes_per_second", bytes_per_second},
          {"eta_seconds", std::move(eta)},
          {"active", std::move(active)}};
}

Json worker_json(const claim::Worker& worker) {
  constexpr std::size_t kMostTables = 5;
  Json tables = Json::array();
  for (std::size_t i = 0; i < worker.tables.size() && i < kMostTables; ++i) {
    tables.push_back(json_text(worker.tables[i]));
  }
  return Json{
      {"host", json_text(worker.host)},     {"process", worker.process},
      {"run_id", json_text(worker.run_id)}, {"state", worker.is_working ? "working" : "waiting"},
      {"since", rfc3339(worker.since_us)},  {"heartbeat_seconds", worker.silent_seconds},
      {"tables", std::move(tables)},        {"table_count", worker.tables.size()},
      {"file_count", worker.files}};
}

json live_run_json(const LiveRun& live) {
  json out = run_json(live.run);
  out["progress"] =
      live.run.status == tracking::RunState::kWaiting ? json(nullptr) : progress_json(live);
  return out;
}

json workflow_json(const WorkflowState& workflow) {
  return {{"name", json_text(workflow.name)},
          {"title", json_text(workflow.title)},
          {"source_url", json_text(workflow.source_url)},
          {"schedule", workflow.schedule},
          {"timezone", workflow.timezone},
          {"overlap", workflow.overlap},
          {"paused", workflow.is_paused},
          {"next_run", rfc3339(workflow.next_run)},
          {"current", run_or_null(workflow.current)},
          {"last", run_or_null(workflow.last)}};
}

json file_outcome_json(const tracking::RunRecord& run, const sync::FileOutcome& file) {
  std::vector<tracking::StepTime> steps;
  double seconds = 0;
  for (const load::Step& step : file.result.steps) {
    steps.push_back({step.name, step.seconds()});
    seconds += step.seconds();
  }
  return {{"run_id", run.run_id},
          {"workflow", json_text(run.workflow)},
          {"file_path", json_text(file.decision.file.path)},
          {"file_name", json_text(file.decision.file.name)},
          {"table_name", json_text(file.decision.table)},
          {"status", base::to_string(file.outcome)},
          {"reason", json_text(file.decision.reason)},
          {"reason_code", base::to_string(file.decision.reason_code)},
          {"attempts", file.attempts},
          {"rows", file.result.row_count},
          {"rows_quarantined", file.result.rows_quarantined},
          {"rows_dropped", file.result.rows_dropped},
          {"rows_filtered", file.result.rows_filtered},
          {"file_size_bytes", file.decision.file.size},
          {"bytes_sent", file.result.bytes_sent},
          {"qvd_created_at", plain_or_null(file.result.qvd_created_at)},
          {"duration_seconds", seconds},
          {"steps", steps_json<json>(steps)},
          {"schema_changes", json::parse(sync::changes_json(file.result.column_changes))},
          {"anomaly", sync::is_anomaly(file) ? json(json_text(file.decision.anomaly)) : nullptr},
          {"error", plain_or_null(file.error)},
          {"error_class", class_or_null(file.error_class)}};
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json file_json(const tracking::FileRecord& file, const std::string& workflow) {
  const double seconds = file.processing_duration_seconds;
  const double rate = seconds > 0 ? static_cast<double>(file.row_count) / seconds : 0;
  return Json{{"file_name", file.file_name},
              {"table_name", file.table_name},
              {"status", base::to_string(file.status)},
              {"row_count", file.row_count},
              {"file_size_bytes", file.file_size},
              {"processed_at", rfc3339(file.processed_at_us)},
              {"processing_duration_seconds", seconds},
              {"rows_per_second", rate},
              {"source_type", file.source_type},
              {"error_message", text_or_null(file.error_message)},
              {"file_path", file.file_path},
              {"workflow", text_or_null(workflow)},
              {"error_class", class_or_null(file.error_class)},
              {"failure_count", file.failure_count},
              {"retry_at", rfc3339(file.retry_at_us)},
              {"qvd_created_at", text_or_null(file.qvd_created_at)},
              {"warnings", file.warnings},
              {"rows_quarantined", file.rows_quarantined},
              {"rows_dropped", file.rows_dropped},
              {"rows_filtered", file.rows_filtered}};
}

Json attempt_json(const tracking::Attempt& attempt) {
  return Json{{"attempt_id", attempt.attempt_id},
              {"run_id", attempt.file.run_id},
              {"file_path", attempt.file.file_path},
              {"file_name", attempt.file.file_name},
              {"table_name", attempt.file.table_name},
              {"attempt", attempt.attempt},
              {"reason", attempt.reason},
              {"status", base::to_string(attempt.file.status)},
              {"started_at", rfc3339(attempt.started_at_us)},
              {"finished_at", rfc3339(attempt.finished_at_us)},
              {"duration_seconds", seconds_between(attempt.started_at_us, attempt.finished_at_us)},
              {"rows", attempt.file.row_count},
              {"rows_quarantined", attempt.file.rows_quarantined},
              {"rows_dropped", attempt.file.rows_dropped},
              {"rows_filtered", attempt.file.rows_filtered},
              {"bytes_sent", attempt.bytes_sent},
              {"file_size_bytes", attempt.file.file_size},
              {"error", text_or_null(attempt.file.error_message)},
              {"error_class", class_or_null(attempt.file.error_class)},
              {"steps", steps_json<Json>(attempt.steps)},
              {"schema_changes", changes_of(attempt)}};
}

Json history_json(const tracking::Attempt& attempt) {
  return Json{{"processed_at", rfc3339(attempt.finished_at_us)},
              {"status", base::to_string(attempt.file.status)},
              {"row_count", attempt.file.row_count},
              {"duration_seconds", seconds_between(attempt.started_at_us, attempt.finished_at_us)},
              {"error", text_or_null(attempt.file.error_message)}};
}

Json verdict_json(const Verdict& verdict) {
  const auto known = [&](std::uint64_t count) { return verdict.is_known ? Json(count) : Json(); };
  return Json{{"level", base::to_string(verdict.level)},
              {"title", verdict.title},
              {"tables", known(verdict.tables)},
              {"current", known(verdict.current)},
              {"stale", known(verdict.stale)},
              {"broken_files", known(verdict.broken_files)},
              {"unknown_since", rfc3339(verdict.unknown_since)}};
}

Json incident_json(const Incident& incident) {
  return Json{{"id", json_text(incident.id)},
              {"cause", base::to_string(incident.cause)},
              {"workflow", plain_or_null(incident.workflow)},
              {"file_path", plain_or_null(incident.file_path)},
              {"table_name", plain_or_null(incident.table_name)},
              {"title", json_text(incident.title)},
              {"since", rfc3339(incident.since)},
              {"count", incident.count},
              {"error", plain_or_null(incident.error)},
              {"error_class", class_or_null(incident.error_class)},
              {"action", base::to_string(incident.remedy)}};
}

Json failure_json(const tracking::FileRecord& file) {
  return Json{{"file_name", file.file_name},
              {"table_name", file.table_name},
              {"error_message", text_or_null(file.error_message)},
              {"processed_at", rfc3339(file.processed_at_us)}};
}

}  // namespace qvdhouse::serve
