#include "sync/file_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "sync/claim.h"
#include "sync/monitor.h"
#include "sync/staging.h"

namespace qvdhouse::sync {
namespace {

using tracking::Attempt;
using tracking::FileRecord;

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
    steps.push_back({step.name, std::chrono::duration<double>(step.duration).count()});
  }
  return steps;
}

// For deciding once more: the other run made the table after this one looked, and a load that is as
// fresh as that is new enough for a full run too.
Facts facts_of_now(const Facts& facts) {
  return {.tracked = {},
          .tables = std::nullopt,
          .now_us = now_us(),
          .settle = facts.settle,
          .full = false,
          .policy = facts.policy,
          .settings_hash = facts.settings_hash,
          .missing = facts.missing,
          .is_another_file = facts.is_another_file};
}

}  // namespace

// A file on its way.
struct FileLoader::Task {
  FileOutcome outcome;
  std::optional<FileRecord> previous;  // as the table has it while the claim is held
  FileRecord record;
  bool keep_previous = false;  // the table's row stays as it is
  std::vector<Attempt> attempts;
  std::optional<Claim> claim;
};

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
  record.settings_hash = context.facts.settings_hash;
  record.processed_at_us = now_us();
  // A clock that went back must not make an older row the newest.
  record.version = static_cast<std::uint64_t>(record.processed_at_us);
  if (previous != nullptr) record.version = std::max(record.version, previous->version + 1);
  return record;
}

FileLoader::FileLoader(const RunContext& context, const load::Options& load_options)
    : context_(context),
      load_options_(load_options),
      connection_(context.endpoint, context.stop),
      tracking_(context.endpoint, context.options.database) {}

void FileLoader::load(const Decision& decision, const FileRecord* record, const Done& done) {
  Task task;
  task.outcome.decision = decision;
  try {
    // Have the table to ourselves.
    std::optional<Claim> free_claim =
        Claim::try_acquire(context_.options.lock_dir, context_.options.database, decision.table);
    const bool waited = !free_claim;
    task.claim = waited ? Claim::acquire(context_.options.lock_dir, context_.options.database,
                                         decision.table, context_.stop)
                        : std::move(free_claim);

    // Another run may have loaded it since this one looked.
    task.previous = tracking_.find(decision.file.path);
    const bool same = task.previous ? record != nullptr && record->version == task.previous->version
                                    : record == nullptr;
    if (!same && task.previous) {
      Decision again =
          decide_file(decision.file, decision.table, &*task.previous, facts_of_now(context_.facts));
      if (again.action != Action::kLoad) {
        task.outcome.decision = std::move(again);
        task.outcome.decision.reason =
            "another run took it up meanwhile; " + task.outcome.decision.reason;
        task.outcome.outcome = Outcome::kSkipped;
        done(std::move(task.outcome));
        return;
      }
    }
    drop_staging(decision.table, waited);
    run_attempts(task);
  } catch (const std::exception& error) {
    task.record = new_record(decision, task.previous ? &*task.previous : record, context_);
    settle_failure(task, describe_failure(error));
  }
  hand_over(std::move(task), done);
}

void FileLoader::drop_staging(const std::string& table, bool look_again) {
  const std::set<std::string> current = look_again ? tracking_.tables() : context_.staging_tables;
  for (const std::string& name : current) {
    if (staging_target(name) != table) continue;
    if (drop_stale_staging(connection_, context_.options.database, name)) {
      context_.log.info("dropped {}, which an earlier run left behind", name);
    }
  }
}

void FileLoader::run_attempts(Task& task) {
  for (unsigned attempt = 1; run_attempt(task) && attempt < context_.options.max_attempts;
       ++attempt) {
    if (base::pause_for(delay_within_run(attempt, context_.options.first_delay), context_.stop)) {
      continue;
    }
    settle_failure(task, describe_failure(base::Cancelled("stopped before it was tried again: " +
                                                          task.outcome.error)));
    return;
  }
}

