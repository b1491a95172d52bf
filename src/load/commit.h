// The one statement by which verified rows become a table's rows: each of these is atomic for
// readers, and doing it twice changes nothing.
//
// A table of many files is partitioned by `_file` (and `_version` for kAppend, and the user's
// expression): a file's partition is replaced as a whole. Where that cannot be (a partition per
// file has its price, and the user's expression may have moved), the table is rebuilt aside out of
// the rows that stay and the staging tables, and swapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "load/layout.h"

namespace qvdhouse::load {

// A file's verified rows.
struct StagedRows {
  std::string staging;          // table
  std::string file_key;         // `_file`
  std::uint64_t version = 0;    // `_version`
  bool keeps_versions = false;  // kAppend: rows of other versions of the file stay
  std::size_t shard = 0;        // of a table whose files are spread: which of its connections
  std::uint64_t row_count = 0;  // in the staging table; 0: none, or not known
};

// Puts staging in the place of the table, whose old rows are under staging's name then: EXCHANGE,
// or one RENAME of several names where the server has no EXCHANGE. Such a RENAME is a step of names
// at a time: a reader that comes between two of them is told that there is no such table
// (docs/operations.md has the measure), and a server that dies there leaves none. `may_exist`
// false: there was no such table a moment ago, which saves asking. True: there was none, and no
// table is under staging's name any more.
bool swap_in(clickhouse::Connection& connection, const std::string& staging,
             const std::string& table, bool may_exist = true);
// Brings back what the death of a server within such a RENAME left under another name. To be called
// before a table is looked at, by whoever holds its claim; nothing to do, and nothing asked, where
// servers have EXCHANGE.
void finish_swap(clickhouse::Connection& connection, const std::string& table);

// Whether there is such a table. Throws SchemaError when there is one that we did not make:
// another's table is never replaced or changed.
bool is_our_table(clickhouse::Connection& connection, const std::string& table);

// Throws the SchemaError for a user's partition expression that has more than one value in a file.
[[noreturn]] void refuse_partition_by(const std::string& partition_by, const std::string& count);

// The partitions of a staging table that hold rows. Throws ServerError when it is gone: the server
// would say that it has none, and the rows that are to be replaced would go and none come.
std::vector<std::string> staged_partitions(clickhouse::Connection& connection,
                                           const std::string& staging);

// SQL: whether a row is one that `rows` replaces.
std::string rows_of(const StagedRows& rows);

// Replaces the file's partition. Throws ServerError, with nothing changed, when the staging table
// is gone: whoever took over the claim of a run drops its staging tables. False, with nothing
// changed, when one statement cannot do it: the table is not partitioned by file, the file's old
// rows lie in other partitions, or there are some and the server might have them back
// (Dialect::has_covering_parts). `layout`: of the table.
bool replace_partition(clickhouse::Connection& connection, const StagedRows& rows,
                       const std::string& table, const Layout& layout);

// Replaces all rows of a table of one file that has replicas, which keep their old rows until they
// have fetched the new ones. Throws as replace_partition(). False, with nothing changed, when one
// statement cannot do it: there is no such table, it is not laid out and described as `definition`
// says, or it has partitions.
bool replace_whole(clickhouse::Connection& connection, const StagedRows& rows,
                   const clickhouse::TableDefinition& definition);

// Links partitions of one table, by their ids, into another of the same layout.
void link_partitions(clickhouse::Connection& connection, const std::string& from,
                     const std::vector<std::string>& ids, const std::string& into);

// A table `aside` made after `definition` out of the rows of `table` (if it exists) that no file of
// `staged` replaces and of all `staged`, checked by count and checksum, swapped in, and the old one
// dropped. `drop_files`: whose rows go; `keep_rows` false: all old rows go, and the old table
// may have any columns. Partitions that need no change are not copied but linked. `connections`:
// one to the server that has the staging tables; of a table whose files are spread over shards, one
// for each of these, in their order.
void rebuild(std::span<clickhouse::Connection> connections,
             const clickhouse::TableDefinition& definition, const std::string& aside,
             const std::string& table, const std::vector<StagedRows>& staged,
             const std::vector<std::string>& drop_files, bool keep_rows = true);

// Takes the rows of a file that vanished out of the table. True when there were some. Where they
// are not one partition, the table is rebuilt as `aside`, and swapped. `connections`: as rebuild(),
// `shard` of them has the file.
bool delete_file(std::span<clickhouse::Connection> connections, std::size_t shard,
                 const std::string& table, const std::string& file_key, const std::string& aside);

}  // namespace qvdhouse::load
