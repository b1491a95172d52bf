// One of the two sides of a comparison: the rows of a file or of a table, narrowed to the columns
// that both have, as hashes and, for those that are shown, as texts.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "load/checksum.h"
#include "load/column_values.h"
#include "render/diff.h"
#include "render/files.h"
#include "render/rows.h"

namespace qvdhouse::render {

// One row: of which key it is (without keys, itself), and all of it.
struct HashedRow {
  std::uint64_t group;
  std::uint64_t row;
  auto operator<=>(const HashedRow&) const = default;
};

// Rows that may be shown, by HashedRow::row.
struct WantedRows {
  std::vector<std::uint64_t> hashes;  // those that must be found first
  std::uint64_t most_of_each = 0;     // rows of one hash
};

class Side {
 public:
  virtual ~Side() = default;
  Side() = default;
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  virtual load::RowSums sums() = 0;
  virtual std::vector<load::ColumnSums> column_sums() = 0;
  virtual void each_row(const std::function<void(const HashedRow&)>& visit) = 0;

  // A row that is wanted; `cells` makes one text a column.
  struct Found {
    HashedRow hashes;
    std::optional<std::uint64_t> number;  // from 0, of a file
    std::function<std::vector<CellText>()> cells;
  };
  // A file gives all rows of these hashes, in their order.
  virtual void find_rows(const WantedRows& wanted,
                         const std::function<void(const Found&)>& visit) = 0;
};

// `columns`: their names, the key first, of which it has `key_count`.
class FileSide : public Side {
 public:
  FileSide(Files& files, std::size_t index, const Options& options,
           const std::vector<std::string>& columns, std::size_t key_count,
           clickhouse::HashFunction hash);
  ~FileSide() override;

  std::span<const load::ColumnValues> columns() const;

  load::RowSums sums() override;
  std::vector<load::ColumnSums> column_sums() override;
  void each_row(const std::function<void(const HashedRow&)>& visit) override;
  void find_rows(const WantedRows& wanted, const std::function<void(const Found&)>& visit) override;

 private:
  class Rows;
  std::unique_ptr<Rows> rows_;
};

// Hashes and texts are the server's. `columns`: of the other side, whose types hold the values of
// the table.
class TableSide : public Side {
 public:
  // Throws SchemaError for a column with numbers that its type in `columns` does not hold exactly.
  TableSide(const Table& table, std::span<const load::ColumnValues> columns, std::size_t key_count,
            unsigned threads, std::stop_token stop);

  load::RowSums sums() override;
  std::vector<load::ColumnSums> column_sums() override;
  void each_row(const std::function<void(const HashedRow&)>& visit) override;
  // Looks for 20,000 hashes at most.
  void find_rows(const WantedRows& wanted, const std::function<void(const Found&)>& visit) override;

 private:
  void check_numbers() const;
  std::string hashes_sql() const;

  const Table& table_;
  std::span<const load::ColumnValues> columns_;
  std::size_t key_count_;
  unsigned threads_;
  std::stop_token stop_;
  std::string row_hash_;  // aliases
  std::string key_hash_;
  std::string from_;  // a subquery with the columns, cast
};

}  // namespace qvdhouse::render
