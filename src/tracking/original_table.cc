#include "tracking/original_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "tracking/tables.h"
#include "tracking/tracking.h"

namespace qvdhouse::tracking {
namespace {

using clickhouse::qualified;
using clickhouse::quote_identifier;

constexpr std::string_view kUnfinished = "QvdFileTracking_adopted";  // and a random number

using Columns = std::vector<ColumnDefinition>;

const ColumnDefinition* find(const Columns& columns, std::string_view name) {
  const auto found = std::ranges::find(columns, name, &ColumnDefinition::name);
  return found == columns.end() ? nullptr : &*found;
}

// It has texts for times, and no run. Other programs' tables have neither.
bool is_original(const Columns& columns) {
  constexpr std::array<std::string_view, 5> kHas = {"file_path", "file_size", "file_mtime",
                                                    "processed_at", "status"};
  return std::ranges::all_of(kHas, [&](auto name) { return find(columns, name) != nullptr; }) &&
         find(columns, "run_id") == nullptr &&
         find(columns, "file_mtime")->type.find("String") != std::string::npos;
}

// The column's value as text, empty where it is NULL or there is no such column.
std::string text_of(const Columns& columns, std::string_view name) {
  if (find(columns, name) == nullptr) return "''";
  return fmt::format("ifNull(toString({}), '')", quote_identifier(name));
}

// A text as microseconds since 1970: seconds with a fraction, as Python writes a local file's time,
// or a date and a time of day. The fraction is cut, as listings do it.
std::string microseconds_of(const std::string& text) {
  return fmt::format(
      "if(match({0}, '^[0-9]+([.][0-9]*)?$'), "
      "toInt64OrZero(splitByChar('.', {0})[1]) * 1000000 + "
      "toInt64OrZero(substring(concat(splitByChar('.', {0})[2], '000000'), 1, 6)), "
      "toUnixTimestamp64Micro(parseDateTime64BestEffortOrZero({0}, 6, 'UTC')))",
      text);
}

std::string time_of(const std::string& text) {
  return fmt::format("fromUnixTimestamp64Micro({}, 'UTC')", microseconds_of(text));
}

// Our identity of a file: a path, or a URL with its scheme, which fsspec leaves away.
std::string path_of(const std::string& path, const std::string& source_type) {
  return fmt::format(
      "multiIf(startsWith({0}, 'file://'), substring({0}, 8), position({0}, '://') > 0 OR "
      "{1} IN ('', 'file', 'local'), {0}, concat({1}, '://', {0}))",
      path, source_type);
}

// Name and value of what the pipeline knew. A listing of S3 brings no ETag (docs/storage.md), so
// that the one of there would never be found again.
std::vector<std::pair<std::string, std::string>> values_of(const Columns& columns) {
  const auto text = [&](std::string_view name) { return text_of(columns, name); };
  const std::string type = text("source_type");
  const std::string path = path_of(text("file_path"), type);
  return {
      {"file_path", path},
      {"file_name",
       fmt::format("if({0} = '', splitByChar('/', {1})[-1], {0})", text("file_name"), path)},
      {"table_name", text("table_name")},
      {"file_size", fmt::format("toUInt64OrZero({})", text("file_size"))},
      {"file_mtime", time_of(text("file_mtime"))},
      {"file_etag", fmt::format("if({} = 's3', '', {})", type, text("file_etag"))},
      {"processed_at", time_of(text("processed_at"))},
      {"processing_duration_seconds",
       fmt::format("toFloat64OrZero({})", text("processing_duration_seconds"))},
      {"row_count", fmt::format("toUInt64OrZero({})", text("row_count"))},
      {"status", text("status")},
      {"error_message", text("error_message")},
      {"version", "toUInt64(1)"},
      {"batch_size", fmt::format("toUInt64OrZero({})", text("batch_size"))},
      {"source_type", fmt::format("if({0} = 'local', 'file', {0})", type)},
      {"run_id", clickhouse::quote_literal(kOriginalRun)},
  };
}

std::string default_of(const std::string& type) {
  return fmt::format("defaultValueOfTypeName({})", clickhouse::quote_literal(type));
}

bool is_there(clickhouse::Connection& connection, const std::string& database,
              std::string_view table) {
  return !clickhouse::engine_of(connection, database, table).empty();
}

}  // namespace

std::optional<std::string> select_of_original(clickhouse::Connection& connection,
                                              const std::string& database) {
  const clickhouse::Dialect& dialect = connection.endpoint().dialect;
  // Its framework needs a newer server than those without DateTime64, and knows no replicas.
  if (!dialect.has_datetime64 || dialect.replication.is_on) return std::nullopt;
  const Columns theirs = clickhouse::describe_table(connection, database, kFileTable);
  if (!is_original(theirs)) return std::nullopt;
  const auto values = values_of(theirs);
  // By names of their own first: an alias would hide the column of its name.
  std::string made;
  std::string named;
  for (const ColumnDefinition& column : file_columns(dialect)) {
    const auto known = std::ranges::find(values, column.name, &decltype(values)::value_type::first);
    const std::string value = known == values.end() ? default_of(column.type) : known->second;
    const std::string alias = quote_identifier("new_" + column.name);
    made +=
        fmt::format("{}CAST({} AS {}) AS {}", made.empty() ? "" : ", ", value, column.type, alias);
    named +=
        fmt::format("{}{} AS {}", named.empty() ? "" : ", ", alias, quote_identifier(column.name));
  }
  // A row a state of a file; that of its end is the newest, also within one tick of the clock.
  return fmt::format(
      "SELECT {} FROM (SELECT {} FROM {} ORDER BY new_processed_at DESC, new_status = "
      "'processing' LIMIT 1 BY new_file_path)",
      named, made, qualified(database, kFileTable));
}

void adopt_original(clickhouse::Connection& connection, const std::string& database,
                    const std::string& select) {
  if (is_there(connection, database, kOriginalTable)) {
    throw base::ConfigError(fmt::format(
        "table {0}.{1} is the Python pipeline's, and is to be kept as {2}; a table of that name "
        "is there already: rename one of the two (RENAME TABLE), or choose another database",
        database, kFileTable, kOriginalTable));
  }
  const clickhouse::Dialect& dialect = connection.endpoint().dialect;
  // Another process may be about to do the same.
  const std::string made = fmt::format("{}_{:08x}", kUnfinished, std::random_device{}());
  ensure_table(connection, database, file_table(dialect, made));
  connection.query(fmt::format("INSERT INTO {} ({}) {}", qualified(database, made),
                               column_list(file_columns(dialect)), select));
  if (!select_of_original(connection, database)) {
    connection.query(clickhouse::drop_table_sql(dialect, database, made));
    return;
  }
  connection.query(fmt::format("EXCHANGE TABLES {} AND {}", qualified(database, kFileTable),
                               qualified(database, made)));
  connection.query(fmt::format("RENAME TABLE {} TO {}", qualified(database, made),
                               qualified(database, kOriginalTable)));
}

}  // namespace qvdhouse::tracking
