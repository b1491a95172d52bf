// A file that comes again with more rows, as nightly rewrites do: where all rows of its last load
// stand together at its beginning or at its end, only the others are sent, beside the parts of the
// table that is there. What proves it is the sum of rows that verifies every load
// (load/checksum.h): first of the file's own rows, then of all rows in the staging table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/byte_source.h"
#include "clickhouse/connection.h"
#include "load/checksum.h"
#include "load/column_values.h"
#include "load/load.h"
#include "qvd/header.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

struct RowRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

// The header of a file that has only these of the rows; the first is its row 0.
qvd::TableHeader header_of(const qvd::TableHeader& header, RowRange rows);

// Whether it is worth to look for the rows of the last load (Target::held): there are some, at
// least half as many as the file has, in a table of this file alone on a single server, and no
// column or rule makes them others than they were.
bool may_have_grown(const Target& target, const PreparedFile& file, const Options& options,
                    const clickhouse::Dialect& dialect);

struct GrownFile {
  RowSums sums;                   // of all rows
  std::optional<RowRange> added;  // the rows beside those of the last load; absent: any may be new
};
// As sum_file(), in the same one pass over the rows. `held` has at most as many rows as the file,
// and at least half as many.
GrownFile sum_grown_file(const base::ByteSource& source, const qvd::TableHeader& header,
                         const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                         clickhouse::HashFunction function, unsigned threads, std::stop_token stop,
                         const RowSums& held);

// Links the rows of `table` into the empty `staging`, whose definition is as that of a new table.
// False where there is no such table, where it is not laid out as `staging`, and where the server
// refuses it: then staging may have some of them.
bool link_rows(clickhouse::Connection& connection, const std::string& table,
               const std::string& staging);

}  // namespace qvdhouse::load
