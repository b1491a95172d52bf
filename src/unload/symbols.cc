#include "unload/symbols.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "qvd/utf8.h"
#include "schema/decimal.h"

namespace qvdhouse::unload {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr double kMicrosecondsPerDay = 86400e6;
// No clock goes so far; what reads the bits of something else as a time may.
constexpr std::int64_t kMostMicroseconds = 1'000'000'000'000'000'000;
constexpr std::int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31 23:59:59

// A table is grown when more than two of three slots are taken.
bool is_crowded(std::size_t count, std::size_t slots) { return count * 3 >= slots * 2; }

std::size_t slot_of(std::uint64_t bits, std::size_t mask) {
  bits ^= bits >> 32U;         // doubles of few digits differ in their high bits alone
  bits *= 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: neighbours come far apart
  return static_cast<std::size_t>(bits ^ bits >> 32U) & mask;
}

// The number that the lowest bytes of `bits` are.
std::int64_t as_signed(std::uint64_t bits, std::size_t value_bytes) {
  const unsigned unused = static_cast<unsigned>(sizeof bits - value_bytes) * 8;
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

std::string clock_text(std::int64_t microseconds) {
  return microseconds < 0 ? "-" + schema::clock_text(-microseconds)
                          : schema::clock_text(microseconds);
}

// The pattern of so many digits of a second, as Qlik spells it.
std::string fraction_pattern(int scale) {
  return scale == 0 ? "" : scale <= schema::kMillisecondScale ? "[.fff]" : "[.ffffff]";
}

qvd::NumberFormat plain_format(std::string type, std::string pattern = {}) {
  return {.type = std::move(type), .format = std::move(pattern)};
}

qvd::NumberFormat number_format_of(std::string type, std::string pattern, int decimals) {
  return {.type = std::move(type),
          .decimals = decimals,
          .format = std::move(pattern),
          .decimal_sign = ".",
          .thousands_sign = ","};
}

// A type as Native names it: without the time zone that DESCRIBE tells of.
std::string without_zone(std::string_view text) {
  std::string type(text);
  const std::size_t first = type.find('\'');
  if (first == std::string::npos) return type;
  type.erase(first, type.rfind('\'') + 1 - first);
  for (const std::string_view left : {", )", "()"}) {
    const std::size_t at = type.find(left);
    if (at != std::string::npos) type.replace(at, left.size(), left.starts_with(',') ? ")" : "");
  }
  return type;
}

}  // namespace

Code BitsTable::find_or_add(std::uint64_t bits, Code next, bool& added) {
  if (is_crowded(count_ + 1, slots_.size())) grow();
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = slot_of(bits, mask);; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.code == 0) {
      slot = {.bits = bits, .code = next};
      ++count_;
      added = true;
      return next;
    }
    if (slot.bits == bits) return slot.code;
  }
}

void BitsTable::prefetch(std::uint64_t bits) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[slot_of(bits, slots_.size() - 1)]);
}

void BitsTable::grow() {
  std::vector<Slot> old(std::max(kFirstSlots, slots_.size() * 2));
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.code == 0) continue;
    std::size_t at = slot_of(slot.bits, mask);
    while (slots_[at].code != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

void BitsTable::set(std::uint64_t bits, Code code) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = slot_of(bits, mask);
  while (slots_[at].bits != bits || slots_[at].code == 0) at = (at + 1) & mask;
  slots_[at].code = code;
}

std::uint32_t TextTable::hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(XXH3_64bits(text.data(), text.size()));
}

void TextTable::prefetch_slot(std::uint32_t hash) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

void TextTable::prefetch_entry(std::uint32_t hash) const {
  if (slots_.empty()) return;
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.entry != 0) __builtin_prefetch(&entries_[slot.entry - 1]);
}

TextTable::Entry& TextTable::find_or_add(std::string_view text, std::uint32_t hash, Code next,
                                         bool& added) {
  if (is_crowded(entries_.size() + 1, slots_.size())) grow();
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.entry == 0) {
      entries_.push_back({.offset = symbols_.size() + 1, .length = text.size(), .code = next});
      slot = {.hash = hash, .entry = static_cast<std::uint32_t>(entries_.size())};
      symbols_.push_back(static_cast<std::byte>(qvd::SymbolKind::kText));
      const auto bytes = std::as_bytes(std::span(text));
      symbols_.insert(symbols_.end(), bytes.begin(), bytes.end());
      symbols_.push_back(std::byte{0});
      added = true;
      return entries_.back();
    }
    if (slot.hash != hash) continue;
    Entry& entry = entries_[slot.entry - 1];
    const auto* const known = reinterpret_cast<const char*>(symbols_.data()) + entry.offset;
    if (std::string_view(known, entry.length) == text) return entry;
  }
}

