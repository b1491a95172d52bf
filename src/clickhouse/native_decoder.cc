#include "clickhouse/native_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/type_name.h"

namespace qvdhouse::clickhouse {
namespace {

constexpr std::uint64_t kMaxNameBytes = 1024 * 1024;
constexpr std::uint64_t kMaxColumns = 1024 * 1024;
constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 32;
constexpr std::size_t kShownBytes = 500;            // of what is no block
constexpr std::size_t kTrustedBytes = 1024 * 1024;  // reserved before they have come

// Bits of the second number of a LowCardinality column.
constexpr std::uint64_t kIndexWidthMask = 0xFF;
constexpr std::uint64_t kHasSharedDictionary = 0x100;
constexpr std::uint64_t kHasKeys = 0x200;

struct FixedType {
  std::string_view name;
  std::size_t value_bytes;
};
constexpr auto kFixedTypes = std::to_array<FixedType>(
    {{"Int8", 1},     {"UInt8", 1},      {"Bool", 1},      {"Enum8", 1},       {"Nothing", 1},
     {"Int16", 2},    {"UInt16", 2},     {"Date", 2},      {"Enum16", 2},      {"BFloat16", 2},
     {"Int32", 4},    {"UInt32", 4},     {"Float32", 4},   {"Date32", 4},      {"DateTime", 4},
     {"Time", 4},     {"IPv4", 4},       {"Decimal32", 4}, {"Int64", 8},       {"UInt64", 8},
     {"Float64", 8},  {"DateTime64", 8}, {"Time64", 8},    {"Decimal64", 8},   {"UUID", 16},
     {"IPv6", 16},    {"Int128", 16},    {"UInt128", 16},  {"Decimal128", 16}, {"Int256", 32},
     {"UInt256", 32}, {"Decimal256", 32}});

std::optional<std::size_t> fixed_bytes(std::string_view type) {
  if (const auto length = within(type, "FixedString")) {
    std::size_t bytes = 0;
    std::from_chars(length->data(), length->data() + length->size(), bytes);
    return bytes == 0 ? std::nullopt : std::optional(bytes);
  }
  if (const auto digits = within(type, "Decimal")) {
    unsigned precision = 0;
    std::from_chars(digits->data(), digits->data() + digits->size(), precision);
    return precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
  }
  const std::string_view name = type.substr(0, type.find('('));
  if (name.starts_with("Interval")) return 8;
  const auto* const found = std::ranges::find(kFixedTypes, name, &FixedType::name);
  if (found == kFixedTypes.end()) return std::nullopt;
  return found->value_bytes;
}

template <class Index>
void widen(std::span<const std::byte> bytes, std::vector<std::uint32_t>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Index index;
    std::memcpy(&index, bytes.data() + i * sizeof index, sizeof index);
    out[i] = index > std::numeric_limits<std::uint32_t>::max()
                 ? std::numeric_limits<std::uint32_t>::max()
                 : static_cast<std::uint32_t>(index);
  }
}

}  // namespace

std::optional<WireType> wire_type(std::string_view type_name) {
  WireType type;
  std::string_view name = base::trimmed(type_name);
  if (const auto inner = within(name, "LowCardinality")) {
    type.low_cardinality = true;
    name = *inner;
  }
  if (const auto inner = within(name, "Nullable")) {
    type.nullable = true;
    name = *inner;
  }
  if (name == "String") return type;
  const auto bytes = fixed_bytes(name);
  if (!bytes) return std::nullopt;
  type.value_bytes = *bytes;
  return type;
}

NativeDecoder::NativeDecoder(std::function<std::string_view()> next, std::size_t wanted_columns)
    : next_(std::move(next)), wanted_columns_(wanted_columns) {}

// Whether there are bytes in rest_; false at the end of the answer.
bool NativeDecoder::fill() {
  if (rest_.empty()) rest_ = next_();
  return !rest_.empty();
}

void NativeDecoder::fail(std::string_view expected, std::string_view found) {
  std::string shown = "its end";
  if (!found.empty()) {
    shown = "'";
    for (const char c : found.substr(0, kShownBytes)) shown += c >= ' ' && c <= '~' ? c : '.';
    shown += "'";
  }
  throw base::IoError(fmt::format(
      "the answer of ClickHouse in the format Native: expected {} at byte {}, found {}; run the "
      "query by itself to see whether it fails: qvdhouse query",
      expected, decoded_bytes_, shown));
}

// `out` becomes the next `count` bytes. It grows as they come: no number in the answer is trusted.
void NativeDecoder::read(std::vector<std::byte>& out, std::size_t count) {
  out.clear();
  out.reserve(std::min(count, std::max(out.capacity(), kTrustedBytes)));
  while (out.size() < count) {
    if (!fill()) fail(fmt::format("{} more bytes of column \"{}\"", count - out.size(), name_));
    const std::size_t taken = std::min(rest_.size(), count - out.size());
    const auto bytes = std::as_bytes(std::span(rest_.substr(0, taken)));
    out.insert(out.end(), bytes.begin(), bytes.end());
    rest_.remove_prefix(taken);
    decoded_bytes_ += taken;
  }
}

std::uint64_t NativeDecoder::read_varuint() {
  constexpr unsigned kBits = 64;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < kBits; shift += 7) {
    if (!fill()) fail("a number");
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    ++decoded_bytes_;
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  fail("a number of at most 10 bytes");
}

