// The two tables of runs.h column by column, as tables.h has those of tracking.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/dialect.h"
#include "tracking/runs.h"
#include "tracking/tables.h"

namespace qvdhouse::tracking {

inline constexpr std::string_view kRunTable = "QvdRunHistory";
inline constexpr std::string_view kWorkflowTable = "QvdWorkflowState";

// In the order of code_run() and code_workflow().
std::vector<Column> run_columns(const clickhouse::Dialect& dialect);
std::vector<Column> workflow_columns(const clickhouse::Dialect& dialect);

// CREATE TABLE IF NOT EXISTS of both.
std::string create_run_table(std::string_view database, unsigned history_days,
                             const clickhouse::Dialect& dialect);
std::string create_workflow_table(std::string_view database, const clickhouse::Dialect& dialect);

// Record is RunRecord or const RunRecord (and so on), Codec a RowReader or RowWriter.
template <class Codec, class Record>
void code_run(Codec& codec, Record& run) {
  codec(run.run_id);
  codec(run.workflow);
  codec(run.trigger);
  codec(run.status);
  codec(run.scheduled_at_us);
  codec(run.started_at_us);
  codec(run.finished_at_us);
  codec(run.attempt);
  codec(run.files_loaded);
  codec(run.files_skipped);
  codec(run.files_waiting);
  codec(run.files_failed);
  codec(run.rows);
  codec(run.bytes);
  codec(run.error);
  codec(run.error_class);
  codec(run.host);
  codec(run.version);
}

template <class Codec, class Record>
void code_workflow(Codec& codec, Record& workflow) {
  codec(workflow.name);
  codec(workflow.is_paused);
  codec(workflow.anchor_us);
  codec(workflow.last_due_us);
  codec(workflow.schedule);
  codec(workflow.changed_by);
  codec(workflow.version);
}

}  // namespace qvdhouse::tracking
