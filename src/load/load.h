// One file into one table, start to end: plan → staging table → stream → verify → commit.
// Readers of the target see the old rows or the new ones, never none, never half, never both
// (docs/architecture.md, "Exactly once").
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "load/checksum.h"
#include "load/column_values.h"
#include "load/commit.h"
#include "load/doubtful_rows.h"
#include "load/reserved_columns.h"
#include "load/row_rules.h"
#include "load/staging.h"
#include "qvd/header.h"
#include "qvd/symbols.h"
#include "schema/drift.h"
#include "schema/plan.h"
#include "schema/policy.h"
#include "schema/table_rules.h"

namespace qvdhouse::load {

class KnownLayout;
class MadeTypes;
class Quarantine;

// Where the rows of one file go: the table, the way into it, and which of its columns come from no
// field.
struct Target {
  bool is_set() const { return mode != schema::LoadMode::kReplace; }

  std::string table;  // empty: by the naming rule
  // False: there was no such table when the run began, which saves asking for it.
  bool may_exist = true;
  // The number of the staging table: not 0 and unique in the run where files of a table are staged
  // together.
  std::uint32_t number = 0;
  schema::LoadMode mode = schema::LoadMode::kReplace;
  // A set whose live table is to be replaced by one of another layout: what is staged does not look
  // like it, and only a rebuild can commit it.
  bool is_remade = false;
  schema::TableRules rules;
  // Which rows somebody asks for, as `rules.row_filter` says which there are: for
  // PreparedFile::not_chosen, which loads do not look at.
  std::string chosen_rows{};
  std::string file_key;           // value of `_file`: what the rows of this file are known by
  std::uint64_t version = 0;      // value of `_version`: the same for the same version of the file
  std::int64_t loaded_at_us = 0;  // value of `_loaded_at`
  std::vector<schema::NamePart> name_parts;  // columns out of the file's name
  // A set: of the table, which nobody changes while its files are loaded; null: asked for each
  // time.
  KnownLayout* layout = nullptr;
  // Table of the rows that break the rules; empty: quarantine_table(table).
  std::string quarantine;
  // It may hold rows of the file, whether there are rules today or not.
  bool has_quarantine = false;
  // Columns of fields and name parts. Of a set: as the table has them. kReplace: as the live table
  // has them, which the file's own are joined with. Absent: as the file alone would have them (a
  // table that is rebuilt).
  std::optional<schema::Shape> shape;
  // kReplace: what the live table is sorted by, as long as its file comes again under the same
  // settings and order_by does not say otherwise.
  std::optional<std::vector<std::string>> sorted_by{};
  // kReplace: the columns of the table whose place the file takes, whether they bind it or not, to
  // tell what changes.
  std::optional<schema::Shape> replaced{};
  // kReplace: the rows that the file had at its last load, which are in the table; absent: not
  // known, or not to be looked at.
  std::optional<RowSums> held{};
};

// What is sent of a file that has grown since its last load (load/grown_file.h).
enum class GrownFiles {
  kSendNew,  // the rows that are new, where they stand together
  kSendAll,
};

struct Options {
  schema::Policy policy;
  qvd::InvalidUtf8 invalid_utf8 = qvd::InvalidUtf8::kError;
  std::uint64_t batch_rows = 0;            // most rows of a Native block; 0: sized for speed
  unsigned streams = 2;                    // insert streams of one file
  std::uint64_t memory_bytes = 256 << 20;  // for blocks of all streams of one file; symbols apart
  std::string run_id;                      // part of the staging table's name
  ZeroTail zero_tail = ZeroTail::kWarn;
  GrownFiles grown_files = GrownFiles::kSendNew;
  ReservedColumns* reserved = nullptr;    // of the target; null: nobody asks
  MadeTypes* made_types = nullptr;        // of the target; null: each table is looked at
  std::set<std::string> present_columns;  // of the live table: reserved or not, it has them
};

struct Step {
  // "plan", "rules" (where the table has some), "check" (local files), "create", "insert",
  // "verify", "swap"
  std::string name;
  std::chrono::microseconds duration{0};
  double seconds() const { return std::chrono::duration<double>(duration).count(); }
};

// Counters that another thread may read while a load runs (progress display).
struct Progress {
  std::atomic<std::uint64_t> rows_sent{0};
  std::atomic<std::uint64_t> rows_total{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<const char*> step{"waiting"};
};

struct Result {
  std::string table;
  std::uint64_t row_count = 0;         // in the table
  std::uint64_t rows_quarantined = 0;  // in the table's quarantine
  std::uint64_t rows_dropped = 0;      // left out by a rule
  std::uint64_t rows_filtered = 0;     // left out by the table's filter
  std::uint64_t rows_warned = 0;       // in the table, but a rule warns of them
  std::uint64_t column_count = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t rows_kept = 0;  // of row_count: rows of the load before, which were not sent again
  std::uint64_t rows_hash = 0;  // RowSums::hash_sum of the rows in the table
  std::vector<Step> steps;
  std::vector<std::string> warnings;
  // Those of the warnings that nobody must miss: columns that change, rows that may never have been
  // written. Whoever shows a load shows them.
  std::vector<std::string> alerts;
  // Those that the load made in a table in use; each of them is an alert, too.
  std::vector<schema::ColumnChange> column_changes;
  std::string qvd_created_at;         // of the header
  std::vector<qvd::Lineage> lineage;  // of the header, until on_file was told (sync/outcome.h)
  std::vector<std::pair<std::string, std::string>> columns;  // name and ClickHouse type
  double seconds() const;                                    // of all steps
  void add_alert(const std::string& alert);                  // to the warnings, too
  void add_changes(const std::vector<schema::ColumnChange>& changes);
};

// Everything that is known before any row moves: header, symbol tables, columns.
struct PreparedFile {
  qvd::TableHeader header;
  // As the settings protect them (schema/protection.h): nobody has the values of the file.
  std::vector<qvd::SymbolTable> symbols;
  std::vector<bool> may_be_null;
  schema::TablePlan plan;
  std::vector<schema::Change> changes{};  // kReplace: of the table whose place the file takes
  // kReplace: what becomes of that table's columns.
  std::vector<schema::ColumnChange> column_changes{};
  std::vector<FilteredField> filtered{};  // those that take rows out
  // Likewise by Target::chosen_rows: of the rows that the rules leave.
  std::vector<FilteredField> not_chosen{};
  std::vector<std::string> alerts{};  // as in Result
  // Columns of fields that the table lacks, whose cells go into its column kRescuedColumn.
  std::vector<schema::ColumnPlan> rescued{};
};

// Reads header and symbol tables and decides the table, the target's own columns and shape
// included. Throws InputError, SchemaError, IoError, and Cancelled when a stop is asked for.
PreparedFile prepare(const base::ByteSource& source, const std::string& file_name,
                     const Options& options, const Target& target = {},
                     const std::stop_token& stop = {});
// The same of a file whose header was read before.
PreparedFile prepare(const base::ByteSource& source, qvd::TableHeader header,
                     const std::string& file_name, const Options& options, const Target& target,
                     const std::stop_token& stop = {});

// Whether a column is made of it, by field; the symbols of the others were not read.
std::vector<bool> fields_in_table(const PreparedFile& file);

// Plans the file again for the columns `shape` of a multi-file table. A file without rows has no
// cell that could not be in it. Throws SchemaError, and Cancelled when a stop is asked for.
void fit_file(PreparedFile& file, const schema::Shape& shape, unsigned threads,
              const std::stop_token& stop = {});

// Casts every field's symbols to its columns' values and gives the symbol tables back, unless they
// are to be kept. The column kRescuedColumn is empty (load/rescued_rows.h fills it). Throws
// SchemaError, and Cancelled when a stop is asked for.
std::vector<ColumnValues> cast_columns(PreparedFile& file, unsigned threads,
                                       const std::stop_token& stop = {},
                                       bool keeps_symbols = false);

// The verified rows of one file in a table of their own, which is dropped with this object: before
// the commit they are thrown away so, and after it what was in their place.
class StagedFile {
 public:
  // `aside`: a name for the table that a rebuild needs for its time.
  StagedFile(std::unique_ptr<Staging> staging, std::string aside, StagedRows rows,
             clickhouse::TableDefinition definition, std::uint64_t row_count,
             std::vector<schema::ColumnChange> column_changes,
             std::unique_ptr<Quarantine> quarantine = nullptr);
  ~StagedFile();

