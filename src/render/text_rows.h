// Rows of one file as text. Each distinct value was written once (ReadyValues); a row is a gather
// of these bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clickhouse/native.h"
#include "load/column_values.h"
#include "qvd/rows.h"
#include "render/format.h"
#include "render/value_bytes.h"

namespace qvdhouse::render {

// What stands before the first row; empty where the format has no such line.
std::string head_line(Format format, std::span<const load::ColumnValues> columns);

class TextRows {
 public:
  // `columns` give their values to it: codes alone are read of them from now on. They and `decoder`
  // must outlive it. Writes values on up to `threads` threads.
  TextRows(Format format, const qvd::RowDecoder& decoder, std::span<load::ColumnValues> columns,
           unsigned threads);

  // Rows that are taken at once, at most: their cells stay in the caches.
  std::size_t chunk_rows() const { return chunk_rows_; }
  // Appends `row_count` rows, at most chunk_rows(), or as many of them as make some megabytes, and
  // returns how many these are. The first is row `first_row` of the file; `row_numbers`: of each of
  // them, where rows between them are left out. Throws InputError for an index outside its symbol
  // table.
  std::size_t append(const std::byte* records, std::uint64_t first_row, std::size_t row_count,
                     std::span<const std::uint64_t> row_numbers, clickhouse::BlockBuffer& out);

 private:
  struct Cell {
    const std::byte* bytes;
    std::size_t size;
  };
  struct Column {
    const load::ColumnValues* values;
    ReadyValues ready;
    std::string before;  // each value; may be read ReadyValues::kSlackBytes past its end
    std::size_t before_size;
    std::string after;
  };
  void find_cells(const Column& column, const std::byte* records, std::uint64_t first_row,
                  std::span<const std::uint64_t> row_numbers, std::span<Cell> cells);
  std::size_t bytes_of_row(std::size_t row) const;
  void number_cells(const Column& column, std::uint64_t first_row,
                    std::span<const std::uint64_t> row_numbers, std::span<Cell> cells);

  const qvd::RowDecoder& decoder_;
  std::vector<Column> columns_;
  std::size_t chunk_rows_;
  std::size_t stride_;                // cells from a column's first to the next one's
  std::vector<std::uint32_t> codes_;  // of a chunk of one column
  std::vector<Cell> cells_;           // of a chunk, by column
  std::string numbers_;               // the text of row numbers, of a chunk
};

}  // namespace qvdhouse::render
