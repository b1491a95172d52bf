#include "load/load.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "load/checksum.h"
#include "load/stream.h"
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

// Casts every field's symbols to its columns' values, giving back each symbol table as it is done.
std::vector<ColumnValues> cast_columns(PreparedFile& file) {
  std::vector<ColumnValues> columns;
  for (std::size_t i = 0; i < file.plan.columns.size(); ++i) {
    const schema::ColumnPlan& column = file.plan.columns[i];
    columns.push_back({column.name, column.field_index,
                       schema::cast_symbols(file.symbols[column.field_index], column)});
    const bool field_done = i + 1 == file.plan.columns.size() ||
                            file.plan.columns[i + 1].field_index != column.field_index;
    if (field_done) file.symbols[column.field_index] = {};
  }
  return columns;
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
    connection.query(fmt::format("DROP TABLE {} SYNC", from));
  } else {
    connection.query(fmt::format("RENAME TABLE {} TO {}", from, to));
  }
}

// Drops the staging table of a load that did not end; what can not be dropped now (the server is
// gone) is dropped by the next run, which knows it by its name.
class StagingGuard {
 public:
  StagingGuard(const clickhouse::Endpoint& endpoint, std::string table)
      : endpoint_(endpoint), table_(std::move(table)) {}
  StagingGuard(const StagingGuard&) = delete;
  StagingGuard& operator=(const StagingGuard&) = delete;
  void release() { armed_ = false; }
  ~StagingGuard() {
    if (!armed_) return;
    try {
      // A connection of its own: the load's may be stopped.
      clickhouse::Connection(endpoint_).query(fmt::format("DROP TABLE IF EXISTS {} SYNC", table_));
    } catch (const base::Error&) {
      return;
    }
  }

 private:
  const clickhouse::Endpoint& endpoint_;
  std::string table_;
  bool armed_ = true;
};

}  // namespace

PreparedFile prepare(const base::ByteSource& source, const std::string& file_name,
                     const Options& options) {
  PreparedFile file;
  file.header = qvd::read_header(source);
  qvd::check_complete(file.header);
  const qvd::RowDecoder decoder(file.header);
  for (std::size_t i = 0; i < file.header.fields.size(); ++i) {
    file.symbols.push_back(qvd::read_symbols(source, file.header, i, options.invalid_utf8));
    file.may_be_null.push_back(decoder.may_be_null(i));
  }
  file.plan =
      schema::plan_table(file.header, file_name, file.symbols, file.may_be_null, options.policy);
  return file;
}

std::string staging_table(const std::string& table, const std::string& run_id) {
  return table + "__staging_" + run_id;
}

Result load_file(const base::ByteSource& source, const std::string& file_name,
                 const clickhouse::Endpoint& endpoint, const Options& options, Progress& progress,
                 Result& partial, std::stop_token stop) {
  Result& result = partial;
  result = {};
  PreparedFile file;
  std::vector<ColumnValues> columns;
  Checksums expected;
  clickhouse::Connection connection(endpoint, stop);

  // Read header and symbol tables, decide the columns, cast every distinct value.
  run_step("plan", progress, result, [&] {
    file = prepare(source, file_name, options);
    columns = cast_columns(file);
  });
  result.table = file.plan.table;
  result.column_count = columns.size();
  result.warnings = file.header.warnings;
  result.qvd_created_at = file.header.created_at;
  for (const schema::ColumnPlan& column : file.plan.columns) {
    result.columns.emplace_back(column.name, column.type.name());
  }
  progress.rows_total = file.header.record_count;
  const qvd::RowDecoder decoder(file.header);

  // Read all rows once: every index is in range, and this is what the table must hold.
  run_step("check", progress, result, [&] {
    expected = checksum_file(source, file.header, decoder, columns, options.streams, stop);
  });

  // Create the staging table.
  const std::string staging = staging_table(file.plan.table, options.run_id);
  const std::string staging_name = clickhouse::qualified(endpoint.database, staging);
  StagingGuard guard(endpoint, staging_name);
  run_step("create", progress, result, [&] {
    target_exists(connection, endpoint.database, file.plan.table);
    connection.query(fmt::format("DROP TABLE IF EXISTS {} SYNC", staging_name));
    auto definition = schema::table_definition(file.plan, file.header, endpoint.database);
    definition.name = staging;
    connection.query(clickhouse::create_table_sql(definition));
    check_columns(connection, endpoint.database, staging, columns);
  });

  // Stream the rows, then see that the file is still the one that was read.
  run_step("insert", progress, result, [&] {
    result.bytes_sent = insert_rows(source, file.header, decoder, columns, endpoint, staging_name,
                                    options, progress, stop);
    source.check_unchanged();
  });

  // Compare what is in staging with what is in the file.
  run_step("verify", progress, result, [&] {
    const auto found = differences(
        columns, expected,
        checksum_table(connection, staging_name, columns, choose_sample(columns), options.streams));
    if (!found.empty()) {
      throw base::VerifyError(
          fmt::format("the staging table is not what is in the file: {}", fmt::join(found, "; ")));
    }
  });

  // Swap it in.
  run_step("swap", progress, result, [&] {
    swap_tables(connection, endpoint.database, staging, file.plan.table);
    guard.release();
  });
  result.row_count = file.header.record_count;
  progress.step = "done";
  return result;
}

std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      std::stop_token stop) {
  PreparedFile file = prepare(source, file_name, options);
  const std::vector<ColumnValues> columns = cast_columns(file);
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
                     choose_sample(columns), options.streams);
  return differences(columns, expected, found);
}

}  // namespace qvdhouse::load