std::uint64_t NativeDecoder::read_u64() {
  std::uint64_t value = 0;
  read(indexes_, sizeof value);
  std::memcpy(&value, indexes_.data(), sizeof value);
  return value;
}

void NativeDecoder::read_name(std::string& out) {
  const std::uint64_t length = read_varuint();
  if (length > kMaxNameBytes) fail("the name or type of a column");
  read(values_, length);
  out.resize(length);
  if (length > 0) std::memcpy(out.data(), values_.data(), length);
}

bool NativeDecoder::next_block() {
  do {
    if (!fill()) return false;
    const std::string start(rest_.substr(0, kShownBytes));
    column_count_ = read_varuint();
    if (wanted_columns_ != 0 && column_count_ != 0 && column_count_ != wanted_columns_) {
      fail(fmt::format("a block of {} columns", wanted_columns_), start);
    }
    if (column_count_ > kMaxColumns) fail("a block of at most 1048576 columns", start);
    row_count_ = read_varuint();
    if (row_count_ > kMaxRows) fail("a block of at most 4294967296 rows");
  } while (column_count_ == 0);
  columns_left_ = column_count_;
  return true;
}

void NativeDecoder::read_texts(std::size_t count) {
  values_.clear();
  ends_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t left = read_varuint();
    while (left > 0) {
      if (!fill()) fail(fmt::format("{} more bytes of a text in column \"{}\"", left, name_));
      const std::size_t taken = std::min<std::uint64_t>(rest_.size(), left);
      const auto bytes = std::as_bytes(std::span(rest_.substr(0, taken)));
      values_.insert(values_.end(), bytes.begin(), bytes.end());
      rest_.remove_prefix(taken);
      decoded_bytes_ += taken;
      left -= taken;
    }
    ends_.push_back(values_.size());
  }
  texts_.resize(count);
  const char* const start = reinterpret_cast<const char*>(values_.data());
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; begin = ends_[i++]) {
    texts_[i] = std::string_view(start + begin, ends_[i] - begin);
  }
}

void NativeDecoder::read_values(const WireType& type, std::size_t count) {
  if (type.value_bytes == 0) {
    read_texts(count);
    column_.values = {.value_bytes = 0, .bytes = {}, .texts = texts_};
    return;
  }
  if (count > std::numeric_limits<std::size_t>::max() / type.value_bytes) fail("fewer values");
  read(values_, count * type.value_bytes);
  column_.values = {.value_bytes = type.value_bytes, .bytes = values_, .texts = {}};
}

void NativeDecoder::read_dictionary(const WireType& type) {
  constexpr std::uint64_t kVersion = 1;
  constexpr unsigned kWidestIndex = 3;  // log2 of its bytes
  if (read_u64() != kVersion) fail(fmt::format("version 1 of LowCardinality in \"{}\"", name_));
  const std::uint64_t flags = read_u64();
  const std::uint64_t width = flags & kIndexWidthMask;
  if ((flags & kHasSharedDictionary) != 0 || (flags & kHasKeys) == 0 || width > kWidestIndex) {
    fail(fmt::format("a dictionary of its own in \"{}\"", name_));
  }
  const std::uint64_t key_count = read_u64();
  if (key_count > std::numeric_limits<std::uint32_t>::max()) fail("at most 2^32 keys");
  read_values(type, key_count);
  if (read_u64() != row_count_) fail(fmt::format("{} rows in \"{}\"", row_count_, name_));
  read(indexes_, row_count_ << width);
  keys_.resize(row_count_);
  switch (width) {
    case 0:
      widen<std::uint8_t>(indexes_, keys_);
      break;
    case 1:
      widen<std::uint16_t>(indexes_, keys_);
      break;
    case 2:
      widen<std::uint32_t>(indexes_, keys_);
      break;
    default:
      widen<std::uint64_t>(indexes_, keys_);
  }
  const auto greatest = std::ranges::max_element(keys_);
  if (greatest != keys_.end() && *greatest >= key_count) {
    fail(fmt::format("keys below {} in \"{}\"", key_count, name_));
  }
  column_.has_dictionary = true;
  column_.keys = keys_;
  column_.key_zero_is_null = type.nullable;
}

const DecodedColumn& NativeDecoder::next_column() {
  if (columns_left_ == 0) fail("a block with more columns");
  --columns_left_;
  read_name(name_);
  read_name(type_);
  column_ = {.name = name_,
             .type = type_,
             .row_count = row_count_,
             .values = {},
             .null_marks = {},
             .has_dictionary = false,
             .keys = {},
             .key_zero_is_null = false};
  const auto type = wire_type(type_);
  if (!type) fail(fmt::format("a column \"{}\" of a flat type and not {}", name_, type_));
  column_.values.value_bytes = type->value_bytes;
  if (row_count_ == 0) return column_;
  if (type->low_cardinality) {
    read_dictionary(*type);
    return column_;
  }
  if (type->nullable) {
    read(null_marks_, row_count_);
    column_.null_marks = {reinterpret_cast<const std::uint8_t*>(null_marks_.data()), row_count_};
  }
  read_values(*type, row_count_);
  return column_;
}

}  // namespace qvdhouse::clickhouse
