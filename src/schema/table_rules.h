// What a user decides about one table, or about all tables of a pattern (docs/configuration.md,
// "Tables"). Plain values; the defaults are those of a table that one file is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/policy.h"

namespace qvdhouse::schema {

// How the rows of a file get into its table.
enum class LoadMode {
  kReplace,        // one file is the table: a new table is swapped in
  kReplaceByFile,  // many files are the table: each owns the rows with its path in `_file`
  kAppend,         // rows only ever come in: each version of each file adds its rows once
};

// What becomes of the table when a file's columns differ from it.
enum class DriftPolicy {
  kEvolve,   // columns are added and widened; those that a file lacks are NULL in its rows
  kFreeze,   // the file fails, nothing is changed
  kDiscard,  // its new columns are left out (said); missing ones are NULL; what does not fit fails
};

// What becomes of the rows of a file that is not there any more.
enum class VanishedPolicy { kKeep, kDelete };

// Columns of our own that a table may have beside its fields.
inline constexpr const char* kFileColumn =
    "_file";  // LowCardinality(String), the file's path or URL
inline constexpr const char* kVersionColumn = "_version";     // UInt64, of the file (kAppend)
inline constexpr const char* kRowColumn = "_row";             // UInt64, from 0, in the file's order
inline constexpr const char* kLoadedAtColumn = "_loaded_at";  // DateTime64(6, 'UTC')

struct TableRules {
  std::string match;  // pattern of files; empty: the rules of [table.NAME] or the defaults
  std::string name;   // of the table, may hold {parts}; empty: by the naming rule, one a file
  std::string where;  // where it was set, for messages: "qvdhouse.toml:12"
  std::optional<LoadMode> mode;  // absent: kReplace for a table of one file, else kReplaceByFile
  DriftPolicy drift = DriftPolicy::kEvolve;
  VanishedPolicy vanished = VanishedPolicy::kKeep;

  // Columns; field or column names, with wildcards, first match wins.
  std::vector<std::string> include;  // empty: all
  std::vector<std::string> exclude;
  std::vector<std::pair<std::string, std::string>>
      rename;                                // field (may be a pattern with one *,
                                             // which the new name may hold too) → column
  std::map<std::string, std::string> types;  // field or column → ClickHouse type
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

  // The table.
  std::vector<std::string> order_by;  // field or column names; empty: chosen by rule
  std::string partition_by;           // SQL expression; empty: none beside the file's
  std::string engine;  // "MergeTree", "ReplicatedMergeTree('…', '…')"; empty: MergeTree
  std::string ttl;     // SQL expression
  std::map<std::string, std::string> settings;  // of MergeTree
  std::vector<std::string> pre_sql;             // run before a file's load …
  std::vector<std::string> post_sql;  // … and after its commit; {table} and {file} in them
                                      // are the quoted table and a string literal
};

// A part of a file's name that is a column: ("yyyymm", "202401").
using NamePart = std::pair<std::string, std::string>;

}  // namespace qvdhouse::schema
