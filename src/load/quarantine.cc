#include "load/quarantine.h"

#include <fmt/format.h>

#include <array>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/error_code.h"
#include "clickhouse/names.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "load/layout.h"
#include "schema/cast.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"

namespace qvdhouse::load {
namespace {

using clickhouse::quote_literal;
using tracking::Kind;

// How the comment of each quarantine table begins.
constexpr std::string_view kQuarantineComment = "qvdhouse: rows that break the rules of ";
// Rows are sent when they have come to so many bytes.
constexpr std::size_t kSentAtOnce = std::size_t{4} << 20;

struct Cell {
  std::string name;
  std::string value;
};

struct QuarantinedRow {
  std::string file;
  std::uint64_t version = 0;
  std::uint64_t row = 0;  // from 1
  std::string rule;
  std::string column;
  std::string value;
  std::string run_id;
  std::int64_t at_us = 0;
  std::vector<Cell> cells;  // those that are not NULL
};

constexpr std::array kRowColumns = {
    tracking::column<&QuarantinedRow::file>("_file"),
    tracking::column<&QuarantinedRow::version>("_version"),
    tracking::column<&QuarantinedRow::row>("row"),
    tracking::column<&QuarantinedRow::rule>("rule"),
    tracking::column<&QuarantinedRow::column>("column"),
    tracking::column<&QuarantinedRow::value>("value"),
    tracking::column<&QuarantinedRow::run_id>("run_id"),
    tracking::column<&QuarantinedRow::at_us, Kind::kTime>("quarantined_at"),
};

// Where servers have no Map: two arrays.
constexpr std::array kCellColumns = {
    tracking::column<&Cell::name>("cells.name"),
    tracking::column<&Cell::value>("cells.value"),
};

std::vector<clickhouse::ColumnDefinition> quarantine_columns(const clickhouse::Dialect& dialect) {
  auto columns = tracking::definitions(kRowColumns, dialect);
  if (dialect.has_map) {
    columns.push_back({.name = "cells", .type = "Map(String, String)", .codec = {}, .comment = {}});
    return columns;
  }
  for (clickhouse::ColumnDefinition& column : tracking::definitions(kCellColumns, dialect)) {
    column.type = "Array(" + column.type + ")";
    columns.push_back(std::move(column));
  }
  return columns;
}

void write_cells(tracking::RowWriter& writer, const std::vector<Cell>& cells,
                 const clickhouse::Dialect& dialect) {
  if (dialect.has_map) {
    writer.length(cells.size());
    for (const Cell& cell : cells) tracking::write_row(writer, kCellColumns, cell);
    return;
  }
  for (const auto& column : kCellColumns) {
    writer.length(cells.size());
    for (const Cell& cell : cells) column.write(writer, cell);
  }
}

// What of a row is summed, and the same in SQL.
std::string text_of(const QuarantinedRow& row) {
  std::string text = fmt::format("{}\n{}\n{}\n{}\n", row.row, row.rule, row.column, row.value);
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    text += fmt::format("{}{}={}:{}", i == 0 ? "" : ";", row.cells[i].name,
                        row.cells[i].value.size(), row.cells[i].value);
  }
  return text;
}
std::string hash_sql(const clickhouse::Dialect& dialect) {
  return fmt::format(
      "{}(concat(toString(row), '\\n', rule, '\\n', column, '\\n', value, '\\n', "
      "arrayStringConcat(arrayMap((k, v) -> concat(k, '=', toString(length(v)), ':', v), {}), "
      "';')))",
      dialect.hash == clickhouse::HashFunction::kXxh3 ? "xxh3" : "metroHash64",
      dialect.has_map ? "mapKeys(cells), mapValues(cells)" : "cells.name, cells.value");
}

// SQL: the rows that a load of the file replaces.
std::string condition_of(const QuarantineOf& of) {
  if (of.mode == schema::LoadMode::kReplace) return "1";
  std::string condition = fmt::format("_file = {}", quote_literal(of.file_key));
  if (of.mode == schema::LoadMode::kAppend) {
    condition += fmt::format(" AND _version = {}", of.version);
  }
  return condition;
}

QuarantineSums sums_where(clickhouse::Connection& connection, const std::string& table,
                          const std::string& condition) {
  QuarantineSums sums;
  const std::string answer =
      tracking::ask(connection, fmt::format("SELECT count(), sum({}) FROM {} WHERE {}",
                                            hash_sql(connection.endpoint().dialect),
                                            quoted(connection, table), condition));
  if (answer.empty()) return sums;
  tracking::RowReader reader(answer);
  reader(sums.row_count, sums.hash_sum);
  return sums;
}

// What a table of that name is.
enum class Found { kNone, kQuarantine, kOther };
Found find_quarantine(clickhouse::Connection& connection, const std::string& table) {
  const auto comment = clickhouse::table_comment(connection, connection.endpoint().database, table);
  if (!comment) return Found::kNone;
  const bool is_one =
      comment->starts_with(kQuarantineComment) || *comment == clickhouse::kReplicatedComment;
  return is_one ? Found::kQuarantine : Found::kOther;
}

// Parts that have nothing but such rows are dropped, which takes no time; the other rows are
// deleted.
void delete_there(clickhouse::Connection& connection, const std::string& table,
                  const std::string& condition) {
  const clickhouse::Endpoint& endpoint = connection.endpoint();
  clickhouse::catch_up(connection, endpoint.database, table);
  const std::string answer = tracking::ask(
      connection, fmt::format("SELECT _part, count(), countIf({0}) FROM {1} GROUP BY _part HAVING "
                              "countIf({0}) != 0",
                              condition, quoted(connection, table)));
  bool are_left = false;
  for (tracking::RowReader reader(answer); !reader.done();) {
    std::string part;
    std::uint64_t rows = 0;
    std::uint64_t matching = 0;
    reader(part, rows, matching);
    if (rows != matching || !endpoint.dialect.has_covering_parts) {
      are_left = true;
      continue;
    }
    try {
      connection.query(fmt::format("ALTER TABLE {} DROP PART {}", quoted(connection, table),
                                   quote_literal(part)));
    } catch (const base::ServerError&) {
      are_left = true;  // it was merged meanwhile
    }
  }
  if (are_left) tracking::delete_rows(connection, endpoint.database, table, condition);
}

// The same of a table that may not be there, or be another's.
void delete_where(clickhouse::Connection& connection, const std::string& table,
                  const std::string& condition) {
  if (find_quarantine(connection, table) != Found::kQuarantine) return;
  delete_there(connection, table, condition);
}

// Throws SchemaError for another's table, or one of files.
bool is_quarantine(clickhouse::Connection& connection, const std::string& table) {
  const std::string& database = connection.endpoint().database;
  const Found found = find_quarantine(connection, table);
  if (found != Found::kOther) return found == Found::kQuarantine;
  throw base::SchemaError(fmt::format(
      "table {}.{} exists and is not the quarantine of a table (its comment does not begin with "
      "\"{}\"); it is left as it is: rename it, or let the rules drop or warn",
      database, table, kQuarantineComment));
}

}  // namespace

