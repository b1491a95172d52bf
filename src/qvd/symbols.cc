#include "qvd/symbols.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/error.h"
#include "qvd/utf8.h"

namespace qvdhouse::qvd {
namespace {

// Bytes of the number behind the kind byte (docs/qvd-format.md, section 3), or nothing for a byte
// that is no kind.
constexpr int kNoKind = -1;
constexpr int number_bytes(std::uint8_t kind) {
  switch (static_cast<SymbolKind>(kind)) {
    case SymbolKind::kInt:
    case SymbolKind::kDualInt:
      return sizeof(std::int32_t);
    case SymbolKind::kDouble:
    case SymbolKind::kDualDouble:
      return sizeof(double);
    case SymbolKind::kText:
      return 0;
  }
  return kNoKind;
}

constexpr bool kind_has_text(std::uint8_t kind) { return (kind & 4) != 0; }

template <typename Number>
Number load(const std::byte* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

// Walks one symbol after the other through a table's bytes.
class SymbolParser {
 public:
  SymbolParser(std::span<const std::byte> bytes, const FieldHeader& field,
               std::uint64_t file_offset)
      : bytes_(bytes), field_(field), file_offset_(file_offset) {}

  std::size_t position() const { return position_; }

  // Moves behind the symbol at position(). Returns its text, empty when it has none.
  std::string_view next(std::uint64_t symbol) {
    if (position_ == bytes_.size()) {
      fail(symbol, position_,
           fmt::format("expected {} symbols, found {} in {} bytes", field_.symbol_count, symbol,
                       bytes_.size()));
    }
    const auto kind = std::to_integer<std::uint8_t>(bytes_[position_]);
    const int width = number_bytes(kind);
    if (width == kNoKind) {
      fail(symbol, position_,
           fmt::format("expected the kind byte 01, 02, 04, 05 or 06, found {:02X}", kind));
    }
    const std::size_t begin = position_ + 1 + static_cast<std::size_t>(width);
    if (begin > bytes_.size()) {
      fail(symbol, position_,
           fmt::format("expected a number of {} bytes, found the end of the table after {}", width,
                       bytes_.size() - position_ - 1));
    }
    position_ = begin;
    return kind_has_text(kind) ? next_text(symbol) : std::string_view();
  }

  [[noreturn]] void fail(std::uint64_t symbol, std::size_t position,
                         const std::string& message) const {
    throw base::InputError(fmt::format("symbol {}: {}", symbol, message),
                           {.field = field_.name, .byte_offset = file_offset_ + position});
  }

 private:
  // The text at position_, which moves behind its NUL.
  std::string_view next_text(std::uint64_t symbol) {
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
    const std::size_t most = bytes_.size() - position_;
    const void* nul = most == 0 ? nullptr : std::memchr(begin, 0, most);
    if (nul == nullptr) {
      fail(symbol, position_,
           fmt::format("expected text ended by NUL, found the end of the table after {} bytes",
                       most));
    }
    const auto size = static_cast<std::size_t>(static_cast<const char*>(nul) - begin);
    position_ += size + 1;
    return {begin, size};
  }

  std::span<const std::byte> bytes_;
  const FieldHeader& field_;
  std::uint64_t file_offset_;
  std::size_t position_ = 0;
};

}  // namespace

std::int32_t SymbolTable::integer(std::size_t symbol) const {
  return load<std::int32_t>(&bytes_[offsets_[symbol]] + 1);
}

double SymbolTable::number(std::size_t symbol) const {
  const bool is_int = number_bytes(static_cast<std::uint8_t>(kind(symbol))) == 4;
  return is_int ? integer(symbol) : load<double>(&bytes_[offsets_[symbol]] + 1);
}

std::string_view SymbolTable::text(std::size_t symbol) const {
  const auto width =
      static_cast<std::size_t>(number_bytes(static_cast<std::uint8_t>(kind(symbol))));
  const std::size_t begin = offsets_[symbol] + 1 + width;
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, offsets_[symbol + 1] - 1 - begin};
}

SymbolTable parse_symbols(std::vector<std::byte> bytes, const FieldHeader& field,
                          std::uint64_t file_offset, InvalidUtf8 policy) {
  SymbolParser parser(bytes, field, file_offset);
  // The shortest symbol has 2 bytes, so that a wild NoOfSymbols can't make us allocate.
  if (field.symbol_count > bytes.size() / 2) {
    throw base::InputError(fmt::format("expected {} symbols, found no room for them in {} bytes",
                                       field.symbol_count, bytes.size()),
                           {.field = field.name, .byte_offset = file_offset});
  }
  SymbolTable table;
  table.offsets_.reserve(field.symbol_count + 1);
  for (std::uint64_t symbol = 0; symbol < field.symbol_count; ++symbol) {
    const std::size_t begin = parser.position();
    table.offsets_.push_back(begin);
    const std::string_view text = parser.next(symbol);
    const auto invalid = find_invalid_utf8(text);
    if (!invalid) continue;
    if (policy == InvalidUtf8::kError) {
      const std::size_t position = parser.position() - 1 - text.size() + *invalid;
      parser.fail(symbol, position,
                  fmt::format("expected text in UTF-8, found the byte {:02X}",
                              static_cast<unsigned char>(text[*invalid])));
    }
    ++table.invalid_utf8_count_;
  }
  if (parser.position() != bytes.size()) {
    throw base::InputError(
        fmt::format("expected {} symbols to fill {} bytes, found {} bytes behind the last",
                    field.symbol_count, bytes.size(), bytes.size() - parser.position()),
        {.field = field.name, .byte_offset = file_offset + parser.position()});
  }
  table.offsets_.push_back(parser.position());
  table.bytes_ = std::move(bytes);
  return table;
}

SymbolTable read_symbols(const base::ByteSource& source, const TableHeader& header,
                         std::size_t field_index, InvalidUtf8 policy) {
  const FieldHeader& field = header.fields.at(field_index);
  const std::uint64_t file_offset = header.body_offset + field.offset;
  // No byte is allocated that the file does not have.
  if (file_offset > source.size() || field.length > source.size() - file_offset) {
    throw base::InputError(
        fmt::format("expected a symbol table of {} bytes, found the end of the file at byte {}",
                    field.length, source.size()),
        {.field = field.name, .byte_offset = file_offset});
  }
  std::vector<std::byte> bytes(field.length);
  source.read_at(file_offset, bytes);
  return parse_symbols(std::move(bytes), field, file_offset, policy);
}

}  // namespace qvdhouse::qvd
