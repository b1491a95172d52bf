#include "qvd/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/error.h"

namespace qvdhouse::qvd {
namespace {

// Codes are made in two passes over blocks that stay in the first-level cache: the first collects
// words that begin with the field's bits (its stride keeps it scalar; one unaligned load of 8 bytes
// holds any field of up to 57 bits), the second masks them and turns them into codes: plain
// arithmetic on neighbours, which the compiler vectorises.
constexpr std::size_t kBlockRows = 2048;

template <typename Word>
Word load(const std::byte* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Where a field's bits lie within a record (section 4).
struct Bits {
  std::size_t first_byte;
  unsigned shift;  // 0 … 7
  unsigned width;  // 0 … 64
  std::uint64_t mask() const { return width == 0 ? 0 : ~std::uint64_t{0} >> (64 - width); }
};

// The stored value of any field, by two loads: 8 bytes and the ninth.
std::uint64_t load_stored(const std::byte* record, const Bits& bits) noexcept {
  const std::byte* bytes = record + bits.first_byte;
  std::uint64_t stored = load<std::uint64_t>(bytes) >> bits.shift;
  if (bits.shift + bits.width > 64) {
    stored |= load<std::uint8_t>(bytes + 8) * std::uint64_t{1} << (64 - bits.shift);
  }
  return stored & bits.mask();
}

// How stored values become codes (section 5): NULL is everything below `null_below`, or exactly
// `foreign_null`; all others have `add` added, modulo 2^32, which is right for all valid ones.
struct Mapping {
  std::uint64_t null_below;
  std::uint64_t foreign_null;
  std::uint32_t add;
};

constexpr std::uint64_t kNoForeignNull = ~std::uint64_t{0};

// Turns words into codes, in place. Returns the largest stored value.
template <bool kHasNulls>
std::uint32_t map_block(std::uint32_t* codes, std::size_t count, std::uint32_t mask,
                        std::uint32_t null_below, std::uint32_t add) noexcept {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t stored = codes[i] & mask;
    largest = std::max(largest, stored);
    const std::uint32_t code = stored + add;
    codes[i] = kHasNulls && stored < null_below ? 0 : code;
  }
  return largest;
}

std::uint32_t map_foreign_block(std::uint32_t* codes, std::size_t count, std::uint32_t mask,
                                std::uint32_t foreign_null) noexcept {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t stored = codes[i] & mask;
    largest = std::max(largest, stored);
    codes[i] = stored == foreign_null ? 0 : stored + 1;
  }
  return largest;
}

// Fields of up to 32 bits, some of whose values are not NULL. Returns the largest stored value.
std::uint64_t decode_narrow(const std::byte* records, std::size_t record_bytes, const Bits& bits,
                            const Mapping& mapping, std::span<std::uint32_t> codes) noexcept {
  const auto mask = static_cast<std::uint32_t>(bits.mask());
  const auto null_below = static_cast<std::uint32_t>(mapping.null_below);
  std::uint32_t largest = 0;
  for (std::size_t begin = 0; begin < codes.size(); begin += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, codes.size() - begin);
    std::uint32_t* block = codes.data() + begin;
    const std::byte* word = records + begin * record_bytes + bits.first_byte;
    for (std::size_t i = 0; i < count; ++i, word += record_bytes) {
      block[i] = static_cast<std::uint32_t>(load<std::uint64_t>(word) >> bits.shift);
    }
    std::uint32_t most;
    if (mapping.foreign_null <= mask) {
      most =
          map_foreign_block(block, count, mask, static_cast<std::uint32_t>(mapping.foreign_null));
    } else if (null_below > 0) {
      most = map_block<true>(block, count, mask, null_below, mapping.add);
    } else {
      most = map_block<false>(block, count, mask, 0, mapping.add);
    }
    largest = std::max(largest, most);
  }
  return largest;
}

// Fields of 33 to 64 bits: none is known, so that this one is only right, not fast.
std::uint64_t decode_wide(const std::byte* records, std::size_t record_bytes, const Bits& bits,
                          const Mapping& mapping, std::span<std::uint32_t> codes) noexcept {
  std::uint64_t largest = 0;
  for (std::uint32_t& code : codes) {
    const std::uint64_t stored = load_stored(records, bits);
    records += record_bytes;
    largest = std::max(largest, stored);
    const bool is_null = stored < mapping.null_below || stored == mapping.foreign_null;
    code = is_null ? 0 : static_cast<std::uint32_t>(stored) + mapping.add;
  }
  return largest;
}

// How many stored values, from 0 on, mean NULL or a symbol; all others are damage (section 5).
std::uint64_t stored_limit(std::int64_t bias, std::uint64_t symbol_count, bool foreign_null) {
  if (bias < 0) return symbol_count + (0 - static_cast<std::uint64_t>(bias));
  const auto skipped = static_cast<std::uint64_t>(bias);
  const std::uint64_t limit = symbol_count > skipped ? symbol_count - skipped : 0;
  return limit + (foreign_null ? 1 : 0);
}

}  // namespace

