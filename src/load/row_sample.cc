#include "load/row_sample.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "clickhouse/quote.h"
#include "load/table_checksum.h"

namespace qvdhouse::load {
namespace {

// The ranges lie between neighbours of so many values spread over the column: 3 of 512 hold about
// 0.6 % of the distinct values. From each part the server reads at least one granule a range.
constexpr std::size_t kSpreadValues = 512;
constexpr std::size_t kRanges = 3;

// Without a key, about one row in sixteen.
constexpr std::uint64_t kHashMask = 15;

using clickhouse::TypeKind;

std::optional<std::int64_t> whole_number(const clickhouse::Dictionary& dictionary,
                                         std::size_t slot) {
  const std::byte* at = dictionary.fixed().data() + slot * dictionary.type().value_bytes();
  const auto read = [at]<class T>(T value) {
    std::memcpy(&value, at, sizeof(value));
    return static_cast<std::int64_t>(value);
  };
  switch (dictionary.type().kind) {
    case TypeKind::kInt8:
      return read(std::int8_t{});
    case TypeKind::kInt16:
      return read(std::int16_t{});
    case TypeKind::kInt32:
    case TypeKind::kDate32:
      return read(std::int32_t{});
    case TypeKind::kInt64:
      return read(std::int64_t{});
    default:
      return {};
  }
}

bool is_text(const clickhouse::Dictionary& dictionary) {
  return dictionary.type().kind == TypeKind::kString;
}

// Order as the server orders the column: by number, or by the bytes of the text.
bool less(const clickhouse::Dictionary& dictionary, std::size_t a, std::size_t b) {
  if (is_text(dictionary)) return dictionary.text(a) < dictionary.text(b);
  return whole_number(dictionary, a) < whole_number(dictionary, b);
}

std::string literal(const clickhouse::Dictionary& dictionary, std::size_t slot) {
  if (is_text(dictionary)) return clickhouse::quote_literal(dictionary.text(slot));
  const std::int64_t number = whole_number(dictionary, slot).value();
  if (dictionary.type().kind != TypeKind::kDate32) return fmt::format("toInt64({})", number);
  const std::chrono::sys_days day{std::chrono::days(number)};
  return fmt::format("toDate32('{:%F}')", day);
}

RowSample by_hash(std::span<const ColumnValues> columns) {
  RowSample sample;
  for (std::size_t i = 1; i < columns.size(); ++i) {
    if (columns[i].dictionary.slot_count() > columns[sample.column].dictionary.slot_count()) {
      sample.column = i;
    }
  }
  const ColumnValues& column = columns[sample.column];
  if (column.dictionary.slot_count() < kSpreadValues) return sample;  // all rows
  sample.picked.resize(column.dictionary.slot_count());
  for (std::size_t slot = 0; slot < sample.picked.size(); ++slot) {
    sample.picked[slot] = (column.hash(slot) & kHashMask) == 0;
  }
  sample.where_sql = fmt::format("bitAnd({}, {}) = 0", hash_sql(column), kHashMask);
  return sample;
}

RowSample by_ranges(std::span<const ColumnValues> columns, std::size_t key) {
  const clickhouse::Dictionary& dictionary = columns[key].dictionary;
  const std::size_t values = dictionary.slot_count() - 1;
  std::vector<std::size_t> spread;
  const std::size_t step = std::max<std::size_t>(1, values / kSpreadValues);
  for (std::size_t slot = 1; slot <= values; slot += step) spread.push_back(slot);
  const auto before = [&](std::size_t a, std::size_t b) { return less(dictionary, a, b); };
  std::ranges::sort(spread, before);

  RowSample sample{.column = key, .picked = {}, .where_sql = {}};
  sample.picked.resize(dictionary.slot_count());
  for (std::size_t range = 0; range < kRanges; ++range) {
    const std::size_t at = range * (spread.size() - 1) / kRanges;
    const std::size_t low = spread[at];
    const std::size_t high = spread[at + 1 < spread.size() ? at + 1 : at];
    for (std::size_t slot = 1; slot <= values; ++slot) {
      if (!before(slot, low) && !before(high, slot)) sample.picked[slot] = 1;
    }
    const std::string name = clickhouse::quote_identifier(columns[key].name);
    sample.where_sql += fmt::format("{}({} >= {} AND {} <= {})", range == 0 ? "" : " OR ", name,
                                    literal(dictionary, low), name, literal(dictionary, high));
  }
  return sample;
}

}  // namespace

RowSample choose_sample(std::span<const ColumnValues> columns, std::string_view first_key,
                        std::uint64_t row_count) {
  if (row_count <= kSmallTableRows) return {};
  const auto key = std::ranges::find(columns, first_key, &ColumnValues::name);
  if (key == columns.end()) return by_hash(columns);
  const clickhouse::Dictionary& dictionary = key->dictionary;
  const bool ordered = is_text(dictionary) || whole_number(dictionary, 0).has_value();
  if (!ordered || dictionary.type().nullable || dictionary.slot_count() < 2) {
    return by_hash(columns);
  }
  return by_ranges(columns, static_cast<std::size_t>(key - columns.begin()));
}

}  // namespace qvdhouse::load
