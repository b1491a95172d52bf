#include "qvd/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/limits.h"
#include "qvd/header_writer.h"

namespace qvdhouse::qvd {
namespace {

static_assert(std::endian::native == std::endian::little,
              "symbols are written as they lie in memory");

constexpr std::int64_t kNullableBias = -2;  // docs/qvd-format.md, section 5
// The newest build whose files were studied; its header has every element there is.
constexpr std::string_view kBuildNumber = "50689";

bool is_int32(double number) {
  return number >= std::numeric_limits<std::int32_t>::min() &&
         number <= std::numeric_limits<std::int32_t>::max() && std::trunc(number) == number &&
         !(number == 0 && std::signbit(number));  // -0.0 survives as a double only
}

[[noreturn]] void refuse(std::string_view field_name, const std::string& message) {
  throw base::InputError(message, {.field = std::string(field_name), .byte_offset = {}});
}

[[noreturn]] void refuse(const FieldData& field, const std::string& message) {
  refuse(field.name, message);
}

template <typename T>
void append_number(std::vector<std::byte>& out, T number) {
  const std::size_t at = out.size();
  out.resize(at + sizeof number);
  std::memcpy(out.data() + at, &number, sizeof number);
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Bits that the largest stored value of a field needs: ceil(log2(symbols - bias)).
std::uint64_t needed_bits(const FieldHeader& field, bool nullable) {
  const std::uint64_t values = field.symbol_count + (nullable && field.bias == 0 ? 1 : 0);
  if (field.bias > 0 && static_cast<std::uint64_t>(field.bias) >= values) return 0;
  // Unsigned, so that no bias overflows: the difference is positive and below 2^64.
  const std::uint64_t stored_values = values - static_cast<std::uint64_t>(field.bias);
  return stored_values == 0 ? 0 : static_cast<std::uint64_t>(std::bit_width(stored_values - 1));
}

std::uint64_t checked_width(const FieldData& field, std::uint64_t symbol_count,
                            std::uint64_t needed) {
  const std::uint64_t width = field.width_bits.value_or(needed);
  if (width < needed || width > base::kMaxFieldBits) {
    refuse(field, fmt::format("expected a width of {} to {} bits for {} values, found {}; leave "
                              "width_bits unset",
                              needed, base::kMaxFieldBits, symbol_count, width));
  }
  return width;
}

// Throws unless no two fields share a bit.
void check_overlap(const TableData& table, const TableHeader& header) {
  std::vector<std::size_t> order(header.fields.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::pair(header.fields[i].offset_bits, header.fields[i].width_bits);
  });
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const FieldHeader& field = header.fields[i];
    if (field.width_bits > 0 && field.offset_bits < end) {
      refuse(table.fields[i], fmt::format("expected bits of its own, found that bit {} belongs to "
                                          "another field; leave offset_bits unset",
                                          field.offset_bits));
    }
    end = std::max(end, field.offset_bits + field.width_bits);
  }
}

// Sets record_bytes and, unless the caller chose them, bit offsets without gaps. Like Qlik, the
// last field is widened to the end of the record, unless its width was chosen.
void lay_out_record(const TableData& table, TableHeader& header) {
  std::uint64_t next = 0;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < table.fields.size(); ++i) {
    FieldHeader& field = header.fields[i];
    field.offset_bits = table.fields[i].offset_bits.value_or(next);
    next = field.offset_bits + field.width_bits;
    end = std::max(end, next);
    constexpr std::uint64_t kMaxBits = base::kMaxRecordBytes * 8;
    if (field.offset_bits > kMaxBits || next > kMaxBits) {
      refuse(table.fields[i],
             fmt::format("expected bits within a record of at most {} bytes, "
                         "found {} bits at bit {}",
                         base::kMaxRecordBytes, field.width_bits, field.offset_bits));
    }
  }
  header.record_bytes = std::max<std::uint64_t>(1, (end + 7) / 8);
  for (std::size_t i = header.fields.size(); i-- > 0;) {
    FieldHeader& field = header.fields[i];
    if (field.offset_bits + field.width_bits != end) continue;
    const std::uint64_t widened = header.record_bytes * 8 - field.offset_bits;
    if (!table.fields[i].width_bits && widened <= base::kMaxFieldBits) field.width_bits = widened;
    break;
  }
  check_overlap(table, header);
}

