#include "tracking/runs.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>

#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {

using clickhouse::qualified;
using clickhouse::quote_literal;

using enum Kind;

namespace {

constexpr std::array kRunColumns = {
    column<&RunRecord::run_id>("run_id"),
    column<&RunRecord::workflow, kWord>("workflow"),
    column<&RunRecord::trigger, kWord>("trigger"),
    column<&RunRecord::asked_for>("asked_for"),
    column<&RunRecord::status, kWord>("status"),
    column<&RunRecord::scheduled_at_us, kTime>("scheduled_at"),
    column<&RunRecord::started_at_us, kTime>("started_at"),
    column<&RunRecord::finished_at_us, kTime>("finished_at"),
    column<&RunRecord::attempt>("attempt"),
    column<&RunRecord::files_loaded>("files_loaded"),
    column<&RunRecord::files_skipped>("files_skipped"),
    column<&RunRecord::files_waiting>("files_waiting"),
    column<&RunRecord::files_failed>("files_failed"),
    column<&RunRecord::rows>("rows"),
    column<&RunRecord::rows_quarantined>("rows_quarantined"),
    column<&RunRecord::rows_dropped>("rows_dropped"),
    column<&RunRecord::rows_filtered>("rows_filtered"),
    column<&RunRecord::bytes>("bytes"),
    column<&RunRecord::schema_changes>("schema_changes"),
    column<&RunRecord::anomalies>("anomalies"),
    column<&RunRecord::replicas_behind>("replicas_behind"),
    column<&RunRecord::error>("error"),
    column<&RunRecord::error_class, kWord>("error_class"),
    column<&RunRecord::host>("host"),
    column<&RunRecord::version>("version"),
};

constexpr std::array kWorkflowColumns = {
    column<&WorkflowRecord::name>("name"),
    column<&WorkflowRecord::is_paused>("is_paused"),
    column<&WorkflowRecord::anchor_us, kTime>("anchor"),
    column<&WorkflowRecord::last_due_us, kTime>("last_due"),
    column<&WorkflowRecord::schedule>("schedule"),
    column<&WorkflowRecord::changed_by>("changed_by"),
    column<&WorkflowRecord::version>("version"),
};

// is_quiet(), and the rows of such runs while they went on: without them the newest row that is
// left would say that the run still goes on.
constexpr std::string_view kQuiet =
    "(status = 'completed' OR status = 'running') AND error = '' AND files_loaded = 0 AND "
    "files_waiting = 0 AND files_failed = 0 AND trigger != 'command' AND trigger != 'manual' AND "
    "trigger != 'backfill'";

// The row that says whether a workflow is paused: its name and this, and this as its schedule,
// which no schedule is.
constexpr std::string_view kPause = " (pause)";

// Takes the rows of pauses out, and what they say into the rows of their workflows.
std::vector<WorkflowRecord> with_pauses(std::vector<WorkflowRecord> rows) {
  std::map<std::string, WorkflowRecord> pauses;
  std::erase_if(rows, [&](WorkflowRecord& row) {
    if (row.schedule != kPause || !row.name.ends_with(kPause)) return false;
    row.name.resize(row.name.size() - kPause.size());
    pauses.emplace(row.name, row);
    return true;
  });
  for (WorkflowRecord& row : rows) {
    const auto pause = pauses.find(row.name);
    if (pause == pauses.end()) continue;
    row.is_paused = pause->second.is_paused;
    row.changed_by = pause->second.changed_by;
    row.pause_version = pause->second.version;
  }
  return rows;
}

}  // namespace

bool is_quiet(const RunRecord& run) {
  return run.status == RunState::kCompleted && run.error.empty() && run.files_loaded == 0 &&
         run.files_waiting == 0 && run.files_failed == 0 && run.trigger != RunTrigger::kCommand &&
         run.trigger != RunTrigger::kManual && run.trigger != RunTrigger::kBackfill;
}