void TextTable::grow() {
  std::vector<Slot> old(std::max(kFirstSlots, slots_.size() * 2));
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.entry == 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].entry != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

std::size_t TextTable::memory_bytes() const {
  return symbols_.capacity() + entries_.capacity() * sizeof(Entry) +
         slots_.capacity() * sizeof(Slot);
}

ColumnSymbols::ColumnSymbols(Reading reading, qvd::InvalidUtf8 invalid_utf8)
    : reading_(std::move(reading)), invalid_utf8_(invalid_utf8), zone_(reading_.timezone) {}

std::size_t ColumnSymbols::memory_bytes() const {
  constexpr std::size_t kBytesOfNode = 40;  // in trees and maps
  return bits_.memory_bytes() + texts_.memory_bytes() + symbols_.capacity() +
         (by_number_.size() + with_nul_.size() + not_utf8_.size()) * kBytesOfNode;
}

void ColumnSymbols::encode(const clickhouse::DecodedColumn& column, std::vector<Code>& codes) {
  codes.resize(column.row_count);
  if (codes.empty()) return;
  const bool are_texts = column.values.value_bytes == 0;
  const bool wants_texts =
      reading_.conversion == Conversion::kText || reading_.conversion == Conversion::kDigits;
  const bool is_fixed_text = reading_.conversion == Conversion::kFixedText;
  const bool is_as_planned =
      !reading_.expression.empty() ||
      (column.name == reading_.name && without_zone(column.type) == without_zone(reading_.type));
  const bool has_bits = column.values.value_bytes <= sizeof(std::uint64_t) &&
                        std::has_single_bit(column.values.value_bytes);
  if (!is_as_planned || are_texts != wants_texts || (!are_texts && !is_fixed_text && !has_bits)) {
    throw base::IoError(fmt::format(
        "column \"{}\": expected values of {}, found {} in the answer of ClickHouse; the table may "
        "have been changed meanwhile: try again",
        reading_.name, reading_.type, column.type));
  }
  if (column.has_dictionary) {
    encode_dictionary(column, codes);
  } else {
    encode_values(column.values, column.null_marks, codes);
  }
  facts_.null_rows += static_cast<std::uint64_t>(std::ranges::count(codes, Code{0}));
  count_refused(codes);
}

void ColumnSymbols::encode_values(const clickhouse::DecodedValues& values,
                                  std::span<const std::uint8_t> nulls, std::span<Code> codes) {
  if (values.value_bytes == 0 || reading_.conversion == Conversion::kFixedText) {
    return encode_texts(values, nulls, codes);
  }
  switch (values.value_bytes) {
    case 1:
      return encode_bits<std::uint8_t>(values, nulls, codes);
    case 2:
      return encode_bits<std::uint16_t>(values, nulls, codes);
    case 4:
      return encode_bits<std::uint32_t>(values, nulls, codes);
    default:
      return encode_bits<std::uint64_t>(values, nulls, codes);
  }
}

template <class Bits>
void ColumnSymbols::encode_bits(const clickhouse::DecodedValues& values,
                                std::span<const std::uint8_t> nulls, std::span<Code> codes) {
  constexpr std::size_t kAhead = 16;  // rows
  const auto bits_at = [&](std::size_t row) {
    Bits bits;
    std::memcpy(&bits, values.bytes.data() + row * sizeof bits, sizeof bits);
    return bits;
  };
  Bits last{};
  Code last_code = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    if (row + kAhead < codes.size()) bits_.prefetch(bits_at(row + kAhead));
    if (!nulls.empty() && nulls[row] != 0) {
      codes[row] = 0;
      continue;
    }
    const Bits bits = bits_at(row);
    if (bits != last || last_code == 0) {
      last = bits;
      last_code = code_of_bits(bits, sizeof bits);
    }
    codes[row] = last_code;
  }
}

