#include "load/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/workers.h"

namespace qvdhouse::load {
namespace {

// Blocks of this many rows load fastest (bench/load_bench): larger ones leave the caches, smaller
// ones cost the engine a pass to join them.
constexpr std::uint64_t kBlockRows = 524'288;

// Parts of one load, at most, until they have a million rows each: nothing merges them meanwhile.
constexpr std::uint64_t kFewParts = 200;
constexpr std::uint64_t kMaxPartRows = 1'048'576;

// Bytes of one row in Native, texts at the mean length of the column's distinct values.
std::uint64_t mean_row_bytes(std::span<const ColumnValues> columns) {
  std::uint64_t bytes = 0;
  for (const ColumnValues& column : columns) {
    const clickhouse::Dictionary& dictionary = column.dictionary;
    const clickhouse::ColumnType& type = dictionary.type();
    if (type.low_cardinality) {
      bytes += 4;
      continue;
    }
    bytes += type.nullable ? 1 : 0;
    bytes += type.value_bytes() != 0 ? type.value_bytes()
                                     : dictionary.bytes().size() / dictionary.slot_count() + 1;
  }
  return bytes;
}

std::uint64_t longest_text_bytes(const clickhouse::Dictionary& dictionary) {
  std::uint64_t longest = 0;
  const auto offsets = dictionary.offsets();  // none where values are of fixed width
  if (offsets.empty()) return 0;
  for (std::size_t slot = 0; slot < dictionary.slot_count(); ++slot) {
    longest = std::max(longest, offsets[slot + 1] - offsets[slot]);
  }
  return longest;
}

}  // namespace

BlockLimits block_limits(const qvd::TableHeader& header, std::span<const ColumnValues> columns,
                         std::uint64_t batch_rows, std::uint64_t memory_bytes) {
  const std::uint64_t row_bytes = header.record_bytes + mean_row_bytes(columns);
  // The server needs a second copy to sort a block.
  const std::uint64_t fitting = std::max<std::uint64_t>(1, memory_bytes / 2 / row_bytes);
  const std::uint64_t wanted = batch_rows != 0 ? batch_rows : kBlockRows;
  return {.rows = std::min(wanted, fitting), .bytes = memory_bytes / 2};
}

BlockEncoder::BlockEncoder(const qvd::TableHeader& header, const qvd::RowDecoder& decoder,
                           std::span<const ColumnValues> columns, std::uint64_t max_block_bytes)
    : header_(header),
      decoder_(decoder),
      columns_(columns),
      max_block_bytes_(max_block_bytes),
      encoder_([&columns] {
        std::vector<clickhouse::NativeEncoder::Column> encoded;
        for (const ColumnValues& column : columns) {
          encoded.push_back({column.name, &column.dictionary, column.is_row_number()});
        }
        return encoded;
      }()) {
  for (const ColumnValues& column : columns) {
    longest_text_.push_back(longest_text_bytes(column.dictionary));
    readers_.emplace_back([this, &column](std::size_t first, auto codes) {
      const std::uint64_t row = rows_done_ + first;
      column.read_codes(decoder_, records_.data() + row * header_.record_bytes,
                        range_first_row_ + row, codes);
    });
  }
}

void BlockEncoder::start(std::uint64_t first_row, std::uint64_t row_count,
                         std::span<const std::byte> records,
                         std::span<const std::uint64_t> row_numbers) {
  records_ = records;
  row_numbers_ = row_numbers;
  range_first_row_ = first_row;
  rows_done_ = 0;
  rows_left_ = row_count;
  block_rows_ = 0;
}

std::span<const std::byte> BlockEncoder::next() {
  piece_.clear();
  rows_begun_ = 0;
  if (encoder_.append_piece(piece_)) return piece_.bytes();
  rows_done_ += block_rows_;
  rows_left_ -= block_rows_;
  block_rows_ = rows_left_;
  if (rows_left_ == 0) return {};
  while (block_rows_ > 1 && encoded_bytes(block_rows_) > max_block_bytes_) {
    block_rows_ = (block_rows_ + 1) / 2;
  }
  rows_begun_ = block_rows_;
  encoder_.start_block(
      block_rows_, readers_, range_first_row_ + rows_done_,
      row_numbers_.empty() ? row_numbers_ : row_numbers_.subspan(rows_done_, block_rows_));
  encoder_.append_piece(piece_);
  return piece_.bytes();
}

std::uint64_t BlockEncoder::encoded_bytes(std::uint64_t row_count) {
  std::uint64_t fixed = 0;
  std::uint64_t worst = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const clickhouse::ColumnType& type = columns_[i].dictionary.type();
    if (type.low_cardinality) {
      fixed += columns_[i].dictionary.bytes().size() + 4 * row_count;
    } else {
      fixed += row_count * (type.value_bytes() + (type.nullable ? 1 : 0));
      worst += row_count * longest_text_[i];
    }
  }
  if (fixed + worst <= max_block_bytes_) return fixed + worst;

