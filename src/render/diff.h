// What differs between two files, as their tables would hold them, or between a file and a table:
// columns, then values by checksums of columns, then rows. The order of rows does not count.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/connection.h"
#include "render/files.h"
#include "schema/drift.h"

namespace qvdhouse::render {

struct DiffRequest {
  std::vector<std::string> key;      // columns that say which rows belong together; empty: none
  std::uint64_t most_examples = 10;  // rows that are shown
  // For the hashes of rows, 16 bytes each of both files: with more rows the files are read several
  // times.
  std::uint64_t memory_bytes = 256 << 20;
  unsigned threads = 1;
};

// A table that a file is compared with.
struct Table {
  std::string name;  // for messages
  clickhouse::Endpoint endpoint;
  std::string from;     // SQL: quoted and qualified, or a subquery of the rows that count
  schema::Shape shape;  // Files has it as Request::beside
  // Columns of types that no file has, as the server spells them: name → type.
  std::map<std::string, std::string> other_columns;
};

// The value of a cell as text; absent: NULL.
using CellText = std::optional<std::string>;

// A row that the other side has not, or has with other values.
struct RowExample {
  enum class Kind { kFirstOnly, kSecondOnly, kChanged };
  struct Cell {
    std::string column;
    CellText first;   // not of kSecondOnly
    CellText second;  // not of kFirstOnly
  };
  Kind kind = Kind::kFirstOnly;
  std::optional<std::uint64_t> first_row;   // from 0, in the first file; absent: not of kSecondOnly
  std::optional<std::uint64_t> second_row;  // likewise; absent also of a table
  // kChanged: the key, then what differs; else all columns that both files have.
  std::vector<Cell> cells;
};

struct Diff {
  // Added: only the second file (or the table) has it; removed: only the first.
  std::vector<schema::ColumnChange> columns;
  std::map<std::string, std::string> other_columns;  // Table::other_columns that were asked for
  std::uint64_t first_rows = 0;
  std::uint64_t second_rows = 0;
  // Columns that both have and whose values are not the same, as a multiset.
  std::vector<std::string> different_columns;
  // Rows by the columns that both have.
  std::uint64_t only_first = 0;
  std::uint64_t only_second = 0;
  std::uint64_t changed = 0;  // with a key: the same key, other values
  std::vector<RowExample> examples;

  bool is_equal() const {
    return columns.empty() && other_columns.empty() && only_first == 0 && only_second == 0 &&
           changed == 0;
  }
};

// `files` has two. Rows are compared by hashes of 64 bits, as `verify` does. Throws SchemaError for
// a key that is not a column of both, when they have no column in common, and for keys so few that
// the rows of a part of them are more than twice `memory_bytes`, and what FileRows
// throws.
Diff diff(Files& files, const DiffRequest& request);

// `files` has one, with `table.shape` beside it; `table` is the second. The rest is as above; also
// throws SchemaError for columns whose values no type holds, and what a Connection throws. The file
// is read as often as before, the table too.
Diff diff(Files& files, const Table& table, const DiffRequest& request);

}  // namespace qvdhouse::render