QuarantineOf quarantine_of(const Target& target, const std::string& table) {
  return {.table = target.quarantine.empty() ? schema::quarantine_table(table) : target.quarantine,
          .mode = target.mode,
          .file_key = target.file_key,
          .version = target.mode == schema::LoadMode::kAppend ? target.version : 0};
}

struct QuarantineWriter::State {
  QuarantineOf of;
  const PreparedFile& file;
  const RowRules& rules;
  const qvd::RowDecoder& decoder;
  clickhouse::HashFunction function;
  clickhouse::Connection* connection;
  std::shared_future<void> created;
  std::vector<std::size_t> columns;  // of the plan, one a field
  std::vector<clickhouse::ColumnDefinition> definitions;
  std::mutex mutex;
  QuarantinedRow row;  // what is the same in all of them
  tracking::RowWriter writer;
  QuarantineSums sums;

  void flush() {
    if (connection != nullptr) {
      created.get();
      if (!writer.bytes().empty()) {
        tracking::insert_rows(*connection, connection->endpoint().database, of.table, definitions,
                              writer.bytes());
      }
    }
    writer = {};
  }
};

QuarantineWriter::QuarantineWriter(QuarantineOf of, const PreparedFile& file, const RowRules& rules,
                                   const qvd::RowDecoder& decoder,
                                   clickhouse::HashFunction function,
                                   clickhouse::Connection* connection,
                                   std::shared_future<void> created, std::string run_id,
                                   std::int64_t at_us)
    : state_(new State{.of = std::move(of),
                       .file = file,
                       .rules = rules,
                       .decoder = decoder,
                       .function = function,
                       .connection = connection,
                       .created = std::move(created),
                       .columns = {},
                       .definitions = {},
                       .mutex = {},
                       .row = {},
                       .writer = {},
                       .sums = {}}) {
  std::vector<bool> has_column(file.header.fields.size());
  for (std::size_t i = 0; i < file.plan.columns.size(); ++i) {
    const std::size_t field = file.plan.columns[i].field_index;
    if (field == schema::kNoField || has_column[field]) continue;
    has_column[field] = true;
    state_->columns.push_back(i);
  }
  if (connection != nullptr) {
    state_->definitions = quarantine_columns(connection->endpoint().dialect);
  }
  state_->row.file = state_->of.file_key;
  state_->row.version = state_->of.version;
  state_->row.run_id = std::move(run_id);
  state_->row.at_us = at_us;
}

