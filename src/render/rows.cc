#include "render/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "load/load.h"

namespace qvdhouse::render {
namespace {

// Size of a range of records. A range of a local file stays in the second-level cache while all
// columns are decoded from it; a range of a remote file costs a request.
constexpr std::uint64_t kLocalBytes = 512 << 10;
constexpr std::uint64_t kRemoteBytes = 8 << 20;
constexpr std::uint64_t kFewestAtOnce = 1'024;
constexpr std::uint64_t kMostAtOnce = 1 << 20;

constexpr std::uint64_t kNativeBlockRows = 65'536;
constexpr std::uint64_t kNativeBlockBytes = 128 << 20;

constexpr std::size_t kBytesAtOnce = 256 << 10;

std::vector<load::ColumnValues> cast(const Files& files, OpenFile& file, bool keeps_symbols,
                                     unsigned threads) {
  return load::cast_columns(file.prepared, threads, files.stop(), keeps_symbols);
}

load::RowWords words() {
  return {.quarantined = "left out, as a load would quarantine them",
          .warned = "written all the same",
          .failed = "a load would take nothing of the file"};
}

}  // namespace

FileRows::FileRows(const Files& files, std::size_t index, OpenFile file, const Options& options)
    : files_(files),
      index_(index),
      options_(options),
      file_(std::move(file)),
      decoder_(file_.prepared.header) {
  const File& of = files_.file(index_);
  const bool has_rules = !of.target.rules.column_rules.empty();
  std::vector<load::ColumnValues> all = cast(files_, file_, has_rules, options_.threads);
  rules_ = load::RowRules(file_.prepared, all, of.target.rules, options_.threads, files_.stop());
  if (rules_.has_unique()) {
    rules_.find_repeated(*file_.bytes, header(), decoder_, options_.threads, files_.stop());
  }
  if (!rules_.are_kept()) {
    sifter_ = std::make_unique<load::RowSifter>(rules_, header(), decoder_, nullptr,
                                                /*proves_indexes=*/false);
  }
  choice_ = load::RowRules(std::move(file_.prepared.not_chosen));
  if (!choice_.are_kept()) {
    chooser_ = std::make_unique<load::RowSifter>(choice_, header(), decoder_, nullptr,
                                                 /*proves_indexes=*/false);
  }
  for (const std::size_t column : files_.chosen(file_.prepared.plan)) {
    columns_.push_back(std::move(all[column]));
  }
  if (!options_.warn) return;
  for (const std::string& alert : file_.prepared.alerts) options_.warn(of, alert);
}

void FileRows::read(std::uint64_t rows, Read& into) {
  into.first_row = next_row_;
  into.row_count = std::min(rows, header().record_count - next_row_);
  next_row_ += into.row_count;
  if (into.row_count == 0) return;
  qvd::read_records(*file_.bytes, header(), into.first_row, into.row_count, into.records);
}

// What comes over a network is read while the range before it is written, unless that is enough.
void FileRows::take_next(std::uint64_t rows, std::uint64_t most_rows) {
  const bool all_stay = !sifter_ && !chooser_;
  if (all_stay) rows = std::min(rows, most_rows);
  if (!file_.bytes->is_remote()) return read(rows, now_);
  if (reading_.valid()) {
    reading_.get();
  } else {
    read(rows, ahead_);
  }
  std::swap(now_, ahead_);
  if (now_.row_count == 0 || (all_stay && now_.row_count >= most_rows)) return;
  reading_ = std::async(std::launch::async, [this, rows] { read(rows, ahead_); });
}

FileRows::Range FileRows::next(std::uint64_t rows_at_once, std::uint64_t most_rows) {
  while (!is_finished_) {
    if (most_rows == 0) {
      finish_early();
      break;
    }
    if (files_.stop().stop_requested()) throw base::Cancelled("stopped while rows were written");
    take_next(rows_at_once, most_rows);
    if (now_.row_count == 0) {
      finish();
      break;
    }
    rows_read_ += now_.row_count;
    Range range{.first_row = now_.first_row, .row_count = now_.row_count};
    leave_out(range);
    if (range.row_count == 0) continue;  // none stays
    range.row_count = std::min(range.row_count, most_rows);
    range.records = now_.records;
    if (!range.row_numbers.empty()) range.row_numbers = range.row_numbers.first(range.row_count);
    next_wanted_ = range.row_numbers.empty() ? range.first_row + range.row_count
                                             : range.row_numbers.back() + 1;
    return range;
  }
  return {};
}

void FileRows::leave_out(Range& range) {
  if (sifter_) {
    range.row_count = sifter_->sift(range.first_row, range.row_count, now_.records);
    range.row_numbers = sifter_->row_numbers();
  }
  if (!chooser_ || range.row_count == 0) return;
  range.row_count = chooser_->sift(range.first_row, range.row_count, now_.records);
  const std::vector<std::uint64_t>& chosen = chooser_->row_numbers();
  if (chosen.empty()) return;  // all, or none
  if (range.row_numbers.empty()) {
    range.row_numbers = chosen;
    return;
  }
  // The chooser counts the rows that the sifter left.
  chosen_numbers_.clear();
  for (const std::uint64_t row : chosen) {
    chosen_numbers_.push_back(range.row_numbers[row - range.first_row]);
  }
  range.row_numbers = chosen_numbers_;
}

void FileRows::restart() {
  if (reading_.valid()) reading_.get();
  next_row_ = rows_read_ = 0;
  is_finished_ = false;
  if (sifter_) sifter_->restart();
  if (chooser_) chooser_->restart();
}

void FileRows::finish() {
  is_finished_ = true;
  file_.bytes->check_unchanged();
  if (!sifter_) return;
  load::check_counts(rules_, sifter_->counts(), file_.prepared, files_.file(index_).target.rules,
                     words());
  if (!options_.warn) return;
  for (const std::string& text :
       load::texts_of(rules_, sifter_->counts(), file_.prepared, words())) {
    options_.warn(files_.file(index_), text);
  }
}

// Rows behind the last that is wanted are not judged, though some of them may have been read.
void FileRows::finish_early() {
  if (reading_.valid()) reading_.get();
  is_finished_ = true;
  file_.bytes->check_unchanged();
  if (!sifter_) return;
  const std::vector<load::CheckCount>& counts = sifter_->counts().of_checks;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const bool is_refused = rules_.checks()[i].check.action == schema::RuleAction::kError;
    if (!is_refused || counts[i].rows == 0 || counts[i].first_row >= next_wanted_) continue;
    load::check_counts(rules_, sifter_->counts(), file_.prepared, files_.file(index_).target.rules,
                       words());
  }
}