  std::uint64_t texts = 0;
  std::vector<std::uint32_t> codes(clickhouse::kChunkRows);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const clickhouse::Dictionary& dictionary = columns_[i].dictionary;
    if (dictionary.type().low_cardinality || dictionary.type().value_bytes() != 0) continue;
    const auto offsets = dictionary.offsets();
    for (std::uint64_t first = 0; first < row_count; first += codes.size()) {
      const std::span part(codes.data(), std::min<std::uint64_t>(codes.size(), row_count - first));
      readers_[i](first, part);
      for (const std::uint32_t code : part) texts += offsets[code + 1] - offsets[code];
    }
  }
  return fixed + texts;
}

namespace {

struct Range {
  std::uint64_t first_row = 0;
  std::uint64_t row_count = 0;  // 0: there is none
  std::vector<std::byte> records;
};

// Ranges of rows, handed out to all streams in turn.
class Ranges {
 public:
  Ranges(const base::ByteSource& source, const qvd::TableHeader& header, std::uint64_t rows)
      : source_(source), header_(header), rows_(rows) {}

  // Makes `range` the next one, if there is one left, in the memory that it has.
  void read_next(Range& range) {
    range.first_row = next_row_.fetch_add(rows_);
    range.row_count = 0;
    if (range.first_row >= header_.record_count) return;
    range.row_count = std::min(rows_, header_.record_count - range.first_row);
    qvd::read_records(source_, header_, range.first_row, range.row_count, range.records);
  }

 private:
  const base::ByteSource& source_;
  const qvd::TableHeader& header_;
  const std::uint64_t rows_;
  std::atomic<std::uint64_t> next_row_{0};
};

// Brings ranges to one stream: a local one is read when it is due, a remote one ahead, and summed.
class RangeFeed {
 public:
  RangeFeed(Ranges& ranges, RowSummer* summer, RowSifter* sifter)
      : ranges_(ranges), summer_(summer), sifter_(sifter) {
    if (summer_ != nullptr) read_ahead();
  }

  // False when there is no range left.
  bool start_next(BlockEncoder& encoder) {
    while (take_next()) {
      std::span<const std::uint64_t> row_numbers;
      if (sifter_ != nullptr) {
        now_.row_count = sifter_->sift(now_.first_row, now_.row_count, now_.records);
        row_numbers = sifter_->row_numbers();
      }
      if (now_.row_count == 0) continue;  // none stays
      if (summer_ != nullptr) {
        summer_->add_rows(now_.records.data(), now_.first_row, now_.row_count, row_numbers);
      }
      encoder.start(now_.first_row, now_.row_count, now_.records, row_numbers);
      return true;
    }
    return false;
  }

