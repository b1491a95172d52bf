#include "serve/record_json.h"

#include <utility>

#include "serve/run_json.h"

namespace qvdhouse::serve {
namespace {

double seconds_of(const tracking::Attempt& attempt) {
  return static_cast<double>(attempt.finished_at_us - attempt.started_at_us) / 1e6;
}

}  // namespace

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
              {"warnings", file.warnings}};
}

Json attempt_json(const tracking::Attempt& attempt) {
  Json steps = Json::array();
  double start = 0;
  for (const tracking::StepTime& step : attempt.steps) {
    steps.push_back(Json{{"name", step.name}, {"start_seconds", start}, {"seconds", step.seconds}});
    start += step.seconds;
  }
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
              {"duration_seconds", seconds_of(attempt)},
              {"rows", attempt.file.row_count},
              {"bytes_sent", attempt.bytes_sent},
              {"file_size_bytes", attempt.file.file_size},
              {"error", text_or_null(attempt.file.error_message)},
              {"error_class", class_or_null(attempt.file.error_class)},
              {"steps", std::move(steps)}};
}

Json history_json(const tracking::Attempt& attempt) {
  return Json{{"processed_at", rfc3339(attempt.finished_at_us)},
              {"status", base::to_string(attempt.file.status)},
              {"row_count", attempt.file.row_count},
              {"duration_seconds", seconds_of(attempt)},
              {"error", text_or_null(attempt.file.error_message)}};
}

Json failure_json(const tracking::FileRecord& file) {
  return Json{{"file_name", file.file_name},
              {"table_name", file.table_name},
              {"error_message", text_or_null(file.error_message)},
              {"processed_at", rfc3339(file.processed_at_us)}};
}

}  // namespace qvdhouse::serve
