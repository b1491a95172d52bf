#include "load/column_values.h"

#include <metrohash/metrohash.h>
#include <xxhash.h>

#include <algorithm>

namespace qvdhouse::load {

using clickhouse::HashFunction;

namespace {

std::uint64_t hash_bytes(std::span<const std::byte> bytes, HashFunction function) {
  if (function == HashFunction::kXxh3) return XXH3_64bits(bytes.data(), bytes.size());
  std::uint64_t hash = 0;
  metrohash64_1(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 0,
                reinterpret_cast<std::uint8_t*>(&hash));
  return hash;
}

}  // namespace

std::uint64_t hash_text(std::string_view text, HashFunction function) {
  return hash_bytes(std::as_bytes(std::span(text)), function);
}

std::uint64_t hash_fixed(std::span<const std::byte> value, HashFunction function) {
  if (function == HashFunction::kMetroHash) {
    while (!value.empty() && value.back() == std::byte{0}) value = value.first(value.size() - 1);
  }
  return hash_bytes(value, function);
}

std::uint64_t hash_number(std::uint64_t value, HashFunction function) {
  return hash_fixed(std::as_bytes(std::span(&value, 1)), function);
}

std::uint64_t ColumnValues::hash(std::size_t slot, HashFunction function) const {
  if (dictionary.is_null(slot)) return 0;
  const std::size_t width = dictionary.type().value_bytes();
  if (width == 0) return hash_text(dictionary.text(slot), function);
  return hash_fixed(dictionary.fixed().subspan(slot * width, width), function);
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
