#include "sync/adopt.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "claim/locks.h"
#include "clickhouse/ddl.h"
#include "clickhouse/names.h"
#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "load/commit.h"
#include "load/quarantine.h"
#include "sync/content.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;

// The record of the load, under the file's identity of today.
FileRecord adopted(const Decision& decision, const FileRecord& previous,
                   const RunContext& context) {
  FileRecord record = previous;
  record.file_path = decision.file.path;
  record.file_name = decision.file.name;
  record.file_mtime_us = decision.file.mtime_us;
  record.file_etag = decision.file.etag;
  record.source_type = decision.file.source_type;
  record.table_name = decision.table;
  record.stored_as = decision.stored_as == decision.file.path ? "" : decision.stored_as;
  record.content_hash = decision.content_hash;
  record.taken.clear();
  if (decision.placement.mode == schema::LoadMode::kAppend) {
    record.rows_version = version_of_rows(previous);
  }
  record.version = version_after(&previous, context);
  return record;
}

// A failure here is tried again by the next run, which decides again: nothing is written down.
void fail(FileTask task, const std::exception& error) {
  Failure failure = describe_failure(error);
  const bool cancelled = failure.error_class == tracking::ErrorClass::kCancelled;
  task.outcome.outcome = cancelled ? Outcome::kCancelled : Outcome::kFailed;
  task.outcome.error = std::move(failure.message);
  task.outcome.error_class = failure.error_class;
  const auto done = std::move(task.done);
  done(std::move(task.outcome));
}

void check_unchanged(const FileRecord& expected, const FileRecord* found) {
  if (found != nullptr && found->version == expected.version) return;
  throw base::IoError(fmt::format(
      "another run has taken up {} meanwhile; the next run looks at it again", expected.file_path));
}

// The table of the old name is held while it changes its name; it is not waited for, since the new
// one is held, too.
void rename_table(const RunContext& context, clickhouse::Connection& connection,
                  const FileRecord& previous, const std::string& table) {
  const Options& options = context.options;
  clickhouse::check_table_name(&connection, context.endpoint.dialect, options.database, table);
  const auto old = claim::try_lock_table(options.lock_dir, options.database, previous.table_name);
  if (!old) {
    throw base::IoError(fmt::format(
        "table {} is being loaded by another run; the next run renames it", previous.table_name));
  }
  const auto now = tracking::Tracking(context.endpoint, options.database).find(previous.file_path);
  check_unchanged(previous, now ? &*now : nullptr);
  // A run that was killed between renaming and recording has done this part.
  load::rename_quarantine(connection, previous.table_name, table);
  if (!load::is_our_table(connection, previous.table_name)) return;
  connection.query(fmt::format("RENAME TABLE {} TO {}{}",
                               clickhouse::qualified(options.database, previous.table_name),
                               clickhouse::qualified(options.database, table),
                               context.endpoint.dialect.replication.on_cluster()));
}

void drop_table(const RunContext& context, clickhouse::Connection& connection,
                const std::string& table) {
  if (load::is_our_table(connection, table)) {
    connection.query(
        clickhouse::drop_table_sql(context.endpoint.dialect, context.options.database, table));
  }
  load::drop_quarantine(connection, table);
}

}  // namespace

void adopt_touched(FileTask task, const FileRecord& previous, const RunContext& context) {
  task.record = adopted(task.outcome.decision, previous, context);
  task.outcome.outcome = Outcome::kAdopted;
  hand_over(std::move(task), nullptr, context);
}

void settle_vanished(FileTask task, const FileRecord& previous, const RunContext& context) {
  task.record = previous;
  task.record.status = tracking::FileState::kVanished;
  task.record.error_message.clear();
  task.record.error_class = tracking::ErrorClass::kNone;
  task.record.failure_count = 0;
  task.record.retry_at_us = 0;
  task.record.run_id = context.run_id;
  task.record.version = version_after(&previous, context);
  task.outcome.outcome = Outcome::kSkipped;
  hand_over(std::move(task), nullptr, context);
}

void adopt_moved(FileTask task, const FileRecord& previous, const RunContext& context,
                 clickhouse::Connection& connection, std::shared_ptr<TableSession> session) {
  const Decision& decision = task.outcome.decision;
  Recorder::Entry entry;
  try {
    session->open();
    check_unchanged(previous, session->tracked(decision.moved_from));
    check_lease(context);
    if (previous.table_name != decision.table) {
      rename_table(context, connection, previous, decision.table);
    }
  } catch (const std::exception& error) {
    fail(std::move(task), error);
    return;
  }
  // Both in one insert: at no moment do the same rows belong to two files, or to none.
  FileRecord gone = previous;
  gone.status = tracking::FileState::kMoved;
  gone.version = version_after(&previous, context);
  entry.files = {adopted(decision, previous, context), std::move(gone)};
  entry.forget = {previous.file_path};
  entry.claim = std::move(session);
  task.outcome.outcome = Outcome::kAdopted;
  hand_over(std::move(task), std::move(entry), context);
}

void remove_vanished(FileTask task, const FileRecord& previous, const RunContext& context,
                     clickhouse::Connection& connection, std::shared_ptr<TableSession> session) {
  const Decision& decision = task.outcome.decision;
  try {
    session->open();
    // Nothing is known of it when another run has removed it already, or was about to.
    const FileRecord* found = session->tracked(decision.file.path);
    if (found != nullptr) check_unchanged(previous, found);
    check_lease(context);
    if (!decision.placement.is_set()) {
      drop_table(context, connection, decision.table);
    } else if (session->commits_together()) {
      session->add_removal(std::move(task));
      return;
    } else {
      session->delete_rows(decision);
      load::remove_quarantined(connection, schema::quarantine_table(decision.table),
                               decide::file_key(decision));
    }
  } catch (const std::exception& error) {
    fail(std::move(task), error);
    return;
  }
  hand_over_removal(std::move(task), std::move(session), context);
}

void hand_over_removal(FileTask task, std::shared_ptr<const void> claim,
                       const RunContext& context) {
  Recorder::Entry entry;
  entry.forget = {task.outcome.decision.file.path};
  entry.claim = std::move(claim);
  task.outcome.outcome = Outcome::kRemoved;
  hand_over(std::move(task), std::move(entry), context);
}

}  // namespace qvdhouse::sync
