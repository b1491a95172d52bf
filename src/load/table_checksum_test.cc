// Both sides of the checksums, over a real server: each type that qvdhouse makes, by each hash.
#include "load/table_checksum.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <utility>

#include "clickhouse/native.h"
#include "clickhouse/quote.h"
#include "clickhouse/test_engine.h"
#include "load/column_values.h"

namespace qvdhouse::load {
namespace {

using clickhouse::ColumnType;
using clickhouse::Dictionary;
using clickhouse::HashFunction;
using clickhouse::TypeKind;

constexpr std::size_t kRows = 13;  // more than any dictionary has slots

template <class T>
ColumnValues numbers(const std::string& name, ColumnType type) {
  Dictionary values(std::move(type));
  values.add_null();
  for (const T value :
       {T{0}, T{1}, T{-1}, T{100}, std::numeric_limits<T>::max(), std::numeric_limits<T>::min()}) {
    values.add_number(value);
  }
  return {name, 0, std::move(values)};
}

ColumnValues days(const std::string& name, TypeKind kind) {
  Dictionary values({.kind = kind});
  values.add_null();
  // The second has a zero byte at its end, the first nothing else.
  for (const std::uint16_t day : std::to_array<std::uint16_t>({0, 1, 256, 24836})) {
    if (kind == TypeKind::kDate) {
      values.add_number(day);
    } else {
      values.add_number(std::uint32_t{day});
    }
  }
  return {name, 0, std::move(values)};
}

ColumnValues texts(const std::string& name, bool nullable, bool low_cardinality) {
  Dictionary values(
      {.kind = TypeKind::kString, .nullable = nullable, .low_cardinality = low_cardinality});
  values.add_null();
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "x"sv, "x\0"sv, "\0\0"sv, "äöü"sv}) values.add_text(text);
  return {name, 0, std::move(values)};
}

std::vector<ColumnValues> all_columns() {
  std::vector<ColumnValues> columns;
  columns.push_back(numbers<std::int8_t>("i8", {.kind = TypeKind::kInt8}));
  columns.push_back(numbers<std::int64_t>("i64", {.kind = TypeKind::kInt64, .nullable = true}));
  columns.push_back(numbers<double>("f", {.kind = TypeKind::kFloat64}));
  columns.push_back(
      numbers<std::int32_t>("d9", {.kind = TypeKind::kDecimal, .precision = 9, .scale = 2}));
  columns.push_back(numbers<std::int64_t>(
      "d18", {.kind = TypeKind::kDecimal, .nullable = true, .precision = 18, .scale = 2}));
  columns.push_back(days("date", TypeKind::kDate));
  columns.push_back(days("date_time", TypeKind::kDateTime));
  columns.push_back(texts("s", false, false));
  columns.push_back(texts("sn", true, false));
  columns.push_back(texts("l", false, true));
  columns.push_back(texts("ln", true, true));
  return columns;
}

// No row of a column that is never NULL has slot 0.
std::uint32_t code(const ColumnValues& column, std::size_t row) {
  const std::size_t first = column.dictionary.type().nullable ? 0 : 1;
  return static_cast<std::uint32_t>(first + row % (column.dictionary.slot_count() - first));
}

struct Expected {
  RowSums rows{.row_count = kRows};
  std::vector<ColumnSums> columns;
};

Expected expected_sums(const std::vector<ColumnValues>& columns, HashFunction function) {
  Expected sums;
  std::vector<std::uint64_t> mixes(kRows);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    ColumnSums& of_column = sums.columns.emplace_back();
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto slot = code(columns[i], row);
      const bool nullable = columns[i].dictionary.type().nullable;
      of_column.null_count += nullable && columns[i].dictionary.is_null(slot) ? 1u : 0u;
      const auto hash = columns[i].hash(slot, function);
      of_column.hash_sum += hash;
      mixes[row] += mix_factor(i) * hash;
    }
  }
  for (const std::uint64_t mix : mixes) sums.rows.hash_sum += hash_number(mix, function);
  return sums;
}

