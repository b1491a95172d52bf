#include "tests/corpus/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string_view>

#include "qvd/rows.h"
#include "qvd/symbols.h"

namespace qvdhouse::corpus {
namespace {

using clickhouse::TypeKind;

// What the mapping does to the cells of a field.
struct MappedCells {
  std::uint64_t blank_count = 0;   // text alone, nothing but spaces
  std::uint64_t text_count = 0;    // all other text alone
  std::uint64_t number_bytes = 0;  // of numbers without text, written out
  std::uint64_t distinct_text_count = 0;
};

bool is_blank(std::string_view text) {
  return text.find_first_not_of(' ') == std::string_view::npos;
}

std::string text_of(const qvd::SymbolTable& symbols, std::size_t symbol) {
  if (symbols.has_text(symbol)) return std::string(symbols.text(symbol));
  return fmt::format("{}", symbols.number(symbol));
}

MappedCells map_cells(const load::PreparedFile& file, const base::ByteSource& source,
                      std::size_t field_index) {
  const qvd::SymbolTable& symbols = file.symbols[field_index];
  std::vector<std::byte> records;
  std::vector<std::uint32_t> codes(file.header.record_count);
  qvd::read_records(source, file.header, 0, codes.size(), records);
  qvd::RowDecoder(file.header).decode(field_index, records.data(), 0, codes);
  std::vector<std::uint64_t> uses(symbols.size() + 1);
  for (const std::uint32_t code : codes) ++uses[code];

  MappedCells cells;
  std::set<std::string> texts;
  for (std::size_t symbol = 0; symbol < symbols.size(); ++symbol) {
    const std::string text = text_of(symbols, symbol);
    if (!symbols.has_number(symbol)) {
      (is_blank(text) ? cells.blank_count : cells.text_count) += uses[symbol + 1];
    }
    if (!symbols.has_text(symbol)) cells.number_bytes += uses[symbol + 1] * text.size();
    texts.insert(text);
  }
  cells.distinct_text_count = texts.size();
  return cells;
}

// Also when there is no symbol at all.
bool is_all_text(const ExpectedField& field) { return field.kinds == "4" || field.kinds.empty(); }

// Half a tick of a clock type, but not more than the microsecond that the plan promises, and the
// rounding of the way back to a serial; 0 for types that hold a number exactly.
double serial_tolerance(const clickhouse::ColumnType& type) {
  if (type.kind != TypeKind::kDateTime64 && type.kind != TypeKind::kTime64) return 0;
  constexpr double kSecondsPerDay = 86400;
  constexpr double kRounding = 0x1p-36;  // one ulp of serials in clock range
  return std::min(0.5 * std::pow(10.0, -type.scale), 1e-6) / kSecondsPerDay + kRounding;
}

// The comparison of one column; differences are added to a list.
class ColumnComparison {
 public:
  ColumnComparison(const schema::ColumnPlan& column, const ExpectedField& field,
                   const ColumnFacts& facts, std::vector<std::string>& list)
      : column_(column), field_(field), facts_(facts), list_(list) {}

  void compare_name() {
    if (column_.name == field_.name || column_.name == field_.name + "__num") return;
    add("name", field_.name, column_.name);
  }

  void compare_text(const MappedCells& cells, bool has_pair) {
    const std::uint64_t nulls = field_.null_count;
    count("NULLs", nulls, facts_.null_count);
    count("values", field_.row_count - nulls, facts_.value_count);
    count("bytes of text", field_.text_bytes + cells.number_bytes, facts_.text_bytes);
    if (is_all_text(field_)) {
      count("distinct texts", field_.symbol_count, facts_.distinct_count);
    } else {
      count("distinct texts", cells.distinct_text_count, facts_.distinct_count);
      at_most("distinct texts", field_.symbol_count, facts_.distinct_count);
    }
    if (has_pair) count("distinct text and number", field_.symbol_count, facts_.pair_count);
  }

  void compare_numbers(const MappedCells& cells) {
    const bool keeps_texts = column_.outside != schema::Outside::kNone;
    count("NULLs", field_.null_count + cells.blank_count + (keeps_texts ? cells.text_count : 0),
          facts_.null_count);
    count("values", field_.numeric_count, facts_.value_count);
    const double tolerance = serial_tolerance(column_.type);
    const double rows = static_cast<double>(field_.numeric_count);
    number("sum", field_.numeric_sum, facts_.sum, tolerance * rows);
    number("least number", field_.numeric_min, facts_.min, tolerance);
    number("largest number", field_.numeric_max, facts_.max, tolerance);
    // Each number is a symbol of its own unless a text tells it from an equal one.
    if (field_.kinds == "1" || field_.kinds == "2" || field_.kinds == "12") {
      count("distinct numbers", field_.symbol_count, facts_.distinct_count);
    } else {
      at_most("distinct numbers", field_.symbol_count, facts_.distinct_count);
    }
  }

 private:
  void add(std::string_view what, const std::string& expected, const std::string& found) {
    list_.push_back(
        fmt::format("column \"{}\" {} of a field of kinds {}: {}: expected {}, found {}",
                    column_.name, column_.type.name(), field_.kinds, what, expected, found));
  }
  void count(std::string_view what, std::uint64_t expected, std::uint64_t found) {
    if (expected != found) add(what, std::to_string(expected), std::to_string(found));
  }
  void at_most(std::string_view what, std::uint64_t limit, std::uint64_t found) {
    if (found > limit) add(what, fmt::format("at most {}", limit), std::to_string(found));
  }
  void number(std::string_view what, double expected, double found, double tolerance) {
    if (std::fabs(expected - found) <= tolerance) return;
    add(what, fmt::format("{}", expected), fmt::format("{}", found));
  }

  const schema::ColumnPlan& column_;
  const ExpectedField& field_;
  const ColumnFacts& facts_;
  std::vector<std::string>& list_;
};

}  // namespace

std::vector<std::string> differences(const std::vector<ExpectedField>& expected,
                                     const TableFacts& found, const load::PreparedFile& file,
                                     const base::ByteSource& source) {
  if (file.header.fields.size() != expected.size()) {
    return {
        fmt::format("fields: expected {}, found {}", expected.size(), file.header.fields.size())};
  }
  std::vector<std::string> list;
  const std::vector<schema::ColumnPlan>& columns = file.plan.columns;
  std::set<std::size_t> planned_fields;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    // What it holds was measured together with the column that it is beside.
    if (columns[i].outside == schema::Outside::kOnly) continue;
    const ExpectedField& field = expected[columns[i].field_index];
    planned_fields.insert(columns[i].field_index);
    if (field.row_count != found.row_count) {
      list.push_back(fmt::format("rows: expected {}, found {}", field.row_count, found.row_count));
      return list;
    }
    const bool is_mixed = is_text(columns[i]) ? !is_all_text(field) : field.has_kind('4');
    const MappedCells cells =
        is_mixed ? map_cells(file, source, columns[i].field_index) : MappedCells{};
    ColumnComparison comparison(columns[i], field, found.columns[i], list);
    comparison.compare_name();
    if (is_text(columns[i])) {
      comparison.compare_text(cells, has_number_beside(columns, i));
    } else {
      comparison.compare_numbers(cells);
    }
  }
  if (planned_fields.size() != expected.size()) {
    list.push_back(fmt::format("fields with a column: expected {}, found {}", expected.size(),
                               planned_fields.size()));
  }
  return list;
}

}  // namespace qvdhouse::corpus
