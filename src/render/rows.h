// Rows of files in one of the formats that need no ClickHouse, piece by piece: memory does not grow
// with the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clickhouse/native.h"
#include "load/column_values.h"
#include "load/row_rules.h"
#include "load/stream.h"
#include "qvd/rows.h"
#include "render/files.h"
#include "render/format.h"
#include "render/text_rows.h"

namespace qvdhouse::render {

struct Options {
  Format format = Format::kCsv;  // none that needs ClickHouse
  bool has_head = true;          // the names of columns, in CSV and TSV
  unsigned threads = 1;          // that cast and write distinct values
  // Is told what a load would tell of a file: rows that rules leave out, protections that protect
  // nothing. None: nobody is.
  std::function<void(const File& file, std::string_view text)> warn = {};
};

// The rows of one file that its table would have, a range at a time.
class FileRows {
 public:
  // `file`: of files.open(); casts its columns, and counts values that must be unique. `files` must
  // outlive it. Throws as Files::open().
  FileRows(const Files& files, std::size_t index, OpenFile file, const Options& options);

  std::span<load::ColumnValues> columns() { return columns_; }
  const qvd::TableHeader& header() const { return file_.prepared.header; }
  const qvd::RowDecoder& decoder() const { return decoder_; }
  bool is_remote() const { return file_.bytes->is_remote(); }

  // A range of rows, valid until the next call.
  struct Range {
    std::uint64_t first_row = 0;
    std::uint64_t row_count = 0;                 // 0: there is no range left
    std::span<const std::byte> records;          // followed by what decode() wants
    std::span<const std::uint64_t> row_numbers;  // of each row; empty: they follow on the first
  };
  // At most `most_rows` rows that stay, of `rows_at_once` that are read. Throws InputError,
  // IoError, Cancelled; at the end, also that of `most_rows`, ChangedError when the file is not the
  // one that was opened any more, and SchemaError when a load would refuse it for its rows (of a
  // part of them: for one before the last that was returned).
  Range next(std::uint64_t rows_at_once, std::uint64_t most_rows);
  std::uint64_t rows_read() const { return rows_read_; }
  // The next range is the first one again.
  void restart();

 private:
  struct Read {
    std::uint64_t first_row = 0;
    std::uint64_t row_count = 0;
    std::vector<std::byte> records;
  };
  void read(std::uint64_t rows, Read& into);
  void leave_out(Range& range);
  void take_next(std::uint64_t rows, std::uint64_t most_rows);
  void finish();
  void finish_early();

  const Files& files_;
  const std::size_t index_;
  const Options& options_;
  OpenFile file_;
  qvd::RowDecoder decoder_;
  std::vector<load::ColumnValues> columns_;  // those that are wanted
  load::RowRules rules_;
  std::unique_ptr<load::RowSifter> sifter_;    // null: all rows stay
  load::RowRules choice_;                      // the request's conditions, which judge what stays
  std::unique_ptr<load::RowSifter> chooser_;   // null: all of them are wanted
  std::vector<std::uint64_t> chosen_numbers_;  // of the rows of a range, where both left some out
  std::uint64_t next_row_ = 0;
  std::uint64_t rows_read_ = 0;
  std::uint64_t next_wanted_ = 0;  // the row behind the last that next() returned
  bool is_finished_ = false;
  Read now_;
  Read ahead_;                 // of a remote file; the thread's while reading_ is valid
  std::future<void> reading_;  // last: its end waits for the thread
};

class Rows {
 public:
  // `files` must outlive it. Nothing is read yet.
  Rows(Files& files, Options options);
  ~Rows();

  // The next piece, valid until the next call; empty at the end. Throws as FileRows::next() and
  // Files::open().
  std::span<const std::byte> next();

  // Name and ClickHouse type of each, known from the first next() on.
  const std::vector<std::pair<std::string, std::string>>& columns() const { return columns_; }
  std::uint64_t rows_read() const;  // records of files, for progress
  std::uint64_t rows_written() const { return rows_written_; }
  const File& current_file() const;  // the one that next() worked on last

 private:
  void begin_file();
  void check_columns(std::span<const load::ColumnValues> columns) const;
  void end_file();
  void append_text();
  std::uint64_t rows_left() const;
  std::uint64_t rows_at_once() const;

  Files& files_;
  const Options options_;
  std::size_t index_ = 0;  // of the file that is under way or comes next
  bool has_begun_ = false;
  std::vector<std::pair<std::string, std::string>> columns_;
  std::uint64_t rows_of_files_done_ = 0;
  std::uint64_t rows_written_ = 0;
  std::unique_ptr<FileRows> file_;  // null: none is under way
  std::unique_ptr<TextRows> text_;
  std::unique_ptr<load::BlockEncoder> native_;
  std::uint64_t native_rows_ = 0;  // of a block
  FileRows::Range range_;
  std::uint64_t range_done_ = 0;  // rows of it
  clickhouse::BlockBuffer piece_;
};

}  // namespace qvdhouse::render
