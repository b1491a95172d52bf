// The symbol table of one field: its distinct values. Defined by docs/qvd-format.md, section 3.
//
// A table owns its bytes as they are in the file plus one offset a symbol; nothing is converted.
// Everything costly is done once per symbol on this table, never once per row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "qvd/header.h"

namespace qvdhouse::qvd {

enum class SymbolKind : std::uint8_t {
  kInt = 1,         // int32
  kDouble = 2,      // float64
  kText = 4,        // UTF-8
  kDualInt = 5,     // int32 with display text
  kDualDouble = 6,  // float64 with display text
};

// What to do with text that is not UTF-8. Nothing is ever replaced: the bytes are refused or kept.
enum class InvalidUtf8 { kError, kKeep };

class SymbolTable {
 public:
  SymbolTable() = default;

  std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  SymbolKind kind(std::size_t symbol) const {
    return static_cast<SymbolKind>(bytes_[offsets_[symbol]]);
  }
  bool has_number(std::size_t symbol) const { return kind(symbol) != SymbolKind::kText; }
  bool has_text(std::size_t symbol) const { return (std::uint8_t(kind(symbol)) & 4) != 0; }
  // The number of a kInt/kDualInt symbol.
  std::int32_t integer(std::size_t symbol) const;
  // The number of any symbol that has one (integers widened exactly).
  double number(std::size_t symbol) const;
  // The text of a symbol that has one, without its NUL. Valid as long as the table.
  std::string_view text(std::size_t symbol) const;
  // The symbol as it stands in the file: kind byte, number, text and NUL.
  std::span<const std::byte> raw(std::size_t symbol) const {
    return std::span(bytes_).subspan(offsets_[symbol], offsets_[symbol + 1] - offsets_[symbol]);
  }
  std::size_t memory_bytes() const {
    return bytes_.capacity() + offsets_.capacity() * sizeof(offsets_[0]);
  }
  // Symbols whose text is not UTF-8 (only with InvalidUtf8::kKeep).
  std::uint64_t invalid_utf8_count() const { return invalid_utf8_count_; }
  // Those of a file are all taken as different; of what SymbolTableBuilder made, equal bytes are
  // one.
  std::size_t distinct_count() const { return distinct_count_.value_or(size()); }

 private:
  friend class SymbolParser;
  friend class SymbolTableBuilder;
  std::vector<std::byte> bytes_;
  std::vector<std::uint64_t> offsets_;  // size() + 1, from the start of bytes_
  std::uint64_t invalid_utf8_count_ = 0;
  std::optional<std::size_t> distinct_count_;
};

// Makes a table, symbol by symbol, that takes the place of a file's. Its symbols may be equal.
class SymbolTableBuilder {
 public:
  void add(std::span<const std::byte> raw);  // as SymbolTable::raw() gives it
  void add_text(std::string_view text);      // without a NUL
  void add_integer(std::int32_t number);
  void add_dual(std::int32_t number, std::string_view text);
  SymbolTable take();

 private:
  void begin(SymbolKind kind);
  void append(const void* bytes, std::size_t size);
  void append_text(std::string_view text);
  SymbolTable table_;
};

// Parses exactly field.symbol_count symbols out of `bytes`, which must be used up exactly.
// `file_offset` is where bytes[0] lies in the file, for messages. Throws InputError.
SymbolTable parse_symbols(std::vector<std::byte> bytes, const FieldHeader& field,
                          std::uint64_t file_offset, InvalidUtf8 policy = InvalidUtf8::kError);

// Reads and parses the symbol table of header.fields[field_index], in pieces of which the first has
// up to 1 MiB and each other at most as many bytes as were read before: what is wrong early ends
// the reading early, whatever Length claims. Throws InputError, IoError, and Cancelled when a stop
// is asked for.
SymbolTable read_symbols(const base::ByteSource& source, const TableHeader& header,
                         std::size_t field_index, InvalidUtf8 policy = InvalidUtf8::kError,
                         const std::stop_token& stop = {});

}  // namespace qvdhouse::qvd
