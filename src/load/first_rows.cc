#include "load/first_rows.h"

#include <algorithm>
#include <span>

#include "load/row_rules.h"
#include "qvd/rows.h"

namespace qvdhouse::load {
namespace {

constexpr std::uint64_t kMostRowsRead = 1'000'000;
constexpr std::uint64_t kRowsAtOnce = 4'096;

}  // namespace

FirstRows first_rows(const base::ByteSource& source, const PreparedFile& file,
                     std::uint64_t limit) {
  const std::vector<bool> is_wanted = fields_in_table(file);
  const qvd::RowDecoder decoder(file.header);
  FirstRows first;
  first.codes.resize(is_wanted.size());
  std::vector<std::byte> records;
  std::vector<std::uint32_t> codes;
  std::vector<std::uint8_t> is_out;
  // Without a filter no more rows are read than are asked for.
  const std::uint64_t at_once = file.filtered.empty() ? limit : std::max(limit, kRowsAtOnce);
  const std::uint64_t end = std::min(file.header.record_count, std::max(limit, kMostRowsRead));
  for (std::uint64_t begin = 0; begin < end && first.row_count < limit; begin += at_once) {
    const std::uint64_t count = std::min(at_once, end - begin);
    qvd::read_records(source, file.header, begin, count, records);
    codes.resize(count);
    is_out.resize(count);
    mark_filtered(file.filtered, decoder, records.data(), begin, codes, is_out);
    const std::uint64_t room = limit - first.row_count;
    const auto kept = static_cast<std::uint64_t>(std::ranges::count(is_out, std::uint8_t{0}));
    for (std::size_t field = 0; field < is_wanted.size(); ++field) {
      if (!is_wanted[field]) continue;
      decoder.decode(field, records.data(), begin, codes);
      std::uint64_t taken = 0;
      for (std::size_t row = 0; row < count && taken < room; ++row) {
        if (is_out[row] != 0) continue;
        first.codes[field].push_back(codes[row]);
        ++taken;
      }
    }
    first.row_count += std::min(kept, room);
  }
  return first;
}

}  // namespace qvdhouse::load
