#include "load/doubtful_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"

namespace qvdhouse::load {
namespace {

// Reads the tail piece by piece: most files end in something else, and a remote one is read for it.
constexpr std::uint64_t kFirstPiece = 256;
constexpr std::uint64_t kMostOfAPiece = 4 << 20;
constexpr std::uint64_t kSampleBytes = 4 << 20;  // from the start, and from before the tail
constexpr double kUnlikely = 1e-6;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// Whether a row of zero bytes is one of several that there could be.
bool rows_may_differ(const qvd::TableHeader& header) {
  return std::ranges::any_of(header.fields, [](const qvd::FieldHeader& field) {
    return field.width_bits > 0 && field.symbol_count > (field.bias < 0 ? 0U : 1U);
  });
}

class RowBytes {
 public:
  RowBytes(const base::ByteSource& source, const qvd::TableHeader& header)
      : source_(source), header_(header) {}

  std::uint64_t begin() const { return header_.body_offset + header_.rows_offset; }
  std::uint64_t end() const { return header_.expected_file_bytes(); }

  // Rows at the end of which every byte is zero. `holes`: those of the rows, in their order.
  std::uint64_t count_zero_tail(std::vector<base::ByteRange> holes,
                                const std::stop_token& stop) const {
    std::vector<std::byte> piece;
    std::uint64_t at = end();
    for (std::uint64_t wanted = kFirstPiece; at > begin();
         wanted = std::min(kMostOfAPiece, 16 * wanted)) {
      if (stop.stop_requested()) throw base::Cancelled("stopped while the rows were looked at");
      while (!holes.empty() && holes.back().begin >= at) holes.pop_back();
      if (!holes.empty() && holes.back().end >= at) {
        at = std::max(begin(), holes.back().begin);
        continue;
      }
      piece.resize(static_cast<std::size_t>(std::min(wanted, at - begin())));
      source_.read_at(at - piece.size(), piece);
      const auto last = std::find_if(piece.rbegin(), piece.rend(),
                                     [](std::byte byte) { return byte != std::byte{0}; });
      at -= static_cast<std::uint64_t>(last - piece.rbegin());
      if (last != piece.rend()) break;
    }
    return (end() - at) / header_.record_bytes;
  }

  // Counts rows from `first` on, those of zero bytes among them, and how often one of these is
  // followed by another; and of all pairs of neighbours, those that are equal.
  struct Counts {
    std::uint64_t rows = 0;
    std::uint64_t zero = 0;
    std::uint64_t zero_again = 0;
    std::uint64_t pairs = 0;
    std::uint64_t equal_pairs = 0;
  };
  void count(std::uint64_t first, std::uint64_t rows, Counts& counts) const {
    const std::uint64_t record = header_.record_bytes;
    std::vector<std::byte> bytes(static_cast<std::size_t>(rows * record));
    source_.read_at(begin() + first * record, bytes);
    bool was_zero = false;
    for (std::uint64_t row = 0; row < rows; ++row) {
      const auto here = std::span(bytes).subspan(row * record, record);
      const bool zero = is_zero(here);
      if (row > 0) {
        ++counts.pairs;
        const auto before = std::span(bytes).subspan((row - 1) * record, record);
        if (std::ranges::equal(before, here)) ++counts.equal_pairs;
      }
      counts.zero += zero ? 1 : 0;
      counts.zero_again += zero && was_zero ? 1 : 0;
      was_zero = zero;
    }
    counts.rows += rows;
  }

