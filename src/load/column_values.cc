#include "load/column_values.h"

#include <xxhash.h>

#include <algorithm>

namespace qvdhouse::load {

std::uint64_t hash_bytes(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t ColumnValues::hash(std::size_t slot) const {
  if (dictionary.is_null(slot)) return 0;
  const std::size_t width = dictionary.type().value_bytes();
  if (width == 0) return hash_bytes(dictionary.text(slot));
  const auto value = dictionary.fixed().subspan(slot * width, width);
  return hash_bytes({reinterpret_cast<const char*>(value.data()), value.size()});
}

std::uint64_t ColumnValues::hash_row_number(std::uint64_t row) {
  return hash_bytes({reinterpret_cast<const char*>(&row), sizeof(row)});
}

void ColumnValues::read_codes(const qvd::RowDecoder& decoder, const std::byte* records,
                              std::uint64_t first_row, std::span<std::uint32_t> out) const {
  if (codes == Codes::kFixed) {
    std::ranges::fill(out, fixed_code);
  } else {
    decoder.decode(field_index, records, first_row, out);
  }
}

}  // namespace qvdhouse::load