void ColumnSymbols::encode_texts(const clickhouse::DecodedValues& values,
                                 std::span<const std::uint8_t> nulls, std::span<Code> codes) {
  constexpr std::size_t kTogether = 64;  // rows whose memory is fetched at once
  std::array<std::string_view, kTogether> texts;
  std::array<std::uint32_t, kTogether> hashes{};
  const auto* const fixed = reinterpret_cast<const char*>(values.bytes.data());
  const auto text_at = [&](std::size_t row) {
    if (values.value_bytes == 0) return values.texts[row];
    const std::string_view text(fixed + row * values.value_bytes, values.value_bytes);
    return text.substr(0, text.find_last_not_of('\0') + 1);
  };
  for (std::size_t first = 0; first < codes.size(); first += kTogether) {
    const std::size_t count = std::min(kTogether, codes.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      texts[i] = text_at(first + i);
      hashes[i] = TextTable::hash_of(texts[i]);
      texts_.prefetch_slot(hashes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) texts_.prefetch_entry(hashes[i]);
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_null = !nulls.empty() && nulls[first + i] != 0;
      codes[first + i] = is_null ? 0 : code_of_text(texts[i], hashes[i]);
    }
  }
}

// Each key that rows use is looked up once; in the order of rows, so that symbols are in the order
// of their first use.
void ColumnSymbols::encode_dictionary(const clickhouse::DecodedColumn& column,
                                      std::span<Code> codes) {
  const clickhouse::DecodedValues& values = column.values;
  constexpr Code kUnknown = std::numeric_limits<Code>::max();
  const std::size_t count =
      values.value_bytes == 0 ? values.texts.size() : values.bytes.size() / values.value_bytes;
  of_keys_.assign(count, kUnknown);
  if (column.key_zero_is_null && count > 0) of_keys_[0] = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    const std::uint32_t key = column.keys[row];
    if (of_keys_[key] == kUnknown) {
      clickhouse::DecodedValues one{.value_bytes = values.value_bytes, .bytes = {}, .texts = {}};
      if (values.value_bytes == 0) {
        one.texts = values.texts.subspan(key, 1);
      } else {
        one.bytes = values.bytes.subspan(key * values.value_bytes, values.value_bytes);
      }
      encode_values(one, {}, std::span(of_keys_).subspan(key, 1));
    }
    codes[row] = of_keys_[key];
  }
}

Code ColumnSymbols::code_of_bits(std::uint64_t bits, std::size_t value_bytes) {
  bool added = false;
  const Code code = bits_.find_or_add(bits, static_cast<Code>(count_ + 1), added);
  if (!added) return code;
  const Code own = add(value_of(bits, value_bytes));
  if (own != code) bits_.set(bits, own);
  return own;
}

Code ColumnSymbols::code_of_text(std::string_view text, std::uint32_t hash) {
  bool added = false;
  TextTable::Entry& entry = texts_.find_or_add(text, hash, static_cast<Code>(count_ + 1), added);
  if (!added) return entry.code;
  if (!keeps_texts()) return entry.code = add(digits_value(text));
  ++count_;
  ++facts_.text_count;
  note_text(text);
  return entry.code;
}

// Whether values that differ may come to one number.
bool ColumnSymbols::may_share_numbers() const {
  switch (reading_.conversion) {
    case Conversion::kFloat:  // the many kinds of NaN
    case Conversion::kInterval:
      return true;
    case Conversion::kDateTime:
    case Conversion::kTicks:
      return !zone_.is_utc() || reading_.scale >= schema::kMicrosecondScale;
    case Conversion::kTime:
      return reading_.scale > schema::kMicrosecondScale;
    default:
      return false;
  }
}

// The code of a value that was not seen before, unless another has its number.
Code ColumnSymbols::add(const qvd::Value& value) {
  const auto next = static_cast<Code>(count_ + 1);
  const bool is_number = value.kind != qvd::SymbolKind::kText;
  if (is_number && may_share_numbers() &&
      (reading_.conversion != Conversion::kFloat || std::isnan(value.number))) {
    const auto [known, is_new] =
        by_number_.emplace(std::bit_cast<std::uint64_t>(value.number), next);
    if (!is_new) return known->second;
  }
  qvd::append_symbol(reading_.name, value, symbols_);
  ++count_;
  if (is_number) {
    ++facts_.number_count;
    facts_.all_whole =
        facts_.all_whole && std::isfinite(value.number) && std::trunc(value.number) == value.number;
  } else {
    ++facts_.text_count;
  }
  return next;
}

