#include "render/diff_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/quantity.h"
#include "clickhouse/answer_stream.h"
#include "clickhouse/native_decoder.h"
#include "clickhouse/quote.h"
#include "load/table_checksum.h"
#include "render/rows.h"
#include "schema/drift.h"
#include "schema/value_text.h"

namespace qvdhouse::render {
namespace {

constexpr std::uint64_t kRowsAtOnce = 65'536;
constexpr std::uint64_t kAllRows = ~std::uint64_t{0};
// Hashes of one question to a server: some 400 KiB of SQL.
constexpr std::size_t kMostAsked = 20'000;

std::uint64_t row_number(const FileRows::Range& range, std::size_t index) {
  return range.row_numbers.empty() ? range.first_row + index : range.row_numbers[index];
}

// A value of a column of UInt64.
std::uint64_t number_at(std::span<const std::byte> bytes, std::size_t row) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data() + row * sizeof(number), sizeof(number));
  return number;
}

// Numbers that a Float64 may not hold exactly.
bool may_be_inexact(const clickhouse::ColumnType& from, const clickhouse::ColumnType& to) {
  using clickhouse::TypeKind;
  return to.kind == TypeKind::kFloat64 && from.kind != TypeKind::kFloat64;
}

// A name that no column has: an alias hides the column of its name.
std::string free_name(std::span<const load::ColumnValues> columns, std::string name) {
  const auto is_taken = [&] {
    return std::ranges::find(columns, name, &load::ColumnValues::name) != columns.end();
  };
  while (is_taken()) name += '_';
  return name;
}

}  // namespace

class FileSide::Rows {
 public:
  Rows(Files& files, std::size_t index, const Options& options,
       const std::vector<std::string>& columns, std::size_t key_count,
       clickhouse::HashFunction hash)
      : rows_(files, index, files.open(index), options), key_count_(key_count), hash_(hash) {
    for (const std::string& name : columns) {
      const auto column = std::ranges::find(rows_.columns(), name, &load::ColumnValues::name);
      columns_.push_back(std::move(*column));
    }
    mixes_ = load::mix_values(columns_, hash_, options.threads);
  }

  std::span<const load::ColumnValues> columns() const { return columns_; }

  load::RowSums sums() {
    load::RowSummer summer(rows_.decoder(), columns_, mixes_);
    each_range([&](const FileRows::Range& range) { add_to(summer, range); });
    return summer.sums();
  }
  std::vector<load::ColumnSums> column_sums() {
    load::ColumnSummer summer(rows_.decoder(), columns_, hash_);
    each_range([&](const FileRows::Range& range) { add_to(summer, range); });
    return summer.sums();
  }

  // Calls visit(range, index of the row in it, its hashes) for each row.
  template <class Visit>
  void each_row(const Visit& visit) {
    std::vector<std::uint64_t> rows;
    std::vector<std::uint64_t> keys;
    load::RowSummer summer(rows_.decoder(), columns_, mixes_);
    load::RowSummer key_summer(rows_.decoder(), std::span(columns_).first(key_count_), mixes_);
    summer.keep_row_hashes(rows);
    key_summer.keep_row_hashes(keys);
    each_range([&](const FileRows::Range& range) {
      rows.clear();
      keys.clear();
      add_to(summer, range);
      if (key_count_ > 0) add_to(key_summer, range);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        visit(range, i, HashedRow{key_count_ > 0 ? keys[i] : rows[i], rows[i]});
      }
    });
  }

  std::vector<CellText> cells(const FileRows::Range& range, std::size_t index) const {
    std::vector<CellText> cells;
    const std::byte* record = range.records.data() + index * rows_.header().record_bytes;
    for (const load::ColumnValues& column : columns_) {
      std::uint32_t code = 0;
      column.read_codes(rows_.decoder(), record, range.first_row + index, std::span(&code, 1));
      const clickhouse::Dictionary& values = column.dictionary;
      const bool is_null = values.type().nullable && values.is_null(code);
      cells.push_back(is_null ? CellText() : schema::value_text(values, code));
    }
    return cells;
  }

 private:
  template <class Summer>
  static void add_to(Summer& summer, const FileRows::Range& range) {
    summer.add_rows(range.records.data(), range.first_row, range.row_count, range.row_numbers);
  }
  template <class Visit>
  void each_range(const Visit& visit) {
    rows_.restart();
    for (auto range = rows_.next(kRowsAtOnce, kAllRows); range.row_count > 0;
         range = rows_.next(kRowsAtOnce, kAllRows)) {
      visit(range);
    }
  }

  FileRows rows_;
  std::size_t key_count_;
  clickhouse::HashFunction hash_;
  std::vector<load::ColumnValues> columns_;
  load::Mixes mixes_;
};