 private:
  const base::ByteSource& source_;
  const qvd::TableHeader& header_;
};

// The logarithm of how likely it is that `more` neighbours in a row are equal, where `equal` of
// `pairs` were: the mean over all rates, each as likely as the others before anything was seen (a
// sorted column has its runs, of whatever value).
double log_of_run(std::uint64_t equal, std::uint64_t pairs, double more) {
  const auto log_gamma = [](double x) {
    int sign = 0;
    return lgamma_r(x, &sign);
  };
  const auto same = static_cast<double>(equal);
  const auto all = static_cast<double>(pairs);
  return log_gamma(same + 1 + more) - log_gamma(same + 1) + log_gamma(all + 2) -
         log_gamma(all + 2 + more);
}

// Whether the rows before the tail make so many zero rows at the end unlikely: by how many of them
// are zero, how often a zero row follows another, and how long runs of any row are. A field with
// more symbols than the other rows and one more can use was cut for certain: each symbol is in some
// row.
bool is_unlikely(const RowBytes& bytes, const qvd::TableHeader& header, std::uint64_t tail) {
  const std::uint64_t others = header.record_count - tail;
  const bool has_unused_symbols = std::ranges::any_of(
      header.fields,
      [&](const qvd::FieldHeader& field) { return field.symbol_count > others + 1; });
  if (others == 0 || (tail > 1 && has_unused_symbols)) return true;
  const std::uint64_t most = std::max<std::uint64_t>(1, kSampleBytes / header.record_bytes);
  RowBytes::Counts counts;
  bytes.count(0, std::min(others, most), counts);
  if (others > most) {
    const std::uint64_t second = std::min(others - most, most);
    bytes.count(others - second, second, counts);
  }
  const auto share = [](std::uint64_t part, std::uint64_t whole) {
    return (static_cast<double>(part) + 1) / (static_cast<double>(whole) + 2);
  };
  const double begins = share(counts.zero, counts.rows);
  const double goes_on = share(counts.zero_again, counts.zero);
  const auto more = static_cast<double>(tail - 1);
  const double run =
      std::max(more * std::log(goes_on), log_of_run(counts.equal_pairs, counts.pairs, more));
  return tail > 1 && std::log(begins) + run < std::log(kUnlikely);
}

}  // namespace

DoubtfulRows find_doubtful_rows(const base::ByteSource& source, const qvd::TableHeader& header,
                                const std::stop_token& stop) {
  DoubtfulRows found;
  if (header.record_count == 0 || header.record_bytes == 0 || !rows_may_differ(header)) {
    return found;
  }
  const RowBytes bytes(source, header);
  const std::vector<base::ByteRange> holes = source.holes(bytes.begin(), bytes.end());
  const std::uint64_t tail = bytes.count_zero_tail(holes, stop);
  if (tail > 0 && is_unlikely(bytes, header, tail)) found.zero_tail = tail;
  const std::uint64_t others = header.record_count - found.zero_tail;
  std::uint64_t next = 0;  // row that is not counted yet
  for (const base::ByteRange& hole : holes) {
    const std::uint64_t first = std::max(next, (hole.begin - bytes.begin()) / header.record_bytes);
    next = std::min(others,
                    (hole.end - bytes.begin() + header.record_bytes - 1) / header.record_bytes);
    if (next > first) found.in_holes += next - first;
  }
  return found;
}

std::string text_of(const DoubtfulRows& rows, const qvd::TableHeader& header) {
  const std::string of_all = fmt::format("of {} rows", header.record_count);
  std::string text;
  if (rows.zero_tail > 0) {
    text = fmt::format(
        "the last {} {} are zero bytes, which the rows before them make unlikely: the end of the "
        "file was probably not written",
        rows.zero_tail, of_all);
  }
  if (rows.in_holes > 0) {
    text += fmt::format("{}{} {} lie in holes of the file, where nothing was written",
                        text.empty() ? "" : "; ", rows.in_holes, of_all);
  }
  return text;
}

std::string check_written(const base::ByteSource& source, const qvd::TableHeader& header,
                          ZeroTail zero_tail, std::string_view taken, const std::stop_token& stop) {
  const DoubtfulRows rows = find_doubtful_rows(source, header, stop);
  if (rows.empty()) return {};
  const std::string text = text_of(rows, header);
  if (zero_tail == ZeroTail::kError) {
    throw base::InputError(
        fmt::format("{}; zero_tail = \"error\" refuses such files: store or copy it again, or set "
                    "zero_tail = \"warn\"",
                    text),
        {.field = {}, .byte_offset = header.body_offset + header.rows_offset});
  }
  return fmt::format(
      "{}; they are {} as they are: compare the file with its source (zero_tail = \"error\" "
      "refuses such files)",
      text, taken);
}

}  // namespace qvdhouse::load