QuarantineWriter::~QuarantineWriter() = default;

void QuarantineWriter::add(const std::byte* record, std::uint64_t row_number, std::size_t check) {
  State& state = *state_;
  const RowCheck& broken = state.rules.checks()[check];
  const std::lock_guard lock(state.mutex);
  QuarantinedRow& row = state.row;
  row.row = row_number + 1;
  row.rule = broken.check.rule;
  row.column = broken.column_name;
  row.value.clear();
  row.cells.clear();
  for (const std::size_t i : state.columns) {
    const schema::ColumnPlan& column = state.file.plan.columns[i];
    std::uint32_t code = 0;
    state.decoder.decode(column.field_index, record, row_number, {&code, 1});
    if (code == 0) continue;
    row.cells.push_back({column.name, schema::symbol_text(state.file.symbols[column.field_index],
                                                          code - 1, column)});
    if (column.field_index == broken.field_index) row.value = row.cells.back().value;
  }
  ++state.sums.row_count;
  state.sums.hash_sum += hash_text(text_of(row), state.function);
  if (state.connection == nullptr) return;
  tracking::write_row(state.writer, kRowColumns, row);
  write_cells(state.writer, row.cells, state.connection->endpoint().dialect);
  if (state.writer.bytes().size() >= kSentAtOnce) state.flush();
}

QuarantineSums QuarantineWriter::finish() {
  state_->flush();
  return state_->sums;
}

Quarantine::Quarantine(clickhouse::Endpoint endpoint, QuarantineOf of, std::string run_id,
                       std::int64_t at_us)
    : endpoint_(std::move(endpoint)),
      of_(std::move(of)),
      run_id_(std::move(run_id)),
      at_us_(at_us) {}

Quarantine::~Quarantine() {
  if (!is_there_ || stays_) return;
  try {
    clickhouse::Connection connection(endpoint_);
    delete_where(connection, of_.table, of_this_load());
  } catch (const base::Error&) {
    return;  // the next load of the file takes them away
  }
}

std::string Quarantine::of_this_load() const {
  const std::string_view at = endpoint_.dialect.has_datetime64
                                  ? "toUnixTimestamp64Micro(quarantined_at)"
                                  : "quarantined_at";
  return fmt::format("_file = {} AND {} = {} AND run_id = {}", quote_literal(of_.file_key), at,
                     at_us_, quote_literal(run_id_));
}

void Quarantine::create(clickhouse::Connection& connection, const std::string& of_table) {
  const clickhouse::Dialect& dialect = connection.endpoint().dialect;
  const std::string& database = connection.endpoint().database;
  if (!is_quarantine(connection, of_.table)) {
    clickhouse::check_table_name(&connection, dialect, database, of_.table);
    std::string sql =
        clickhouse::create_table_sql({.database = database,
                                      .name = of_.table,
                                      .columns = quarantine_columns(dialect),
                                      .order_by = {"_file", "_version", "row"},
                                      .partition_by = {},
                                      .ttl = {},
                                      .settings = {},
                                      .comment = fmt::format("{}{}", kQuarantineComment, of_table),
                                      .projection = {}},
                                     dialect);
    // Another file of the table may be first.
    constexpr std::string_view kCreate = "CREATE TABLE ";
    connection.query(sql.insert(kCreate.size(), "IF NOT EXISTS "));
    clickhouse::check_all_servers(connection, database, of_.table);
  }
  clickhouse::refuse_local_table(connection, database, of_.table);
  is_there_ = true;
}

