#include "load/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/error.h"
#include "base/workers.h"

namespace qvdhouse::load {
namespace {

// Rows read at once, and rows decoded at once (a multiple of columns stays in the caches).
constexpr std::uint64_t kReadRows = 65'536;
constexpr std::size_t kDecodeRows = 2'048;

// One thread's part of checksum_file.
class Summer {
 public:
  Summer(const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
         std::span<const std::vector<std::uint64_t>> hashes, const RowSample& sample)
      : decoder_(decoder),
        columns_(columns),
        hashes_(hashes),
        sample_(sample),
        codes_(columns.size(), std::vector<std::uint32_t>(kDecodeRows)) {
    sums_.null_count.resize(columns.size());
    sums_.hash_sum.resize(columns.size());
  }

  void add_rows(const std::byte* records, std::uint64_t first_row, std::size_t row_count) {
    for (std::size_t done = 0; done < row_count; done += kDecodeRows) {
      add_chunk(records + done * decoder_.record_bytes(), first_row + done,
                std::min(kDecodeRows, row_count - done));
    }
  }
  const Checksums& sums() const { return sums_; }

 private:
  void add_chunk(const std::byte* records, std::uint64_t first_row, std::size_t row_count) {
    sums_.row_count += row_count;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::span codes(codes_[i].data(), row_count);
      decoder_.decode(columns_[i].field_index, records, first_row, codes);
      const std::uint64_t* hashes = hashes_[i].data();
      std::uint64_t sum = 0;
      for (const std::uint32_t code : codes) sum += hashes[code];
      sums_.hash_sum[i] += sum;
      if (columns_[i].dictionary.type().nullable) {
        const std::uint8_t* marks = columns_[i].dictionary.null_marks().data();
        std::uint64_t nulls = 0;
        for (const std::uint32_t code : codes) nulls += marks[code];
        sums_.null_count[i] += nulls;
      }
    }
    add_sample(row_count);
  }

  void add_sample(std::size_t row_count) {
    const std::uint32_t* pick_codes = codes_[sample_.column].data();
    for (std::size_t row = 0; row < row_count; ++row) {
      if (!sample_.picked.empty() && sample_.picked[pick_codes[row]] == 0) continue;
      std::uint64_t mix = 0;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        mix += mix_factor(i) * hashes_[i][codes_[i][row]];
      }
      ++sums_.sampled_rows;
      sums_.sampled_sum += XXH3_64bits(&mix, sizeof(mix));
    }
  }

  const qvd::RowDecoder& decoder_;
  std::span<const ColumnValues> columns_;
  std::span<const std::vector<std::uint64_t>> hashes_;
  const RowSample& sample_;
  std::vector<std::vector<std::uint32_t>> codes_;
  Checksums sums_;
};

}  // namespace

void Checksums::add(const Checksums& other) {
  row_count += other.row_count;
  sampled_rows += other.sampled_rows;
  sampled_sum += other.sampled_sum;
  null_count.resize(other.null_count.size());
  hash_sum.resize(other.hash_sum.size());
  for (std::size_t i = 0; i < hash_sum.size(); ++i) {
    null_count[i] += other.null_count[i];
    hash_sum[i] += other.hash_sum[i];
  }
}

Checksums checksum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                        const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                        const RowSample& sample, unsigned threads, std::stop_token stop) {
  std::vector<std::vector<std::uint64_t>> hashes(columns.size());
  base::for_each_index(columns.size(), threads, [&](std::size_t i) {
    hashes[i].resize(columns[i].dictionary.slot_count());
    for (std::size_t slot = 0; slot < hashes[i].size(); ++slot) {
      hashes[i][slot] = columns[i].hash(slot);
    }
  });

  std::atomic<std::uint64_t> next_row{0};
  std::mutex mutex;
  Checksums total;  // guarded by mutex
  const std::uint64_t turns = (header.record_count + kReadRows - 1) / kReadRows;
  base::run_workers(
      static_cast<unsigned>(std::min<std::uint64_t>(threads, turns)),
      [&] {
        Summer summer(decoder, columns, hashes, sample);
        std::vector<std::byte> records;
        for (;;) {
          const std::uint64_t first = next_row.fetch_add(kReadRows);
          if (first >= header.record_count) break;
          if (stop.stop_requested()) throw base::Cancelled("stopped while the rows were checked");
          const std::uint64_t count = std::min(kReadRows, header.record_count - first);
          qvd::read_records(source, header, first, count, records);
          summer.add_rows(records.data(), first, count);
        }
        const std::lock_guard lock(mutex);
        total.add(summer.sums());
      },
      [&] { next_row = header.record_count; });
  return total;
}

std::vector<std::string> differences(std::span<const ColumnValues> columns, const Checksums& file,
                                     const Checksums& table) {
  std::vector<std::string> found;
  if (file.row_count != table.row_count) {
    found.push_back(
        fmt::format("rows: the file has {}, the table has {}", file.row_count, table.row_count));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (file.null_count[i] != table.null_count[i]) {
      found.push_back(fmt::format("column \"{}\": the file has {} NULLs, the table has {}",
                                  columns[i].name, file.null_count[i], table.null_count[i]));
    }
    if (file.hash_sum[i] != table.hash_sum[i]) {
      found.push_back(
          fmt::format("column \"{}\": the sum of the values' hashes is {:016x} in the file, "
                      "{:016x} in the table",
                      columns[i].name, file.hash_sum[i], table.hash_sum[i]));
    }
  }
  if (found.empty() &&
      (file.sampled_rows != table.sampled_rows || file.sampled_sum != table.sampled_sum)) {
    found.push_back(fmt::format(
        "rows are torn apart: each column is right by itself, but over a sample of rows the file "
        "gives {} rows with sum {:016x}, the table {} rows with sum {:016x}",
        file.sampled_rows, file.sampled_sum, table.sampled_rows, table.sampled_sum));
  }
  return found;
}

}  // namespace qvdhouse::load
