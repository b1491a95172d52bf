// Which rows are compared as rows. Sums over columns can not see rows torn apart, so a sample of
// rows is read back from the table, and the hashes of all columns of a row are mixed.
//
// The sample is what a few narrow ranges of the table's first sorting column hold: the server finds
// them by its index and reads little else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "load/column_values.h"

namespace qvdhouse::load {

// Tables of so few rows are compared whole: reading them again costs nothing.
inline constexpr std::uint64_t kSmallTableRows = 262'144;

struct RowSample {
  std::size_t column = 0;            // the column that decides
  std::vector<std::uint8_t> picked;  // by code of that column; empty: all rows
  std::string where_sql;             // the same as a condition; empty: all rows
};

// All rows of a small table, else several ranges of the values of `first_key`, the first column of
// ORDER BY (empty: none; then rows are picked by the hash of the column with the most values).
RowSample choose_sample(std::span<const ColumnValues> columns, std::string_view first_key,
                        std::uint64_t row_count);

}  // namespace qvdhouse::load