std::unique_ptr<QuarantineWriter> Quarantine::writer(clickhouse::Connection& connection,
                                                     std::shared_future<void> created,
                                                     const PreparedFile& file,
                                                     const RowRules& rules,
                                                     const qvd::RowDecoder& decoder) const {
  return std::make_unique<QuarantineWriter>(of_, file, rules, decoder,
                                            connection.endpoint().dialect.hash, &connection,
                                            std::move(created), run_id_, at_us_);
}

void Quarantine::verify(clickhouse::Connection& connection, const QuarantineSums& expected) {
  QuarantineSums found;
  std::uint64_t others = 0;
  const std::string mine = of_this_load();
  const std::string answer = tracking::ask(
      connection,
      fmt::format("SELECT countIf({0}), sumIf({1}, {0}), countIf(NOT ({0})) FROM {2} WHERE {3}",
                  mine, hash_sql(endpoint_.dialect), quoted(connection, of_.table),
                  condition_of(of_)));
  tracking::RowReader reader(answer);
  reader(found.row_count, found.hash_sum, others);
  is_settled_ = others == 0;
  if (found == expected) return;
  throw base::VerifyError(fmt::format(
      "the quarantine table {} is not what is in the file: expected {} rows with the sum {:016x} "
      "of their hashes, found {} with {:016x}",
      of_.table, expected.row_count, expected.hash_sum, found.row_count, found.hash_sum));
}

void Quarantine::settle(clickhouse::Connection& connection) const {
  if (is_settled_) return;
  const std::string old = fmt::format("{} AND NOT ({})", condition_of(of_), of_this_load());
  if (is_there_) return delete_there(connection, of_.table, old);
  delete_where(connection, of_.table, old);
}

QuarantineSums quarantine_sums(clickhouse::Connection& connection, const QuarantineOf& of) {
  clickhouse::catch_up(connection, connection.endpoint().database, of.table);
  return sums_where(connection, of.table, condition_of(of));
}

void remove_quarantined(clickhouse::Connection& connection, const std::string& quarantine,
                        const std::string& file_key) {
  delete_where(connection, quarantine, fmt::format("_file = {}", quote_literal(file_key)));
}

std::vector<QuarantinedLoad> quarantined_loads(clickhouse::Connection& connection,
                                               const std::string& quarantine) {
  std::vector<QuarantinedLoad> loads;
  if (find_quarantine(connection, quarantine) != Found::kQuarantine) return loads;
  const std::string answer = tracking::ask(
      connection, fmt::format("SELECT _file, _version, run_id FROM {} GROUP BY _file, _version, "
                              "run_id",
                              quoted(connection, quarantine)));
  for (tracking::RowReader reader(answer); !reader.done();) {
    QuarantinedLoad& load = loads.emplace_back();
    reader(load.file_key, load.version, load.run_id);
  }
  return loads;
}

void remove_quarantined(clickhouse::Connection& connection, const std::string& quarantine,
                        const QuarantinedLoad& load) {
  delete_where(connection, quarantine,
               fmt::format("_file = {} AND _version = {} AND run_id = {}",
                           quote_literal(load.file_key), load.version, quote_literal(load.run_id)));
}

void drop_quarantine(clickhouse::Connection& connection, const std::string& table) {
  const std::string quarantine = schema::quarantine_table(table);
  if (find_quarantine(connection, quarantine) != Found::kQuarantine) return;
  connection.query(clickhouse::drop_table_sql(connection.endpoint().dialect,
                                              connection.endpoint().database, quarantine));
}

void rename_quarantine(clickhouse::Connection& connection, const std::string& from,
                       const std::string& to) {
  const std::string old = schema::quarantine_table(from);
  if (find_quarantine(connection, old) != Found::kQuarantine) return;
  connection.query(fmt::format("RENAME TABLE {} TO {}{}", quoted(connection, old),
                               quoted(connection, schema::quarantine_table(to)),
                               connection.endpoint().dialect.replication.on_cluster()));
}

}  // namespace qvdhouse::load
