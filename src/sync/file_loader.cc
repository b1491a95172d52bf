#include "sync/file_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "decide/decide.h"
#include "load/commit.h"
#include "load/layout.h"
#include "load/quarantine.h"
#include "qvd/header.h"
#include "schema/upsert.h"
#include "sync/adopt.h"
#include "sync/content.h"
#include "sync/failure.h"
#include "sync/outcome.h"
#include "sync/spooled_file.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;
using Clock = std::chrono::steady_clock;

// What its rows are called, which of them break a rule, or what is in fields that the table lacks
// takes all of the file to know.
bool is_read_again(const load::Target& target) {
  return target.mode == schema::LoadMode::kAppend ||
         target.rules.duplicate_keys == schema::DuplicateKeys::kLast ||
         target.rules.drift == schema::DriftPolicy::kRescue ||
         std::ranges::any_of(target.rules.column_rules, &schema::ColumnRule::unique);
}

}  // namespace

FileLoader::FileLoader(const RunContext& context, const load::Options& load_options)
    : context_(context), load_options_(load_options), connection_(context.endpoint, context.stop) {}

bool FileLoader::work_on(const Decision& decision, const FileRecord* record,
                         const std::shared_ptr<TableSession>& session, const Done& done) {
  bool is_done = true;
  FileTask task{.outcome = {.decision = decision}, .done = done};
  if (decision.action == Action::kAdopt) {
    adopt_moved(std::move(task), *record, context_, connection_, session);
  } else if (decision.action == Action::kRemove) {
    remove_vanished(std::move(task), *record, context_, connection_, session);
  } else {
    is_done = load(std::move(task), record, session);
  }
  if (session->leave()) commit_pending(session);
  return is_done;
}

void FileLoader::tell_put_off(const FileTask& task, std::string_view why) const {
  const Decision& decision = task.outcome.decision;
  context_.log.info("{} waits until no other run loads files of table {}: {}", decision.file.path,
                    decision.table, why);
}

// Another run may have loaded the file since this one looked.
bool FileLoader::is_taken_up(FileTask& task, const FileRecord* record) const {
  const bool same = task.previous ? record != nullptr && record->version == task.previous->version
                                  : record == nullptr;
  if (same || !task.previous) return false;
  const Decision& decision = task.outcome.decision;
  Decision again = decide::decide_file(decision.file, decision.placement, &*task.previous,
                                       context_.facts.without_tracked(context_.options.clock()));
  if (again.action == Action::kLoad) return false;
  again.reason = "another run took it up meanwhile; " + again.reason;
  task.outcome.decision = std::move(again);
  task.outcome.outcome = Outcome::kSkipped;
  return true;
}

// False when the file is put off.
bool FileLoader::load(FileTask task, const FileRecord* record,
                      const std::shared_ptr<TableSession>& session) {
  StagedTask staged;
  try {
    session->open();
    const FileRecord* now = session->tracked(task.outcome.decision.file.path);
    if (now != nullptr) task.previous = *now;
    if (is_taken_up(task, record)) {
      task.done(std::move(task.outcome));
      return true;
    }
    if (const std::string why = session->why_put_off(task.outcome.decision); !why.empty()) {
      tell_put_off(task, why);
      return false;
    }
    if (run_attempts(task, *session, staged) == End::kStaged) {
      staged.task = std::move(task);
      if (session->add(staged)) return true;
      tell_put_off(staged.task, "the table has to be rebuilt to take its rows");
      return false;
    }
  } catch (const std::exception& error) {
    task.record =
        new_record(task.outcome.decision, task.previous ? &*task.previous : record, context_);
    settle_failure(task, describe_failure(error));
  }
  hand_over(std::move(task), session, context_);
  return true;
}

