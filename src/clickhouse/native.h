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

// Fills `codes` with the codes of rows [first_row, first_row + codes.size()) of the block.
using CodeReader = std::function<void(std::size_t first_row, std::span<std::uint32_t> codes)>;

class NativeEncoder {
 public:
  struct Column {
    std::string name;
    const Dictionary* dictionary;  // must outlive the encoder
  };
  explicit NativeEncoder(std::vector<Column> columns);

  // Appends one block of `row_count` > 0 rows; `codes[i]` reads the codes of column i. Every code
  // must be below that column's slot_count(): the reader of rows has checked it.
  void append_block(std::size_t row_count, std::span<const CodeReader> codes, BlockBuffer& out);

 private:
  void append_plain(const Dictionary& dictionary, std::size_t row_count, const CodeReader& codes,
                    BlockBuffer& out);
  void append_low_cardinality(std::size_t column, std::size_t row_count, const CodeReader& codes,
                              BlockBuffer& out);
  void append_trimmed_low_cardinality(std::size_t column, std::size_t row_count,
                                      const CodeReader& codes, BlockBuffer& out);

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
  std::vector<std::uint32_t> chunk_;
};

}  // namespace qvdhouse::clickhouse
