#include "tracking/state_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/quantity.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "tracking/runs.h"
#include "tracking/tables.h"
#include "tracking/tracking.h"

namespace qvdhouse::tracking {
namespace {

using clickhouse::qualified;
using clickhouse::quote_identifier;
using nlohmann::json;

// The table that says what is loaded comes last: a file without its record is only loaded again.
constexpr std::array<std::string_view, 4> kTables = {kHistoryTable, kRunTable, kWorkflowTable,
                                                     kFileTable};

// Two dumps of one state are the same text.
std::string_view order_of(std::string_view table) {
  if (table == kHistoryTable) return "file_path, started_at, attempt_id";
  if (table == kRunTable) return "started_at, run_id";
  return table == kWorkflowTable ? "name" : "file_path";
}

constexpr std::string_view kEnd = R"({"end":)";
constexpr std::string_view kTableLine = R"({"table":")";
constexpr std::size_t kSentAtOnce = std::size_t{1} << 20;

bool is_time(const ColumnDefinition& column) { return column.type.starts_with("DateTime64"); }

// One row a key where rows replace each other.
std::string rows_of(const std::string& database, std::string_view table) {
  return qualified(database, table) + (table == kHistoryTable ? "" : " FINAL");
}

// A type that all servers have and JSON carries whole.
std::string plain_type(const ColumnDefinition& column) {
  if (is_time(column)) return "Int64";
  if (column.type == "Bool") return "UInt8";
  if (column.type == "LowCardinality(String)") return "String";
  return column.type;
}

const clickhouse::Settings kPlainJson = {{"output_format_json_quote_64bit_integers", "0"}};

std::uint64_t dump_table(clickhouse::Connection& connection, const std::string& database,
                         std::string_view table,
                         const std::function<void(std::string_view)>& write) {
  const auto columns = clickhouse::describe_table(connection, database, table);
  if (columns.empty()) return 0;
  clickhouse::catch_up(connection, database, table);
  std::string list;
  for (const ColumnDefinition& column : columns) {
    const std::string name = quote_identifier(column.name);
    const std::string value = is_time(column)                 ? "toUnixTimestamp64Micro({0})"
                              : plain_type(column) == "UInt8" ? "toUInt8({0})"
                                                              : "{0}";
    list += (list.empty() ? "" : ", ") + fmt::format(fmt::runtime(value + " AS {0}"), name);
  }
  write(fmt::format("{}{}\"}}\n", kTableLine, table));
  std::uint64_t rows = 0;
  connection.query_streamed(
      fmt::format("SELECT {} FROM (SELECT * FROM {}) ORDER BY {} FORMAT JSONEachRow", list,
                  rows_of(database, table), order_of(table)),
      [&](std::string_view bytes) {
        rows += static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
        write(bytes);
      },
      kPlainJson);
  return rows;
}

[[noreturn]] void throw_not_whole(const std::filesystem::path& file, std::uint64_t line,
                                  std::string_view expected) {
  throw base::InputError(
      fmt::format("{}:{}: expected {}; this is not a whole file of `qvdhouse state dump`, and "
                  "nothing of it was taken",
                  file.string(), line, expected));
}

// A file of which each part is read in order.
class StateReader {
 public:
  explicit StateReader(std::filesystem::path file) : file_(std::move(file)), in_(file_) {
    if (!in_) {
      throw base::IoError(
          fmt::format("{} cannot be read: {}", file_.string(), std::strerror(errno)));
    }
    next();
    const json head = json::parse(line_, nullptr, false);
    if (!head.is_object() || !head.contains("qvdhouse_state")) {
      throw_not_whole(file_, number_, "{\"qvdhouse_state\":1}");
    }
    if (head["qvdhouse_state"] != 1) {
      throw_not_whole(file_, number_, "a file of this version, {\"qvdhouse_state\":1}");
    }
    next();
  }

  bool is_table() const { return line_.starts_with(kTableLine); }
  bool is_end() const { return line_.starts_with(kEnd); }
  const std::string& line() const { return line_; }

  // The table whose rows follow.
  std::string take_table() {
    const json head = json::parse(line_, nullptr, false);
    if (!head.is_object() || !head["table"].is_string() ||
        std::ranges::find(kTables, head["table"].get<std::string>()) == kTables.end()) {
      throw_not_whole(file_, number_, "one of the tracking tables");
    }
    next();
    return head["table"];
  }
  // To the next line, which must be there.
  void next() {
    ++number_;
    if (!std::getline(in_, line_)) throw_not_whole(file_, number_, "a line {\"end\":true,…}");
  }
  // The number of rows that the last line says.
  std::uint64_t end_rows() const {
    const json end = json::parse(line_, nullptr, false);
    if (!end.is_object() || !end["rows"].is_number_unsigned()) {
      throw_not_whole(file_, number_, "{\"end\":true,\"rows\":N}");
    }
    return end["rows"];
  }
  void check_row() const {
    if (!json::accept(line_)) throw_not_whole(file_, number_, "a row as JSON");
  }
  [[noreturn]] void throw_wrong_count(std::uint64_t rows) const {
    throw_not_whole(file_, number_, fmt::format("as many rows as the file has, {}", rows));
  }

