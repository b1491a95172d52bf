// The type rules against every real file of the corpus, with the default policy: no symbol is
// refused, and each one's value can be found again in the file's columns. Skipped where the corpus
// is not at hand.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "qvd/header.h"
#include "qvd/rows.h"
#include "qvd/symbols.h"
#include "schema/cast.h"
#include "schema/plan.h"

namespace qvdhouse::schema {
namespace {

namespace fs = std::filesystem;
using clickhouse::Dictionary;
using clickhouse::TypeKind;

const fs::path kFiles = fs::path(QVDHOUSE_SOURCE_DIR) / ".." / "shared" / "corpus" / "files";

template <class T>
T load(const Dictionary& values, std::size_t slot) {
  T value;
  std::memcpy(&value, values.fixed().data() + slot * sizeof(T), sizeof(T));
  return value;
}

// The number that a column's value stands for, computed on another way than the cast.
double number_back(const Dictionary& values, std::size_t slot) {
  const double ticks = std::pow(10.0, values.type().scale);
  switch (values.type().kind) {
    case TypeKind::kInt64:
      return static_cast<double>(load<std::int64_t>(values, slot));
    case TypeKind::kFloat64:
      return load<double>(values, slot);
    case TypeKind::kDecimal:
      return static_cast<double>(load<std::int64_t>(values, slot)) / ticks;
    case TypeKind::kDate32:
      return load<std::int32_t>(values, slot) + 25569.0;
    case TypeKind::kDateTime64:
      return static_cast<double>(load<std::int64_t>(values, slot)) / ticks / 86400 + 25569.0;
    case TypeKind::kTime64:
      return static_cast<double>(load<std::int64_t>(values, slot)) / ticks / 86400;
    default:
      ADD_FAILURE() << "no number column: " << values.type().name();
      return 0;
  }
}

// Clock types hold a number to 1 µs, all others exactly.
bool number_survives(const Dictionary& values, std::size_t slot, double number) {
  if (values.is_null(slot)) return false;
  constexpr double kTwoMicroseconds = 2e-6 / 86400;
  const double back = number_back(values, slot);
  const TypeKind kind = values.type().kind;
  if (kind == TypeKind::kDateTime64 || kind == TypeKind::kTime64) {
    return std::fabs(back - number) <= kTwoMicroseconds;
  }
  return back == number || (std::isnan(back) && std::isnan(number));
}

bool only_spaces(std::string_view text) { return text.find_first_not_of(' ') == text.npos; }

bool text_survives(const qvd::SymbolTable& symbols, const Dictionary& values, std::size_t symbol) {
  if (values.is_null(symbol + 1)) return false;
  const std::string text(values.text(symbol + 1));
  return symbols.has_text(symbol) ? text == symbols.text(symbol)
                                  : std::stod(text) == symbols.number(symbol);
}

// Whether the column beside a column of dates has the symbol, to the last digit and letter.
bool is_beside(const qvd::SymbolTable& symbols, const Dictionary* beside, std::size_t symbol) {
  if (beside == nullptr || beside->is_null(symbol + 1)) return false;
  const std::string text(beside->text(symbol + 1));
  return symbols.has_number(symbol) ? std::stod(text) == symbols.number(symbol)
                                    : text == symbols.text(symbol);
}

void check_column(const qvd::SymbolTable& symbols, const ColumnPlan& column,
                  const Dictionary* beside) {
  const Dictionary values = cast_symbols(symbols, column);
  ASSERT_EQ(values.slot_count(), symbols.size() + 1);
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    if (is_beside(symbols, beside, symbol)) continue;
    if (column.type.kind == TypeKind::kString) {
      ASSERT_TRUE(text_survives(symbols, values, symbol)) << "symbol " << symbol;
    } else if (symbols.has_number(symbol)) {
      ASSERT_TRUE(number_survives(values, symbol + 1, symbols.number(symbol)))
          << "symbol " << symbol << ", " << symbols.number(symbol) << " became "
          << number_back(values, symbol + 1);
    } else {
      ASSERT_TRUE(only_spaces(symbols.text(symbol)) && values.is_null(symbol + 1) &&
                  column.type.nullable)
          << "symbol " << symbol;
    }
  }
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void check_file(const fs::path& path) {
  const std::string bytes = read_file(path);
  const base::MemorySource source(std::as_bytes(std::span(bytes)), path.string());
  const qvd::TableHeader header = qvd::read_header(source);
  const qvd::RowDecoder decoder(header);
  std::vector<qvd::SymbolTable> symbols;
  std::vector<bool> may_be_null;
  for (std::size_t field = 0; field < header.fields.size(); ++field) {
    symbols.push_back(qvd::read_symbols(source, header, field));
    may_be_null.push_back(decoder.may_be_null(field));
  }
  const TablePlan plan =
      plan_table(header, path.filename().string(), symbols, may_be_null, Policy{});
  std::vector<int> column_counts(header.fields.size());
  for (const ColumnPlan& column : plan.columns) {
    if (column.outside == Outside::kOnly) continue;
    std::optional<Dictionary> beside;
    if (column.outside != Outside::kNone) {
      beside = cast_symbols(symbols[column.field_index], *(&column + 1));
    }
    SCOPED_TRACE(column.name + " " + column.type.name());
    ++column_counts[column.field_index];
    EXPECT_FALSE(column.reason.empty());
    EXPECT_TRUE(column.type.nullable || !may_be_null[column.field_index]);
    ASSERT_NO_FATAL_FAILURE(
        check_column(symbols[column.field_index], column, beside ? &*beside : nullptr));
  }
  for (std::size_t field = 0; field < header.fields.size(); ++field) {
    EXPECT_TRUE(column_counts[field] == 1 || column_counts[field] == 2)
        << header.fields[field].name;
  }
}

TEST(Corpus, EverySymbolSurvives) {
  if (!fs::is_directory(kFiles)) GTEST_SKIP() << "the corpus is not at " << kFiles;
  std::size_t file_count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(kFiles)) {
    SCOPED_TRACE(entry.path().filename().string());
    check_file(entry.path());
    if (HasFatalFailure()) return;
    ++file_count;
  }
  EXPECT_GT(file_count, 0U);
}

}  // namespace
}  // namespace qvdhouse::schema
