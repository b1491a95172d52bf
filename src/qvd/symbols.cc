#include "qvd/symbols.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "qvd/utf8.h"

namespace qvdhouse::qvd {
namespace {

// Bytes of the number behind the kind byte (docs/qvd-format.md, section 3), or nothing for a byte
// that is not a kind.
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

// A table is read in pieces, each at most as large as what was read before and found good, so that
// a claim costs no more time or memory than the bytes that are really there: the first symbol in a
// hole of a sparse file ends it. This is how much is there after the next piece: a half, a quarter,
// … of `whole`, so that the last and largest copy moves one half.
constexpr std::uint64_t kFirstPiece = 1024 * 1024;
constexpr std::uint64_t next_size(std::uint64_t held, std::uint64_t whole) {
  std::uint64_t size = whole;
  while (size > kFirstPiece && (size + 1) / 2 > held) size = (size + 1) / 2;
  return size;
}

}  // namespace

// Walks one symbol after the other through a table's bytes, which may come in pieces.
class SymbolParser {
 public:
  SymbolParser(const FieldHeader& field, std::uint64_t table_bytes, std::uint64_t file_offset,
               InvalidUtf8 policy)
      : field_(field), table_bytes_(table_bytes), file_offset_(file_offset), policy_(policy) {
    // The shortest symbol has 2 bytes.
    if (field.symbol_count <= table_bytes / 2) return;
    throw base::InputError(fmt::format("expected {} symbols, found no room for them in {} bytes",
                                       field.symbol_count, table_bytes),
                           {.field = field.name, .byte_offset = file_offset});
  }

  // Moves behind the last symbol that is whole in `bytes`: the table from its start, with all that
  // was given before. Throws InputError, Cancelled.
  void parse(std::span<const std::byte> bytes, const std::stop_token& stop) {
    bytes_ = bytes;
    while (table_.offsets_.size() < field_.symbol_count) {
      const std::uint64_t symbol = table_.offsets_.size();
      base::end_if_stopped(stop, symbol);
      const std::size_t begin = position_;
      const std::optional<std::string_view> text = next(symbol);
      if (!text) return;
      check_text(symbol, *text);
      add_offset(begin);
    }
    if (position_ == table_bytes_) return;
    throw base::InputError(
        fmt::format("expected {} symbols to fill {} bytes, found {} bytes behind the last",
                    field_.symbol_count, table_bytes_, table_bytes_ - position_),
        {.field = field_.name, .byte_offset = file_offset_ + position_});
  }

  // The table, once all bytes were given.
  SymbolTable take(std::vector<std::byte> bytes) {
    add_offset(position_);
    table_.bytes_ = std::move(bytes);
    return std::move(table_);
  }

 private:
  [[noreturn]] void fail(std::uint64_t symbol, std::size_t position,
                         const std::string& message) const {
    throw base::InputError(fmt::format("symbol {}: {}", symbol, message),
                           {.field = field_.name, .byte_offset = file_offset_ + position});
  }

  bool is_all() const { return bytes_.size() == table_bytes_; }

  // Moves behind the symbol at position_. Returns its text, empty when it has none; nothing, with
  // position_ as it was, when the symbol goes on in the next piece.
  std::optional<std::string_view> next(std::uint64_t symbol) {
    if (position_ == bytes_.size()) {
      if (!is_all()) return std::nullopt;
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
      if (!is_all()) return std::nullopt;
      fail(symbol, position_,
           fmt::format("expected a number of {} bytes, found the end of the table after {}", width,
                       bytes_.size() - position_ - 1));
    }
    if (kind_has_text(kind)) return next_text(symbol, begin);
    position_ = begin;
    return std::string_view();
  }

  // The text at `begin`; position_ moves behind its NUL.
  std::optional<std::string_view> next_text(std::uint64_t symbol, std::size_t begin) {
    const char* text = reinterpret_cast<const char*>(bytes_.data()) + begin;
    const std::size_t most = bytes_.size() - begin;
    const void* nul = most == 0 ? nullptr : std::memchr(text, 0, most);
    if (nul == nullptr) {
      if (!is_all()) return std::nullopt;
      fail(symbol, begin,
           fmt::format("expected text ended by NUL, found the end of the table after {} bytes",
                       most));
    }
    const auto size = static_cast<std::size_t>(static_cast<const char*>(nul) - text);
    position_ = begin + size + 1;
    return std::string_view(text, size);
  }

