// Encodes blocks of ClickHouse's Native format straight from dictionaries and codes.
// docs/clickhouse.md, "Native, byte for byte". A LowCardinality column takes its dictionary as it
// is; every other column is gathered from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/dictionary.h"

namespace qvdhouse::clickhouse {

// Bytes that grow without being zeroed: the encoder writes each byte once.
class BlockBuffer {
 public:
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  void clear() { size_ = 0; }
  // Adds `count` bytes of any value and returns where they start; valid until the next call.
  std::byte* extend(std::size_t count);
  std::byte* at(std::size_t offset) { return data_.get() + offset; }
  void shrink(std::size_t size) { size_ = size; }
  void append(std::span<const std::byte> bytes);
  void append_varuint(std::uint64_t value);
  void append_string(std::string_view text);  // varuint length, bytes
  void append_u64(std::uint64_t value);       // little-endian

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Rows are encoded this many at a time, so that codes stay in the first-level cache.
inline constexpr std::size_t kChunkRows = 2048;
// A block comes in pieces that stay in the second-level cache until they are sent: written whole,
// it would travel to memory and back.
inline constexpr std::size_t kPieceBytes = 256 * 1024;

// Fills `codes` with the codes of rows [first_row, first_row + codes.size()) of the block.
using CodeReader = std::function<void(std::size_t first_row, std::span<std::uint32_t> codes)>;

class NativeEncoder {
 public:
  struct Column {
    std::string name;
    const Dictionary* dictionary;  // must outlive the encoder
    // The value is the row's number, a UInt64; the dictionary has the type and no slots.
    bool counts_rows = false;
  };
  explicit NativeEncoder(std::vector<Column> columns);

  // Begins a block of `row_count` > 0 rows; `codes[i]` reads the codes of column i and must outlive
  // the block. Every code must be below that column's slot_count(): the reader of rows has checked
  // it. Where rows are counted, the block's first one is `first_row`, and the others follow on it
  // unless `row_numbers` says the number of each; these must outlive the block.
  void start_block(std::size_t row_count, std::span<const CodeReader> codes,
                   std::uint64_t first_row = 0, std::span<const std::uint64_t> row_numbers = {});
  // Appends the next piece of the block, about kPieceBytes; false and nothing when it is complete.
  bool append_piece(BlockBuffer& out);

 private:
  // What of the current column comes next.
  enum class Part { kHead, kNullMarks, kValues, kIndexes, kTrimmedIndexes };

  void append_head(BlockBuffer& out);
  void append_chunk(BlockBuffer& out);
  void append_row_numbers(BlockBuffer& out);
  void end_chunk(std::size_t row_count);
  void append_keys(const Dictionary& dictionary, BlockBuffer& out);
  void append_trimmed_keys(const Dictionary& dictionary, BlockBuffer& out);
  std::span<const std::uint32_t> read_chunk(std::size_t first_row);

  std::vector<Column> columns_;
  // A dictionary larger than the block is cut down to the keys that the block uses (and one with
  // NULL slots beside slot 0 has them all moved to key 0, the only NULL that the format knows): the
  // block in which a slot was last seen and the key it got there.
  struct Trim {
    std::vector<std::uint64_t> seen_in;
    std::vector<std::uint32_t> key;
  };
  std::vector<Trim> trims_;
  std::uint64_t block_ = 0;
  std::vector<std::uint32_t> chunk_;  // codes of up to kChunkRows rows

  std::span<const CodeReader> codes_;           // of the block
  std::size_t row_count_ = 0;                   // of the block
  std::uint64_t first_row_ = 0;                 // number of the block's first row
  std::span<const std::uint64_t> row_numbers_;  // of all its rows; empty: they follow on the first
  std::size_t column_ = 0;                      // that the next piece begins with
  Part part_ = Part::kHead;
  std::size_t row_ = 0;                      // first row of the part that is still to come
  unsigned index_width_ = 0;                 // log2 of the bytes of an index, of the current column
  std::vector<std::uint32_t> trimmed_keys_;  // of all rows of the current column
};

// Appends a block of these columns and no row, by which a reader of an empty table knows its
// columns.
void append_empty_block(std::span<const NativeEncoder::Column> columns, BlockBuffer& out);

// ClickHouse's variable-length unsigned integer (LEB128): 7 bits a byte, low bits first.
// docs/clickhouse.md, "Native, byte for byte".
inline void append_varuint(std::vector<std::byte>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

}  // namespace qvdhouse::clickhouse
