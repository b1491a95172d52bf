#include "load/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "load/checksum.h"
#include "load/doubtful_rows.h"
#include "load/layout.h"
#include "load/staging.h"
#include "load/stream.h"
#include "load/table_checksum.h"

namespace qvdhouse::load {
namespace {

constexpr const char* kRebuiltMark = "_rebuilt";  // of another staging table of the same run

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

// Rows that were probably never written: told, or not taken.
void check_written(const base::ByteSource& source, const qvd::TableHeader& header,
                   ZeroTail zero_tail, const std::stop_token& stop, Result& result) {
  const DoubtfulRows rows = find_doubtful_rows(source, header, stop);
  if (rows.empty()) return;
  const std::string text = text_of(rows, header);
  if (zero_tail == ZeroTail::kError) {
    throw base::InputError(
        fmt::format("{}; zero_tail = \"error\" refuses such files: store or copy it again, or set "
                    "zero_tail = \"warn\"",
                    text),
        {.field = {}, .byte_offset = header.body_offset + header.rows_offset});
  }
  result.add_alert(fmt::format(
      "{}; they are loaded as they are: compare the file with its source (zero_tail = \"error\" "
      "refuses such files)",
      text));
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

// Puts the columns into the order that the table has them in; new ones stay at the end.
void order_like(const Layout& table, schema::TablePlan& plan) {
  std::unordered_map<std::string_view, std::size_t> positions;
  for (const clickhouse::ColumnDefinition& column : table.columns) {
    positions.emplace(column.name, positions.size());
  }
  const auto position = [&](const schema::ColumnPlan& column) {
    const auto found = positions.find(column.name);
    return found == positions.end() ? positions.size() : found->second;
  };
  std::ranges::stable_sort(plan.columns, {}, position);
}

// {table} and {file} are the quoted table and the file's key as a literal.
void run_sql(clickhouse::Connection& connection, const std::vector<std::string>& statements,
             const Target& target, const std::string& table) {
  const std::vector<std::pair<std::string_view, std::string>> values = {
      {"{table}", quoted(connection, table)},
      {"{file}", clickhouse::quote_literal(target.file_key)}};
  for (const std::string& statement : statements) {
    std::string sql;
    for (std::string_view rest = statement; !rest.empty();) {
      const auto found = std::ranges::find_if(
          values, [&](const auto& value) { return rest.starts_with(value.first); });
      if (found == values.end()) {
        sql += rest.front();
        rest.remove_prefix(1);
      } else {
        sql += found->second;
        rest.remove_prefix(found->first.size());
      }
    }
    connection.query(sql);
  }
}

// Streams the rows, then sees that the file is still the one that was read.
Sent send_rows(const base::ByteSource& source, const PreparedFile& file,
               const qvd::RowDecoder& decoder, std::span<const ColumnValues> columns,
               const Staging& staging, const clickhouse::Endpoint& endpoint, const Options& options,
               const Target& target, Progress& progress, const std::stop_token& stop) {
  constexpr int kTooManyParts = 252;
  try {
    Sent sent = insert_rows(source, file.header, decoder, columns, endpoint, staging.name(),
                            options, progress, stop);
    source.check_unchanged();
    return sent;
  } catch (const base::ServerError& error) {
    const bool of_a_block = std::string_view(error.what()).find("partitions for single INSERT") !=
                            std::string_view::npos;
    if (error.code() != kTooManyParts || !of_a_block || !target.is_set()) throw;
    refuse_partition_by(target.rules.partition_by, fmt::format("more than {}", kMostPartitions));
  }
}

void verify_staged(clickhouse::Connection& connection, const Staging& staging,
                   std::span<const ColumnValues> columns, const Checksums& expected,
                   const Options& options, const Target& target) {
  const auto found = differences(
      columns, expected, checksum_table(connection, staging.name(), columns, options.streams));
  if (!found.empty()) {
    throw base::VerifyError(
        fmt::format("the staging table is not what is in the file: {}", fmt::join(found, "; ")));
  }
  if (target.is_set()) single_partition(connection, staging.table(), target.rules.partition_by);
}

}  // namespace

double Result::seconds() const {
  double sum = 0;
  for (const Step& step : steps) sum += step.seconds();
  return sum;
}

void Result::add_alert(const std::string& alert) {
  warnings.push_back(alert);
  alerts.push_back(alert);
}

void Result::add_changes(const std::vector<schema::ColumnChange>& changes) {
  for (const schema::ColumnChange& change : changes) add_alert(schema::said_of(change));
  column_changes.insert(column_changes.end(), changes.begin(), changes.end());
}

StagedFile::StagedFile(std::unique_ptr<Staging> staging, std::string aside, StagedRows rows,
                       clickhouse::TableDefinition definition, std::uint64_t row_count,
                       std::vector<schema::ColumnChange> column_changes)
    : staging_(std::move(staging)),
      aside_(std::move(aside)),
      rows_(std::move(rows)),
      definition_(std::move(definition)),
      row_count_(row_count),
      column_changes_(std::move(column_changes)) {}

std::unique_ptr<StagedFile> stage_file(const base::ByteSource& source, const std::string& file_name,
                                       const clickhouse::Endpoint& endpoint, const Options& options,
                                       const Target& target, Progress& progress, Result& result,
                                       std::stop_token stop) {
  result = {};
  PreparedFile file;
  std::vector<ColumnValues> columns;
  Checksums expected;
  clickhouse::Connection connection(endpoint, stop);

  // Read header and symbol tables, decide the columns, cast every distinct value.
  Layout live;  // of a set that exists
  run_step("plan", progress, result, [&] {
    file = prepare(source, file_name, options, target, stop);
    if (is_our_table(connection, file.plan.table) && target.is_set() && !target.is_remade) {
      live = read_layout(connection, file.plan.table);
      order_like(live, file.plan);
    }
    columns = cast_columns(file, options.streams, stop);
    run_sql(connection, target.rules.pre_sql, target, file.plan.table);
  });
  describe(file, result);
  check_written(source, file.header, options.zero_tail, stop, result);
  progress.rows_total = file.header.record_count;
  const qvd::RowDecoder decoder(file.header);

  // Read all rows once: every index is in range, and this is what the table must hold. What comes
  // over a network is checked as it is sent, since reading it twice would cost twice.
  if (!source.is_remote()) {
    run_step("check", progress, result, [&] {
      expected = checksum_file(source, file.header, decoder, columns, endpoint.dialect.hash,
                               options.streams, stop);
    });
  }

  // Create the staging table.
  const clickhouse::TableDefinition definition = schema::table_definition(
      file.plan, file.header, endpoint.database, target.rules, target.mode);
  auto staging = std::make_unique<Staging>(
      endpoint, staging_table(endpoint.database, file.plan.table, options.run_id, target.number),
      file.header.record_count > kSmallTableRows);
  run_step("create", progress, result, [&] {
    if (live.exists()) {
      staging->create_like(connection, file.plan.table, live, columns);
    } else {
      staging->create(connection, definition, columns);
    }
    check_columns(connection, endpoint.database, staging->table(), columns);
  });

  // Stream the rows.
  run_step("insert", progress, result, [&] {
    const Sent sent = send_rows(source, file, decoder, columns, *staging, endpoint, options, target,
                                progress, stop);
    result.bytes_sent = sent.bytes;
    if (sent.sums) expected = *sent.sums;
  });

  // Compare what is in staging with what is in the file.
  run_step("verify", progress, result, [&] {
    verify_staged(connection, *staging, columns, expected, options, target);
    staging->settle(connection);
  });
  StagedRows rows{.staging = staging->table(),
                  .file_key = target.file_key,
                  .version = target.version,
                  .keeps_versions = target.mode == schema::LoadMode::kAppend};
  std::string aside = staging_table(endpoint.database, file.plan.table,
                                    options.run_id + kRebuiltMark, target.number);
  return std::make_unique<StagedFile>(std::move(staging), std::move(aside), std::move(rows),
                                      definition, file.header.record_count,
                                      std::move(file.column_changes));
}

namespace {

// The staged rows as a table of one file. On replicas a swap would show the rows of a replica that
// has not fetched them yet, so the staging table stays where it is.
void replace_table(clickhouse::Connection& connection, const StagedFile& file) {
  const std::string& table = file.definition().name;
  if (!connection.endpoint().dialect.replication.is_on) {
    swap_in(connection, file.rows().staging, table);
  } else if (!replace_whole(connection, file.rows().staging, file.definition())) {
    rebuild(connection, file.definition(), file.aside(), table, {file.rows()}, {}, false);
  }
}

}  // namespace

bool commit_file(const StagedFile& file, const clickhouse::Endpoint& endpoint, const Target& target,
                 Progress& progress, Result& result, std::stop_token stop) {
  const std::string& table = file.definition().name;
  clickhouse::Connection connection(endpoint, std::move(stop));
  bool committed = true;
  run_step("swap", progress, result, [&] {
    if (target.mode == schema::LoadMode::kReplace) {
      replace_table(connection, file);
      result.add_changes(file.column_changes());
    } else {
      committed = replace_partition(connection, file.rows(), table);
    }
    if (committed) run_post_sql(connection, target, table);
  });
  if (!committed) return false;
  result.row_count = file.row_count();
  progress.step = "done";
  return true;
}

void run_post_sql(clickhouse::Connection& connection, const Target& target,
                  const std::string& table) {
  run_sql(connection, target.rules.post_sql, target, table);
}

void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, const Target& target,
               Progress& progress, Result& result, std::stop_token stop) {
  const auto file =
      stage_file(source, file_name, endpoint, options, target, progress, result, stop);
  if (commit_file(*file, endpoint, target, progress, result, stop)) return;
  const std::string& table = file->definition().name;
  clickhouse::Connection connection(endpoint, stop);
  run_step("rebuild", progress, result, [&] {
    rebuild(connection, file->definition(), staging_table(endpoint.database, table, options.run_id),
            table, {file->rows()}, {});
    run_post_sql(connection, target, table);
  });
  result.row_count = file->row_count();
  progress.step = "done";
}

void load_file(const base::ByteSource& source, const std::string& file_name,
               const clickhouse::Endpoint& endpoint, const Options& options, Progress& progress,
               Result& result, std::stop_token stop) {
  load_file(source, file_name, endpoint, options, Target(), progress, result, std::move(stop));
}

std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      const Target& target, std::stop_token stop) {
  clickhouse::Connection connection(endpoint, stop);
  PreparedFile file = prepare(source, file_name, options, target, stop);
  const Layout live = read_layout(connection, file.plan.table);
  order_like(live, file.plan);
  std::vector<ColumnValues> columns = cast_columns(file, options.streams, stop);
  const qvd::RowDecoder decoder(file.header);
  try {
    check_columns(connection, endpoint.database, file.plan.table, columns);
  } catch (const base::VerifyError& error) {
    return {error.what()};
  }
  // Nobody knows any more when the rows were loaded, nor wants to compare it.
  std::erase_if(columns, [](const ColumnValues& column) {
    return column.field_index == schema::kNoField && column.name == schema::kLoadedAtColumn;
  });
  const StagedRows rows{.staging = {},
                        .file_key = target.file_key,
                        .version = target.version,
                        .keeps_versions = target.mode == schema::LoadMode::kAppend};
  const Checksums expected = checksum_file(source, file.header, decoder, columns,
                                           endpoint.dialect.hash, options.streams, stop);
  const Checksums found =
      checksum_table(connection, clickhouse::qualified(endpoint.database, file.plan.table), columns,
                     options.streams, target.is_set() ? rows_of(rows) : std::string());
  return differences(columns, expected, found);
}

std::vector<std::string> verify_table(const base::ByteSource& source, const std::string& file_name,
                                      const clickhouse::Endpoint& endpoint, const Options& options,
                                      std::stop_token stop) {
  return verify_table(source, file_name, endpoint, options, Target(), std::move(stop));
}

}  // namespace qvdhouse::load
