#include "qvd/reference_decoder.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qvdhouse::qvd {

ReferenceCell reference_cell(const TableHeader& header, std::size_t field_index,
                             std::span<const std::byte> record, bool foreign_null) {
  const FieldHeader& field = header.fields.at(field_index);
  std::uint64_t stored = 0;
  for (std::uint64_t bit = 0; bit < field.width_bits; ++bit) {
    const std::uint64_t at = field.offset_bits + bit;
    const bool is_set = ((std::to_integer<unsigned>(record[at / 8]) >> (at % 8)) & 1) != 0;
    if (is_set) stored |= std::uint64_t{1} << bit;
  }

  // index = stored + Bias, in the exact arithmetic of the two signs.
  const bool is_negative_bias = field.bias < 0;
  const std::uint64_t magnitude = is_negative_bias ? 0 - static_cast<std::uint64_t>(field.bias)
                                                   : static_cast<std::uint64_t>(field.bias);
  if (is_negative_bias && stored < magnitude) return std::nullopt;
  const std::uint64_t index = is_negative_bias ? stored - magnitude : stored + magnitude;
  const bool has_overflowed = !is_negative_bias && index < stored;
  if (!has_overflowed && index < field.symbol_count) return index;

  if (field.width_bits == 0 && field.symbol_count == 0) return std::nullopt;
  const bool is_foreign_null = foreign_null && field.bias == 0 && index == field.symbol_count;
  if (is_foreign_null) return std::nullopt;
  throw base::InputError(fmt::format("expected an index of one of {} symbols, found {} with Bias "
                                     "{}",
                                     field.symbol_count, stored, field.bias),
                         {.field = field.name, .byte_offset = std::nullopt});
}

std::vector<std::vector<ReferenceCell>> reference_rows(const TableHeader& header,
                                                       std::span<const std::byte> rows,
                                                       bool foreign_null) {
  std::vector<std::vector<ReferenceCell>> cells(header.record_count);
  for (std::uint64_t row = 0; row < header.record_count; ++row) {
    const auto record = rows.subspan(row * header.record_bytes, header.record_bytes);
    for (std::size_t field = 0; field < header.fields.size(); ++field) {
      cells[row].push_back(reference_cell(header, field, record, foreign_null));
    }
  }
  return cells;
}

}  // namespace qvdhouse::qvd
