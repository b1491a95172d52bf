#include "load/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::load {
namespace {

// A sample of about one row in sixteen, where the column that picks it has values enough for that.
constexpr std::uint64_t kSampleMask = 15;
constexpr std::size_t kSampleSlots = 1024;

// Rows read at once, and rows decoded at once (a multiple of columns stays in the caches).
constexpr std::uint64_t kReadRows = 65'536;
constexpr std::size_t kDecodeRows = 2'048;

// Columns of one SELECT: wide tables are asked in several, so that no query grows without bound.
constexpr std::size_t kColumnsPerQuery = 250;

// The factor of a column's hash in a row's mix: odd and different for each column, or two swapped
// columns would go unseen.
constexpr std::uint64_t mix_factor(std::size_t column) {
  return 0x9E3779B97F4A7C15u * (2 * std::uint64_t{column} + 1);
}

std::vector<std::uint64_t> hash_slots(const clickhouse::Dictionary& dictionary) {
  std::vector<std::uint64_t> hashes(dictionary.slot_count());
  const std::size_t width = dictionary.type().value_bytes();
  for (std::size_t slot = 0; slot < hashes.size(); ++slot) {
    if (dictionary.is_null(slot)) continue;  // hash 0: adds nothing
    if (width == 0) {
      const std::string_view text = dictionary.text(slot);
      hashes[slot] = XXH64(text.data(), text.size(), 0);
    } else {
      hashes[slot] = XXH64(dictionary.fixed().data() + slot * width, width, 0);
    }
  }
  return hashes;
}

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
    const std::uint64_t* pick = hashes_[sample_.column].data();
    const std::uint32_t* pick_codes = codes_[sample_.column].data();
    for (std::size_t row = 0; row < row_count; ++row) {
      if ((pick[pick_codes[row]] & sample_.mask) != 0) continue;
      std::uint64_t mix = 0;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        mix += mix_factor(i) * hashes_[i][codes_[i][row]];
      }
      ++sums_.sampled_rows;
      sums_.sampled_sum += XXH64(&mix, sizeof(mix), 0);
    }
  }

  const qvd::RowDecoder& decoder_;
  std::span<const ColumnValues> columns_;
  std::span<const std::vector<std::uint64_t>> hashes_;
  RowSample sample_;
  std::vector<std::vector<std::uint32_t>> codes_;
  Checksums sums_;
};

// A hash of NULL is NULL; sums skip it, a row's mix takes it as 0.
std::string hash_sql(const ColumnValues& column) {
  const std::string hash = fmt::format("xxHash64({})", clickhouse::quote_identifier(column.name));
  return column.dictionary.type().nullable ? fmt::format("ifNull({}, 0)", hash) : hash;
}

// a + b + … as a balanced tree: the parser's depth is limited, the number of columns is not.
std::string mix_sql(std::span<const ColumnValues> columns, std::size_t first) {
  if (columns.size() == 1) {
    return fmt::format("{} * {}", mix_factor(first), hash_sql(columns[0]));
  }
  const std::size_t half = columns.size() / 2;
  return fmt::format("({} + {})", mix_sql(columns.first(half), first),
                     mix_sql(columns.subspan(half), first + half));
}

std::vector<std::uint64_t> select_numbers(clickhouse::Connection& connection,
                                          const std::string& sql, unsigned threads) {
  const std::string answer =
      connection.query(sql + " FORMAT TSV", {{"max_threads", std::to_string(threads)},
                                             {"max_query_size", std::to_string(sql.size() * 2)}});
  std::vector<std::uint64_t> numbers;
  const char* at = answer.data();
  const char* end = at + answer.size();
  while (at < end) {
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc() || next == end) {
      throw base::ServerError(
          "expected a line of whole numbers from the checksum query, found: " + answer, 0);
    }
    numbers.push_back(number);
    at = next + 1;
  }
  return numbers;
}

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

RowSample choose_sample(std::span<const ColumnValues> columns) {
  RowSample sample;
  for (std::size_t i = 1; i < columns.size(); ++i) {
    if (columns[i].dictionary.slot_count() > columns[sample.column].dictionary.slot_count()) {
      sample.column = i;
    }
  }
  if (columns[sample.column].dictionary.slot_count() >= kSampleSlots) sample.mask = kSampleMask;
  return sample;
}

Checksums checksum_file(const base::ByteSource& source, const qvd::TableHeader& header,
                        const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
                        unsigned threads, std::stop_token stop) {
  std::vector<std::vector<std::uint64_t>> hashes;
  for (const ColumnValues& column : columns) hashes.push_back(hash_slots(column.dictionary));
  const RowSample sample = choose_sample(columns);

  std::atomic<std::uint64_t> next_row{0};
  std::mutex mutex;  // guards the two below
  Checksums total;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
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
    } catch (...) {
      next_row = header.record_count;  // the others end at their next turn
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    const std::uint64_t turns = (header.record_count + kReadRows - 1) / kReadRows;
    for (std::uint64_t i = 1; i < std::min<std::uint64_t>(threads, turns); ++i) {
      others.emplace_back(work);
    }
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return total;
}

Checksums checksum_table(clickhouse::Connection& connection, std::string_view table,
                         std::span<const ColumnValues> columns, const RowSample& sample,
                         unsigned threads) {
  Checksums sums;
  for (std::size_t first = 0; first < columns.size(); first += kColumnsPerQuery) {
    const auto part = columns.subspan(first, std::min(kColumnsPerQuery, columns.size() - first));
    std::string sql = "SELECT count()";
    for (const ColumnValues& column : part) {
      const std::string name = clickhouse::quote_identifier(column.name);
      sql += column.dictionary.type().nullable ? fmt::format(", countIf(isNull({}))", name) : ", 0";
      sql += fmt::format(", sum({})", hash_sql(column));
    }
    const bool last = first + part.size() == columns.size();
    if (last) {
      sql += fmt::format(
          ", countIf({0}), sumIf(xxHash64({1}), {0})",
          fmt::format("bitAnd({}, {}) = 0", hash_sql(columns[sample.column]), sample.mask),
          mix_sql(columns, 0));
    }
    const auto numbers = select_numbers(connection, fmt::format("{} FROM {}", sql, table), threads);
    std::size_t at = 0;
    const auto take = [&] { return numbers.at(at++); };
    sums.row_count = take();
    for (std::size_t i = 0; i < part.size(); ++i) {
      sums.null_count.push_back(take());
      sums.hash_sum.push_back(take());
    }
    if (last) {
      sums.sampled_rows = take();
      sums.sampled_sum = take();
    }
  }
  return sums;
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
