// What a sync would make of one table: the statements and what is to be known of them, found out
// without changing anything.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "qvd/header.h"
#include "schema/plan.h"
#include "source/storage.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

struct PlannedFile {
  const Decision* decision = nullptr;
  std::vector<std::string> warnings;
  std::uint64_t record_count = 0;
  std::string error;  // not empty: it cannot be loaded
  tracking::ErrorClass error_class = tracking::ErrorClass::kNone;
};

struct ColumnOrigin {
  qvd::FieldHeader field;
  std::string reason;           // why the file's own values need the type that it would have alone
  bool has_non_finite = false;  // of any file
};

struct PlannedTable {
  std::vector<PlannedFile> files;  // to load
  std::string ddl;                 // CREATE TABLE; empty for a set whose table is there
  std::vector<std::string> alters;
  std::vector<std::string> notes;  // a sentence each: what changes and why, rules of no effect

  // The table as it is to be; absent when no file can be loaded.
  std::optional<clickhouse::TableDefinition> definition;
  schema::TablePlan plan;  // the definition's columns, each with its reason
  // By column, in the first file that has it; none for columns of our own.
  std::map<std::string, ColumnOrigin> origins;
};

struct PlanFacts {
  const Options& options;
  source::Storage& storage;
  const std::vector<tracking::FileRecord>& tracked;
  clickhouse::Connection* connection;  // null: the target has no tables
  std::stop_token stop = {};           // ends the planning with Cancelled
};

// `decisions`: to load, all of one table. Throws ServerError, IoError of the target, Cancelled. A
// file that takes longer than options.file_timeout cannot be loaded.
PlannedTable plan_table_of(const std::vector<const Decision*>& decisions, const PlanFacts& facts);

}  // namespace qvdhouse::sync
