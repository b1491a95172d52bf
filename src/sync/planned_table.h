// What a run makes of one table: the one computation by which sync makes and changes its tables,
// and which plan, models, the schema lock and the API show. It changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/ddl.h"
#include "qvd/header.h"
#include "schema/drift.h"
#include "schema/plan.h"
#include "sync/failure.h"
#include "sync/live_table.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

struct PlannedFile {
  const Decision* decision = nullptr;
  std::uint64_t record_count = 0;
  std::vector<std::string> warnings;  // of its header and of its columns
  std::vector<std::string> notes;     // columns that the table leaves out, and why
  std::vector<std::string> rules;     // what those of its table say of it (PlanFacts)
  std::vector<std::string> alerts;    // of its name, and types that others before it gave up
  // What becomes of the table's columns, in the first of the files that need it.
  std::vector<schema::ColumnChange> column_changes;
  std::exception_ptr error;  // null: it can be loaded
  Failure failure;           // what the error means
  bool is_refused = false;   // the error is that its columns are forbidden
  // By its columns alone, the table cannot take it as it is.
  bool changes_table = false;

  std::vector<std::string> remarks() const;  // all of the above
};

struct ColumnOrigin {
  qvd::FieldHeader field;
  std::string reason;           // why the file's own values need the type that it would have alone
  bool has_non_finite = false;  // of any file
  std::size_t rank = 0;         // of the file that it is of
};

struct PlannedTable {
  std::vector<PlannedFile> files;  // to load, sorted by path
  // Why the table cannot be made or changed, and no file be loaded; each file says it, too.
  std::exception_ptr error;

  // The table as it is to be; absent when no file can be loaded.
  std::optional<clickhouse::TableDefinition> definition;
  schema::TablePlan plan;  // the definition's columns, each with its reason
  // By column, in the first file that has it; none for columns of our own.
  std::map<std::string, ColumnOrigin> origins;
  // CREATE TABLE of the table where there is none, or where a new one takes its place; else empty.
  std::string ddl;
  // Then the CREATE of what shows the rows of `definition` to readers, where that is not the table
  // itself: its files are spread over shards, or its mode is upsert.
  std::string shown_ddl;
  std::vector<std::string> alters;  // of a multi-file table that is there, before all else
  std::vector<std::string> notes;   // a sentence each: what changes and why, rules of no effect

  // The rest is for multi-file tables.
  schema::Drift drift;                // its shape: of the rows that all files send
  std::vector<schema::Shape> shapes;  // of each file with rows, by itself
  bool is_remade = false;             // as LiveTable
  bool keeps_rows = false;            // as LiveTable
  // Its files have no partition each, since they would be too many: they are committed in one
  // rebuild.
  bool commits_together = false;

  const PlannedFile* find(const std::string& path) const;  // null: not one of the files
  // Every CREATE TABLE, with ";" between two.
  std::string all_ddl() const;
  // Whether a multi-file table is made, changed or rebuilt, so that its run has to hold all of it.
  bool changes_table() const;
};

// Plans `files` (decisions to load, all of one table, sorted by path, which outlive what is
// returned). A file that takes longer than options.file_timeout cannot be loaded. Throws
// ServerError and IoError of the target, Cancelled.
PlannedTable plan_table(const std::vector<const Decision*>& files, const PlanFacts& facts);

// Every table that decisions to load lead to, in the order of its first file; without a connection,
// several at once.
std::vector<PlannedTable> plan_tables(const std::vector<Decision>& decisions,
                                      const PlanFacts& facts);

}  // namespace qvdhouse::sync