void fill(clickhouse::Connection& connection, const std::vector<ColumnValues>& columns) {
  std::string definitions;
  std::vector<clickhouse::NativeEncoder::Column> encoded;
  std::vector<clickhouse::CodeReader> readers;
  for (const ColumnValues& column : columns) {
    definitions +=
        fmt::format("{}{} {}", definitions.empty() ? "" : ", ",
                    clickhouse::quote_identifier(column.name), column.dictionary.type().name());
    encoded.push_back({column.name, &column.dictionary});
    readers.emplace_back([&column](std::size_t first, std::span<std::uint32_t> codes) {
      for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = code(column, first + i);
    });
  }
  connection.query(fmt::format("CREATE TABLE tested.sums ({}) ENGINE = MergeTree ORDER BY tuple()",
                               definitions));
  clickhouse::NativeEncoder encoder(encoded);
  encoder.start_block(kRows, readers);
  clickhouse::BlockBuffer block;
  while (encoder.append_piece(block)) {
  }
  bool is_sent = false;
  connection.insert("INSERT INTO tested.sums FORMAT Native", [&] {
    return std::exchange(is_sent, true) ? std::span<const std::byte>() : block.bytes();
  });
}

class TableChecksum : public tests::SharedEngine {};

TEST_F(TableChecksum, ServerAndWeHashTheSameBytes) {
  query("CREATE DATABASE tested");
  const auto columns = all_columns();
  for (const HashFunction function : {HashFunction::kXxh3, HashFunction::kMetroHash}) {
    clickhouse::Endpoint target = endpoint();
    target.dialect.hash = function;
    clickhouse::Connection connection(target);
    connection.query("DROP TABLE IF EXISTS tested.sums SYNC");
    fill(connection, columns);
    const Expected expected = expected_sums(columns, function);
    const RowSums rows = sum_table(connection, "tested.sums", columns, 1);
    EXPECT_EQ(rows.row_count, expected.rows.row_count);
    EXPECT_EQ(rows.hash_sum, expected.rows.hash_sum);
    const auto of_columns = sum_table_columns(connection, "tested.sums", columns, 1);
    ASSERT_EQ(of_columns.size(), columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      EXPECT_EQ(of_columns[i].null_count, expected.columns[i].null_count) << columns[i].name;
      EXPECT_EQ(of_columns[i].hash_sum, expected.columns[i].hash_sum) << columns[i].name;
    }
  }
}

// Values that differ in zero bytes only are not the same value.
TEST(ValueHash, ZeroBytesOfTextsCount) {
  const ColumnValues column = texts("s", false, false);
  for (const HashFunction function : {HashFunction::kXxh3, HashFunction::kMetroHash}) {
    EXPECT_NE(column.hash(2, function), column.hash(3, function));
    EXPECT_NE(column.hash(1, function), column.hash(4, function));
  }
}

// Or a NULL could be taken for the value.
TEST(ValueHash, NoValueHashesAsNullDoes) {
  for (const HashFunction function : {HashFunction::kXxh3, HashFunction::kMetroHash}) {
    for (const ColumnValues& column : all_columns()) {
      for (std::size_t slot = 1; slot < column.dictionary.slot_count(); ++slot) {
        EXPECT_NE(column.hash(slot, function), 0u) << column.name << ", slot " << slot;
      }
    }
  }
}

// As ClickHouse 18.16.1 answers SELECT metroHash64('abc').
TEST(ValueHash, MetroHashIsThatOfClickHouse) {
  EXPECT_EQ(hash_text("abc", HashFunction::kMetroHash), 983152225323542437u);
  EXPECT_EQ(hash_number(256, HashFunction::kMetroHash), 2039291820463125788u);
  EXPECT_EQ(hash_number(0, HashFunction::kMetroHash), hash_text("", HashFunction::kMetroHash));
}

}  // namespace
}  // namespace qvdhouse::load
