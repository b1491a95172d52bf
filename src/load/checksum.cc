#include "load/checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/workers.h"
#include "load/row_rules.h"

namespace qvdhouse::load {
namespace {

// Rows read at once, and rows decoded at once (a multiple of columns stays in the caches).
constexpr std::uint64_t kReadRows = 65'536;
constexpr std::size_t kDecodeRows = 2'048;

// Reads all rows of the file on `threads` threads, each with a summer that `make` makes, and gives
// each of these to `take`, one after the other, when no row is left.
template <class Make, class Take>
void sum_rows(const base::ByteSource& source, const qvd::TableHeader& header,
              const qvd::RowDecoder& decoder, unsigned threads, const std::stop_token& stop,
              Sifting* sifting, const Make& make, const Take& take) {
  std::atomic<std::uint64_t> next_row{0};
  std::mutex mutex;  // of `take`, and of sifting->counts
  const auto work = [&] {
    auto summer = make();
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
    take(summer);
    if (sifter) sifting->counts.add(sifter->counts());
  };
  const std::uint64_t turns = (header.record_count + kReadRows - 1) / kReadRows;
  base::run_workers(static_cast<unsigned>(std::min<std::uint64_t>(threads, turns)), work,
                    [&] { next_row = header.record_count; });
}

}  // namespace

Mixes mix_values(std::span<const ColumnValues> columns, clickhouse::HashFunction function,
                 unsigned threads) {
  Mixes mixes{.function = function, .of_slots = {}};
  mixes.of_slots.resize(columns.size());
  base::for_each_index(columns.size(), threads, [&](std::size_t i) {
    std::vector<std::uint64_t>& of_slot = mixes.of_slots[i];
    of_slot.resize(columns[i].dictionary.slot_count());
    for (std::size_t slot = 0; slot < of_slot.size(); ++slot) {
      of_slot[slot] = mix_factor(i) * columns[i].hash(slot, function);
    }
  });
  return mixes;
}

RowSummer::RowSummer(const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                     const Mixes& mixes)
    : decoder_(decoder),
      columns_(columns),
      mixes_(mixes),
      codes_(kDecodeRows),
      mixed_(kDecodeRows) {}

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
  std::uint64_t* const mixed = mixed_.data();
  std::fill_n(mixed, row_count, 0);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].is_row_number()) {
      for (std::size_t row = 0; row < row_count; ++row) {
        const std::uint64_t number = row_numbers.empty() ? first_row + row : row_numbers[row];
        mixed[row] += mix_factor(i) * hash_number(number, mixes_.function);
      }
      continue;
    }
    columns_[i].read_codes(decoder_, records, first_row, codes);
    const std::uint64_t* const of_slot = mixes_.of_slots[i].data();
    for (std::size_t row = 0; row < row_count; ++row) mixed[row] += of_slot[codes[row]];
  }
  for (std::size_t row = 0; row < row_count; ++row) {
    const std::uint64_t hash = hash_number(mixed[row], mixes_.function);
    sums_.hash_sum += hash;
    if (row_hashes_ != nullptr) row_hashes_->push_back(hash);
  }
}

void RowSums::add(const RowSums& other) {
  row_count += other.row_count;
  hash_sum += other.hash_sum;
}

void ColumnSums::add(const ColumnSums& other) {
  null_count += other.null_count;
  hash_sum += other.hash_sum;
}

ColumnSummer::ColumnSummer(const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                           clickhouse::HashFunction function)
    : decoder_(decoder), columns_(columns), function_(function), sums_(columns.size()) {}

void ColumnSummer::add_rows(const std::byte* records, std::uint64_t first_row,
                            std::size_t row_count, std::span<const std::uint64_t> row_numbers) {
  codes_.resize(row_count);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const ColumnValues& column = columns_[i];
    if (column.is_row_number()) {
      for (std::size_t row = 0; row < row_count; ++row) {
        const std::uint64_t number = row_numbers.empty() ? first_row + row : row_numbers[row];
        sums_[i].hash_sum += hash_number(number, function_);
      }
      continue;
    }
    const bool may_be_null = column.dictionary.type().nullable;
    column.read_codes(decoder_, records, first_row, codes_);
    for (const std::uint32_t code : codes_) {
      sums_[i].null_count += may_be_null && column.dictionary.is_null(code) ? 1U : 0U;
      sums_[i].hash_sum += column.hash(code, function_);
    }
  }
}

RowSums sum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                 const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                 clickhouse::HashFunction function, unsigned threads, std::stop_token stop,
                 Sifting* sifting) {
  return sum_file(source, header, decoder, columns, mix_values(columns, function, threads), threads,
                  std::move(stop), sifting);
}

RowSums sum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                 const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                 const Mixes& mixes, unsigned threads, std::stop_token stop, Sifting* sifting) {
  RowSums total;
  sum_rows(
      source, header, decoder, threads, stop, sifting,
      [&] { return RowSummer(decoder, columns, mixes); },
      [&](const RowSummer& summer) { total.add(summer.sums()); });
  return total;
}

std::vector<ColumnSums> sum_file_columns(const base::ByteSource& source,
                                         const qvd::TableHeader& header,
                                         const qvd::RowDecoder& decoder,
                                         std::span<const ColumnValues> columns,
                                         clickhouse::HashFunction function, unsigned threads,
                                         std::stop_token stop, Sifting* sifting) {
  std::vector<ColumnSums> total(columns.size());
  sum_rows(
      source, header, decoder, threads, stop, sifting,
      [&] { return ColumnSummer(decoder, columns, function); },
      [&](const ColumnSummer& summer) {
        for (std::size_t i = 0; i < total.size(); ++i) total[i].add(summer.sums()[i]);
      });
  return total;
}

std::vector<std::string> differences(std::span<const ColumnValues> columns, const RowSums& file,
                                     const RowSums& table,
                                     std::span<const ColumnSums> columns_of_file,
                                     std::span<const ColumnSums> columns_of_table) {
  std::vector<std::string> found;
  if (file.row_count != table.row_count) {
    found.push_back(
        fmt::format("rows: the file has {}, the table has {}", file.row_count, table.row_count));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnSums& of_file = columns_of_file[i];
    const ColumnSums& of_table = columns_of_table[i];
    if (of_file.null_count != of_table.null_count) {
      found.push_back(fmt::format("column \"{}\": the file has {} NULLs, the table has {}",
                                  columns[i].name, of_file.null_count, of_table.null_count));
    }
    if (of_file.hash_sum != of_table.hash_sum) {
      found.push_back(
          fmt::format("column \"{}\": the sum of the values' hashes is {:016x} in the file, "
                      "{:016x} in the table",
                      columns[i].name, of_file.hash_sum, of_table.hash_sum));
    }
  }
  if (found.empty()) {
    found.push_back(fmt::format(
        "rows are torn apart: each column is right by itself, but the sum of the rows' hashes is "
        "{:016x} in the file, {:016x} in the table",
        file.hash_sum, table.hash_sum));
  }
  return found;
}

}  // namespace qvdhouse::load