FieldHeader field_header(const FieldData& data) {
  FieldHeader field;
  field.name = data.name;
  field.number_format = data.number_format;
  if (field.number_format.type.empty()) field.number_format.type = "UNKNOWN";
  field.comment = data.comment;
  field.tags = data.tags;
  return field;
}

// What a NULL is stored as, if the field can hold one. With Bias 0 it is the number of symbols, the
// way of the qvdrs writer (docs/qvd-format.md, section 5); only a forced bias leads there.
std::optional<std::uint64_t> stored_null(const FieldHeader& field, bool nullable) {
  if (!nullable || field.bias > 0) return std::nullopt;
  return field.bias < 0 ? 0 : field.symbol_count;
}

// Bits [offset_bits, …) of `record`, which must still be zero, become those of `value`.
void put_bits(std::byte* record, std::uint64_t offset_bits, std::uint64_t value) {
  std::byte* at = record + offset_bits / 8;
  const unsigned shift = offset_bits % 8;
  *at |= static_cast<std::byte>(value << shift);
  for (value >>= 8 - shift; value != 0; value >>= 8) *++at |= static_cast<std::byte>(value);
}

}  // namespace

Value Value::of(std::int32_t number) {
  return {.kind = SymbolKind::kInt, .number = double(number), .text = {}};
}

Value Value::of(double number) {
  const SymbolKind kind = is_int32(number) ? SymbolKind::kInt : SymbolKind::kDouble;
  return {.kind = kind, .number = number, .text = {}};
}

Value Value::of(std::string_view text) {
  return {.kind = SymbolKind::kText, .number = 0, .text = std::string(text)};
}

Value Value::dual(double number, std::string_view text) {
  const SymbolKind kind = is_int32(number) ? SymbolKind::kDualInt : SymbolKind::kDualDouble;
  return {.kind = kind, .number = number, .text = std::string(text)};
}

void append_symbol(std::string_view field_name, const Value& value, std::vector<std::byte>& out) {
  out.push_back(static_cast<std::byte>(value.kind));
  switch (value.kind) {
    case SymbolKind::kInt:
    case SymbolKind::kDualInt:
      if (!is_int32(value.number)) {
        refuse(field_name, fmt::format("expected a whole number within int32 in a symbol of kind "
                                       "{}, found {}; store it as a double",
                                       int(value.kind), value.number));
      }
      append_number(out, static_cast<std::int32_t>(value.number));
      break;
    case SymbolKind::kDouble:
    case SymbolKind::kDualDouble:
      append_number(out, value.number);
      break;
    case SymbolKind::kText:
      break;
  }
  if ((static_cast<unsigned>(value.kind) & 4U) == 0) return;
  if (const std::size_t at = value.text.find('\0'); at != std::string::npos) {
    refuse(field_name, fmt::format("expected text without NUL bytes, found one at byte {} of a "
                                   "text of {} bytes; a QVD cannot hold it",
                                   at, value.text.size()));
  }
  append_text(out, value.text);
  out.push_back(std::byte{0});
}

QvdWriter::QvdWriter(const TableData& table, const std::vector<bool>& nullable) {
  std::vector<std::byte> bytes;
  std::vector<EncodedSymbols> symbols;
  for (const FieldData& data : table.fields) {
    const std::size_t start = bytes.size();
    for (const Value& value : data.values) append_symbol(data.name, value, bytes);
    symbols.push_back({.count = data.values.size(), .bytes = bytes.size() - start});
  }
  lay_out(table, nullable, symbols);
  head_.insert(head_.end(), bytes.begin(), bytes.end());
}

QvdWriter::QvdWriter(const TableData& table, const std::vector<bool>& nullable,
                     std::span<const EncodedSymbols> symbols) {
  lay_out(table, nullable, symbols);
}

