#include "qvd/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/error.h"
#include "base/limits.h"

namespace qvdhouse::qvd {
namespace {

// The shortest symbol is an empty text, 04 00 (section 3).
constexpr std::uint64_t kMinSymbolBytes = 2;

[[noreturn]] void fail(const FieldHeader& field, const std::string& message) {
  throw base::InputError(message, {.field = field.name, .byte_offset = std::nullopt});
}

void check_rows(const TableHeader& header) {
  if (header.record_bytes > base::kMaxRecordBytes) {
    throw base::InputError(fmt::format("expected RecordByteSize up to {}, found {}",
                                       base::kMaxRecordBytes, header.record_bytes));
  }
  if (header.record_bytes == 0 && header.record_count > 0) {
    throw base::InputError(fmt::format("expected RecordByteSize of at least 1 for {} rows, found 0",
                                       header.record_count));
  }
  const bool fits = header.record_bytes == 0
                        ? header.rows_length == 0
                        : header.rows_length % header.record_bytes == 0 &&
                              header.rows_length / header.record_bytes == header.record_count;
  if (!fits) {
    throw base::InputError(
        fmt::format("expected Length = NoOfRecords * RecordByteSize = {} * {}, found {}",
                    header.record_count, header.record_bytes, header.rows_length));
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  if (header.rows_offset > kMost - header.body_offset ||
      header.rows_length > kMost - header.body_offset - header.rows_offset) {
    throw base::InputError(fmt::format("expected Offset + Length below 2^64, found {} + {}",
                                       header.rows_offset, header.rows_length));
  }
}

void check_bits(const FieldHeader& field, std::uint64_t record_bits) {
  if (field.width_bits > base::kMaxFieldBits) {
    fail(field, fmt::format("expected BitWidth up to {}, found {}", base::kMaxFieldBits,
                            field.width_bits));
  }
  if (field.offset_bits > record_bits || field.width_bits > record_bits - field.offset_bits) {
    fail(field, fmt::format("expected bits within the record of {} bits, found BitOffset {} and "
                            "BitWidth {}",
                            record_bits, field.offset_bits, field.width_bits));
  }
}

// A field too narrow for its symbols would be read as other symbols, without any index being out of
// range. No file does that (section 4).
void check_width(const FieldHeader& field) {
  const auto bias = static_cast<std::uint64_t>(field.bias);
  if (field.symbol_count == 0 || (field.bias > 0 && bias >= field.symbol_count)) return;
  const auto needed = static_cast<std::uint64_t>(std::bit_width(field.symbol_count - 1 - bias));
  if (field.width_bits < needed) {
    fail(field,
         fmt::format("expected BitWidth of at least {} for {} symbols with Bias {}, found {}",
                     needed, field.symbol_count, field.bias, field.width_bits));
  }
}

void check_symbol_range(const FieldHeader& field, std::uint64_t rows_offset) {
  if (field.symbol_count > base::kMaxSymbols) {
    fail(field, fmt::format("expected NoOfSymbols up to {}, found {}", base::kMaxSymbols,
                            field.symbol_count));
  }
  if (field.symbol_count > field.length / kMinSymbolBytes) {
    fail(field,
         fmt::format("expected at least {} bytes for {} symbols, found Length {}",
                     field.symbol_count * kMinSymbolBytes, field.symbol_count, field.length));
  }
  if (field.symbol_count == 0 && field.length > 0) {
    fail(field, fmt::format("expected Length 0 for no symbols, found {}", field.length));
  }
  if (field.length > 0 &&
      (field.offset > rows_offset || field.length > rows_offset - field.offset)) {
    fail(field, fmt::format("expected a symbol table before the rows at Offset {}, found Offset {} "
                            "and Length {}",
                            rows_offset, field.offset, field.length));
  }
}

// Where a field's bits or bytes lie, for finding overlaps.
struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  const FieldHeader* field;
};

void check_no_overlap(std::vector<Range> ranges, std::string_view what) {
  std::ranges::sort(ranges, {}, &Range::begin);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const Range& before = ranges[i - 1];
    const Range& here = ranges[i];
    if (here.begin >= before.end) continue;
    fail(*here.field,
         fmt::format("expected its own {}, found {} {} to {}, which overlap those of field \"{}\" "
                     "({} to {})",
                     what, what, here.begin, here.end - 1, before.field->name, before.begin,
                     before.end - 1));
  }
}

}  // namespace

void check_layout(const TableHeader& header) {
  check_rows(header);
  std::vector<Range> bits;
  std::vector<Range> bytes;
  for (const FieldHeader& field : header.fields) {
    check_bits(field, header.record_bytes * 8);
    check_symbol_range(field, header.rows_offset);
    if (header.record_count > 0) check_width(field);
    if (field.width_bits > 0) {
      bits.push_back({field.offset_bits, field.offset_bits + field.width_bits, &field});
    }
    if (field.length > 0) bytes.push_back({field.offset, field.offset + field.length, &field});
  }
  check_no_overlap(std::move(bits), "bits");
  check_no_overlap(std::move(bytes), "symbol table bytes");
}

}  // namespace qvdhouse::qvd
