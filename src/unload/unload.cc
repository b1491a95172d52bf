#include "unload/unload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/limits.h"
#include "base/quantity.h"
#include "clickhouse/answer_stream.h"
#include "clickhouse/error_code.h"
#include "clickhouse/native_decoder.h"
#include "clickhouse/quote.h"
#include "qvd/utf8.h"
#include "qvd/writer.h"
#include "unload/reading.h"
#include "unload/stored_codes.h"
#include "unload/symbols.h"

namespace qvdhouse::unload {
namespace {

// Without the semicolon that a statement may end in.
std::string_view bare_statement(std::string_view sql) {
  const std::size_t last = sql.find_last_not_of("; \t\r\n");
  return sql.substr(0, last + 1);
}

// Runs `ask`, in which every IoError is ClickHouse's.
template <class Ask>
decltype(auto) asked(Ask&& ask) {
  try {
    return std::forward<Ask>(ask)();
  } catch (const base::IoError& error) {
    throw AnswerError(error.what());
  }
}

// The columns of the answer, without running the query.
std::vector<QueryColumn> describe(clickhouse::Connection& connection, std::string_view select) {
  std::string answer;
  try {
    answer = connection.query(fmt::format("DESCRIBE TABLE (\n{}\n) FORMAT Native", select));
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kSyntaxError) throw;
    throw base::ServerError(
        fmt::format("{}; an export takes one SELECT, without FORMAT and INTO OUTFILE",
                    error.what()),
        error.code());
  }
  std::vector<QueryColumn> columns;
  std::string_view rest = answer;
  clickhouse::NativeDecoder decoder([&] { return std::exchange(rest, {}); });
  while (decoder.next_block()) {
    const std::size_t first = columns.size();
    if (decoder.row_count() > base::kMaxFields + 1) {
      throw base::InputError(fmt::format("expected 1 to {} columns, found {}; select fewer",
                                         base::kMaxFields, decoder.row_count()));
    }
    columns.resize(first + decoder.row_count());
    for (std::size_t i = 0; i < decoder.column_count(); ++i) {
      const clickhouse::DecodedColumn& column = decoder.next_column();
      if (column.name != "name" && column.name != "type") continue;
      if (column.has_dictionary || column.values.texts.size() != decoder.row_count()) {
        throw base::IoError(fmt::format("expected texts as the \"{}\" of DESCRIBE, found {}",
                                        column.name, column.type));
      }
      for (std::size_t row = 0; row < column.values.texts.size(); ++row) {
        QueryColumn& described = columns[first + row];
        (column.name == "name" ? described.name : described.type) = column.values.texts[row];
      }
    }
  }
  return columns;
}

void check_columns(const std::vector<QueryColumn>& columns) {
  if (columns.empty() || columns.size() > base::kMaxFields) {
    throw base::InputError(fmt::format("expected 1 to {} columns, found {}; select fewer",
                                       base::kMaxFields, columns.size()));
  }
  std::set<std::string_view> names;
  for (const QueryColumn& column : columns) {
    if (!names.insert(column.name).second) {
      throw base::InputError(
          fmt::format("the query has two columns \"{}\", and fields of a QVD have names of their "
                      "own; name one of them otherwise by AS",
                      column.name));
    }
    const bool has_control = std::ranges::any_of(column.name, [](char c) {
      return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n';
    });
    if (has_control || qvd::find_invalid_utf8(column.name)) {
      throw base::InputError(
          fmt::format("column \"{}\": its name holds a control character or is not UTF-8, which a "
                      "QVD cannot hold; name it otherwise by AS",
                      column.name));
    }
  }
}

// Returns the bytes that the symbols take.
std::uint64_t check_memory(const std::vector<ColumnSymbols>& columns, std::uint64_t row_count,
                           std::uint64_t allowed) {
  std::uint64_t used = 0;
  const ColumnSymbols* largest = nullptr;
  for (const ColumnSymbols& column : columns) {
    used += column.memory_bytes();
    if (largest == nullptr || column.memory_bytes() > largest->memory_bytes()) largest = &column;
    if (column.count() <= base::kMaxSymbols) continue;
    throw base::InputError(
        fmt::format("column \"{}\" has more than {} distinct values, the most "
                    "that a QVD holds; round them, or leave the column out",
                    column.reading().name, base::kMaxSymbols));
  }
  if (used <= allowed) return used;
  throw base::ConfigError(fmt::format(
      "the distinct values of the first {} rows need {} bytes of memory, and {} are allowed; the "
      "largest column is \"{}\" with {} distinct values in {} bytes. Raise --max-symbols-bytes, or "
      "round that column or leave it out",
      row_count, used, allowed, largest->reading().name, largest->count(),
      largest->memory_bytes()));
}

// Receives all rows.
void receive(clickhouse::AnswerStream& answer, const Options& options,
             const std::function<void(const Progress&)>& on_progress,
             std::vector<ColumnSymbols>& columns, StoredCodes& rows) {
  clickhouse::NativeDecoder decoder([&] { return answer.next(); }, columns.size());
  std::vector<Code> codes;
  while (asked([&] { return decoder.next_block(); })) {
    if (decoder.row_count() > 0) rows.start_block(decoder.row_count());
    for (ColumnSymbols& column : columns) {
      asked([&] { column.encode(decoder.next_column(), codes); });
      if (!codes.empty()) rows.add(codes);
    }
    const std::uint64_t symbol_bytes =
        check_memory(columns, rows.row_count(), options.max_symbol_bytes);
    on_progress({.row_count = rows.row_count(), .symbol_bytes = symbol_bytes, .rows_written = 0});
  }
}

void check_texts(const std::vector<ColumnSymbols>& columns) {
  for (const ColumnSymbols& column : columns) {
    const std::string name = clickhouse::quote_identifier(column.reading().name);
    if (column.facts().nul_rows > 0) {
      throw base::InputError(
          fmt::format("texts with NUL bytes: {}, which a QVD cannot hold; select "
                      "replaceAll({}, '\\0', '') or hex() of them",
                      base::format_quantity(column.facts().nul_rows, "row"), name),
          {.field = column.reading().name, .byte_offset = {}});
    }
    if (column.facts().invalid_rows > 0) {
      throw base::InputError(
          fmt::format("texts that are not UTF-8: {}; select toValidUTF8({}), or keep the bytes "
                      "with --invalid-utf8 keep",
                      base::format_quantity(column.facts().invalid_rows, "row"), name),
          {.field = column.reading().name, .byte_offset = {}});
    }
  }
}

std::vector<std::string> warnings_of(const ColumnSymbols& column) {
  const ColumnFacts& facts = column.facts();
  std::vector<std::string> warnings;
  if (!column.reading().note.empty()) {
    warnings.push_back(fmt::format("{}: {}", column.reading().type, column.reading().note));
  }
  if (facts.digits_as_text > 0) {
    warnings.push_back(fmt::format(
        "numbers of more digits than a double holds exactly: {} distinct; they are texts",
        facts.digits_as_text));
  }
  if (facts.rounded > 0) {
    warnings.push_back(fmt::format(
        "times that Qlik's numbers do not hold exactly: {} distinct; they are the nearest, less "
        "than 1 µs away",
        facts.rounded));
  }
  if (facts.ambiguous_times > 0) {
    warnings.push_back(fmt::format(
        "stamps in an hour that {} had twice: {} distinct; the file does not tell which",
        column.reading().timezone, facts.ambiguous_times));
  }
  return warnings;
}

std::uint64_t write_file(const std::vector<ColumnSymbols>& columns, const StoredCodes& rows,
                         const Options& options, Progress progress,
                         const std::function<void(const Progress&)>& on_progress,
                         const std::stop_token& stop, base::OutputFile& out) {
  qvd::TableData table;
  table.name = options.table_name;
  table.row_count = rows.row_count();
  table.created_at = options.created_at;
  std::vector<bool> nullable;
  std::vector<qvd::EncodedSymbols> symbols;
  for (const ColumnSymbols& column : columns) {
    qvd::FieldData& field = table.fields.emplace_back();
    field.name = column.reading().name;
    field.number_format = column.number_format();
    field.tags = column.tags();
    nullable.push_back(column.nullable());
    symbols.push_back({.count = column.count(), .bytes = column.symbols().size()});
  }
  const qvd::QvdWriter writer(table, nullable, symbols);
  out.write(writer.head());
  for (const ColumnSymbols& column : columns) out.write(column.symbols());
  std::vector<std::byte> records;
  rows.for_each_batch([&](std::span<const std::vector<Code>> codes) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while the file was written");
    records.clear();
    writer.append_rows(codes, records);
    out.write(records);
    progress.rows_written += codes.front().size();
    on_progress(progress);
  });
  out.sync();
  return out.finish();
}

}  // namespace

