#include "load/load.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/workers.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "load/checksum.h"
#include "load/staging.h"
#include "load/stream.h"
#include "load/table_checksum.h"
#include "schema/cast.h"
#include "schema/names.h"

namespace qvdhouse::load {
namespace {

using Clock = std::chrono::steady_clock;

// Times one step of a load and tells the progress display of it.
template <class Body>
void run_step(const char* name, Progress& progress, Result& result, const Body& body) {
  progress.step = name;
  const auto start = Clock::now();
  const auto note = [&] {
    result.steps.push_back(
        {name, std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start)});
  };
  try {
    body();
  } catch (...) {
    note();
    throw;
  }
  note();
}

// The facts of a file that the history keeps.
void describe(const PreparedFile& file, Result& result) {
  result.table = file.plan.table;
  result.column_count = file.plan.columns.size();
  result.warnings = file.header.warnings;
  result.qvd_created_at = file.header.created_at;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    result.columns.emplace_back(column.name, column.type.name());
  }
}

// What `table` is, if it exists, must be a table that we made: another's is never replaced.
bool target_exists(clickhouse::Connection& connection, const std::string& database,
                   const std::string& table) {
  const std::string comment = connection.query(fmt::format(
      "SELECT concat(engine, ' ', comment) FROM system.tables WHERE database = {} AND name = {} "
      "FORMAT TSVRaw",
      clickhouse::quote_literal(database), clickhouse::quote_literal(table)));
  if (comment.empty()) return false;
  if (comment.find(schema::kTableCommentPrefix) == std::string::npos) {
    throw base::SchemaError(fmt::format(
        "table {}.{} exists and was not made by qvdhouse (its comment does not begin with \"{}\"); "
        "it is left as it is: rename it, or choose another name by table_prefix",
        database, table, schema::kTableCommentPrefix));
  }
  return true;
}

// The server must have made of the DDL exactly the types that will be sent.
void check_columns(clickhouse::Connection& connection, const std::string& database,
                   const std::string& table, std::span<const ColumnValues> columns) {
  const auto found = clickhouse::describe_table(connection, database, table);
  if (found.size() != columns.size()) {
    throw base::VerifyError(fmt::format("table {}: expected {} columns, found {}", table,
                                        columns.size(), found.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string type = columns[i].dictionary.type().name();
    if (found[i].name != columns[i].name || found[i].type != type) {
      throw base::VerifyError(
          fmt::format("table {}, column {}: expected \"{}\" {}, found \"{}\" {}", table, i + 1,
                      columns[i].name, type, found[i].name, found[i].type));
    }
  }
}

// Puts staging in the place of the target: one atomic step on the server, whatever reads meanwhile.
void swap_tables(clickhouse::Connection& connection, const std::string& database,
                 const std::string& staging, const std::string& table) {
  const std::string from = clickhouse::qualified(database, staging);
  const std::string to = clickhouse::qualified(database, table);
  if (target_exists(connection, database, table)) {
    connection.query(fmt::format("EXCHANGE TABLES {} AND {}", from, to));
  } else {
    connection.query(fmt::format("RENAME TABLE {} TO {}", from, to));
  }
}

}  // namespace

PreparedFile prepare(const base::ByteSource& source, const std::string& file_name,
                     const Options& options) {
  PreparedFile file;
  file.header = qvd::read_header(source);
  qvd::check_complete(file.header);
  const qvd::RowDecoder decoder(file.header);
  file.symbols.resize(file.header.fields.size());
  base::for_each_index(file.symbols.size(), options.streams, [&](std::size_t i) {
    file.symbols[i] = qvd::read_symbols(source, file.header, i, options.invalid_utf8);
  });
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    file.may_be_null.push_back(decoder.may_be_null(i));
  }
  file.plan = schema::plan_table(file.header, file_name, file.symbols, file.may_be_null,
                                 options.policy, options.streams);
  return file;
}

std::vector<ColumnValues> cast_columns(PreparedFile& file, unsigned threads) {
  std::vector<std::optional<ColumnValues>> cast(file.plan.columns.size());
  base::for_each_index(cast.size(), threads, [&](std::size_t i) {
    const schema::ColumnPlan& column = file.plan.columns[i];
    cast[i] = ColumnValues{column.name, column.field_index,
                           schema::cast_symbols(file.symbols[column.field_index], column)};
  });
  file.symbols.clear();
  std::vector<ColumnValues> columns;
  for (auto& column : cast) columns.push_back(std::move(*column));
  return columns;
}

void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, Progress& progress,
               Result& result, std::stop_token stop) {
  result = {};
  PreparedFile file;
  std::vector<ColumnValues> columns;
  Checksums expected;
  clickhouse::Connection connection(endpoint, stop);

  // Read header and symbol tables, decide the columns, cast every distinct value.
  run_step("plan", progress, result, [&] {
    file = prepare(source, file_name, options);
    columns = cast_columns(file, options.streams);
  });
  describe(file, result);
  progress.rows_total = file.header.record_count;
  const qvd::RowDecoder decoder(file.header);

  // Read all rows once: every index is in range, and this is what the table must hold. What comes
  // over a network is checked as it is sent, since reading it twice would cost twice.
  if (!source.is_remote()) {
    run_step("check", progress, result, [&] {
      expected = checksum_file(source, file.header, decoder, columns, options.streams, stop);
    });
  }

  // Create the staging table.
  Staging staging(endpoint, file.plan.table, options.run_id,
                  file.header.record_count > kSmallTableRows);
  run_step("create", progress, result, [&] {
    target_exists(connection, endpoint.database, file.plan.table);
    staging.create(connection, schema::table_definition(file.plan, file.header, endpoint.database),
                   columns);
    check_columns(connection, endpoint.database, staging.table(), columns);
  });

  // Stream the rows, then see that the file is still the one that was read.
  run_step("insert", progress, result, [&] {
    const Sent sent = insert_rows(source, file.header, decoder, columns, endpoint, staging.name(),
                                  options, progress, stop);
    result.bytes_sent = sent.bytes;
    if (sent.sums) expected = *sent.sums;
    source.check_unchanged();
  });

  // Compare what is in staging with what is in the file.
  run_step("verify", progress, result, [&] {
    const auto found = differences(
        columns, expected, checksum_table(connection, staging.name(), columns, options.streams));
    if (!found.empty()) {
      throw base::VerifyError(
          fmt::format("the staging table is not what is in the file: {}", fmt::join(found, "; ")));
    }
  });

  // Swap it in.
  run_step("swap", progress, result, [&] {
    staging.settle(connection);
    swap_tables(connection, endpoint.database, staging.table(), file.plan.table);
  });
  result.row_count = file.header.record_count;
  progress.step = "done";
}

std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      std::stop_token stop) {
  PreparedFile file = prepare(source, file_name, options);
  const std::vector<ColumnValues> columns = cast_columns(file, options.streams);
  const qvd::RowDecoder decoder(file.header);
  clickhouse::Connection connection(endpoint, stop);
  try {
    check_columns(connection, endpoint.database, file.plan.table, columns);
  } catch (const base::VerifyError& error) {
    return {error.what()};
  }
  const Checksums expected =
      checksum_file(source, file.header, decoder, columns, options.streams, stop);
  const Checksums found =
      checksum_table(connection, clickhouse::qualified(endpoint.database, file.plan.table), columns,
                     options.streams);
  return differences(columns, expected, found);
}

}  // namespace qvdhouse::load