  const StagedRows& rows() const { return rows_; }
  const std::string& aside() const { return aside_; }
  // The definition of the target table, as it would be made for this file.
  const clickhouse::TableDefinition& definition() const { return definition_; }
  std::uint64_t row_count() const { return row_count_; }
  // What the commit makes of the table's columns (PreparedFile::column_changes).
  const std::vector<schema::ColumnChange>& column_changes() const { return column_changes_; }
  // Its rows that break rules (load/quarantine.h); null where there are neither rules nor such rows
  // of an earlier load. Whoever commits the rows says so before and after.
  Quarantine* quarantine() const { return quarantine_.get(); }
  // The staging table has become the target table.
  void was_renamed();

 private:
  std::unique_ptr<Staging> staging_;
  std::string aside_;
  StagedRows rows_;
  clickhouse::TableDefinition definition_;
  std::uint64_t row_count_;
  std::vector<schema::ColumnChange> column_changes_;
  std::unique_ptr<Quarantine> quarantine_;
};

// Everything before the commit: the SQL to run before, plan, staging table, rows, verification.
// The table of a set exists already, in the shape that target.shape says. `result` is filled step
// by step, so that it says what was done even when this throws. Throws InputError, IoError,
// ServerError, SchemaError, VerifyError, Cancelled; whatever it throws, the target table is
// untouched and the staging table is dropped (or left for the next run when the server cannot be
// reached).
std::unique_ptr<StagedFile> stage_file(const base::ByteSource& source, const std::string& file_name,
                                       const clickhouse::Endpoint& endpoint, const Options& options,
                                       const Target& target, Progress& progress, Result& result,
                                       std::stop_token stop = {});

// Makes staged rows the table's rows in one statement, then runs the SQL to run after. False, with
// nothing changed, when one statement cannot do it: then the table is to be rebuilt
// (load/commit.h). Doing it twice changes nothing.
bool commit_file(StagedFile& file, const clickhouse::Endpoint& endpoint, const Target& target,
                 Progress& progress, Result& result, std::stop_token stop = {});

// The SQL that the target's rules want after a commit, for one that commit_file() did not make.
void run_post_sql(clickhouse::Connection& connection, const Target& target,
                  const std::string& table);

// Loads one file: stage_file(), commit_file(), and a rebuild of the table where that is the only
// way. Throws what stage_file() throws.
void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, const Target& target,
               Progress& progress, Result& result, std::stop_token stop = {});

// Loads one file that is a table by itself, named by rule.
void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, Progress& progress,
               Result& result, std::stop_token stop = {});

// Compares a table, or in a set the file's rows of it, with the file that they were loaded from:
// the checks of a load against what is there now. Returns the differences, empty when exact.
std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      const Target& target, std::stop_token stop = {});
std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      std::stop_token stop = {});

}  // namespace qvdhouse::load
