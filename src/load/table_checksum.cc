#include "load/table_checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::load {
namespace {

// Columns of one SELECT of their sums: wide tables are asked in several, so that no query grows
// without bound.
constexpr std::size_t kColumnsPerQuery = 250;
// The same of a projection, which is part of the table's definition.
constexpr std::size_t kMostColumnsOfProjection = 2'000;

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

// The NULLs (where there may be some) and the sum of each column; sum_table_columns() reads them
// back in this order.
std::string column_sums_sql(std::span<const ColumnValues> columns, HashFunction function) {
  std::string sql;
  for (const ColumnValues& column : columns) {
    sql += sql.empty() ? "SELECT " : ", ";
    if (column.dictionary.type().nullable) {
      sql += fmt::format("countIf(isNull({})), ", clickhouse::quote_identifier(column.name));
    }
    sql += fmt::format("sum({})", hash_sql(column, function));
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

// No constants: a projection with one would never be used.
std::string row_sums_sql(std::span<const ColumnValues> columns, HashFunction function) {
  return fmt::format("SELECT count(), sum({})", row_hash_sql(columns, function));
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

std::string from_sql(std::string_view table, std::string_view where) {
  return fmt::format(" FROM {}{}{}", table, where.empty() ? "" : " WHERE ", where);
}

}  // namespace

std::string row_hash_sql(std::span<const ColumnValues> columns, HashFunction function) {
  return hash_sql(mix_sql(columns, 0, function), false, function);
}

std::string sums_projection_sql(std::span<const ColumnValues> columns, HashFunction function) {
  if (columns.size() > kMostColumnsOfProjection) return {};
  return row_sums_sql(columns, function);
}

RowSums sum_table(clickhouse::Connection& connection, std::string_view table,
                  std::span<const ColumnValues> columns, unsigned threads, std::string_view where) {
  const std::string sql = row_sums_sql(columns, connection.endpoint().dialect.hash);
  const auto numbers = select_numbers(connection, sql + from_sql(table, where), 2, threads);
  return {.row_count = numbers[0], .hash_sum = numbers[1]};
}

std::vector<ColumnSums> sum_table_columns(clickhouse::Connection& connection,
                                          std::string_view table,
                                          std::span<const ColumnValues> columns, unsigned threads,
                                          std::string_view where) {
  std::vector<ColumnSums> sums;
  const HashFunction function = connection.endpoint().dialect.hash;
  for (std::size_t first = 0; first < columns.size(); first += kColumnsPerQuery) {
    const auto part = columns.subspan(first, std::min(kColumnsPerQuery, columns.size() - first));
    const auto numbers =
        select_numbers(connection, column_sums_sql(part, function) + from_sql(table, where),
                       part.size() + count_nullable(part), threads);
    const std::uint64_t* number = numbers.data();
    for (const ColumnValues& column : part) {
      ColumnSums& of_column = sums.emplace_back();
      if (column.dictionary.type().nullable) of_column.null_count = *number++;
      of_column.hash_sum = *number++;
    }
  }
  return sums;
}

}  // namespace qvdhouse::load
