// What is in a file, as numbers that the table must agree with (docs/architecture.md, "Verify"):
// the row count and a sum over rows, in which the hashes of all values of a row are mixed. Where
// they do not agree, sums of each column say which one differs. load/table_checksum.h computes the
// same in the server.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "load/column_values.h"
#include "qvd/header.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

struct Sifting;

struct RowSums {
  std::uint64_t row_count = 0;
  std::uint64_t hash_sum = 0;  // of each row's mix, modulo 2^64

  void add(const RowSums& other);
  bool operator==(const RowSums&) const = default;
};

// A row's mix is the hash of the sum, modulo 2^64, of its values' hashes, each times this factor:
// odd and another for each column, or two columns that changed places would go unseen. A NULL adds
// nothing, and no value in practice does the same.
constexpr std::uint64_t mix_factor(std::size_t column) {
  return 0x9E3779B97F4A7C15u * (2 * std::uint64_t{column} + 1);
}

// What each value adds to its row's mix, by slot.
struct Mixes {
  clickhouse::HashFunction function = clickhouse::HashFunction::kXxh3;
  std::vector<std::vector<std::uint64_t>> of_slots;  // one vector a column
};
Mixes mix_values(std::span<const ColumnValues> columns, clickhouse::HashFunction function,
                 unsigned threads);

// Sums up rows; one object a thread. All references must outlive it.
class RowSummer {
 public:
  RowSummer(const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
            const Mixes& mixes);

  // Takes `row_count` records, of which the first is row `first_row` of the file. Throws InputError
  // for an index outside its symbol table. `row_numbers`: of each of them, where rows between them
  // are left out.
  void add_rows(const std::byte* records, std::uint64_t first_row, std::size_t row_count,
                std::span<const std::uint64_t> row_numbers = {});
  const RowSums& sums() const { return sums_; }
  // From now on the hash of each row (of its mix) is appended to `hashes`, which must outlive it.
  void keep_row_hashes(std::vector<std::uint64_t>& hashes) { row_hashes_ = &hashes; }

 private:
  void add_chunk(const std::byte* records, std::uint64_t first_row, std::size_t row_count,
                 std::span<const std::uint64_t> row_numbers);

  const qvd::RowDecoder& decoder_;
  std::span<const ColumnValues> columns_;
  const Mixes& mixes_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint64_t> mixed_;
  std::vector<std::uint64_t>* row_hashes_ = nullptr;  // null: nobody wants them
  RowSums sums_;
};

// Reads all rows of the file on `threads` threads; `function` is that of the server's dialect, as
// everywhere. `sifting`: of the rows that it leaves in only; null: of all. Throws InputError for an
// index outside its symbol table (so that a file is known to be whole before anything is sent),
// IoError, Cancelled.
RowSums sum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                 const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                 clickhouse::HashFunction function, unsigned threads, std::stop_token stop,
                 Sifting* sifting = nullptr);
// The same where the mixes of the columns are made.
RowSums sum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                 const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                 const Mixes& mixes, unsigned threads, std::stop_token stop,
                 Sifting* sifting = nullptr);

struct ColumnSums {
  std::uint64_t null_count = 0;
  std::uint64_t hash_sum = 0;  // modulo 2^64; NULLs add nothing

  void add(const ColumnSums& other);
  bool operator==(const ColumnSums&) const = default;
};

// Sums up columns, at some cost: it hashes each value. The rest is as in RowSummer.
class ColumnSummer {
 public:
  ColumnSummer(const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
               clickhouse::HashFunction function);

  void add_rows(const std::byte* records, std::uint64_t first_row, std::size_t row_count,
                std::span<const std::uint64_t> row_numbers = {});
  const std::vector<ColumnSums>& sums() const { return sums_; }

 private:
  const qvd::RowDecoder& decoder_;
  std::span<const ColumnValues> columns_;
  clickhouse::HashFunction function_;
  std::vector<std::uint32_t> codes_;
  std::vector<ColumnSums> sums_;  // one a column
};

// One a column; the parameters are those of sum_file().
std::vector<ColumnSums> sum_file_columns(const base::ByteSource& source,
                                         const qvd::TableHeader& header,
                                         const qvd::RowDecoder& decoder,
                                         std::span<const ColumnValues> columns,
                                         clickhouse::HashFunction function, unsigned threads,
                                         std::stop_token stop, Sifting* sifting = nullptr);

// One sentence a difference, naming column and both numbers. The rows' sums must differ.
std::vector<std::string> differences(std::span<const ColumnValues> columns, const RowSums& file,
                                     const RowSums& table,
                                     std::span<const ColumnSums> columns_of_file,
                                     std::span<const ColumnSums> columns_of_table);

}  // namespace qvdhouse::load
