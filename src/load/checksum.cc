#include "load/checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/workers.h"
#include "load/row_rules.h"

namespace qvdhouse::load {
namespace {

// Rows read at once, and rows decoded at once (a multiple of columns stays in the caches).
constexpr std::uint64_t kReadRows = 65'536;
constexpr std::size_t kDecodeRows = 2'048;

}  // namespace

ValueHashes hash_values(std::span<const ColumnValues> columns, clickhouse::HashFunction function,
                        unsigned threads) {
  ValueHashes hashes{.function = function, .of_slots = {}};
  hashes.of_slots.resize(columns.size());
  base::for_each_index(columns.size(), threads, [&](std::size_t i) {
    std::vector<std::uint64_t>& of_slot = hashes.of_slots[i];
    of_slot.resize(columns[i].dictionary.slot_count());
    for (std::size_t slot = 0; slot < of_slot.size(); ++slot) {
      of_slot[slot] = columns[i].hash(slot, function);
    }
  });
  return hashes;
}

RowSummer::RowSummer(const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                     const ValueHashes& hashes)
    : decoder_(decoder),
      columns_(columns),
      hashes_(hashes),
      codes_(kDecodeRows),
      mixes_(kDecodeRows) {
  sums_.null_count.resize(columns.size());
  sums_.hash_sum.resize(columns.size());
}

void RowSummer::add_rows(const std::byte* records, std::uint64_t first_row, std::size_t row_count,
                         std::span<const std::uint64_t> row_numbers) {
  for (std::size_t done = 0; done < row_count; done += kDecodeRows) {
    const std::size_t count = std::min(kDecodeRows, row_count - done);
    add_chunk(records + done * decoder_.record_bytes(), first_row + done, count,
              row_numbers.empty() ? row_numbers : row_numbers.subspan(done, count));
  }
}

void RowSummer::add_chunk(const std::byte* records, std::uint64_t first_row, std::size_t row_count,
                          std::span<const std::uint64_t> row_numbers) {
  sums_.row_count += row_count;
  const std::span codes(codes_.data(), row_count);
  const std::span mixes(mixes_.data(), row_count);
  std::ranges::fill(mixes, 0);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::uint64_t factor = mix_factor(i);
    std::uint64_t sum = 0;
    if (columns_[i].is_row_number()) {
      for (std::size_t row = 0; row < row_count; ++row) {
        const std::uint64_t number = row_numbers.empty() ? first_row + row : row_numbers[row];
        const std::uint64_t hash = hash_number(number, hashes_.function);
        sum += hash;
        mixes[row] += factor * hash;
      }
      sums_.hash_sum[i] += sum;
      continue;
    }
    columns_[i].read_codes(decoder_, records, first_row, codes);
    const std::uint64_t* hashes = hashes_.of_slots[i].data();
    for (std::size_t row = 0; row < row_count; ++row) {
      const std::uint64_t hash = hashes[codes[row]];
      sum += hash;
      mixes[row] += factor * hash;
    }
    sums_.hash_sum[i] += sum;
    if (columns_[i].dictionary.type().nullable) {
      const std::uint8_t* marks = columns_[i].dictionary.null_marks().data();
      std::uint64_t nulls = 0;
      for (const std::uint32_t code : codes) nulls += marks[code];
      sums_.null_count[i] += nulls;
    }
  }
  for (const std::uint64_t mix : mixes) {
    const std::uint64_t hash = hash_number(mix, hashes_.function);
    sums_.row_hash_sum += hash;
    if (row_hashes_ != nullptr) row_hashes_->push_back(hash);
  }
}

void Checksums::add(const Checksums& other) {
  row_count += other.row_count;
  row_hash_sum += other.row_hash_sum;
  null_count.resize(other.null_count.size());
  hash_sum.resize(other.hash_sum.size());
  for (std::size_t i = 0; i < hash_sum.size(); ++i) {
    null_count[i] += other.null_count[i];
    hash_sum[i] += other.hash_sum[i];
  }
}

Checksums checksum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                        const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                        clickhouse::HashFunction function, unsigned threads, std::stop_token stop,
                        Sifting* sifting) {
  const ValueHashes hashes = hash_values(columns, function, threads);
  std::atomic<std::uint64_t> next_row{0};
  std::mutex mutex;
  // Guarded by mutex, as sifting->counts.
  Checksums total = RowSummer(decoder, columns, hashes).sums();
  const std::uint64_t turns = (header.record_count + kReadRows - 1) / kReadRows;
  base::run_workers(
      static_cast<unsigned>(std::min<std::uint64_t>(threads, turns)),
      [&] {
        RowSummer summer(decoder, columns, hashes);
        std::optional<RowSifter> sifter;
        if (sifting != nullptr) {
          sifter.emplace(sifting->rules, header, decoder, sifting->sink, sifting->proves_indexes);
        }
        std::vector<std::byte> records;
        for (;;) {
          const std::uint64_t first = next_row.fetch_add(kReadRows);
          if (first >= header.record_count) break;
          if (stop.stop_requested()) throw base::Cancelled("stopped while the rows were checked");
          const std::uint64_t count = std::min(kReadRows, header.record_count - first);
          qvd::read_records(source, header, first, count, records);
          if (sifter) {
            const std::size_t kept = sifter->sift(first, count, records);
            summer.add_rows(records.data(), first, kept, sifter->row_numbers());
          } else {
            summer.add_rows(records.data(), first, count);
          }
        }
        const std::lock_guard lock(mutex);
        total.add(summer.sums());
        if (sifter) sifting->counts.add(sifter->counts());
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
  if (found.empty() && file.row_hash_sum != table.row_hash_sum) {
    found.push_back(fmt::format(
        "rows are torn apart: each column is right by itself, but the sum of the rows' hashes is "
        "{:016x} in the file, {:016x} in the table",
        file.row_hash_sum, table.row_hash_sum));
  }
  return found;
}

}  // namespace qvdhouse::load