void ColumnSymbols::note_text(std::string_view text) {
  const auto code = static_cast<Code>(count_);
  const bool is_ascii =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  facts_.all_ascii = facts_.all_ascii && is_ascii;
  if (text.find('\0') != std::string_view::npos) with_nul_.insert(code);
  if (!is_ascii && invalid_utf8_ == qvd::InvalidUtf8::kError && qvd::find_invalid_utf8(text)) {
    not_utf8_.insert(code);
  }
}

void ColumnSymbols::count_refused(std::span<const Code> codes) {
  if (with_nul_.empty() && not_utf8_.empty()) return;
  for (const Code code : codes) {
    facts_.nul_rows += with_nul_.count(code);
    facts_.invalid_rows += not_utf8_.count(code);
  }
}

qvd::Value ColumnSymbols::value_of(std::uint64_t bits, std::size_t value_bytes) {
  const std::int64_t number = as_signed(bits, value_bytes);
  switch (reading_.conversion) {
    case Conversion::kInt:
      return whole_value(number);
    case Conversion::kUInt:
      return unsigned_value(bits);
    case Conversion::kFloat: {
      const double real = value_bytes == sizeof(float)
                              ? double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}
                              : std::bit_cast<double>(bits);
      return qvd::Value::of(std::isnan(real) ? std::numeric_limits<double>::quiet_NaN() : real);
    }
    case Conversion::kDecimal:
      return digits_value(schema::decimal_text(number, reading_.scale));
    case Conversion::kDate:
    case Conversion::kDate32: {
      const auto day = reading_.conversion == Conversion::kDate ? std::int64_t(bits) : number;
      return qvd::Value::dual(static_cast<double>(day + schema::kEpochSerial),
                              schema::iso_date(day));
    }
    case Conversion::kDateTime:
      return stamp_value(static_cast<std::int64_t>(bits));
    case Conversion::kTicks:
      return stamp_value(number);
    case Conversion::kTime:
      return time_value(number);
    case Conversion::kInterval:
      return interval_value(number);
    case Conversion::kText:  // have no bits
    case Conversion::kFixedText:
    case Conversion::kDigits:
      break;
  }
  return {};
}

qvd::Value ColumnSymbols::whole_value(std::int64_t number) {
  const auto real = static_cast<double>(number);
  // 2^63, which rounding may come to, is no Int64.
  if (schema::whole_number(real) == number) return qvd::Value::of(real);
  ++facts_.digits_as_text;
  return qvd::Value::of(std::string_view(fmt::format("{}", number)));
}

qvd::Value ColumnSymbols::unsigned_value(std::uint64_t number) {
  if (std::in_range<std::int64_t>(number)) return whole_value(static_cast<std::int64_t>(number));
  return digits_value(fmt::format("{}", number));
}

// The number that `digits` spell where a double means exactly these digits, else the text.
qvd::Value ColumnSymbols::digits_value(std::string_view digits) {
  const auto number = schema::number_of(digits);
  if (number && schema::decimal_of(*number) == schema::parse_decimal(digits)) {
    return qvd::Value::of(*number);
  }
  ++facts_.digits_as_text;
  return qvd::Value::of(digits);
}

// Rounded to the nearest one.
std::int64_t ColumnSymbols::microseconds_of(std::int64_t ticks) {
  const int scale = reading_.scale;
  if (scale <= schema::kMicrosecondScale) {
    std::int64_t microseconds = 0;
    if (!__builtin_mul_overflow(ticks, schema::power_of_ten(schema::kMicrosecondScale - scale),
                                &microseconds)) {
      return std::clamp(microseconds, -kMostMicroseconds, kMostMicroseconds);
    }
    ++facts_.rounded;
    return ticks < 0 ? -kMostMicroseconds : kMostMicroseconds;
  }
  const std::int64_t per_microsecond = schema::power_of_ten(scale - schema::kMicrosecondScale);
  if (ticks % per_microsecond != 0) ++facts_.rounded;
  const std::int64_t rest = ticks % per_microsecond;
  const std::int64_t half = per_microsecond / 2;
  return ticks / per_microsecond + (rest >= half ? 1 : rest <= -half ? -1 : 0);
}

