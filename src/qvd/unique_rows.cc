#include "qvd/unique_rows.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/error.h"
#include "qvd/rows.h"

namespace qvdhouse::qvd {
namespace {

constexpr std::uint64_t kRowsAtOnce = 65'536;
constexpr int kMostBits = 64;

}  // namespace

std::optional<bool> are_rows_unique(const base::ByteSource& source, const TableHeader& header,
                                    std::span<const std::size_t> fields,
                                    const std::stop_token& stop) {
  if (header.record_count > kMostRowsCompared) return std::nullopt;
  int bits = 0;
  for (const std::size_t field : fields) {
    bits += static_cast<int>(std::bit_width(header.fields[field].symbol_count));  // of a code
  }
  if (bits > kMostBits) return std::nullopt;
  const RowDecoder decoder(header);
  std::vector<std::uint64_t> rows(header.record_count);
  std::vector<std::byte> records;
  std::vector<std::uint32_t> codes;
  for (std::uint64_t first = 0; first < header.record_count; first += kRowsAtOnce) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while rows were compared");
    const std::uint64_t count = std::min(kRowsAtOnce, header.record_count - first);
    read_records(source, header, first, count, records);
    codes.resize(count);
    for (const std::size_t field : fields) {
      decoder.decode(field, records.data(), first, codes);
      const auto width = std::bit_width(header.fields[field].symbol_count);
      for (std::uint64_t row = 0; row < count; ++row) {
        rows[first + row] = rows[first + row] << width | codes[row];
      }
    }
  }
  std::ranges::sort(rows);
  return std::ranges::adjacent_find(rows) == rows.end();
}

}  // namespace qvdhouse::qvd