Result unload(const clickhouse::Endpoint& endpoint, std::string_view select, const Options& options,
              const std::function<void(const Progress&)>& on_progress, std::stop_token stop) {
  // First of all: what cannot be written need not be asked for.
  base::OutputFile out(options.out, options.existing);
  select = bare_statement(select);
  clickhouse::Connection connection(endpoint, stop);
  const std::vector<QueryColumn> described = asked([&] { return describe(connection, select); });
  check_columns(described);
  const std::string server_zone =
      asked([&] { return clickhouse::query_lines(connection, "SELECT timezone()").at(0); });
  std::vector<Reading> readings;
  std::vector<ColumnSymbols> columns;
  for (const QueryColumn& column : described) {
    readings.push_back(plan_reading(column, server_zone));
    columns.emplace_back(readings.back(), options.invalid_utf8);
  }

  const std::filesystem::path folder =
      options.out.has_parent_path() ? options.out.parent_path() : ".";
  StoredCodes rows(folder, options.out.string(), columns.size());
  Result result;
  {
    clickhouse::AnswerStream answer(endpoint, select_of(select, readings) + "\nFORMAT Native", {},
                                    stop);
    receive(answer, options, on_progress, columns, rows);
    result.answer_bytes = answer.byte_count();
  }
  check_texts(columns);
  result.file_bytes =
      write_file(columns, rows, options, {.row_count = rows.row_count()}, on_progress, stop, out);
  result.row_count = rows.row_count();
  for (const ColumnSymbols& column : columns) {
    result.columns.push_back({.name = column.reading().name,
                              .type = column.reading().type,
                              .number_format = column.number_format(),
                              .distinct_count = column.count(),
                              .null_rows = column.facts().null_rows,
                              .warnings = warnings_of(column)});
  }
  return result;
}

}  // namespace qvdhouse::unload