void QvdWriter::lay_out(const TableData& table, const std::vector<bool>& nullable,
                        std::span<const EncodedSymbols> symbols) {
  assert(symbols.size() == table.fields.size());
  if (table.fields.empty() || nullable.size() != table.fields.size()) {
    throw base::InputError(
        fmt::format("expected at least one field and one nullable flag a field, "
                    "found {} fields and {} flags",
                    table.fields.size(), nullable.size()));
  }
  TableHeader header;
  header.build_number = kBuildNumber;
  header.creator_document = table.creator_document;
  header.created_at = table.created_at;
  header.table_name = table.name;
  header.comment = table.comment;
  header.lineage = table.lineage;
  header.table_tags = table.tags;
  header.record_count = table.row_count;

  std::uint64_t symbol_bytes = 0;
  for (std::size_t i = 0; i < table.fields.size(); ++i) {
    const FieldData& data = table.fields[i];
    FieldHeader& field = header.fields.emplace_back(field_header(data));
    field.symbol_count = symbols[i].count;
    field.bias = data.bias.value_or(nullable[i] ? kNullableBias : 0);
    field.width_bits = checked_width(data, field.symbol_count, needed_bits(field, nullable[i]));
    field.offset = symbol_bytes;
    field.length = symbols[i].bytes;
    symbol_bytes += field.length;
  }
  lay_out_record(table, header);
  header.rows_offset = symbol_bytes;
  header.rows_length = header.record_count * header.record_bytes;
  record_bytes_ = header.record_bytes;
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    const FieldHeader& field = header.fields[i];
    layout_.push_back({.name = field.name,
                       .offset_bits = field.offset_bits,
                       .bias = field.bias,
                       .symbol_count = field.symbol_count,
                       .stored_null = stored_null(field, nullable[i])});
  }
  append_text(head_, format_header(header, table.lf_header));
  head_.push_back(std::byte{0});
}

std::uint64_t QvdWriter::stored_index(const Layout& field, std::uint32_t code, std::size_t row) {
  if (code == 0 && field.stored_null) return *field.stored_null;
  const std::uint64_t first = field.bias > 0 ? std::uint64_t(field.bias) : 0;
  const std::uint64_t index = std::uint64_t{code} - 1;
  if (code == 0 || index < first || index >= field.symbol_count) {
    throw base::InputError(
        fmt::format("expected a code of {} to {}{}, found {} in row {} of the batch", first + 1,
                    field.symbol_count, field.stored_null ? " or 0 for NULL" : " (no NULL)", code,
                    row),
        {.field = field.name, .byte_offset = {}});
  }
  return index - static_cast<std::uint64_t>(field.bias);
}

void QvdWriter::append_rows(std::span<const std::vector<std::uint32_t>> codes,
                            std::vector<std::byte>& out) const {
  const std::size_t row_count = codes.empty() ? 0 : codes[0].size();
  const bool even =
      std::ranges::all_of(codes, [&](const auto& c) { return c.size() == row_count; });
  if (codes.size() != layout_.size() || !even) {
    throw base::InputError(fmt::format("expected {} columns of codes, all of one length, found {}",
                                       layout_.size(), codes.size()));
  }
  const std::size_t start = out.size();
  out.resize(start + row_count * record_bytes_);
  for (std::size_t i = 0; i < layout_.size(); ++i) {
    const Layout& field = layout_[i];
    std::byte* record = out.data() + start;
    for (std::size_t row = 0; row < row_count; ++row, record += record_bytes_) {
      put_bits(record, field.offset_bits, stored_index(field, codes[i][row], row));
    }
  }
}

std::vector<std::byte> write_qvd(const TableData& table) {
  std::vector<bool> nullable;
  std::vector<std::vector<std::uint32_t>> codes;
  for (const FieldData& field : table.fields) {
    if (field.codes.size() != table.row_count) {
      refuse(field, fmt::format("expected {} codes, one a row, found {}", table.row_count,
                                field.codes.size()));
    }
    nullable.push_back(std::ranges::find(field.codes, 0U) != field.codes.end());
    codes.push_back(field.codes);
  }
  const QvdWriter writer(table, nullable);
  std::vector<std::byte> file = writer.head();
  writer.append_rows(codes, file);
  return file;
}

}  // namespace qvdhouse::qvd
