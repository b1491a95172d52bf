// The column kRescuedColumn of one file: the cells of fields that its table has no columns for, as
// JSON. Its distinct values are found by a pass over the rows, since a row's value is made of
// several fields; a row costs a look into a hash table.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/byte_source.h"
#include "load/column_values.h"
#include "load/load.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

class RescuedRows {
 public:
  // Reads all rows of the file, whose symbols are there, and adds their values to `dictionary`.
  // Throws InputError for an index outside its symbol table, IoError, Cancelled.
  RescuedRows(const base::ByteSource& source, const PreparedFile& file,
              clickhouse::Dictionary& dictionary, const std::stop_token& stop);

  // As ColumnValues::read_codes().
  void read_codes(const qvd::RowDecoder& decoder, const std::byte* records, std::uint64_t first_row,
                  std::span<std::uint32_t> out) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::vector<std::size_t> fields_;
  // The fields' codes in one row, as bytes, → the code of the value.
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> codes_;
};

// Fills the column, where the table has one and the file something for it.
void add_rescued(const base::ByteSource& source, const PreparedFile& file,
                 std::vector<ColumnValues>& columns, const std::stop_token& stop);

}  // namespace qvdhouse::load
