// The one statement by which verified rows become a table's rows: each of these is atomic for
// readers, and doing it twice changes nothing.
//
// A table of many files is partitioned by `_file` (and `_version` for kAppend, and the user's
// expression): a file's partition is replaced as a whole. Where that can not be (a partition per
// file has its price, and the user's expression may have moved), the table is rebuilt aside out of
// the rows that stay and the staging tables, and swapped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"

namespace qvdhouse::load {

// A file's verified rows.
struct StagedRows {
  std::string staging;          // table
  std::string file_key;         // `_file`
  std::uint64_t version = 0;    // `_version`
  bool keeps_versions = false;  // kAppend: rows of other versions of the file stay
};

// Puts staging in the place of the table: EXCHANGE, or RENAME where the server has no EXCHANGE.
void swap_in(clickhouse::Connection& connection, const std::string& staging,
             const std::string& table);

// Replaces the file's partition. False, with nothing changed, when one statement can not do it:
// the table is not partitioned by file, or the file's old rows lie in other partitions.
bool replace_partition(clickhouse::Connection& connection, const StagedRows& rows,
                       const std::string& table);

// A table `name` made after `definition` out of the rows of `table` that no file of `staged`
// replaces and of all `staged`, checked by count, swapped in. `drop_files`: whose rows go.
void rebuild(clickhouse::Connection& connection, const clickhouse::TableDefinition& definition,
             const std::string& aside, const std::string& table,
             const std::vector<StagedRows>& staged, const std::vector<std::string>& drop_files);

// Takes the rows of a file that vanished out of the table. True when there were some.
bool delete_file(clickhouse::Connection& connection, const std::string& table,
                 const std::string& file_key);

}  // namespace qvdhouse::load