 private:
  std::filesystem::path file_;
  std::ifstream in_;
  std::string line_;
  std::uint64_t number_ = 0;
};

// Reads all of the file, to know that it is whole.
StateRows count_rows(const std::filesystem::path& file) {
  StateRows rows;
  std::uint64_t all = 0;
  StateReader reader(file);
  while (!reader.is_end()) {
    std::uint64_t& of_table = rows[reader.take_table()];
    for (; !reader.is_table() && !reader.is_end(); reader.next()) {
      reader.check_row();
      ++of_table;
      ++all;
    }
  }
  if (reader.end_rows() != all) reader.throw_wrong_count(all);
  return rows;
}

// INSERT that makes the table's types of the plain ones.
std::string insert_sql(const std::string& database, const std::string& table,
                       const std::vector<ColumnDefinition>& columns,
                       const clickhouse::Dialect& dialect) {
  const std::string into = qualified(database, table);
  if (!dialect.has_datetime64) {
    return fmt::format("INSERT INTO {} ({}) FORMAT JSONEachRow", into, column_list(columns));
  }
  std::string structure;
  std::string values;
  for (const ColumnDefinition& column : columns) {
    const std::string name = quote_identifier(column.name);
    structure += fmt::format("{}{} {}", structure.empty() ? "" : ", ", name, plain_type(column));
    values += values.empty() ? "" : ", ";
    values += is_time(column) ? fmt::format("fromUnixTimestamp64Micro({}, 'UTC')", name) : name;
  }
  return fmt::format("INSERT INTO {} ({}) SELECT {} FROM input({}) FORMAT JSONEachRow", into,
                     column_list(columns), values, clickhouse::quote_literal(structure));
}

// The rows up to the next table or the end.
void insert_section(clickhouse::Connection& connection, const std::string& database,
                    const std::string& table, StateReader& reader) {
  const auto columns = clickhouse::describe_table(connection, database, table);
  std::string piece;
  const auto next = [&]() -> std::span<const std::byte> {
    piece.clear();
    for (; piece.size() < kSentAtOnce && !reader.is_table() && !reader.is_end(); reader.next()) {
      piece += reader.line();
      piece += '\n';
    }
    return std::as_bytes(std::span(piece));
  };
  // What a newer version knows beside, this one leaves out; durations are read to the last bit,
  // except by servers as old as 18.16, which do not know the setting.
  connection.insert(insert_sql(database, table, columns, connection.endpoint().dialect), next,
                    {{"input_format_skip_unknown_fields", "1"}, {"precise_float_parsing", "1"}});
}

std::uint64_t count_of(clickhouse::Connection& connection, const std::string& database,
                       std::string_view table) {
  const std::string count =
      connection.query(fmt::format("SELECT count() FROM {} FORMAT TSV", rows_of(database, table)));
  return std::stoull(count);
}

void refuse_known_state(clickhouse::Connection& connection, const std::string& database) {
  // What it knows of files is told first.
  for (auto table = kTables.rbegin(); table != kTables.rend(); ++table) {
    const std::uint64_t rows = count_of(connection, database, *table);
    if (rows == 0) continue;
    throw base::ConfigError(fmt::format(
        "the tracking tables of database {} know {} already; nothing was changed: name another "
        "target, or let the file take their place with --replace",
        database,
        *table == kFileTable
            ? base::format_quantity(rows, "file")
            : fmt::format("{} of {}", base::format_quantity(rows, "row"), *table)));
  }
}

}  // namespace

StateRows dump_state(clickhouse::Connection& connection, const std::string& database,
                     const std::function<void(std::string_view)>& write) {
  StateRows rows;
  std::uint64_t all = 0;
  write("{\"qvdhouse_state\":1}\n");
  for (const std::string_view table : kTables) {
    const std::uint64_t of_table = dump_table(connection, database, table, write);
    rows.emplace(table, of_table);
    all += of_table;
  }
  write(fmt::format("{}true,\"rows\":{}}}\n", kEnd, all));
  return rows;
}

StateFile::StateFile(std::filesystem::path path)
    : path_(std::move(path)), rows_(count_rows(path_)) {}

StateRows restore_state(clickhouse::Connection& connection, const std::string& database,
                        unsigned history_days, const StateFile& file, bool replaces) {
  Tracking(connection.endpoint(), database, history_days).ensure_tables();
  Runs(connection.endpoint(), database, history_days).ensure_tables();
  if (replaces) {
    for (const std::string_view table : kTables) delete_rows(connection, database, table, "1");
  } else {
    refuse_known_state(connection, database);
  }
  StateReader reader(file.path());
  while (!reader.is_end()) {
    const std::string table = reader.take_table();
    insert_section(connection, database, table, reader);
  }
  for (const auto& [table, expected] : file.rows()) {
    const std::uint64_t found = count_of(connection, database, table);
    if (found == expected) continue;
    throw base::VerifyError(
        fmt::format("{}: expected {} in table {}, found {}; restore it again with --replace",
                    file.path().string(), base::format_quantity(expected, "row"), table,
                    base::format_count(found)));
  }
  return file.rows();
}

}  // namespace qvdhouse::tracking