// One attempt; true when another one is worth it.
bool FileLoader::run_attempt(Task& task) {
  const Decision& decision = task.outcome.decision;
  RunningFile running(context_.monitor, decision.file.name, decision.file.size);
  task.record = new_record(decision, task.previous ? &*task.previous : nullptr, context_);
  Attempt attempt{.attempt_id = fmt::format("{}-{}-{}", context_.run_id, decision.table,
                                            ++task.outcome.attempts),
                  .attempt = task.outcome.attempts,
                  .reason = decision.reason_code,
                  .started_at_us = now_us()};
  task.outcome.result = {};
  std::optional<Failure> failure;
  try {
    const auto source = context_.storage.open(decision.file);
    load::load_file(*source, decision.file.name, context_.endpoint, load_options_,
                    running.progress(), task.outcome.result, context_.stop);
  } catch (const std::exception& error) {
    failure = describe_failure(error);
  }

  attempt.finished_at_us = now_us();
  FileRecord& record = task.record;
  record.processed_at_us = attempt.finished_at_us;
  record.processing_duration_seconds =
      static_cast<double>(attempt.finished_at_us - attempt.started_at_us) / 1e6;
  record.qvd_created_at = task.outcome.result.qvd_created_at;
  record.schema = schema_json(task.outcome.result);
  record.warnings = task.outcome.result.warnings;
  if (failure) {
    settle_failure(task, *failure);
  } else {
    task.outcome.outcome = Outcome::kLoaded;
    task.outcome.error.clear();
    task.outcome.error_class.clear();
    task.keep_previous = false;
    record.status = "completed";
    record.row_count = task.outcome.result.row_count;
  }
  attempt.file = record;
  attempt.bytes_sent = task.outcome.result.bytes_sent;
  attempt.steps = step_times(context_, task.outcome.result);
  task.attempts.push_back(std::move(attempt));
  return failure && failure->may_pass;
}

// What the failure makes of the outcome and of the file's row.
void FileLoader::settle_failure(Task& task, const Failure& failure) {
  FileRecord& record = task.record;
  task.outcome.error = failure.message;
  task.outcome.error_class = failure.error_class;
  record.error_message = failure.message;
  record.error_class = failure.error_class;
  if (failure.error_class == "cancelled") {
    task.outcome.outcome = Outcome::kCancelled;
    record.status = "cancelled";
    task.keep_previous = true;
    return;
  }
  if (failure.file_changed) {
    task.outcome.outcome = Outcome::kWaiting;
    task.outcome.decision.reason = failure.message;
    record.status = "waiting";
    return;
  }
  task.outcome.outcome = Outcome::kFailed;
  record.status = "failed";
  const bool failed_before = task.previous && task.previous->status == "failed" &&
                             is_same_version(task.outcome.decision.file, *task.previous);
  record.failure_count = failed_before ? task.previous->failure_count + 1 : 1;
  const std::chrono::microseconds delay = delay_between_runs(record.failure_count);
  record.retry_at_us = failure.try_later ? record.processed_at_us + delay.count() : 0;
}

void FileLoader::hand_over(Task task, const Done& done) {
  Recorder::Entry entry;
  if (!task.keep_previous) entry.file = std::move(task.record);
  entry.attempts = std::move(task.attempts);
  entry.claim = std::move(task.claim);
  entry.done = [outcome = std::move(task.outcome), done](const std::string& error) mutable {
    if (!error.empty() && outcome.outcome == Outcome::kLoaded) {
      outcome.outcome = Outcome::kFailed;
      outcome.error_class = "server";
      outcome.error =
          "it is loaded, but that could not be recorded, so that the next run will load "
          "it again: " +
          error;
    }
    done(std::move(outcome));
  };
  context_.recorder.add(std::move(entry));
}

}  // namespace qvdhouse::sync
