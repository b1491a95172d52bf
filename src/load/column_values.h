// One column of a table on its way into ClickHouse: its values, and what each row's code into them
// is: a field's, the same for all rows, or none, where the row's number is the value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/dialect.h"
#include "clickhouse/dictionary.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

// As clickhouse::HashFunction says it, all with seed 0: of a text, and of a value of fixed width
// (little-endian).
std::uint64_t hash_text(std::string_view text, clickhouse::HashFunction function);
std::uint64_t hash_fixed(std::span<const std::byte> value, clickhouse::HashFunction function);
std::uint64_t hash_number(std::uint64_t value, clickhouse::HashFunction function);

class RescuedRows;

struct ColumnValues {
  enum class Codes { kOfField, kFixed, kNone, kRescued };

  std::string name;
  std::size_t field_index = 0;        // kOfField
  clickhouse::Dictionary dictionary;  // kNone: has the type only, UInt64
  Codes codes = Codes::kOfField;
  std::uint32_t fixed_code = 0;                          // kFixed: of every row
  std::shared_ptr<const RescuedRows> rescued = nullptr;  // kRescued

  bool is_row_number() const { return codes == Codes::kNone; }

  // Hash of the value of a slot, over the bytes that Native sends (without a text's length). A NULL
  // has hash 0.
  std::uint64_t hash(std::size_t slot, clickhouse::HashFunction function) const;

  // Codes of the records from row `first_row` on; see RowDecoder::decode(). Not for row numbers.
  void read_codes(const qvd::RowDecoder& decoder, const std::byte* records, std::uint64_t first_row,
                  std::span<std::uint32_t> out) const;
};

// By code, the first code that has the same value: two symbols may be one value of the column, as 1
// and a dual of 1 are; 0 of what is NULL in the column.
std::vector<std::uint32_t> first_of_value(const ColumnValues& column);

}  // namespace qvdhouse::load
