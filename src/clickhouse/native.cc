#include "clickhouse/native.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "clickhouse/copy_text.h"

namespace qvdhouse::clickhouse {
namespace {

// LowCardinality in Native: version of the key serialisation, and the flags "has additional keys"
// and "needs to update the dictionary", to which the width of an index is added.
constexpr std::uint64_t kKeyVersion = 1;
constexpr std::uint64_t kIndexFlags = 0x600;

template <class T>
void gather(const std::byte* values, std::span<const std::uint32_t> codes,
            std::byte* out) noexcept {
  for (std::size_t row = 0; row < codes.size(); ++row) {
    T value;
    std::memcpy(&value, values + std::size_t{codes[row]} * sizeof(T), sizeof(T));
    std::memcpy(out + row * sizeof(T), &value, sizeof(T));
  }
}

struct Wide {
  std::uint64_t low, high;
};

void gather_fixed(std::size_t value_bytes, const std::byte* values,
                  std::span<const std::uint32_t> codes, std::byte* out) noexcept {
  switch (value_bytes) {
    case 1:
      return gather<std::uint8_t>(values, codes, out);
    case 2:
      return gather<std::uint16_t>(values, codes, out);
    case 4:
      return gather<std::uint32_t>(values, codes, out);
    case 8:
      return gather<std::uint64_t>(values, codes, out);
    case 16:
      return gather<Wide>(values, codes, out);
    default:
      assert(false && "no type has such a width");
  }
}

// Texts lie scattered over a dictionary that the caches may not hold: asked for this far ahead.
constexpr std::size_t kPrefetchRows = 12;

std::byte* gather_text(const Dictionary& dictionary, std::span<const std::uint32_t> codes,
                       std::byte* out) noexcept {
  const std::byte* bytes = dictionary.bytes().data();
  const std::byte* end = bytes + dictionary.bytes().size();
  const std::uint64_t* offsets = dictionary.offsets().data();
  for (std::size_t row = 0; row < codes.size(); ++row) {
    const std::size_t ahead = std::min(row + kPrefetchRows, codes.size() - 1);
    __builtin_prefetch(bytes + offsets[codes[ahead]]);
    const std::byte* from = bytes + offsets[codes[row]];
    const std::size_t length = offsets[codes[row] + 1] - offsets[codes[row]];
    const std::size_t left = static_cast<std::size_t>(end - from);
    if (left >= length + kTextStep) {
      out = copy_text(from, length, out);
    } else {
      std::memcpy(out, from, length);
      out += length;
    }
  }
  return out;
}

std::size_t text_bytes(const Dictionary& dictionary,
                       std::span<const std::uint32_t> codes) noexcept {
  const std::uint64_t* offsets = dictionary.offsets().data();
  std::uint64_t total = 0;
  for (const std::uint32_t code : codes) total += offsets[code + 1] - offsets[code];
  return total;
}

template <class T>
void narrow(std::span<const std::uint32_t> codes, std::byte* out) noexcept {
  for (std::size_t row = 0; row < codes.size(); ++row) {
    const T value = static_cast<T>(codes[row]);
    std::memcpy(out + row * sizeof(T), &value, sizeof(T));
  }
}

// Log2 of the bytes of an index into `keys` keys: 0, 1 or 2 for u8, u16, u32.
unsigned index_width(std::size_t keys) { return keys <= 0x100 ? 0 : keys <= 0x10000 ? 1 : 2; }

void append_indexes(unsigned width, std::span<const std::uint32_t> keys, std::byte* out) noexcept {
  switch (width) {
    case 0:
      return narrow<std::uint8_t>(keys, out);
    case 1:
      return narrow<std::uint16_t>(keys, out);
    default:
      return narrow<std::uint32_t>(keys, out);
  }
}

}  // namespace

std::byte* BlockBuffer::extend(std::size_t count) {
  if (count > capacity_ - size_) {
    const std::size_t wanted = std::max(size_ + count, capacity_ + capacity_ / 2);
    auto grown = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (size_ != 0) std::memcpy(grown.get(), data_.get(), size_);
    data_ = std::move(grown);
    capacity_ = wanted;
  }
  std::byte* start = data_.get() + size_;
  size_ += count;
  return start;
}

void BlockBuffer::append(std::span<const std::byte> bytes) {
  if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
}

void BlockBuffer::append_varuint(std::uint64_t value) {
  std::vector<std::byte> encoded;
  clickhouse::append_varuint(encoded, value);
  append(encoded);
}

void BlockBuffer::append_string(std::string_view text) {
  append_varuint(text.size());
  append(std::as_bytes(std::span(text)));
}

void BlockBuffer::append_u64(std::uint64_t value) { append(std::as_bytes(std::span(&value, 1))); }

NativeEncoder::NativeEncoder(std::vector<Column> columns)
    : columns_(std::move(columns)), trims_(columns_.size()), chunk_(kChunkRows) {}

void NativeEncoder::start_block(std::size_t row_count, std::span<const CodeReader> codes,
                                std::uint64_t first_row,
                                std::span<const std::uint64_t> row_numbers) {
  assert(!columns_.empty() && row_count > 0);  // a block of no columns would end the stream
  ++block_;
  codes_ = codes;
  row_count_ = row_count;
  first_row_ = first_row;
  row_numbers_ = row_numbers;
  column_ = 0;
  part_ = Part::kHead;
}

bool NativeEncoder::append_piece(BlockBuffer& out) {
  if (row_count_ == 0 || column_ == columns_.size()) return false;
  const std::size_t wanted = out.size() + kPieceBytes;
  while (column_ < columns_.size() && out.size() < wanted) {
    if (part_ == Part::kHead) {
      append_head(out);
    } else if (columns_[column_].counts_rows) {
      append_row_numbers(out);
    } else {
      append_chunk(out);
    }
  }
  return true;
}

// Everything of a column before its first row.
void NativeEncoder::append_head(BlockBuffer& out) {
  if (column_ == 0) {
    out.append_varuint(columns_.size());
    out.append_varuint(row_count_);
  }
  const Dictionary& dictionary = *columns_[column_].dictionary;
  out.append_string(columns_[column_].name);
  out.append_string(dictionary.type().name());
  row_ = 0;
  if (!dictionary.type().low_cardinality) {
    part_ = dictionary.type().nullable ? Part::kNullMarks : Part::kValues;
  } else if (dictionary.slot_count() > row_count_ || dictionary.has_nulls()) {
    append_trimmed_keys(dictionary, out);
    part_ = Part::kTrimmedIndexes;
  } else {
    append_keys(dictionary, out);
    part_ = Part::kIndexes;
  }
}

std::span<const std::uint32_t> NativeEncoder::read_chunk(std::size_t first_row) {
  const std::span codes(chunk_.data(), std::min(kChunkRows, row_count_ - first_row));
  codes_[column_](first_row, codes);
  return codes;
}

// The next rows of the current part.
void NativeEncoder::append_chunk(BlockBuffer& out) {
  const Dictionary& dictionary = *columns_[column_].dictionary;
  const std::size_t value_bytes = dictionary.type().value_bytes();
  std::span<const std::uint32_t> rows;
  if (part_ == Part::kTrimmedIndexes) {
    rows = std::span(trimmed_keys_).subspan(row_, std::min(kChunkRows, row_count_ - row_));
  } else {
    rows = read_chunk(row_);
  }
  if (part_ == Part::kNullMarks) {
    const auto* marks = reinterpret_cast<const std::byte*>(dictionary.null_marks().data());
    gather<std::uint8_t>(marks, rows, out.extend(rows.size()));
  } else if (part_ != Part::kValues) {
    append_indexes(index_width_, rows, out.extend(rows.size() << index_width_));
  } else if (value_bytes != 0) {
    gather_fixed(value_bytes, dictionary.fixed().data(), rows,
                 out.extend(rows.size() * value_bytes));
  } else {
    // Room for the texts and the slack, then give back what was not used.
    const std::size_t texts_at = out.size();
    std::byte* start = out.extend(text_bytes(dictionary, rows) + kTextStep);
    const std::byte* end = gather_text(dictionary, rows, start);
    out.shrink(texts_at + static_cast<std::size_t>(end - start));
  }

  end_chunk(rows.size());
}

void NativeEncoder::append_row_numbers(BlockBuffer& out) {
  const std::size_t count = std::min(kChunkRows, row_count_ - row_);
  std::byte* at = out.extend(count * sizeof(std::uint64_t));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t number =
        row_numbers_.empty() ? first_row_ + row_ + i : row_numbers_[row_ + i];
    std::memcpy(at + i * sizeof(number), &number, sizeof(number));
  }
  end_chunk(count);
}