qvd::Value ColumnSymbols::stamp_value(std::int64_t ticks) {
  const std::int64_t per_second = schema::power_of_ten(reading_.scale);
  // Within a day of the ends of Int64, what the zone adds would not fit.
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  const std::int64_t most = kEnd - schema::kSecondsPerDay * per_second;
  if (ticks / per_second <= kFirstSecond || ticks / per_second >= kLastSecond || ticks > most ||
      ticks < -most) {
    ++facts_.rounded;
    return qvd::Value::of(static_cast<double>(ticks) / static_cast<double>(per_second) /
                              static_cast<double>(schema::kSecondsPerDay) +
                          static_cast<double>(schema::kEpochSerial));
  }
  const std::int64_t wall = zone_.to_wall_clock(ticks, reading_.scale);
  if (zone_.from_wall_clock(wall, reading_.scale).ticks != ticks) ++facts_.ambiguous_times;
  const std::uint64_t rounded = facts_.rounded;
  const std::int64_t microseconds = microseconds_of(wall);
  const double serial = schema::serial_of_stamp(microseconds);
  if (facts_.rounded == rounded &&
      schema::wall_ticks(serial, schema::kMicrosecondScale) != microseconds) {
    ++facts_.rounded;
  }
  return qvd::Value::dual(serial, schema::stamp_text(microseconds));
}

qvd::Value ColumnSymbols::time_value(std::int64_t ticks) {
  const std::int64_t microseconds = microseconds_of(ticks);
  const double days = static_cast<double>(microseconds) / kMicrosecondsPerDay;
  facts_.all_within_day = facts_.all_within_day && schema::is_within_day(days);
  return qvd::Value::dual(days, clock_text(microseconds));
}

qvd::Value ColumnSymbols::interval_value(std::int64_t units) {
  const double microseconds = static_cast<double>(units) * reading_.unit;
  const double days = microseconds / kMicrosecondsPerDay;
  if (std::fabs(microseconds) > static_cast<double>(kMostMicroseconds)) return qvd::Value::of(days);
  return qvd::Value::dual(days, clock_text(std::llround(microseconds)));
}

qvd::NumberFormat ColumnSymbols::number_format() const {
  if (facts_.text_count > 0) return plain_format("UNKNOWN");
  switch (reading_.conversion) {
    case Conversion::kInt:
    case Conversion::kUInt:
      return number_format_of("INTEGER", "0", 0);
    case Conversion::kFloat:
      return number_format_of("REAL", "", 0);
    case Conversion::kDecimal:
    case Conversion::kDigits:
      if (reading_.scale == 0) return number_format_of("INTEGER", "0", 0);
      return number_format_of(
          "FIX", "0." + std::string(static_cast<std::size_t>(reading_.scale), '0'), reading_.scale);
    case Conversion::kDate:
    case Conversion::kDate32:
      return plain_format("DATE", "YYYY-MM-DD");
    case Conversion::kDateTime:
    case Conversion::kTicks:
      return plain_format("TIMESTAMP", "YYYY-MM-DD hh:mm:ss" + fraction_pattern(reading_.scale));
    case Conversion::kTime:
      return plain_format(facts_.all_within_day ? "TIME" : "INTERVAL",
                          "hh:mm:ss" + fraction_pattern(reading_.scale));
    case Conversion::kInterval:
      return plain_format("INTERVAL", "hh:mm:ss" + fraction_pattern(reading_.unit < 1e3   ? 6
                                                                    : reading_.unit < 1e6 ? 3
                                                                                          : 0));
    case Conversion::kText:
    case Conversion::kFixedText:
      break;
  }
  return plain_format("UNKNOWN");
}

std::vector<std::string> ColumnSymbols::tags() const {
  if (facts_.number_count > 0 && facts_.text_count > 0) return {};  // neither $numeric nor $text
  if (facts_.text_count > 0) {
    return facts_.all_ascii ? std::vector<std::string>{"$ascii", "$text"}
                            : std::vector<std::string>{"$text"};
  }
  if (facts_.number_count == 0) return {};
  std::vector<std::string> tags = {"$numeric"};
  if (facts_.all_whole) tags.emplace_back("$integer");
  const Conversion conversion = reading_.conversion;
  const bool is_day = conversion == Conversion::kDate || conversion == Conversion::kDate32;
  if (is_day || conversion == Conversion::kDateTime || conversion == Conversion::kTicks) {
    tags.emplace_back("$timestamp");
  }
  if (is_day) tags.emplace_back("$date");
  return tags;
}

}  // namespace qvdhouse::unload
