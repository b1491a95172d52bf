#include "load/column_values.h"

#include <metrohash/metrohash.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "load/rescued_rows.h"

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

bool is_same_value(const clickhouse::Dictionary& values, std::size_t a, std::size_t b) {
  const std::size_t width = values.type().value_bytes();
  if (width == 0) return values.text(a) == values.text(b);
  return std::memcmp(values.fixed().data() + a * width, values.fixed().data() + b * width, width) ==
         0;
}

// Whether each value is above the one before, as those of most keys are: then no two are the same.
template <class Number>
bool are_ascending_as(const clickhouse::Dictionary& values) {
  Number before{};
  for (std::size_t code = 1; code < values.slot_count(); ++code) {
    Number number{};
    std::memcpy(&number, values.fixed().data() + code * sizeof(number), sizeof(number));
    if (code > 1 && number <= before) return false;
    before = number;
  }
  return true;
}
bool are_ascending(const clickhouse::Dictionary& values) {
  switch (values.type().kind) {
    case clickhouse::TypeKind::kInt32:
    case clickhouse::TypeKind::kDate32:
      return are_ascending_as<std::int32_t>(values);
    case clickhouse::TypeKind::kInt64:
    case clickhouse::TypeKind::kDateTime64:
      return are_ascending_as<std::int64_t>(values);
    default:
      return false;
  }
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
  } else if (codes == Codes::kRescued) {
    rescued->read_codes(decoder, records, first_row, out);
  } else {
    decoder.decode(field_index, records, first_row, out);
  }
}

std::vector<std::uint32_t> first_of_value(const ColumnValues& column) {
  const clickhouse::Dictionary& values = column.dictionary;
  const std::size_t count = values.slot_count();
  if (!values.has_nulls() && are_ascending(values)) {
    std::vector<std::uint32_t> own(count);
    std::iota(own.begin(), own.end(), 0);
    return own;
  }
  std::size_t places = 16;
  while (places < 2 * count) places *= 2;
  std::vector<std::uint32_t> first(count);
  std::vector<std::uint32_t> at(places);  // code; 0: free
  for (std::size_t code = 1; code < count; ++code) {
    if (values.is_null(code)) continue;
    std::size_t place = column.hash(code, clickhouse::HashFunction::kXxh3) & (places - 1);
    while (at[place] != 0 && !is_same_value(values, at[place], code)) {
      place = (place + 1) & (places - 1);
    }
    if (at[place] == 0) at[place] = static_cast<std::uint32_t>(code);
    first[code] = at[place];
  }
  return first;
}

}  // namespace qvdhouse::load
