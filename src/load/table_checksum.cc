#include "load/table_checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::load {
namespace {

// Columns of one SELECT: wide tables are asked in several, so that no query grows without bound.
constexpr std::size_t kColumnsPerQuery = 250;

using clickhouse::HashFunction;

// As load/column_values.h computes it.
std::string hash_sql(std::string_view value, bool is_text, HashFunction function) {
  if (function == HashFunction::kXxh3) return fmt::format("xxh3({})", value);
  // Given integers themselves, metroHash64 would not hash the bytes.
  if (is_text) return fmt::format("metroHash64({})", value);
  return fmt::format("metroHash64(reinterpretAsString({}))", value);
}

// The hash of a column's value; 0 for NULL.
std::string hash_sql(const ColumnValues& column, HashFunction function) {
  const bool is_text = column.dictionary.type().value_bytes() == 0;
  const std::string hash = hash_sql(clickhouse::quote_identifier(column.name), is_text, function);
  return column.dictionary.type().nullable ? fmt::format("ifNull({}, 0)", hash) : hash;
}

// Row count, then of each column its NULLs (where it may have some) and its sum; checksum_table()
// reads them back in this order. No constants: a projection with one would never be used.
std::string column_sums_sql(std::span<const ColumnValues> columns, HashFunction function) {
  std::string sql = "SELECT count()";
  for (const ColumnValues& column : columns) {
    if (column.dictionary.type().nullable) {
      sql += fmt::format(", countIf(isNull({}))", clickhouse::quote_identifier(column.name));
    }
    sql += fmt::format(", sum({})", hash_sql(column, function));
  }
  return sql;
}

std::size_t count_nullable(std::span<const ColumnValues> columns) {
  return static_cast<std::size_t>(std::ranges::count_if(
      columns, [](const ColumnValues& column) { return column.dictionary.type().nullable; }));
}

// a + b + … as a balanced tree: the parser's depth is limited, the number of columns is not.
std::string mix_sql(std::span<const ColumnValues> columns, std::size_t first,
                    HashFunction function) {
  if (columns.size() == 1) {
    return fmt::format("{} * {}", mix_factor(first), hash_sql(columns[0], function));
  }
  const std::size_t half = columns.size() / 2;
  return fmt::format("({} + {})", mix_sql(columns.first(half), first, function),
                     mix_sql(columns.subspan(half), first + half, function));
}

// The sum over rows.
std::string row_sum_sql(std::span<const ColumnValues> columns, HashFunction function) {
  return fmt::format("sum({})", hash_sql(mix_sql(columns, 0, function), false, function));
}

std::vector<std::uint64_t> select_numbers(clickhouse::Connection& connection,
                                          const std::string& sql, std::size_t expected_count,
                                          unsigned threads) {
  // A sum over a long table is silent until it is done: progress headers keep the line alive.
  const std::string answer =
      connection.query(sql + " FORMAT TSV", {{"max_threads", std::to_string(threads)},
                                             {"send_progress_in_http_headers", "1"},
                                             {"http_headers_progress_interval_ms", "10000"}});
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
  if (numbers.size() != expected_count) {
    throw base::ServerError(fmt::format("expected {} numbers from the checksum query, found {}",
                                        expected_count, numbers.size()),
                            0);
  }
  return numbers;
}

}  // namespace

std::string sums_projection_sql(std::span<const ColumnValues> columns, HashFunction function) {
  if (columns.size() > kColumnsPerQuery) return {};
  return column_sums_sql(columns, function) + ", " + row_sum_sql(columns, function);
}

Checksums checksum_table(clickhouse::Connection& connection, std::string_view table,
                         std::span<const ColumnValues> columns, unsigned threads,
                         std::string_view where) {
  Checksums sums;
  const HashFunction function = connection.endpoint().dialect.hash;
  const std::string from = fmt::format("FROM {}{}{}", table, where.empty() ? "" : " WHERE ", where);
  const auto take_columns = [&](std::span<const ColumnValues> part, const std::uint64_t*& number) {
    sums.row_count = *number++;
    for (const ColumnValues& column : part) {
      sums.null_count.push_back(column.dictionary.type().nullable ? *number++ : 0);
      sums.hash_sum.push_back(*number++);
    }
  };
  if (columns.size() <= kColumnsPerQuery) {
    const auto numbers = select_numbers(
        connection, fmt::format("{} {}", sums_projection_sql(columns, function), from),
        2 + columns.size() + count_nullable(columns), threads);
    const std::uint64_t* number = numbers.data();
    take_columns(columns, number);
    sums.row_hash_sum = *number;
    return sums;
  }
  for (std::size_t first = 0; first < columns.size(); first += kColumnsPerQuery) {
    const auto part = columns.subspan(first, std::min(kColumnsPerQuery, columns.size() - first));
    const auto numbers =
        select_numbers(connection, fmt::format("{} {}", column_sums_sql(part, function), from),
                       1 + part.size() + count_nullable(part), threads);
    const std::uint64_t* number = numbers.data();
    take_columns(part, number);
  }
  sums.row_hash_sum = select_numbers(
      connection, fmt::format("SELECT {} {}", row_sum_sql(columns, function), from), 1, threads)[0];
  return sums;
}

}  // namespace qvdhouse::load
