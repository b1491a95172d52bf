// What the tables of this module and of the catalogue share: their columns as lists of members, and
// how they are made, kept in shape, read, filled and emptied.
//
// A column is one line: its type follows from the type of the member, and so do its bytes. So
// names, types and encoding cannot disagree.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "clickhouse/dialect.h"
#include "tracking/row_binary.h"

namespace qvdhouse::tracking {

using clickhouse::ColumnDefinition;

// What ClickHouse makes of a member where its C++ type alone does not say.
enum class Kind {
  kPlain,  // String, UIntN, IntN, Float64
  kWord,   // LowCardinality(String): one of a few texts
  kTime,   // DateTime64(6, 'UTC') of microseconds; Int64 on a server without it
  kBool,   // Bool; UInt8 on a server without it
};

// Exactly as DESCRIBE says it.
template <class T, Kind kind = Kind::kPlain>
std::string type_name(const clickhouse::Dialect& dialect) {
  if constexpr (requires { typename T::value_type; } && !std::is_same_v<T, std::string>) {
    constexpr bool kIsNullable = std::is_same_v<T, std::optional<typename T::value_type>>;
    return (kIsNullable ? "Nullable(" : "Array(") +
           type_name<typename T::value_type, kind>(dialect) + ")";
  } else if constexpr (std::is_same_v<T, std::string> || std::is_enum_v<T>) {
    static_assert(kind == Kind::kPlain || kind == Kind::kWord);
    return kind == Kind::kWord ? "LowCardinality(String)" : "String";
  } else if constexpr (kind == Kind::kBool) {
    static_assert(std::is_same_v<T, bool>);
    return dialect.has_bool ? "Bool" : "UInt8";
  } else if constexpr (kind == Kind::kTime) {
    static_assert(std::is_same_v<T, std::int64_t>);
    return dialect.has_datetime64 ? "DateTime64(6, 'UTC')" : "Int64";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "Float" + std::to_string(8 * sizeof(T));
  } else {
    return (std::is_signed_v<T> ? "Int" : "UInt") + std::to_string(8 * sizeof(T));
  }
}

// A column of a table whose rows are Records.
template <class Record>
struct Column {
  std::string_view name;
  std::string (*type)(const clickhouse::Dialect&);
  void (*write)(RowWriter&, const Record&);
  void (*read)(RowReader&, Record&);  // null in tables that are only written
  std::string_view comment;
};

// The column that holds a member: column<&FileRecord::status, Kind::kWord>("status").
template <auto member, Kind kind = Kind::kPlain, class Record, class T>
constexpr Column<Record> column_of(T Record::* /*member*/, std::string_view name,
                                   std::string_view comment) {
  return {name, &type_name<T, kind>,
          [](RowWriter& writer, const Record& record) { writer(record.*member); },
          [](RowReader& reader, Record& record) { reader(record.*member); }, comment};
}
template <auto member, Kind kind = Kind::kPlain>
constexpr auto column(std::string_view name, std::string_view comment = {}) {
  return column_of<member, kind>(member, name, comment);
}

// In the order in which write_row() sends them.
template <class Columns>
std::vector<ColumnDefinition> definitions(const Columns& columns,
                                          const clickhouse::Dialect& dialect) {
  std::vector<ColumnDefinition> made;
  for (const auto& column : columns) {
    made.push_back({.name = std::string(column.name),
                    .type = column.type(dialect),
                    .comment = std::string(column.comment)});
  }
  return made;
}

template <class Columns, class Record>
void write_row(RowWriter& writer, const Columns& columns, const Record& record) {
  for (const auto& column : columns) column.write(writer, record);
}
template <class Columns, class Record>
void read_row(RowReader& reader, const Columns& columns, Record& record) {
  for (const auto& column : columns) column.read(reader, record);
}
// All rows of an answer.
template <class Record, class Columns>
std::vector<Record> read_rows(std::string_view row_binary, const Columns& columns) {
  std::vector<Record> rows;
  for (RowReader reader(row_binary); !reader.done();) {
    read_row(reader, columns, rows.emplace_back());
  }
  return rows;
}

// "`file_path`, `file_name`, …"
std::string column_list(const std::vector<ColumnDefinition>& columns);
// " COMMENT '…'", where tables can have one.
std::string comment(std::string_view text, const clickhouse::Dialect& dialect);

// ClickHouse's own database, which is always there; ours may have to be created first, and a
// request that names a missing database is refused whatever it asks.
clickhouse::Endpoint anywhere(clickhouse::Endpoint endpoint);

// Creates it where it is absent; who may not create databases need not, where it is there.
void ensure_database(clickhouse::Connection& connection, const std::string& database);

struct Table {
  std::string_view name;
  std::vector<ColumnDefinition> columns;
  std::string_view engine;  // with its key
  std::string_view comment;
  // Rows go so many days after their `started_at`; 0: never; none: nothing of the kind is set.
  std::optional<unsigned> days;
  // Rows of this condition go earlier; 0: they do not.
  unsigned early_days = 0;
  std::string_view early = {};
};

// Creates it where it is absent, and brings it up to date where an older version of qvdhouse or
// another setting of `days` made it; rows that are due on a server without TTL go now. Throws
// ConfigError as match_columns().
void ensure_table(clickhouse::Connection& connection, const std::string& database,
                  const Table& table);

// Adds columns that an older version of qvdhouse did not have. RowBinary carries no types, so what
// is in the table must be what is written: throws ConfigError when it is not.
void match_columns(clickhouse::Connection& connection, const std::string& database,
                   std::string_view table, const std::vector<ColumnDefinition>& wanted);

// RowBinary of SELECT `what` FROM table `rest`; empty also when the table or its database is not
// there.
std::string select_rows(clickhouse::Connection& connection, const std::string& database,
                        std::string_view what, std::string_view table, std::string_view rest);

// The same of `columns`; one that an older version of qvdhouse did not have, in a table that no run
// has brought up to date yet, has its type's default (String and UInt64 only).
std::string select_columns(clickhouse::Connection& connection, const std::string& database,
                           const std::vector<ColumnDefinition>& columns, std::string_view table,
                           std::string_view rest);

void insert_rows(clickhouse::Connection& connection, const std::string& database,
                 std::string_view table, const std::vector<ColumnDefinition>& columns,
                 std::span<const std::byte> row_binary);

// Returns when they are gone.
void delete_rows(clickhouse::Connection& connection, const std::string& database,
                 std::string_view table, const std::string& condition);

// The answer to `sql` (without FORMAT) as RowBinary; empty also when a table or its database is not
// there.
std::string ask(clickhouse::Connection& connection, const std::string& sql,
                const clickhouse::Settings& settings = {});

}  // namespace qvdhouse::tracking
