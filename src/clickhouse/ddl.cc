#include "clickhouse/ddl.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

std::string column_sql(const ColumnDefinition& column) {
  auto sql = fmt::format("  {} {}", quote_identifier(column.name), column.type);
  if (!column.comment.empty()) sql += " COMMENT " + quote_literal(column.comment);
  if (!column.codec.empty()) sql += fmt::format(" CODEC({})", column.codec);
  return sql;
}

bool orders_by_nullable(const TableDefinition& table) {
  return std::ranges::any_of(table.columns, [&](const ColumnDefinition& column) {
    return column.type.find("Nullable(") != std::string::npos &&
           std::ranges::find(table.order_by, column.name) != table.order_by.end();
  });
}

// The value at the front of a TabSeparated row, unescaped; `row` moves past it and its tab.
std::string take_tsv_value(std::string_view& row) {
  std::string value;
  std::size_t at = 0;
  for (; at < row.size() && row[at] != '\t'; ++at) {
    if (row[at] != '\\' || at + 1 == row.size()) {
      value += row[at];
      continue;
    }
    constexpr std::string_view kEscapes = "btnfr0", kMeant("\b\t\n\f\r\0", 6);
    const auto escape = kEscapes.find(row[++at]);
    value += escape == std::string_view::npos ? row[at] : kMeant[escape];
  }
  row.remove_prefix(std::min(at + 1, row.size()));
  return value;
}

}  // namespace

std::string create_table_sql(const TableDefinition& table) {
  std::vector<std::string> columns;
  for (const auto& column : table.columns) columns.push_back(column_sql(column));
  if (!table.projection.select.empty()) {
    columns.push_back(fmt::format("  PROJECTION {} ({})", quote_identifier(table.projection.name),
                                  table.projection.select));
  }
  std::vector<std::string> keys;
  for (const auto& name : table.order_by) keys.push_back(quote_identifier(name));

  auto sql = fmt::format("CREATE TABLE {}\n(\n{}\n)\nENGINE = MergeTree\nORDER BY {}",
                         qualified(table.database, table.name), fmt::join(columns, ",\n"),
                         keys.empty() ? "tuple()" : fmt::format("({})", fmt::join(keys, ", ")));
  if (orders_by_nullable(table)) sql += "\nSETTINGS allow_nullable_key = 1";
  if (!table.comment.empty()) sql += "\nCOMMENT " + quote_literal(table.comment);
  return sql;
}

std::vector<ColumnDefinition> describe_table(Connection& connection, std::string_view database,
                                             std::string_view table) {
  // From system.columns: DESCRIBE breaks long types into lines where the server thinks it prettier.
  const std::string answer = connection.query(fmt::format(
      "SELECT name, type FROM system.columns WHERE database = {} AND table = {} ORDER BY position "
      "FORMAT TabSeparated",
      quote_literal(database), quote_literal(table)));
  std::vector<ColumnDefinition> columns;
  std::string_view rest = answer;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    ColumnDefinition column;
    column.name = take_tsv_value(row);
    column.type = take_tsv_value(row);
    columns.push_back(std::move(column));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return columns;
}

std::optional<std::string> table_comment(Connection& connection, std::string_view database,
                                         std::string_view table) {
  const bool of_table = connection.endpoint().dialect.has_table_comment;
  // The mark in front tells a table without comment from none.
  const std::string answer = connection.query(fmt::format(
      "SELECT concat('=', comment) FROM system.{} WHERE database = {} AND {} = {} LIMIT 1 FORMAT "
      "TSVRaw",
      of_table ? "tables" : "columns", quote_literal(database), of_table ? "name" : "table",
      quote_literal(table)));
  if (answer.empty()) return std::nullopt;
  return answer.substr(1, answer.size() - 2);  // without the mark and the line break
}

}  // namespace qvdhouse::clickhouse