RowDecoder::RowDecoder(const TableHeader& header, bool foreign_null)
    : record_bytes_(header.record_bytes),
      rows_file_offset_(header.body_offset + header.rows_offset) {
  const bool accepts_foreign = foreign_null || writes_foreign_null(header);
  fields_.reserve(header.fields.size());
  names_.reserve(header.fields.size());
  for (const FieldHeader& field : header.fields) {
    const bool is_foreign = accepts_foreign && field.bias == 0;
    // A constant of no symbols can only be NULL (section 4).
    const bool is_all_null = field.width_bits == 0 && field.symbol_count == 0;
    fields_.push_back({
        .offset_bits = field.offset_bits,
        .width_bits = field.width_bits,
        .bias = field.bias,
        .symbol_count = field.symbol_count,
        .foreign_null = is_foreign || is_all_null,
        .stored_limit = stored_limit(field.bias, field.symbol_count, is_foreign || is_all_null),
    });
    names_.push_back(field.name);
  }
}

bool RowDecoder::may_be_null(std::size_t field_index) const {
  const Field& field = fields_.at(field_index);
  return field.bias < 0 || field.foreign_null;
}

void RowDecoder::decode(std::size_t field_index, const std::byte* records, std::uint64_t first_row,
                        std::span<std::uint32_t> codes) const {
  const Field& field = fields_.at(field_index);
  const auto bias = static_cast<std::uint64_t>(field.bias);
  const Mapping mapping = {
      .null_below = field.bias < 0 ? 0 - bias : 0,
      .foreign_null = field.foreign_null ? field.symbol_count : kNoForeignNull,
      .add = static_cast<std::uint32_t>(bias + 1),
  };
  const Bits bits = {.first_byte = field.offset_bits / 8,
                     .shift = static_cast<unsigned>(field.offset_bits % 8),
                     .width = static_cast<unsigned>(field.width_bits)};
  if (bits.mask() < mapping.null_below) {
    std::ranges::fill(codes, 0);
    return;
  }
  std::uint64_t largest = 0;
  if (bits.width == 0) {
    std::ranges::fill(codes, mapping.foreign_null == 0 ? 0 : mapping.add);
  } else if (bits.width <= 32) {
    largest = decode_narrow(records, record_bytes_, bits, mapping, codes);
  } else {
    largest = decode_wide(records, record_bytes_, bits, mapping, codes);
  }
  if (largest >= field.stored_limit && !codes.empty()) {
    throw_out_of_range(field_index, records, first_row, codes.size());
  }
}

void RowDecoder::throw_out_of_range(std::size_t field_index, const std::byte* records,
                                    std::uint64_t first_row, std::size_t row_count) const {
  const Field& field = fields_[field_index];
  const Bits bits = {.first_byte = field.offset_bits / 8,
                     .shift = static_cast<unsigned>(field.offset_bits % 8),
                     .width = static_cast<unsigned>(field.width_bits)};
  std::size_t row = 0;
  std::uint64_t stored = 0;
  for (; row < row_count; ++row) {
    stored = bits.width == 0 ? 0 : load_stored(records + row * record_bytes_, bits);
    if (stored >= field.stored_limit) break;
  }
  const std::uint64_t record_offset =
      rows_file_offset_ + (first_row + row) * static_cast<std::uint64_t>(record_bytes_);
  throw base::InputError(
      fmt::format("row {}: expected an index of one of {} symbols, found {} with Bias {}: the "
                  "file is damaged, store it again",
                  first_row + row, field.symbol_count, stored, field.bias),
      {.field = names_[field_index], .byte_offset = record_offset + bits.first_byte});
}

void read_records(const base::ByteSource& source, const TableHeader& header,
                  std::uint64_t first_row, std::uint64_t row_count,
                  std::vector<std::byte>& buffer) {
  assert(first_row <= header.record_count && row_count <= header.record_count - first_row);
  // No product overflows: check_layout() found NoOfRecords * RecordByteSize to be Length.
  const std::uint64_t bytes = row_count * header.record_bytes;
  const std::uint64_t file_offset =
      header.body_offset + header.rows_offset + first_row * header.record_bytes;
  if (file_offset > source.size() || bytes > source.size() - file_offset) {
    throw base::InputError(
        fmt::format("expected {} rows in {} bytes, found the end of the file at byte {}", row_count,
                    bytes, source.size()),
        {.field = {}, .byte_offset = file_offset});
  }
  buffer.resize(bytes + RowDecoder::kPaddingBytes);
  source.read_at(file_offset, std::span(buffer).first(bytes));
}

}  // namespace qvdhouse::qvd
