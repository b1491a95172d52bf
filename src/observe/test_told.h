// A run and a file of it, as values.
#pragma once

#include <string>

#include "observe/told_run.h"
#include "sync/outcome.h"

namespace qvdhouse::observe {

constexpr std::int64_t kStart = 1'783'851'300'000'000;  // 2026-07-12 10:15:00 UTC

inline ToldRun told_of_test() {
  ToldRun told;
  told.run.run_id = "20260712T101500_0000abcd";
  told.run.workflow = "lake";
  told.run.trigger = tracking::RunTrigger::kCommand;
  told.run.started_at_us = kStart;
  told.source = "s3://lake/qvd";
  told.database = "shop";
  told.target = "clickhouse://ch:8123";
  return told;
}

inline sync::FileOutcome loaded_file() {
  sync::FileOutcome file;
  file.decision.file.path = "s3://lake/qvd/sales.qvd";
  file.decision.file.name = "sales.qvd";
  file.decision.file.size = 1'000;
  file.decision.action = decide::Action::kLoad;
  file.decision.reason_code = decide::Reason::kChanged;
  file.decision.table = "QvdSales";
  file.outcome = sync::Outcome::kLoaded;
  file.result.row_count = 90;
  file.result.rows_quarantined = 7;
  file.result.rows_filtered = 3;
  file.result.bytes_sent = 500;
  file.result.columns = {{"id", "UInt32"}, {"day", "Date32"}};
  file.result.steps = {{"plan", std::chrono::microseconds(1'000)},
                       {"insert", std::chrono::microseconds(2'000)},
                       {"swap", std::chrono::microseconds(500)}};
  file.attempts = 1;
  file.begun_at_us = kStart + 10'000;
  file.attempt_at_us = kStart + 10'000;
  file.ended_at_us = kStart + 20'000;
  return file;
}

}  // namespace qvdhouse::observe