Rows::Rows(Files& files, Options options) : files_(files), options_(std::move(options)) {}
Rows::~Rows() = default;

const File& Rows::current_file() const { return files_.file(std::min(index_, files_.size() - 1)); }

std::uint64_t Rows::rows_read() const {
  return rows_of_files_done_ + (file_ ? file_->rows_read() : 0);
}

std::uint64_t Rows::rows_left() const {
  const auto& limit = files_.request().limit;
  return limit ? *limit - std::min(*limit, rows_written_)
               : std::numeric_limits<std::uint64_t>::max();
}

std::uint64_t Rows::rows_at_once() const {
  if (native_) return native_rows_;
  const std::uint64_t bytes = file_->is_remote() ? kRemoteBytes : kLocalBytes;
  return std::clamp(bytes / std::max<std::uint64_t>(1, file_->header().record_bytes), kFewestAtOnce,
                    kMostAtOnce);
}

void Rows::begin_file() {
  file_ = std::make_unique<FileRows>(files_, index_, files_.open(index_), options_);
  const std::span<load::ColumnValues> columns = file_->columns();
  range_ = {};
  range_done_ = 0;
  if (!has_begun_) {
    for (const load::ColumnValues& column : columns) {
      columns_.emplace_back(column.name, column.dictionary.type().name());
    }
  } else {
    check_columns(columns);
  }
  if (options_.format == Format::kNative) {
    const load::BlockLimits limits =
        load::block_limits(file_->header(), columns, kNativeBlockRows, kNativeBlockBytes);
    native_rows_ = limits.rows;
    native_ = std::make_unique<load::BlockEncoder>(file_->header(), file_->decoder(), columns,
                                                   limits.bytes);
    if (std::exchange(has_begun_, true)) return;
    // A reader learns the columns from it, though there may be no row.
    std::vector<clickhouse::NativeEncoder::Column> empty;
    for (const load::ColumnValues& column : columns)
      empty.push_back({column.name, &column.dictionary});
    clickhouse::append_empty_block(empty, piece_);
  } else {
    if (!has_begun_ && (options_.has_head || options_.format == Format::kMarkdown)) {
      const std::string head = head_line(options_.format, columns);
      piece_.append(std::as_bytes(std::span(head)));
    }
    text_ =
        std::make_unique<TextRows>(options_.format, file_->decoder(), columns, options_.threads);
  }
  has_begun_ = true;
}

// All files have the columns of the first.
void Rows::check_columns(std::span<const load::ColumnValues> columns) const {
  const auto is_same = [](const auto& known, const load::ColumnValues& column) {
    return known.first == column.name && known.second == column.dictionary.type().name();
  };
  if (std::ranges::equal(columns_, columns, is_same)) return;
  std::string found;
  for (const load::ColumnValues& column : columns) {
    found += fmt::format("{}\"{}\" {}", found.empty() ? "" : ", ", column.name,
                         column.dictionary.type().name());
  }
  throw base::SchemaError(fmt::format(
      "{}: expected the {} of {}, found {}: name the files one by one, or give the tables the same "
      "columns and types",
      current_file().name, base::format_quantity(columns_.size(), "column"), files_.file(0).name,
      found));
}

void Rows::end_file() {
  rows_of_files_done_ += file_->rows_read();
  native_.reset();
  text_.reset();
  file_.reset();
  ++index_;
}

std::span<const std::byte> Rows::next() {
  piece_.clear();
  while (piece_.size() < kBytesAtOnce) {
    if (!file_) {
      if (index_ == files_.size() || (has_begun_ && rows_left() == 0)) break;
      begin_file();
      continue;
    }
    if (native_) {
      const auto piece = files_.naming(index_, [&] { return native_->next(); });
      if (!piece.empty()) {
        if (piece_.size() == 0) return piece;
        piece_.append(piece);
        return piece_.bytes();
      }
    } else if (range_done_ < range_.row_count) {
      files_.naming(index_, [&] { append_text(); });
      continue;
    }
    range_ = files_.naming(index_, [&] { return file_->next(rows_at_once(), rows_left()); });
    range_done_ = 0;
    rows_written_ += range_.row_count;
    if (range_.row_count == 0) {
      end_file();
    } else if (native_) {
      native_->start(range_.first_row, range_.row_count, range_.records, range_.row_numbers);
    }
  }
  return piece_.bytes();
}

void Rows::append_text() {
  const std::uint64_t wanted =
      std::min<std::uint64_t>(text_->chunk_rows(), range_.row_count - range_done_);
  const auto row_numbers = range_.row_numbers.empty()
                               ? range_.row_numbers
                               : range_.row_numbers.subspan(range_done_, wanted);
  range_done_ += text_->append(range_.records.data() + range_done_ * file_->header().record_bytes,
                               range_.first_row + range_done_, wanted, row_numbers, piece_);
}

}  // namespace qvdhouse::render
