#include "sync/file_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "decide/decide.h"

namespace qvdhouse::sync {
namespace {

using tracking::Attempt;
using tracking::ErrorClass;
using tracking::FileRecord;
using tracking::FileState;

// [["column", "type"], …]; a name that is not UTF-8 is shown with replacement characters here only.
std::string schema_json(const load::Result& result) {
  if (result.columns.empty()) return "";
  nlohmann::json columns = nlohmann::json::array();
  for (const auto& [name, type] : result.columns) columns.push_back({name, type});
  return columns.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<tracking::StepTime> step_times(const RunContext& context, const load::Result& result) {
  std::vector<tracking::StepTime> steps{{"list", context.list_seconds}};
  for (const load::Step& step : result.steps) {
    steps.push_back({step.name, step.seconds()});
  }
  return steps;
}

const FileRecord* previous_of(const FileTask& task) {
  return task.previous ? &*task.previous : nullptr;
}

// What names the rows that are in the table, until a load has put others in their place.
void keep_names_of_rows(const FileRecord* previous, FileRecord& record) {
  record.content_hash = previous == nullptr ? "" : previous->content_hash;
  record.rows_version = previous == nullptr ? 0 : previous->rows_version;
  record.rows_quarantined = previous == nullptr ? 0 : previous->rows_quarantined;
  record.rows_dropped = previous == nullptr ? 0 : previous->rows_dropped;
  record.rows_filtered = previous == nullptr ? 0 : previous->rows_filtered;
  record.rows_hash = previous == nullptr ? 0 : previous->rows_hash;
}

}  // namespace

std::uint64_t version_after(const FileRecord* previous, std::int64_t lease_us) {
  const std::uint64_t before = previous == nullptr ? 0 : previous->version;
  if (lease_us == 0) return std::max(static_cast<std::uint64_t>(now_us()), before + 1);
  // The record before may be of a clock that goes ahead. A step of one would then be the same for a
  // run and its successor; this one differs, and is half a minute in 2026, a few in a lifetime.
  constexpr std::int64_t kStepsBegin = 1'767'225'600;  // 2026-01-01
  const std::int64_t step = std::max<std::int64_t>(lease_us / 1'000'000 - kStepsBegin, 1);
  return std::max(static_cast<std::uint64_t>(lease_us), before + static_cast<std::uint64_t>(step));
}

FileRecord new_record(const Decision& decision, const FileRecord* previous,
                      const RunContext& context) {
  FileRecord record;
  record.file_path = decision.file.path;
  record.file_name = decision.file.name;
  record.table_name = decision.table;
  record.file_size = decision.file.size;
  record.file_mtime_us = decision.file.mtime_us;
  record.file_etag = decision.file.etag;
  record.source_type = decision.file.source_type;
  record.batch_size = context.options.load.batch_rows;
  record.run_id = context.run_id;
  record.settings_hash = decision.settings_hash;
  if (decision.stored_as != decision.file.path) record.stored_as = decision.stored_as;
  record.processed_at_us = context.options.clock();
  record.version = version_after(previous, context);
  keep_names_of_rows(previous, record);
  return record;
}

void begin_attempt(FileTask& task, const RunContext& context) {
  const Decision& decision = task.outcome.decision;
  task.record = new_record(decision, previous_of(task), context);
  // The path is part of it, since the files of a set share a table.
  task.attempt = Attempt{.attempt_id = fmt::format("{}-{}-{}", context.run_id, decision.file.path,
                                                   ++task.outcome.attempts),
                         .attempt = task.outcome.attempts,
                         .reason = std::string(base::to_string(decision.reason_code)),
                         .started_at_us = context.options.clock()};
  task.outcome.result = {};
  task.outcome.attempt_at_us = task.attempt->started_at_us;
  if (task.outcome.begun_at_us == 0) task.outcome.begun_at_us = task.outcome.attempt_at_us;
}

void end_attempt(FileTask& task, const RunContext& context, const std::optional<Failure>& failure) {
  Attempt& attempt = *task.attempt;
  attempt.finished_at_us = context.options.clock();
  task.outcome.ended_at_us = attempt.finished_at_us;
  FileRecord& record = task.record;
  record.processed_at_us = attempt.finished_at_us;
  record.processing_duration_seconds =
      static_cast<double>(attempt.finished_at_us - attempt.started_at_us) / 1e6;
  record.qvd_created_at = task.outcome.result.qvd_created_at;
  record.schema = schema_json(task.outcome.result);
  record.warnings = task.outcome.result.warnings;
  if (failure) {
    keep_names_of_rows(previous_of(task), record);
    settle_failure(task, *failure);
  } else {
    task.outcome.outcome = Outcome::kLoaded;
    task.outcome.error.clear();
    task.outcome.error_class = ErrorClass::kNone;
    task.keep_previous = false;
    record.status = FileState::kCompleted;
    record.row_count = task.outcome.result.row_count;
    record.rows_quarantined = task.outcome.result.rows_quarantined;
    record.rows_dropped = task.outcome.result.rows_dropped;
    record.rows_filtered = task.outcome.result.rows_filtered;
    record.rows_hash = task.outcome.result.rows_hash;
  }
  attempt.file = record;
  attempt.bytes_sent = task.outcome.result.bytes_sent;
  attempt.steps = step_times(context, task.outcome.result);
  attempt.schema_changes = changes_json(task.outcome.result.column_changes);
  task.attempts.push_back(std::move(attempt));
  task.attempt.reset();
}

void settle_failure(FileTask& task, const Failure& failure) {
  FileRecord& record = task.record;
  task.outcome.error = failure.message;
  task.outcome.error_class = failure.error_class;
  record.error_message = failure.message;
  record.error_class = failure.error_class;
  if (failure.error_class == ErrorClass::kCancelled) {
    task.outcome.outcome = Outcome::kCancelled;
    record.status = FileState::kCancelled;
    task.keep_previous = true;
    return;
  }
  if (failure.file_changed) {
    task.outcome.outcome = Outcome::kWaiting;
    task.outcome.decision.reason = failure.message;
    record.status = FileState::kWaiting;
    return;
  }
  task.outcome.outcome = Outcome::kFailed;
  record.status = FileState::kFailed;
  const bool failed_before = task.previous && task.previous->status == FileState::kFailed &&
                             decide::is_same_version(task.outcome.decision.file, *task.previous);
  record.failure_count = failed_before ? task.previous->failure_count + 1 : 1;
  const std::chrono::microseconds delay = delay_between_runs(record.failure_count);
  record.retry_at_us = failure.try_later ? record.processed_at_us + delay.count() : 0;
}

void hand_over(FileTask task, std::shared_ptr<const void> claim, const RunContext& context) {
  Recorder::Entry entry;
  if (!task.keep_previous) entry.files.push_back(std::move(task.record));
  entry.claim = std::move(claim);
  hand_over(std::move(task), std::move(entry), context);
}

void hand_over(FileTask task, Recorder::Entry entry, const RunContext& context) {
  entry.attempts = std::move(task.attempts);
  entry.done = [outcome = std::move(task.outcome),
                done = std::move(task.done)](const std::string& error) mutable {
    const bool is_changed = outcome.outcome == Outcome::kLoaded ||
                            outcome.outcome == Outcome::kAdopted ||
                            outcome.outcome == Outcome::kRemoved;
    if (!error.empty() && is_changed) {
      outcome.error = fmt::format("it is {}, but {}",
                                  outcome.outcome == Outcome::kLoaded ? "loaded" : "done", error);
      outcome.outcome = Outcome::kFailed;
      outcome.error_class = ErrorClass::kServer;
    }
    done(std::move(outcome));
  };
  context.recorder.add(std::move(entry));
}

}  // namespace qvdhouse::sync
