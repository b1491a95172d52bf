// What is in a file and what is in a table, as numbers that must agree (docs/architecture.md,
// "Verify"): the row count, and per column the NULLs and the sum of a hash of every value. Sums
// alone can not see rows torn apart, so a sum over a sample of *rows* comes with them, in which the
// hashes of all columns of a row are mixed.
//
// Our side hashes each distinct value once; the engine's side is one SELECT.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "clickhouse/connection.h"
#include "clickhouse/dictionary.h"
#include "qvd/header.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

// One column of the table and the field whose codes index its dictionary.
struct ColumnValues {
  std::string name;
  std::size_t field_index = 0;
  clickhouse::Dictionary dictionary;
};

struct Checksums {
  std::uint64_t row_count = 0;
  std::vector<std::uint64_t> null_count;  // one a column
  std::vector<std::uint64_t> hash_sum;    // one a column, modulo 2^64, NULLs add nothing
  std::uint64_t sampled_rows = 0;
  std::uint64_t sampled_sum = 0;

  void add(const Checksums& other);
};

// Which rows make the sample: those whose value in `column` has a hash with the low `mask` bits 0
// (a NULL counts as hash 0). mask 0 takes all rows.
struct RowSample {
  std::size_t column = 0;
  std::uint64_t mask = 0;
};
RowSample choose_sample(std::span<const ColumnValues> columns);

// Reads all rows of the file on `threads` threads. Throws InputError for an index outside its
// symbol table (so a file is known to be whole before anything is sent), IoError, Cancelled.
Checksums checksum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                        const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                        unsigned threads, std::stop_token stop);

// Lets the engine compute the same over `table` (already quoted and qualified).
Checksums checksum_table(clickhouse::Connection& connection, std::string_view table,
                         std::span<const ColumnValues> columns, const RowSample& sample,
                         unsigned threads);

// One sentence a difference, naming column and both numbers; empty when all agree.
std::vector<std::string> differences(std::span<const ColumnValues> columns, const Checksums& file,
                                     const Checksums& table);

}  // namespace qvdhouse::load
