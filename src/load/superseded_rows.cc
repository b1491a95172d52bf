#include "load/superseded_rows.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/error.h"

namespace qvdhouse::load {
namespace {

constexpr std::uint64_t kRowsAtOnce = 65'536;

// 128 bits of a key's values, and the row.
using Keyed = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

bool has_key_of(const Keyed& a, const Keyed& b) {
  return std::get<0>(a) == std::get<0>(b) && std::get<1>(a) == std::get<1>(b);
}

}  // namespace

std::vector<std::uint64_t> superseded_rows(const base::ByteSource& source,
                                           const qvd::TableHeader& header,
                                           const qvd::RowDecoder& decoder,
                                           std::span<const ColumnValues> columns,
                                           const std::vector<std::string>& key,
                                           const RowRules& rules, const std::stop_token& stop) {
  struct Part {
    std::size_t field_index;
    std::vector<std::uint32_t> first_code;
  };
  std::vector<Part> parts;
  for (const ColumnValues& column : columns) {
    // What is the same in all rows tells none apart.
    if (column.codes != ColumnValues::Codes::kOfField) continue;
    if (std::ranges::find(key, column.name) == key.end()) continue;
    parts.push_back({column.field_index, first_of_value(column)});
  }
  std::vector<Keyed> rows;
  rows.reserve(header.record_count);
  std::vector<std::byte> records;
  std::vector<std::uint32_t> codes;
  std::vector<std::uint32_t> keys;   // of a range: all parts of a row, row by row
  std::vector<std::uint8_t> is_out;  // of a range: a rule takes the row out
  for (std::uint64_t first = 0; first < header.record_count; first += kRowsAtOnce) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while keys were compared");
    const std::uint64_t count = std::min(kRowsAtOnce, header.record_count - first);
    qvd::read_records(source, header, first, count, records);
    codes.resize(count);
    keys.resize(count * parts.size());
    for (std::size_t part = 0; part < parts.size(); ++part) {
      decoder.decode(parts[part].field_index, records.data(), first, codes);
      for (std::uint64_t row = 0; row < count; ++row) {
        keys[row * parts.size() + part] = parts[part].first_code[codes[row]];
      }
    }
    is_out.resize(count);
    mark_filtered(rules.filters(), decoder, records.data(), first, codes, is_out);
    for (const RowRules::JudgedField& field : rules.judged()) {
      decoder.decode(field.field_index, records.data(), first, codes);
      for (std::uint64_t row = 0; row < count; ++row) {
        if (RowRules::takes_out(field.levels[codes[row]])) is_out[row] = 1;
      }
    }
    for (std::uint64_t row = 0; row < count; ++row) {
      if (is_out[row] != 0) continue;
      const XXH128_hash_t hash =
          XXH3_128bits(keys.data() + row * parts.size(), parts.size() * sizeof(std::uint32_t));
      rows.emplace_back(hash.high64, hash.low64, first + row);
    }
  }
  std::ranges::sort(rows);
  std::vector<std::uint64_t> superseded;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (has_key_of(rows[i - 1], rows[i])) superseded.push_back(std::get<2>(rows[i - 1]));
  }
  std::ranges::sort(superseded);
  return superseded;
}

}  // namespace qvdhouse::load
