// One column of a table on its way into ClickHouse: its values, and the field whose codes index
// them.
#pragma once

#include <cstdint>
#include <string>

#include "clickhouse/dictionary.h"

namespace qvdhouse::load {

struct ColumnValues {
  std::string name;
  std::size_t field_index = 0;
  clickhouse::Dictionary dictionary;

  // Hash of the value of a slot: 64-bit XXH3 with seed 0 over the bytes that Native sends (without
  // a text's length), which is what ClickHouse's xxh3(column) gives. A NULL has hash 0.
  std::uint64_t hash(std::size_t slot) const;
};

}  // namespace qvdhouse::load
