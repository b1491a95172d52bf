#include "clickhouse/names.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <limits>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

// The longest name of a file, on Linux, and the shortest such limit in use (eCryptfs).
constexpr std::size_t kLongestFileName = 255;
constexpr std::size_t kShortestLimit = 143;
// What stands beside the names of database and table in the name of a dropped table's file: two
// dots, a UUID, ".sql".
constexpr std::size_t kBesideNames = 42;
// 18.16 and all before 20.10 keep a table in "NAME.sql", which is written as "NAME.sql.tmp".
constexpr std::size_t kBesideNameOfOld = 8;
// ".bin", and of a column that has two of them ".null.bin" or ".dict.bin".
constexpr std::size_t kBesideColumn = 4;
constexpr std::size_t kBesideColumnOfTwo = 9;

bool is_stored_as_is(char c) {
  return base::is_upper(c) || base::is_lower(c) || base::is_digit(c) || c == '_';
}

}  // namespace

std::uint64_t table_hash(std::string_view database, std::string_view table) {
  std::string key(database);
  key += '\0';
  key += table;
  return XXH3_64bits(key.data(), key.size());
}

std::size_t stored_length(std::string_view name) {
  const auto plain = static_cast<std::size_t>(std::ranges::count_if(name, is_stored_as_is));
  return plain + 3 * (name.size() - plain);
}

std::size_t longest_table_name(Connection* connection, const Dialect& dialect,
                               const std::string& database) {
  if (!dialect.has_exchange) return kLongestFileName - kBesideNameOfOld;
  if (connection != nullptr) {
    try {
      return std::stoull(connection->query(fmt::format(
          "SELECT getMaxTableNameLengthForDatabase({}) FORMAT TSVRaw", quote_literal(database))));
    } catch (const base::ServerError& error) {
      if (error.code() != error_code::kUnknownFunction) throw;
    }
  }
  return kLongestFileName - std::min(kLongestFileName, stored_length(database) + kBesideNames);
}

std::size_t longest_column_name(const Dialect& dialect, const ColumnType& type) {
  if (dialect.has_long_columns) return std::numeric_limits<std::size_t>::max();
  const bool has_two = type.nullable || type.low_cardinality;
  return kLongestFileName - (has_two ? kBesideColumnOfTwo : kBesideColumn);
}

void check_table_name(Connection* connection, const Dialect& dialect, const std::string& database,
                      const std::string& table) {
  const std::size_t length = stored_length(table);
  if (length + stored_length(database) + kBesideNames <= kShortestLimit) return;
  const std::size_t longest = longest_table_name(connection, dialect, database);
  if (length <= longest) return;
  throw base::SchemaError(fmt::format(
      "table {}: its name takes {} bytes in the names of ClickHouse's files; expected at most {} "
      "in database {} (each byte that is not an ASCII letter, a digit or _ takes three: a Cyrillic "
      "letter six, a Chinese one nine): give the table a shorter name by a [[table]] rule with "
      "match and name, or rename the file",
      quote_identifier(table), length, longest, database));
}

}  // namespace qvdhouse::clickhouse
