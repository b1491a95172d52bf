#include "tracking/runs.h"

#include <fmt/format.h>

#include <utility>

#include "clickhouse/quote.h"
#include "tracking/row_binary.h"
#include "tracking/runs_tables.h"
#include "tracking/table_access.h"

namespace qvdhouse::tracking {

using clickhouse::qualified;
using clickhouse::quote_literal;

std::vector<Column> run_columns(const clickhouse::Dialect& dialect) {
  const std::string_view time = time_type(dialect);
  return {{"run_id", "String"},        {"workflow", kWord},         {"trigger", kWord},
          {"status", kWord},           {"scheduled_at", time},      {"started_at", time},
          {"finished_at", time},       {"attempt", "UInt32"},       {"files_loaded", "UInt64"},
          {"files_skipped", "UInt64"}, {"files_waiting", "UInt64"}, {"files_failed", "UInt64"},
          {"rows", "UInt64"},          {"bytes", "UInt64"},         {"error", "String"},
          {"error_class", kWord},      {"host", "String"},          {"version", "UInt64"}};
}

std::vector<Column> workflow_columns(const clickhouse::Dialect& dialect) {
  const std::string_view time = time_type(dialect);
  return {{"name", "String"},   {"is_paused", "UInt8"}, {"anchor", time},
          {"last_due", time},   {"schedule", "String"}, {"changed_by", "String"},
          {"version", "UInt64"}};
}

std::string create_run_table(std::string_view database, unsigned history_days,
                             const clickhouse::Dialect& dialect) {
  const std::string ttl = dialect.has_ttl ? history_ttl(history_days) : "";
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = ReplacingMergeTree(version) "
      "ORDER BY (started_at, run_id){}{}",
      qualified(database, kRunTable), definitions(run_columns(dialect)),
      ttl.empty() ? "" : " TTL " + ttl,
      comment("Every run of a workflow, one row per run under FINAL", dialect));
}

std::string create_workflow_table(std::string_view database, const clickhouse::Dialect& dialect) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = ReplacingMergeTree(version) ORDER BY name{}",
      qualified(database, kWorkflowTable), definitions(workflow_columns(dialect)),
      comment("State of every workflow, one row per workflow under FINAL", dialect));
}

Runs::Runs(clickhouse::Endpoint endpoint, std::string database, unsigned history_days)
    : connection_(anywhere(std::move(endpoint))),
      database_(std::move(database)),
      history_days_(history_days) {}

void Runs::ensure_tables() {
  ensure_database(connection_, database_);
  connection_.query(create_run_table(database_, history_days_, dialect()));
  connection_.query(create_workflow_table(database_, dialect()));
  match_columns(connection_, database_, kRunTable, run_columns(dialect()));
  match_columns(connection_, database_, kWorkflowTable, workflow_columns(dialect()));
  expire_rows(connection_, database_, kRunTable, history_days_);
}

void Runs::record(const RunRecord& run) {
  RowWriter writer;
  code_run(writer, run);
  insert_rows(connection_, database_, kRunTable, run_columns(dialect()), writer.bytes());
}

void Runs::record(const WorkflowRecord& workflow) {
  RowWriter writer;
  code_workflow(writer, workflow);
  insert_rows(connection_, database_, kWorkflowTable, workflow_columns(dialect()), writer.bytes());
}

std::vector<WorkflowRecord> Runs::workflows() {
  const std::string answer =
      select_rows(connection_, database_, column_list(workflow_columns(dialect())), kWorkflowTable,
                  "FINAL ORDER BY name");
  std::vector<WorkflowRecord> workflows;
  for (RowReader reader(answer); !reader.done();) code_workflow(reader, workflows.emplace_back());
  return workflows;
}

std::vector<RunRecord> Runs::find(const Query& query) {
  const std::string columns = column_list(run_columns(dialect()));
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
  std::string answer;
  try {
    answer = connection_.query(
        fmt::format("SELECT {} FROM {} {} ORDER BY started_at DESC, run_id DESC LIMIT {} "
                    "FORMAT RowBinary",
                    columns, newest, status, query.limit));
  } catch (const base::ServerError& error) {
    if (!is_absent(error)) throw;
  }
  std::vector<RunRecord> runs;
  for (RowReader reader(answer); !reader.done();) code_run(reader, runs.emplace_back());
  return runs;
}

}  // namespace qvdhouse::tracking
