#include "render/text_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/workers.h"
#include "clickhouse/copy_text.h"

namespace qvdhouse::render {
namespace {

// Cells of a chunk: 16 bytes each, they fit the second-level cache beside the bytes of the rows.
constexpr std::size_t kChunkCells = 16'384;
constexpr std::size_t kFewestChunkRows = 64;
constexpr std::size_t kMostChunkRows = 2'048;

constexpr std::size_t kPrefetchRows = 3;

// Cells of one row in all columns are so many cells farther apart than a chunk has rows: at a
// distance of a power of two they would share few places of the first-level cache.
constexpr std::size_t kCellsOfALine = 4;

// Most bytes of the text of a chunk that has more than one row.
constexpr std::size_t kMostChunkBytes = 16 << 20;

constexpr std::size_t kMostDigits = 20;  // of a UInt64

const std::byte* as_bytes(const std::string& text) {
  return reinterpret_cast<const std::byte*>(text.data());
}

// What a format puts around the values of a column.
struct Around {
  std::string before;
  std::string_view after;
};
Around around(Format format, const std::string& name, bool is_first, bool is_last) {
  switch (format) {
    case Format::kCsv:
      return {"", is_last ? "\n" : ","};
    case Format::kMarkdown:
      return {is_first ? "| " : "", is_last ? " |\n" : " | "};
    case Format::kJsonEachRow: {
      Around json{is_first ? "{" : ",", is_last ? "}\n" : ""};
      append_name(format, name, json.before);
      json.before += ':';
      return json;
    }
    default:
      return {"", is_last ? "\n" : "\t"};
  }
}

}  // namespace

std::string head_line(Format format, std::span<const load::ColumnValues> columns) {
  std::string head;
  if (format == Format::kJsonEachRow) return head;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Around of = around(format, columns[i].name, i == 0, i + 1 == columns.size());
    head += of.before;
    append_name(format, columns[i].name, head);
    head += of.after;
  }
  if (format != Format::kMarkdown) return head;
  for (const load::ColumnValues& column : columns) {
    head += stands_right(column.dictionary.type()) ? "|-:" : "|:-";
  }
  return head + "|\n";
}

TextRows::TextRows(Format format, const qvd::RowDecoder& decoder,
                   std::span<load::ColumnValues> columns, unsigned threads)
    : decoder_(decoder),
      chunk_rows_(std::clamp(kChunkCells / std::max<std::size_t>(1, columns.size()),
                             kFewestChunkRows, kMostChunkRows)),
      stride_(chunk_rows_ + kCellsOfALine),
      codes_(chunk_rows_),
      cells_(stride_ * columns.size()) {
  std::vector<std::optional<Column>> made(columns.size());
  base::for_each_index(columns.size(), threads, [&](std::size_t i) {
    load::ColumnValues& column = columns[i];
    Around of = around(format, column.name, i == 0, i + 1 == columns.size());
    const std::size_t before_size = of.before.size();
    of.before.append(clickhouse::kTextStep, '\0');
    made[i] = {.values = &column,
               .ready = ReadyValues(format, column.dictionary, of.after),
               .before = std::move(of.before),
               .before_size = before_size,
               .after = std::string(of.after)};
    column.dictionary = clickhouse::Dictionary(column.dictionary.type());
  });
  for (std::optional<Column>& column : made) columns_.push_back(std::move(*column));
}

void TextRows::find_cells(const Column& column, const std::byte* records, std::uint64_t first_row,
                          std::span<const std::uint64_t> row_numbers, std::span<Cell> cells) {
  if (column.values->is_row_number()) return number_cells(column, first_row, row_numbers, cells);
  const std::span codes(codes_.data(), cells.size());
  column.values->read_codes(decoder_, records, first_row, codes);
  const std::uint64_t* offsets = column.ready.offsets();
  const std::byte* bytes = column.ready.bytes();
  const std::uint32_t* code = codes.data();
  Cell* cell = cells.data();
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const std::uint64_t begin = offsets[code[row]];
    cell[row] = {bytes + begin, offsets[code[row] + 1] - begin};
  }
}

void TextRows::number_cells(const Column& column, std::uint64_t first_row,
                            std::span<const std::uint64_t> row_numbers, std::span<Cell> cells) {
  numbers_.clear();
  numbers_.reserve(cells.size() * (kMostDigits + column.after.size()) +
                   clickhouse::kTextStep);  // never moved
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const std::size_t begin = numbers_.size();
    numbers_ +=
        fmt::format("{}{}", row_numbers.empty() ? first_row + row : row_numbers[row], column.after);
    cells[row] = {as_bytes(numbers_) + begin, numbers_.size() - begin};
  }
}

std::size_t TextRows::bytes_of_row(std::size_t row) const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    bytes += columns_[i].before_size + cells_[i * stride_ + row].size;
  }
  return bytes;
}

std::size_t TextRows::append(const std::byte* records, std::uint64_t first_row,
                             std::size_t row_count, std::span<const std::uint64_t> row_numbers,
                             clickhouse::BlockBuffer& out) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::span cells(&cells_[i * stride_], row_count);
    find_cells(columns_[i], records, first_row, row_numbers, cells);
    total += row_count * columns_[i].before_size;
    for (const Cell& cell : cells) total += cell.size;
  }
  while (total > kMostChunkBytes && row_count > 1) total -= bytes_of_row(--row_count);
  const std::size_t begin = out.size();
  std::byte* at = out.extend(total + clickhouse::kTextStep);
  const std::byte* const start = at;
  const std::span<const Column> columns = columns_;
  for (std::size_t row = 0; row < row_count; ++row) {
    const Cell* cell = cells_.data() + row;
    // The texts of the next rows lie scattered over dictionaries that the caches may not hold.
    const std::size_t ahead = std::min<std::size_t>(kPrefetchRows, row_count - 1 - row);
    for (const Column& column : columns) {
      __builtin_prefetch(cell[ahead].bytes);
      if (column.before_size != 0) {
        at = clickhouse::copy_text(as_bytes(column.before), column.before_size, at);
      }
      at = clickhouse::copy_text(cell->bytes, cell->size, at);
      cell += stride_;
    }
  }
  out.shrink(begin + static_cast<std::size_t>(at - start));
  return row_count;
}

}  // namespace qvdhouse::render
