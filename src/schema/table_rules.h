// What a user decides about one table, or about all tables of a pattern (docs/configuration.md,
// "Tables"). Plain values; the defaults are those of a table that one file is.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/words.h"
#include "schema/column_rules.h"
#include "schema/policy.h"
#include "schema/protection.h"

namespace qvdhouse::schema {

// How the rows of a file get into its table.
enum class LoadMode {
  kReplace,        // one file is the table: a new table is swapped in
  kReplaceByFile,  // many files are the table: each owns the rows with its path in `_file`
  kAppend,         // rows only ever come in: each version of each file adds its rows once
  kUpsert,         // many files, of which readers see the newest row of each key
};

// kUpsert: a file with several rows of one key.
enum class DuplicateKeys {
  kError,  // it fails
  kLast,   // the last of them counts, the others are not loaded
};

// kUpsert: rows whose key has a NULL.
enum class NullKeys {
  kError,  // their file fails
  kKeep,   // NULL is a value of the key like any other
};

// What becomes of the table when a file's columns differ from it.
enum class DriftPolicy {
  kEvolve,   // columns are added and widened; those that a file lacks are NULL in its rows
  kFreeze,   // the file fails, nothing is changed
  kDiscard,  // its new columns are left out (said); missing ones are NULL; what does not fit fails
  kRescue,   // the same, and what is left out is kept in the column `_rescued`
};
constexpr auto words(DriftPolicy) {
  return std::to_array<std::string_view>({"evolve", "freeze", "discard", "rescue"});
}

// What becomes of the rows of a file that is not there any more.
enum class VanishedPolicy { kKeep, kDelete };

// What becomes of a file whose rows or bytes are far from those of its last loads.
enum class AnomalyPolicy {
  kOff,   // nobody looks
  kWarn,  // it is loaded, with a warning
  kHold,  // it waits until somebody lets it through; the table stays as it is
};

// Where the rows of a multi-file table are on a cluster of several shards. A table of one file is
// on all of them.
enum class Sharding {
  kFile,  // those of each file on one shard
  kCopy,  // all on each
};

// Columns of our own that a table may have beside its fields.
inline constexpr const char* kFileColumn =
    "_file";  // LowCardinality(String), the file's path or URL
inline constexpr const char* kVersionColumn = "_version";     // UInt64, of the file (kAppend)
inline constexpr const char* kRowColumn = "_row";             // UInt64, from 0, in the file's order
inline constexpr const char* kLoadedAtColumn = "_loaded_at";  // DateTime64(6, 'UTC')
inline constexpr const char* kRunIdColumn = "_run_id";  // LowCardinality(String), as QvdRunHistory
// kRescue, String: the cells of fields that the table has no columns for, as a JSON object of field
// and text. NULL cells are left out; a row without any other has the empty text.
inline constexpr const char* kRescuedColumn = "_rescued";
// kUpsert, of the table that has the rows (clickhouse/newest_rows.h):
inline constexpr const char* kOrderColumn = "_qvd_order";      // UInt128: of two rows of a key the
                                                               // greater one is the newer
inline constexpr const char* kDeletedColumn = "_qvd_deleted";  // UInt8: 1: the key is gone

inline constexpr std::array<std::string_view, 8> kOwnColumns = {
    kFileColumn,  kVersionColumn, kRowColumn,   kLoadedAtColumn,
    kRunIdColumn, kRescuedColumn, kOrderColumn, kDeletedColumn};

struct TableRules {
  std::string match;  // pattern of files; empty: the rules of [table.NAME] or the defaults
  std::string name;   // of the table, may hold {parts}; empty: by the naming rule, one a file
  std::string where;  // where it was set, for messages: "qvdhouse.toml:12"
  std::optional<LoadMode> mode;  // absent: kReplace for a table of one file, else kReplaceByFile
  DriftPolicy drift = DriftPolicy::kEvolve;
  VanishedPolicy vanished = VanishedPolicy::kKeep;
  Sharding sharding = Sharding::kFile;
  std::vector<std::string> wait_for;  // markers or files that say that a batch is whole; empty: as
                                      // the source has it
  AnomalyPolicy anomaly = AnomalyPolicy::kWarn;
  double anomaly_ratio = 0.5;  // a greater change against the last loads is an anomaly

  // kUpsert.
  std::vector<std::string> key;  // field or column names
  std::string version;  // field or column whose values say which row of a key is newer; empty: the
                        // time of the file does
  std::string deleted;  // "field = value": such rows say that their key is gone; empty: none
  bool is_deletes = false;  // the files of `match` hold keys only, and all of them are gone
  DuplicateKeys duplicate_keys = DuplicateKeys::kError;
  NullKeys null_keys = NullKeys::kError;

  // Columns; field or column names, with wildcards, first match wins.
  std::vector<std::string> include;  // empty: all
  std::vector<std::string> exclude;
  std::vector<std::pair<std::string, std::string>>
      rename;                                // field (may be a pattern, of whose stars
                                             // the new name may hold some) → column
  std::map<std::string, std::string> types;  // field or column → ClickHouse type
  Protections protections;                   // Policy::protections_of_table
  std::string row_filter;                    // schema/row_filter.h; empty: all rows
  // As in Policy, whose own hold where nothing is said here.
  std::optional<OutsiderPolicy> outsiders;
  std::map<std::string, OutsiderPolicy> outsiders_of;
  std::optional<DecimalPolicy> decimals;
  std::vector<std::string> null_texts;
  std::map<std::string, std::vector<std::string>> null_texts_of;
  std::map<std::string, std::string> codecs;  // column (or pattern) → "Delta, ZSTD(1)"
  bool with_file = false;                     // tables of many files have `_file` in any case
  bool with_row = false;
  bool with_loaded_at = false;
  bool with_run_id = false;

  // The table.
  std::vector<std::string> order_by;           // field or column names; empty: chosen by rule
  std::vector<std::string> primary_key;        // the first of order_by; empty: all of it
  std::string partition_by;                    // SQL expression; empty: none beside the file's
  std::string sample_by;                       // SQL expression; empty: none
  std::map<std::string, std::string> indexes;  // name → "expression TYPE minmax GRANULARITY 4"
  std::string engine;  // "MergeTree", "ReplicatedMergeTree('…', '…')"; empty: MergeTree
  std::string ttl;     // SQL expression
  std::map<std::string, std::string> settings;  // of MergeTree
  std::vector<std::string> pre_sql;             // run before a file's load …
  std::vector<std::string> post_sql;  // … and after its commit; {table} and {file} in them
                                      // are the quoted table and a string literal

  // Values. Of the rows that are left out of a file (dropped or quarantined), more than these
  // make it fail.
  std::vector<ColumnRule> column_rules;
  std::optional<std::uint64_t> max_errors;  // rows
  std::optional<double> max_error_ratio;    // of the file's rows, 0…1
};

// Where rows of a table's files go that break its rules.
inline constexpr std::string_view kQuarantineSuffix = "__quarantine";
inline std::string quarantine_table(const std::string& table) {
  return table + std::string(kQuarantineSuffix);
}

// A part of a file's name that is a column: ("yyyymm", "202401").
using NamePart = std::pair<std::string, std::string>;

}  // namespace qvdhouse::schema
