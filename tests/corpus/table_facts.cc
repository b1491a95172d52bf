#include "tests/corpus/table_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "clickhouse/quote.h"

namespace qvdhouse::corpus {
namespace {

using clickhouse::TypeKind;

// Sums of doubles are taken of their exact values times 2^scale, as Int256. The largest magnitude
// is put here, which leaves 2^54 rows of room above and some 200 bits below.
constexpr int kTopBit = 200;

// The column's numbers, as they were in the file: serials for dates and times.
std::string number_sql(const schema::ColumnPlan& column) {
  const std::string name = clickhouse::quote_identifier(column.name);
  const int scale = column.type.scale;
  switch (column.type.kind) {
    case TypeKind::kFloat64:
    case TypeKind::kDecimal:
      return fmt::format("toFloat64({})", name);
    case TypeKind::kDate32:
      return fmt::format("(toInt256(toInt32({})) + 25569)", name);
    case TypeKind::kDateTime64:
      return fmt::format("(toFloat64(toDecimal64({}, {})) / 86400 + 25569)", name, scale);
    case TypeKind::kTime64:
      return fmt::format("(toFloat64(toDecimal64({}, {})) / 86400)", name, scale);
    default:
      return fmt::format("toInt256({})", name);
  }
}

// The same with the numbers that only the column beside has.
std::string number_sql(const std::vector<schema::ColumnPlan>& columns, std::size_t i) {
  const std::string number = number_sql(columns[i]);
  if (columns[i].outside == schema::Outside::kNone) return number;
  return fmt::format("if(isNull({0}), toFloat64({1}), toFloat64OrNull(assumeNotNull({0})))",
                     clickhouse::quote_identifier(columns[i + 1].name), number);
}

// Whether number_sql() is an Int256.
bool is_whole(const schema::ColumnPlan& column) {
  if (column.outside != schema::Outside::kNone) return false;
  const TypeKind kind = column.type.kind;
  return kind != TypeKind::kFloat64 && kind != TypeKind::kDecimal &&
         kind != TypeKind::kDateTime64 && kind != TypeKind::kTime64;
}

int sum_scale(const schema::ColumnPlan& column, const ExpectedField& field) {
  if (is_whole(column)) return 0;
  int exponent = 0;
  std::frexp(std::max(std::fabs(field.numeric_min), std::fabs(field.numeric_max)), &exponent);
  return kTopBit - exponent;
}

// Sign, mantissa and exponent of a normal double, put together as an integer.
std::string sum_sql(const std::string& number, const schema::ColumnPlan& column, int scale) {
  if (is_whole(column)) return fmt::format("sum({})", number);
  const std::string bits = fmt::format("reinterpretAsUInt64(assumeNotNull({}))", number);
  const std::string mantissa =
      fmt::format("toInt256(bitOr(bitAnd({}, {}), {}))", bits, (1ULL << 52) - 1, 1ULL << 52);
  const std::string shift =
      fmt::format("(toInt64(bitAnd(bitShiftRight({}, 52), 2047)) - {})", bits, 1075 - scale);
  return fmt::format(
      "sum(sign({0}) * bitShiftRight(bitShiftLeft({1}, greatest({2}, 0)), greatest(-{2}, 0)))",
      number, mantissa, shift);
}

std::string column_sql(const std::vector<schema::ColumnPlan>& columns, std::size_t i,
                       const ExpectedField& field) {
  const schema::ColumnPlan& column = columns[i];
  const std::string name = clickhouse::quote_identifier(column.name);
  const std::string number = is_text(column) ? name : number_sql(columns, i);
  std::string sql = fmt::format(", count({0}), countIf(isNull({0})), uniqExact({0})", number);
  if (is_text(column)) {
    sql += fmt::format(", sum(length({}))", name);
    if (has_number_beside(columns, i)) {
      sql += fmt::format(", uniqExactIf(({0}, {1}), isNotNull({0}))", name,
                         clickhouse::quote_identifier(columns[i + 1].name));
    }
    return sql;
  }
  return sql + fmt::format(", {}, min({}), max({})",
                           sum_sql(number, column, sum_scale(column, field)), number, number);
}

// The cells of the one line of an answer in TSV, one after another; NULL is 0.
class Answer {
 public:
  explicit Answer(const std::string& line) : stream_(line) {}

  std::uint64_t count() { return std::stoull(cell()); }
  double number() { return std::strtod(cell().c_str(), nullptr); }

 private:
  std::string cell() {
    std::string text;
    if (!(stream_ >> text)) throw std::runtime_error("the answer has too few cells");
    return text == "\\N" ? "0" : text;
  }
  std::istringstream stream_;
};

ColumnFacts read_facts(Answer& answer, const std::vector<schema::ColumnPlan>& columns,
                       std::size_t i, const ExpectedField& field) {
  ColumnFacts facts;
  facts.value_count = answer.count();
  facts.null_count = answer.count();
  facts.distinct_count = answer.count();
  if (is_text(columns[i])) {
    facts.text_bytes = answer.count();
    if (has_number_beside(columns, i)) facts.pair_count = answer.count();
  } else {
    facts.sum = std::ldexp(answer.number(), -sum_scale(columns[i], field));
    facts.min = answer.number();
    facts.max = answer.number();
  }
  return facts;
}

}  // namespace

bool is_text(const schema::ColumnPlan& column) { return column.type.kind == TypeKind::kString; }

bool has_number_beside(const std::vector<schema::ColumnPlan>& columns, std::size_t i) {
  return i + 1 < columns.size() && columns[i + 1].field_index == columns[i].field_index;
}

TableFacts measure_table(clickhouse::Connection& connection, const schema::TablePlan& plan,
                         const std::vector<ExpectedField>& fields) {
  std::string sql = "SELECT count()";
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    sql += column_sql(plan.columns, i, fields.at(plan.columns[i].field_index));
  }
  sql += fmt::format(" FROM {} FORMAT TSV",
                     clickhouse::qualified(connection.endpoint().database, plan.table));
  Answer answer(connection.query(
      sql, {{"max_query_size", std::to_string(sql.size() * 2)}, {"max_threads", "1"}}));
  TableFacts facts{.row_count = answer.count(), .columns = {}};
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    facts.columns.push_back(
        read_facts(answer, plan.columns, i, fields[plan.columns[i].field_index]));
  }
  return facts;
}

}  // namespace qvdhouse::corpus