void NativeEncoder::end_chunk(std::size_t row_count) {
  row_ += row_count;
  if (row_ < row_count_) return;
  row_ = 0;
  if (part_ == Part::kNullMarks) {
    part_ = Part::kValues;
  } else {
    ++column_;
    part_ = Part::kHead;
  }
}

void NativeEncoder::append_keys(const Dictionary& dictionary, BlockBuffer& out) {
  index_width_ = index_width(dictionary.slot_count());
  out.append_u64(kKeyVersion);
  out.append_u64(kIndexFlags | index_width_);
  out.append_u64(dictionary.slot_count());
  out.append(dictionary.bytes());
  out.append_u64(row_count_);
}

void NativeEncoder::append_trimmed_keys(const Dictionary& dictionary, BlockBuffer& out) {
  Trim& trim = trims_[column_];
  trim.seen_in.resize(dictionary.slot_count());
  trim.key.resize(dictionary.slot_count());
  // Key 0 stays what slot 0 is: NULL, or the default value.
  std::vector<std::uint32_t> used{0};
  trim.seen_in[0] = block_;
  trim.key[0] = 0;
  trimmed_keys_.clear();
  while (trimmed_keys_.size() < row_count_) {
    for (const std::uint32_t row_code : read_chunk(trimmed_keys_.size())) {
      const std::uint32_t code = dictionary.is_null(row_code) ? 0 : row_code;
      if (trim.seen_in[code] != block_) {
        trim.seen_in[code] = block_;
        trim.key[code] = static_cast<std::uint32_t>(used.size());
        used.push_back(code);
      }
      trimmed_keys_.push_back(trim.key[code]);
    }
  }
  index_width_ = index_width(used.size());
  const std::size_t value_bytes = dictionary.type().value_bytes();
  out.append_u64(kKeyVersion);
  out.append_u64(kIndexFlags | index_width_);
  out.append_u64(used.size());
  for (const std::uint32_t code : used) {
    out.append(value_bytes == 0 ? dictionary.encoded(code)
                                : dictionary.fixed().subspan(code * value_bytes, value_bytes));
  }
  out.append_u64(row_count_);
}

void append_empty_block(std::span<const NativeEncoder::Column> columns, BlockBuffer& out) {
  out.append_varuint(columns.size());
  out.append_varuint(0);
  for (const NativeEncoder::Column& column : columns) {
    out.append_string(column.name);
    out.append_string(column.dictionary->type().name());
  }
}

}  // namespace qvdhouse::clickhouse