FileLoader::End FileLoader::run_attempts(FileTask& task, TableSession& session,
                                         StagedTask& staged) {
  if (context_.options.on_file_begin) context_.options.on_file_begin(task.outcome.decision);
  for (unsigned attempt = 1;; ++attempt) {
    const End end = run_attempt(task, session, staged);
    if (end != End::kTryAgain || attempt >= context_.options.max_attempts) return end;
    if (base::pause_for(delay_within_run(attempt, context_.options.first_delay), context_.stop)) {
      continue;
    }
    settle_failure(task, describe_failure(base::Cancelled("stopped before it was tried again: " +
                                                          task.outcome.error)));
    return End::kSettled;
  }
}

FileLoader::End FileLoader::run_attempt(FileTask& task, TableSession& session, StagedTask& staged) {
  const Decision& decision = task.outcome.decision;
  const PlannedFile* planned = session.planned(decision);
  // What is said of the table's columns holds whatever becomes of the file.
  const auto tell = [&] {
    load::Result& said = task.outcome.result;
    if (!context_.options.on_file_begin) said.lineage = {};  // nobody asks, and it may be long
    const std::string& of_place = decision.placement.warning;
    if (!decision.anomaly.empty()) said.add_alert(decision.anomaly);
    if (planned == nullptr && !of_place.empty()) said.add_alert(of_place);
    if (planned == nullptr) return;
    for (const std::string& note : planned->notes) said.warnings.push_back(note);
    for (const std::string& alert : planned->alerts) said.add_alert(alert);
    if (!session.is_remade()) said.add_changes(planned->column_changes);
  };
  RunningFile running(context_.monitor, decision.file.name, decision.file.size);
  begin_attempt(task, context_);
  load::Result& result = task.outcome.result;
  std::optional<Failure> failure;
  // The time limit of all before the commit, which is not cut off.
  const TimeLimit limit(context_.options.file_timeout, context_.stop);
  try {
    auto [options, target] = session.load_of(decision, task.outcome.attempts, load_options_);
    const clickhouse::Endpoint server = session.server_of(decision, task.outcome.attempts);
    const auto opened = context_.storage.open(decision.file);
    std::optional<SpooledFile> spooled;
    if (is_read_again(target) && opened->is_remote()) {
      spooled.emplace(*opened, context_.options.lock_dir, limit.token());
    }
    HashedSource source(spooled ? static_cast<const base::ByteSource&>(*spooled) : *opened);
    task.record.fingerprint = fingerprint_of(source);
    // It is in the rows, and so has to be known before the first of them is sent.
    if (target.mode == schema::LoadMode::kAppend) {
      name_version(task, source, server, limit.token(), target);
    } else if (target.mode == schema::LoadMode::kUpsert) {
      target.version = schema::file_time(qvd::read_header(source), decision.file.mtime_us);
    }
    auto file = load::stage_file(source, decision.file.name, server, options, target,
                                 running.progress(), result, limit.token());
    task.record.content_hash = source.hash(limit.token());
    if (target.mode != schema::LoadMode::kAppend) task.record.rows_version = target.version;
    check_lease(context_);
    if (session.commits_together() ||
        !load::commit_file(*file, server, target, running.progress(), result, context_.stop)) {
      tell();
      staged.target = std::move(target);
      staged.staged = std::move(file);
      return End::kStaged;
    }
  } catch (const std::exception& error) {
    failure = describe_failure(error);
    if (limit.is_over() && failure->error_class == tracking::ErrorClass::kCancelled) {
      failure = describe_failure(base::TimedOut(context_.options.file_timeout));
    }
    // Its columns could not be looked at when the table was made ready: the next run's may fit.
    if (planned != nullptr && planned->error && !planned->is_refused) failure->try_later = true;
  }
  tell();
  end_attempt(task, context_, failure);
  return failure && failure->may_pass ? End::kTryAgain : End::kSettled;
}

