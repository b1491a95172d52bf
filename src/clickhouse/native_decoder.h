// Decodes blocks of ClickHouse's Native format, a column at a time, as their bytes come in.
// docs/clickhouse.md, "Native, byte for byte". The counterpart of clickhouse/native.h; knows no
// sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::clickhouse {

// How the values of a type lie in a block.
struct WireType {
  bool nullable = false;
  bool low_cardinality = false;
  std::size_t value_bytes = 0;  // 0: String, each value with its length
  bool operator==(const WireType&) const = default;
};

// By the type's name as a server spells it. Empty for types that are not flat (Array, Map, Tuple,
// JSON, Variant, Dynamic, AggregateFunction …) or not known: a query can have the server turn
// these into String.
std::optional<WireType> wire_type(std::string_view type_name);

// Some values of a column. Valid until the decoder's next call.
struct DecodedValues {
  std::size_t value_bytes = 0;       // of each one; 0: texts
  std::span<const std::byte> bytes;  // little-endian, one behind the other
  std::span<const std::string_view> texts;
};

// A column of one block. Valid until the decoder's next call.
struct DecodedColumn {
  std::string_view name;
  std::string_view type;
  std::size_t row_count = 0;
  DecodedValues values;  // one a row; of a dictionary, one a key
  // One a row, 1 = NULL, whose value means nothing; empty: no row is NULL, or `keys` says it.
  std::span<const std::uint8_t> null_marks;
  // LowCardinality: for each row, which of `values`; all below their count.
  bool has_dictionary = false;
  std::span<const std::uint32_t> keys;
  bool key_zero_is_null = false;
};

class NativeDecoder {
 public:
  // `next` gives the next bytes of the answer, valid until its next call, and nothing at the end;
  // what it throws goes on to the caller. `wanted_columns`: how many each block must have; 0: any.
  explicit NativeDecoder(std::function<std::string_view()> next, std::size_t wanted_columns = 0);

  // Begins the next block that has columns; false at the end of the answer. All columns of the
  // block before must have been read. Throws IoError when the answer ends within a block or is no
  // block: an old server writes its error as text behind the blocks.
  bool next_block();
  std::size_t column_count() const { return column_count_; }  // of the block
  std::size_t row_count() const { return row_count_; }        // of the block

  // The next column of the block. Throws IoError as above, also for a type that wire_type() does
  // not know.
  const DecodedColumn& next_column();

 private:
  bool fill();
  [[noreturn]] void fail(std::string_view expected) { fail(expected, rest_); }
  [[noreturn]] void fail(std::string_view expected, std::string_view found);
  void read(std::vector<std::byte>& out, std::size_t count);
  std::uint64_t read_varuint();
  std::uint64_t read_u64();
  void read_name(std::string& out);
  void read_values(const WireType& type, std::size_t count);
  void read_texts(std::size_t count);
  void read_dictionary(const WireType& type);

  std::function<std::string_view()> next_;
  std::size_t wanted_columns_;
  std::string_view rest_;            // bytes that came and were not decoded
  std::uint64_t decoded_bytes_ = 0;  // before rest_
  std::size_t column_count_ = 0;
  std::size_t row_count_ = 0;
  std::size_t columns_left_ = 0;
  std::string name_;
  std::string type_;
  std::vector<std::byte> values_;
  std::vector<std::size_t> ends_;  // of texts, within values_
  std::vector<std::string_view> texts_;
  std::vector<std::byte> null_marks_;
  std::vector<std::byte> indexes_;
  std::vector<std::uint32_t> keys_;
  DecodedColumn column_;
};

}  // namespace qvdhouse::clickhouse