  // `text` is that of the symbol that ends at position_.
  void check_text(std::uint64_t symbol, std::string_view text) {
    const auto invalid = find_invalid_utf8(text);
    if (!invalid) return;
    if (policy_ == InvalidUtf8::kError) {
      fail(symbol, position_ - 1 - text.size() + *invalid,
           fmt::format("expected text in UTF-8, found the byte {:02X}",
                       static_cast<unsigned char>(text[*invalid])));
    }
    ++table_.invalid_utf8_count_;
  }

  // Room is made as for bytes: by what was found, never by NoOfSymbols alone.
  void add_offset(std::size_t position) {
    std::vector<std::uint64_t>& offsets = table_.offsets_;
    if (offsets.size() == offsets.capacity()) {
      offsets.reserve(next_size(offsets.size(), field_.symbol_count + 1));
    }
    offsets.push_back(position);
  }

  const FieldHeader& field_;
  std::uint64_t table_bytes_;
  std::uint64_t file_offset_;
  InvalidUtf8 policy_;
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  SymbolTable table_;
};

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

void SymbolTableBuilder::begin(SymbolKind kind) {
  table_.offsets_.push_back(table_.bytes_.size());
  table_.bytes_.push_back(static_cast<std::byte>(kind));
}

void SymbolTableBuilder::append(const void* bytes, std::size_t size) {
  const auto* first = static_cast<const std::byte*>(bytes);
  table_.bytes_.insert(table_.bytes_.end(), first, first + size);
}

void SymbolTableBuilder::append_text(std::string_view text) {
  append(text.data(), text.size());
  table_.bytes_.push_back(std::byte{0});
}

void SymbolTableBuilder::add(std::span<const std::byte> raw) {
  table_.offsets_.push_back(table_.bytes_.size());
  append(raw.data(), raw.size());
}

void SymbolTableBuilder::add_text(std::string_view text) {
  begin(SymbolKind::kText);
  append_text(text);
}

void SymbolTableBuilder::add_integer(std::int32_t number) {
  begin(SymbolKind::kInt);
  append(&number, sizeof number);
}

void SymbolTableBuilder::add_dual(std::int32_t number, std::string_view text) {
  begin(SymbolKind::kDualInt);
  append(&number, sizeof number);
  append_text(text);
}

SymbolTable SymbolTableBuilder::take() {
  table_.offsets_.push_back(table_.bytes_.size());
  std::unordered_set<std::string_view> distinct;
  for (std::size_t symbol = 0; symbol < table_.size(); ++symbol) {
    const std::span<const std::byte> raw = table_.raw(symbol);
    distinct.emplace(reinterpret_cast<const char*>(raw.data()), raw.size());
    if (table_.has_text(symbol) && find_invalid_utf8(table_.text(symbol))) {
      ++table_.invalid_utf8_count_;
    }
  }
  table_.distinct_count_ = distinct.size();
  return std::exchange(table_, {});
}

SymbolTable parse_symbols(std::vector<std::byte> bytes, const FieldHeader& field,
                          std::uint64_t file_offset, InvalidUtf8 policy) {
  SymbolParser parser(field, bytes.size(), file_offset, policy);
  parser.parse(bytes, {});
  return parser.take(std::move(bytes));
}

SymbolTable read_symbols(const base::ByteSource& source, const TableHeader& header,
                         std::size_t field_index, InvalidUtf8 policy, const std::stop_token& stop) {
  const FieldHeader& field = header.fields.at(field_index);
  const std::uint64_t file_offset = header.body_offset + field.offset;
  if (file_offset > source.size() || field.length > source.size() - file_offset) {
    throw base::InputError(
        fmt::format("expected a symbol table of {} bytes, found the end of the file at byte {}",
                    field.length, source.size()),
        {.field = field.name, .byte_offset = file_offset});
  }
  SymbolParser parser(field, field.length, file_offset, policy);
  std::vector<std::byte> bytes;
  do {
    const std::size_t held = bytes.size();
    const std::uint64_t size = next_size(held, field.length);
    bytes.reserve(size);
    bytes.resize(size);
    source.read_at(file_offset + held, std::span(bytes).subspan(held));
    parser.parse(bytes, stop);
  } while (bytes.size() < field.length);
  return parser.take(std::move(bytes));
}

}  // namespace qvdhouse::qvd