 private:
  bool take_next() {
    if (summer_ == nullptr) {
      ranges_.read_next(now_);
    } else {
      if (!reading_.valid()) return false;  // asked again at the end
      reading_.get();
      std::swap(now_, ahead_);
      if (now_.row_count != 0) read_ahead();
    }
    return now_.row_count != 0;
  }

  void read_ahead() {
    reading_ = std::async(std::launch::async, [this] { ranges_.read_next(ahead_); });
  }

  Ranges& ranges_;
  RowSummer* summer_;  // null: rows are not summed here
  RowSifter* sifter_;  // null: all rows stay
  Range now_;
  Range ahead_;                // the thread's while reading_ is valid
  std::future<void> reading_;  // last: its end waits for the thread
};

}  // namespace

Sent insert_rows(const base::ByteSource& source, const qvd::TableHeader& header,
                 const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                 const clickhouse::Endpoint& endpoint, std::string_view table,
                 const Options& options, Progress& progress, std::stop_token stop,
                 Sifting* sifting) {
  const unsigned streams = std::max(1u, options.streams);
  const BlockLimits limits =
      block_limits(header, columns, options.batch_rows, options.memory_bytes / streams);
  const std::uint64_t turns = (header.record_count + limits.rows - 1) / limits.rows;
  const std::string sql = fmt::format("INSERT INTO {} FORMAT Native", table);
  // The server joins blocks into parts of so many rows: small batches make no more parts.
  const std::uint64_t part_rows =
      std::clamp(header.record_count / kFewParts, kBlockRows, kMaxPartRows);
  const clickhouse::Settings settings = {
      {"min_insert_block_size_rows", std::to_string(part_rows)},
      {"min_insert_block_size_bytes", "0"},
      {"max_partitions_per_insert_block", std::to_string(kMostPartitions)},
      {"optimize_on_insert", "0"}};  // takes no rows away
  const bool sums_here = source.is_remote();
  const Mixes mixes = sums_here ? mix_values(columns, endpoint.dialect.hash, streams) : Mixes();

  Ranges ranges(source, header, limits.rows);
  std::atomic<std::uint64_t> bytes_sent{0};
  std::mutex mutex;
  Sent sent;  // guarded by mutex
  if (sums_here) sent.sums.emplace();
  std::stop_source stop_all;
  const std::stop_callback forward(stop, [&] { stop_all.request_stop(); });
  const auto run_stream = [&] {
    BlockEncoder encoder(header, decoder, columns, limits.bytes);
    clickhouse::Connection connection(endpoint, stop_all.get_token());
    std::optional<RowSummer> summer;
    if (sums_here) summer.emplace(decoder, columns, mixes);
    std::optional<RowSifter> sifter;
    if (sifting != nullptr) {
      sifter.emplace(sifting->rules, header, decoder, sifting->sink, sifting->proves_indexes);
    }
    RangeFeed feed(ranges, summer ? &*summer : nullptr, sifter ? &*sifter : nullptr);
    const auto next = [&]() -> std::span<const std::byte> {
      if (stop_all.stop_requested()) throw base::Cancelled("stopped while rows were sent");
      auto piece = encoder.next();
      if (piece.empty()) {
        if (!feed.start_next(encoder)) return {};
        piece = encoder.next();
      }
      progress.rows_sent += encoder.rows_begun();
      progress.bytes_read += encoder.rows_begun() * header.record_bytes;
      bytes_sent += piece.size();
      return piece;
    };
    connection.insert(sql, next, settings);
    const std::lock_guard lock(mutex);
    if (summer) sent.sums->add(summer->sums());
    if (sifter) sifting->counts.add(sifter->counts());
  };
  if (header.record_count != 0) {
    base::run_workers(static_cast<unsigned>(std::min<std::uint64_t>(streams, turns)), run_stream,
                      [&] { stop_all.request_stop(); });
  }
  sent.bytes = bytes_sent;
  return sent;
}

}  // namespace qvdhouse::load
