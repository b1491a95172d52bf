// Streams the rows of one file into one table: several insert requests at once, each taking the
// next block of rows as soon as it has sent its last one. Nothing is expanded: rows become codes,
// codes gather from dictionaries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "clickhouse/connection.h"
#include "clickhouse/native.h"
#include "load/checksum.h"
#include "load/load.h"
#include "load/row_rules.h"
#include "qvd/header.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

// Partitions of a table in the rows of one block: more are a mistake in partition_by rather than a
// wish.
inline constexpr unsigned kMostPartitions = 1000;

// How the rows are cut into Native blocks.
struct BlockLimits {
  std::uint64_t rows = 0;   // at most so many rows a block
  std::uint64_t bytes = 0;  // and so many bytes, where a block has more than one row: the server
                            // holds it whole
};

// `batch_rows` rows if not 0, else as many as make good blocks; never more than fits
// `memory_bytes` (records of one stream here, its block at the server).
BlockLimits block_limits(const qvd::TableHeader& header, std::span<const ColumnValues> columns,
                         std::uint64_t batch_rows, std::uint64_t memory_bytes);

// Encodes ranges of rows as Native blocks; one object a stream. All references must outlive it.
class BlockEncoder {
 public:
  BlockEncoder(const qvd::TableHeader& header, const qvd::RowDecoder& decoder,
               std::span<const ColumnValues> columns, std::uint64_t max_block_bytes);

  // `records` are those of [first_row, first_row + row_count) and must outlive the calls of next(),
  // which encode them, as must `row_numbers`: those of the rows, where rows between them are left
  // out (empty: none is).
  void start(std::uint64_t first_row, std::uint64_t row_count, std::span<const std::byte> records,
             std::span<const std::uint64_t> row_numbers = {});

  // The next piece of the range's blocks, valid until the next call; empty when the range is done.
  // Long texts make the block of a range too large now and then: it is halved until it fits.
  std::span<const std::byte> next();
  // Rows of the block that the piece which next() returned last begins; 0 where it goes on with
  // one.
  std::uint64_t rows_begun() const { return rows_begun_; }

 private:
  std::uint64_t encoded_bytes(std::uint64_t row_count);

  const qvd::TableHeader& header_;
  const qvd::RowDecoder& decoder_;
  std::span<const ColumnValues> columns_;
  std::uint64_t max_block_bytes_;
  clickhouse::NativeEncoder encoder_;
  std::vector<clickhouse::CodeReader> readers_;
  std::vector<std::uint64_t> longest_text_;     // bytes, one a column
  std::span<const std::byte> records_;          // of the range
  std::span<const std::uint64_t> row_numbers_;  // of the range's rows; empty: they follow on its
                                                // first
  std::uint64_t range_first_row_ = 0;           // of records_[0]
  std::uint64_t rows_done_ = 0;                 // of the range
  std::uint64_t rows_left_ = 0;                 // of the range
  std::uint64_t block_rows_ = 0;
  std::uint64_t rows_begun_ = 0;
  clickhouse::BlockBuffer piece_;
};

// What a load has sent.
struct Sent {
  std::uint64_t bytes = 0;
  std::optional<RowSums> sums;  // of the rows, where they were summed as they came by
};

// Inserts all rows into `table` (quoted and qualified). A remote file is read once: the next range
// while the last one is sent, and its rows are summed and checked on the way. `sifting`: only the
// rows that it leaves in; null: all. Throws what reading
// and the server throw; the first failure ends all streams.
Sent insert_rows(const base::ByteSource& source, const qvd::TableHeader& header,
                 const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                 const clickhouse::Endpoint& endpoint, std::string_view table,
                 const Options& options, Progress& progress, std::stop_token stop,
                 Sifting* sifting = nullptr);

}  // namespace qvdhouse::load