FileSide::FileSide(Files& files, std::size_t index, const Options& options,
                   const std::vector<std::string>& columns, std::size_t key_count,
                   clickhouse::HashFunction hash)
    : rows_(std::make_unique<Rows>(files, index, options, columns, key_count, hash)) {}

FileSide::~FileSide() = default;

std::span<const load::ColumnValues> FileSide::columns() const { return rows_->columns(); }

load::RowSums FileSide::sums() { return rows_->sums(); }

std::vector<load::ColumnSums> FileSide::column_sums() { return rows_->column_sums(); }

void FileSide::each_row(const std::function<void(const HashedRow&)>& visit) {
  rows_->each_row([&](const FileRows::Range&, std::size_t, const HashedRow& row) { visit(row); });
}

void FileSide::find_rows(const WantedRows& wanted, const std::function<void(const Found&)>& visit) {
  const std::unordered_set<std::uint64_t> hashes(wanted.hashes.begin(), wanted.hashes.end());
  rows_->each_row([&](const FileRows::Range& range, std::size_t i, const HashedRow& row) {
    if (!hashes.contains(row.row)) return;
    visit({.hashes = row, .number = row_number(range, i), .cells = [&] {
             return rows_->cells(range, i);
           }});
  });
}

TableSide::TableSide(const Table& table, std::span<const load::ColumnValues> columns,
                     std::size_t key_count, unsigned threads, std::stop_token stop)
    : table_(table),
      columns_(columns),
      key_count_(key_count),
      threads_(threads),
      stop_(std::move(stop)),
      row_hash_(free_name(columns, "row_hash")),
      key_hash_(free_name(columns, "key_hash")) {
  std::string select;
  for (const load::ColumnValues& column : columns_) {
    const auto own = std::ranges::find(table_.shape, column.name, &schema::ShapeColumn::name);
    clickhouse::ColumnType plain = column.dictionary.type();
    plain.low_cardinality = own->type.low_cardinality;
    const std::string name = clickhouse::quote_identifier(column.name);
    select += select.empty() ? "" : ", ";
    select += own->type == plain ? name
                                 : fmt::format("CAST({} AS {}) AS {}", name,
                                               column.dictionary.type().name(), name);
  }
  from_ = fmt::format("(SELECT {} FROM {})", select, table_.from);
  check_numbers();
}

void TableSide::check_numbers() const {
  clickhouse::Connection connection(table_.endpoint, stop_);
  for (const load::ColumnValues& column : columns_) {
    const auto own = std::ranges::find(table_.shape, column.name, &schema::ShapeColumn::name);
    const clickhouse::ColumnType& type = column.dictionary.type();
    if (!may_be_inexact(own->type, type)) continue;
    const std::string count =
        connection.query(schema::check_sql({.kind = schema::Change::Kind::kWiden,
                                            .column = column.name,
                                            .from = own->type,
                                            .to = type,
                                            .reason = {}},
                                           table_.from) +
                         " FORMAT TSV");
    if (count == "0\n") continue;
    throw base::SchemaError(fmt::format(
        "column \"{}\" of table {} has {} numbers that {}, the type of the file's values, does not "
        "hold exactly, so that they cannot be compared; name the columns to compare by --columns",
        column.name, table_.name, count.substr(0, count.size() - 1), type.name()));
  }
}

