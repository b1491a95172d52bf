// The bit-packed rows: from record bytes to codes. Defined by docs/qvd-format.md, sections 4 and 5.
//
// A *code* is what one cell holds, in the one numbering that the whole project uses:
//   0        NULL
//   k + 1    symbol k of the field
// so that a dictionary of symbol_count + 1 slots, slot 0 being NULL, is indexed by it directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_source.h"
#include "qvd/header.h"

namespace qvdhouse::qvd {

class RowDecoder {
 public:
  // Record bytes handed to decode() must be followed by this many readable bytes (any value).
  static constexpr std::size_t kPaddingBytes = 16;

  // `foreign_null`: accept index == NoOfSymbols with Bias 0 as NULL, the convention of the qvdrs
  // writer (docs/qvd-format.md, section 5); on by itself when the creator document says "qvdrs".
  explicit RowDecoder(const TableHeader& header, bool foreign_null = false);

  std::size_t record_bytes() const { return record_bytes_; }

  // True when the header lets a cell of this field be NULL.
  bool may_be_null(std::size_t field_index) const;

  // Decodes codes.size() rows of one field. `records` points at the first record and is followed
  // by kPaddingBytes. `first_row` is only for messages. Throws InputError with field, row and byte
  // offset when an index lies outside the symbol table; the largest index is checked once a call.
  // One call reads one column of the records, so that decoding all fields of a batch is fastest
  // when the batch fits the second-level cache.
  void decode(std::size_t field_index, const std::byte* records, std::uint64_t first_row,
              std::span<std::uint32_t> codes) const;

 private:
  struct Field {
    std::uint64_t offset_bits;
    std::uint64_t width_bits;
    std::int64_t bias;
    std::uint64_t symbol_count;
    bool foreign_null;           // index == symbol_count is NULL
    std::uint64_t stored_limit;  // stored values from here on are damage
  };
  [[noreturn]] void throw_out_of_range(std::size_t field_index, const std::byte* records,
                                       std::uint64_t first_row, std::size_t row_count) const;
  std::vector<Field> fields_;
  std::vector<std::string> names_;
  std::size_t record_bytes_;
  std::uint64_t rows_file_offset_;
};

// Reads the records [first_row, first_row + row_count) into `buffer`, which is resized to hold them
// and the padding that decode() wants.
void read_records(const base::ByteSource& source, const TableHeader& header,
                  std::uint64_t first_row, std::uint64_t row_count, std::vector<std::byte>& buffer);

}  // namespace qvdhouse::qvd
