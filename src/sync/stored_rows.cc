#include "sync/stored_rows.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "load/layout.h"
#include "schema/table_rules.h"
#include "tracking/row_binary.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;
using tracking::FileState;
using Counts = std::map<std::string, std::uint64_t>;

Counts read_counts(const std::string& answer) {
  Counts counts;
  for (tracking::RowReader reader(answer); !reader.done();) {
    std::string name;
    std::uint64_t count = 0;
    reader(name, count);
    counts[std::move(name)] = count;
  }
  return counts;
}

// Rows by table, many tables at a time.
Counts count_tables(clickhouse::Connection& connection, const std::set<std::string>& tables) {
  constexpr std::size_t kAtOnce = 100;
  Counts counts;
  for (auto table = tables.begin(); table != tables.end();) {
    std::string sql;
    for (std::size_t i = 0; i < kAtOnce && table != tables.end(); ++i, ++table) {
      sql += fmt::format("{}SELECT {} AS name, count() AS rows FROM {}",
                         sql.empty() ? "" : " UNION ALL ", clickhouse::quote_literal(*table),
                         load::quoted(connection, *table));
    }
    counts.merge(read_counts(connection.query(sql + " FORMAT RowBinary")));
  }
  return counts;
}

// Names of the tables that have the column which says whose a row is.
Counts tables_of_many(clickhouse::Connection& connection) {
  return read_counts(connection.query(fmt::format(
      "SELECT table, toUInt64(1) FROM system.columns WHERE database = {} AND name = {} FORMAT "
      "RowBinary",
      clickhouse::quote_literal(connection.endpoint().database),
      clickhouse::quote_literal(schema::kFileColumn))));
}

// Rows of a table of many files by the key of their file.
Counts count_files(clickhouse::Connection& connection, const std::string& table) {
  return read_counts(connection.query(fmt::format(
      "SELECT toString({}) AS file_key, count() FROM {} GROUP BY file_key FORMAT RowBinary",
      schema::kFileColumn, load::quoted(connection, table))));
}

// What tracking says, where that is all that the table has.
bool is_as_tracked(const std::vector<const FileRecord*>& files, std::uint64_t rows) {
  std::uint64_t tracked = 0;
  for (const FileRecord* file : files) {
    if (file->status != FileState::kCompleted) return false;
    tracked += file->row_count;
  }
  return tracked == rows;
}

}  // namespace

Counts stored_rows(const std::vector<FileRecord>& files, tracking::Tracking& tracking,
                   clickhouse::Connection& connection) {
  std::map<std::string, std::vector<const FileRecord*>> owners;  // by table
  std::set<std::string> loaded;                                  // tables
  for (const FileRecord& file : files) {
    if (file.status == FileState::kReset || file.status == FileState::kMoved) continue;
    if (file.table_name.empty()) continue;
    const std::string table =
        decide::all_rows_of(decide::mode_of_hash(file.settings_hash), file.table_name);
    owners[table].push_back(&file);
    if (file.status == FileState::kCompleted) loaded.insert(table);
  }
  std::set<std::string> tables = tracking.tables();
  std::erase_if(tables, [&](const std::string& table) { return !owners.contains(table); });
  const Counts totals = count_tables(connection, tables);
  const Counts of_many = tables_of_many(connection);
  Counts stored;
  for (const auto& [table, of_table] : owners) {
    const auto total = totals.find(table);
    const bool is_of_many = of_many.contains(table);
    const bool is_known =
        total == totals.end() || !is_of_many || is_as_tracked(of_table, total->second);
    const Counts counts = is_known ? Counts() : count_files(connection, table);
    for (const FileRecord* file : of_table) {
      const bool is_loaded = file->status == FileState::kCompleted;
      std::optional<std::uint64_t> rows;
      if (is_loaded) rows = 0;
      if (total == totals.end()) {
        // there is no such table: most files that never loaded
      } else if (!is_of_many) {
        if (is_loaded || !loaded.contains(table)) rows = total->second;
      } else if (is_known) {
        rows = file->row_count;
      } else if (const auto found = counts.find(decide::file_key(*file)); found != counts.end()) {
        rows = found->second;
      }
      if (rows) stored[file->file_path] = *rows;
    }
  }
  return stored;
}

}  // namespace qvdhouse::sync