// Names the file's rows after its content.
void FileLoader::name_version(FileTask& task, HashedSource& source,
                              const clickhouse::Endpoint& server, const std::stop_token& stop,
                              load::Target& target) {
  FileRecord& record = task.record;
  clickhouse::Connection connection(server, stop);
  record.content_hash = source.hash(stop);
  const auto holds = [&](std::uint64_t version) {
    const load::StagedRows rows{
        .staging = {}, .file_key = target.file_key, .version = version, .keeps_versions = true};
    return !target.is_remade &&
           !load::partition_ids(connection, target.table, load::rows_of(rows)).empty();
  };
  record.rows_version = choose_version({record.fingerprint, record.content_hash},
                                       task.previous ? &*task.previous : nullptr, holds);
  target.version = record.rows_version;
}

// In one step for all of them, since each costs as much as the whole table.
void FileLoader::commit_pending(const std::shared_ptr<TableSession>& session) {
  TableSession::Pending pending = session->take_pending();
  if (pending.empty()) return;
  const auto start = Clock::now();
  std::optional<Failure> failure;
  for (const StagedTask& staged : pending.staged) {
    if (auto* quarantine = staged.staged->quarantine()) quarantine->commit_begins();
  }
  for (unsigned attempt = 1;; ++attempt) {
    failure.reset();
    try {
      session->commit(pending);
    } catch (const std::exception& error) {
      failure = describe_failure(error);
    }
    if (!failure || !failure->may_pass || attempt >= context_.options.max_attempts) break;
    base::pause_for(delay_within_run(attempt, context_.options.first_delay), context_.stop);
  }
  const load::Step step{
      "swap", std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start)};
  for (StagedTask& staged : pending.staged) {
    settle_staged(std::move(staged), failure, step, session);
  }
  for (FileTask& task : pending.removals) {
    std::optional<Failure> end = failure;
    if (!end) end = remove_quarantined_of(task.outcome.decision);
    if (end) {
      task.keep_previous = true;
      settle_failure(task, *end);
      hand_over(std::move(task), session, context_);
    } else {
      hand_over_removal(std::move(task), session, context_);
    }
  }
}

// Why they could not be removed; nothing: they are.
std::optional<Failure> FileLoader::remove_quarantined_of(const Decision& decision) {
  try {
    load::remove_quarantined(connection_, schema::quarantine_table(decision.table),
                             decide::file_key(decision));
    return std::nullopt;
  } catch (const std::exception& error) {
    return describe_failure(error);
  }
}

void FileLoader::settle_staged(StagedTask staged, const std::optional<Failure>& failure,
                               const load::Step& step,
                               const std::shared_ptr<TableSession>& session) {
  FileTask& task = staged.task;
  std::optional<Failure> end = failure;
  task.outcome.result.steps.push_back(step);
  if (!end) {
    const PlannedFile* planned = session->planned(task.outcome.decision);
    if (planned != nullptr && session->is_remade()) {
      task.outcome.result.add_changes(planned->column_changes);
    }
    try {
      task.outcome.result.row_count = staged.staged->row_count();
      clickhouse::Connection connection(session->server_of(task.outcome.decision, 1),
                                        context_.stop);
      if (auto* quarantine = staged.staged->quarantine()) quarantine->settle(connection);
      load::run_post_sql(connection, staged.target, staged.target.table);
    } catch (const std::exception& error) {
      end = describe_failure(error);
    }
  }
  staged.staged.reset();  // drops the staging table
  end_attempt(task, context_, end);
  hand_over(std::move(task), session, context_);
}

void abandon_pending(TableSession& session, const RunContext& context) {
  TableSession::Pending pending = session.take_pending();
  const Failure stopped =
      describe_failure(base::Cancelled("stopped before the rows of its table were committed"));
  for (StagedTask& staged : pending.staged) {
    staged.staged.reset();
    end_attempt(staged.task, context, stopped);
    hand_over(std::move(staged.task), nullptr, context);
  }
  for (FileTask& task : pending.removals) {
    task.outcome.outcome = Outcome::kCancelled;
    task.outcome.error_class = stopped.error_class;
    task.outcome.error = stopped.message;
    task.done(std::move(task.outcome));
  }
}

}  // namespace qvdhouse::sync