load::RowSums TableSide::sums() {
  clickhouse::Connection connection(table_.endpoint, stop_);
  return load::sum_table(connection, from_, columns_, threads_);
}

std::vector<load::ColumnSums> TableSide::column_sums() {
  clickhouse::Connection connection(table_.endpoint, stop_);
  return load::sum_table_columns(connection, from_, columns_, threads_);
}

std::string TableSide::hashes_sql() const {
  const clickhouse::HashFunction function = table_.endpoint.dialect.hash;
  const std::string row = load::row_hash_sql(columns_, function);
  if (key_count_ == 0) return fmt::format("{0} AS {1}, {1} AS {2}", row, row_hash_, key_hash_);
  return fmt::format("{} AS {}, {} AS {}", row, row_hash_,
                     load::row_hash_sql(columns_.first(key_count_), function), key_hash_);
}

void TableSide::each_row(const std::function<void(const HashedRow&)>& visit) {
  clickhouse::AnswerStream answer(
      table_.endpoint, fmt::format("SELECT {} FROM {} FORMAT Native", hashes_sql(), from_),
      {{"max_threads", std::to_string(threads_)}}, stop_);
  clickhouse::NativeDecoder decoder([&] { return answer.next(); }, 2);
  std::vector<std::byte> rows;  // the first column, which the second takes the place of
  while (decoder.next_block()) {
    const std::span<const std::byte> first = decoder.next_column().values.bytes;
    rows.assign(first.begin(), first.end());
    const std::span<const std::byte> keys = decoder.next_column().values.bytes;
    for (std::size_t row = 0; row < decoder.row_count(); ++row) {
      visit({.group = number_at(keys, row), .row = number_at(rows, row)});
    }
  }
}

void TableSide::find_rows(const WantedRows& wanted,
                          const std::function<void(const Found&)>& visit) {
  if (wanted.hashes.empty() || wanted.most_of_each == 0) return;
  std::string hashes;
  for (const std::uint64_t hash :
       std::span(wanted.hashes).first(std::min(kMostAsked, wanted.hashes.size()))) {
    hashes += fmt::format("{}{}", hashes.empty() ? "" : ", ", hash);
  }
  std::string texts;
  for (const load::ColumnValues& column : columns_) {
    texts +=
        fmt::format(", CAST({} AS Nullable(String))", clickhouse::quote_identifier(column.name));
  }
  clickhouse::AnswerStream answer(
      table_.endpoint,
      fmt::format("SELECT {0}{1} FROM {2} WHERE {3} IN ({4}) LIMIT {5} BY {3} FORMAT Native",
                  hashes_sql(), texts, from_, row_hash_, hashes, wanted.most_of_each),
      {{"max_threads", std::to_string(threads_)}, {"max_query_size", "4194304"}}, stop_);
  clickhouse::NativeDecoder decoder([&] { return answer.next(); }, columns_.size() + 2);
  while (decoder.next_block()) {
    std::vector<HashedRow> rows(decoder.row_count());
    std::vector<std::vector<CellText>> cells(rows.size());
    for (std::size_t column = 0; column < columns_.size() + 2; ++column) {
      const clickhouse::DecodedColumn& decoded = decoder.next_column();
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (column < 2) {
          (column == 0 ? rows[row].row : rows[row].group) = number_at(decoded.values.bytes, row);
        } else if (!decoded.null_marks.empty() && decoded.null_marks[row] != 0) {
          cells[row].emplace_back();
        } else {
          cells[row].emplace_back(std::string(decoded.values.texts[row]));
        }
      }
    }
    for (std::size_t row = 0; row < rows.size(); ++row) {
      visit({.hashes = rows[row], .number = std::nullopt, .cells = [&] {
               return std::move(cells[row]);
             }});
    }
  }
}

}  // namespace qvdhouse::render