Runs::Runs(clickhouse::Endpoint endpoint, std::string database, unsigned history_days,
           unsigned quiet_days)
    : connection_(anywhere(std::move(endpoint))),
      database_(std::move(database)),
      history_days_(history_days),
      quiet_days_(quiet_days) {}

void Runs::ensure_tables() {
  ensure_database(connection_, database_);
  ensure_table(connection_, database_,
               {.name = kRunTable,
                .columns = definitions(kRunColumns, dialect()),
                .engine = "ReplacingMergeTree(version) ORDER BY (started_at, run_id)",
                .comment = "Every run of a workflow, one row per run under FINAL",
                .days = history_days_,
                .early_days = quiet_days_,
                .early = kQuiet});
  ensure_table(connection_, database_,
               {.name = kWorkflowTable,
                .columns = definitions(kWorkflowColumns, dialect()),
                .engine = "ReplacingMergeTree(version) ORDER BY name",
                .comment = "State of every workflow, one row per workflow under FINAL",
                .days = std::nullopt});
}

void Runs::catch_up() {
  clickhouse::catch_up(connection_, database_, kWorkflowTable);
  clickhouse::catch_up(connection_, database_, kRunTable);
}

void Runs::record(const RunRecord& run) {
  RowWriter writer;
  write_row(writer, kRunColumns, run);
  insert_rows(connection_, database_, kRunTable, definitions(kRunColumns, dialect()),
              writer.bytes());
}

void Runs::record(const WorkflowRecord& workflow) { record_workflows({&workflow, 1}); }

void Runs::record_pause(const WorkflowRecord& workflow) {
  WorkflowRecord pause = workflow;
  pause.name += kPause;
  pause.schedule = kPause;
  record_workflows(std::array{workflow, pause});
}

void Runs::record_workflows(std::span<const WorkflowRecord> workflows) {
  RowWriter writer;
  for (const WorkflowRecord& workflow : workflows) write_row(writer, kWorkflowColumns, workflow);
  insert_rows(connection_, database_, kWorkflowTable, definitions(kWorkflowColumns, dialect()),
              writer.bytes());
}

std::vector<WorkflowRecord> Runs::workflows() {
  return with_pauses(read_rows<WorkflowRecord>(
      select_rows(connection_, database_, column_list(definitions(kWorkflowColumns, dialect())),
                  kWorkflowTable, "FINAL ORDER BY name"),
      kWorkflowColumns));
}

std::vector<RunRecord> Runs::find(const Query& query) {
  const std::string columns = column_list(definitions(kRunColumns, dialect()));
  // What never changes of a run is asked first; of its rows the newest counts, and only then its
  // status. In the order of the key, so that the server reads no more than it has to.
  std::string rows = "1";
  if (!query.workflow.empty()) rows += " AND workflow = " + quote_literal(query.workflow);
  if (!query.run_id.empty()) rows += " AND run_id = " + quote_literal(query.run_id);
  if (query.before_us != 0) {
    rows +=
        dialect().has_datetime64
            ? fmt::format(" AND started_at < fromUnixTimestamp64Micro({}, 'UTC')", query.before_us)
            : fmt::format(" AND started_at < {}", query.before_us);
  }
  const std::string newest = fmt::format(
      "(SELECT {} FROM {} WHERE {} ORDER BY started_at DESC, run_id DESC, version DESC "
      "LIMIT 1 BY started_at, run_id)",
      columns, qualified(database_, kRunTable), rows);
  const std::string status =
      query.status ? "WHERE status = " + quote_literal(base::to_string(*query.status)) : "";
  return read_rows<RunRecord>(
      ask(connection_,
          fmt::format("SELECT {} FROM {} {} ORDER BY started_at DESC, run_id DESC LIMIT {}",
                      columns, newest, status, query.limit)),
      kRunColumns);
}

}  // namespace qvdhouse::tracking
