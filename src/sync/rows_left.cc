#include "sync/rows_left.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "clickhouse/ddl.h"
#include "decide/decide.h"
#include "load/layout.h"
#include "schema/table_rules.h"
#include "tracking/row_binary.h"

namespace qvdhouse::sync {
namespace {

using tracking::FileRecord;
using tracking::FileState;
using Counts = std::map<std::string, std::uint64_t>;

bool may_have_left_rows(const FileRecord& file) {
  return file.status != FileState::kCompleted && file.status != FileState::kReset &&
         file.status != FileState::kMoved && !file.table_name.empty();
}

// Rows of a table by the key of their file; of a table of one file under the empty key. Empty when
// there is no such table.
Counts count_rows(clickhouse::Connection& connection, const std::string& table, bool& is_of_many) {
  const load::Layout layout = load::read_layout(connection, table);
  if (!layout.exists()) return {};
  is_of_many = std::ranges::any_of(
      layout.columns, [](const auto& column) { return column.name == schema::kFileColumn; });
  const std::string key =
      is_of_many ? fmt::format("toString({})", schema::kFileColumn) : std::string("''");
  const std::string answer = connection.query(
      fmt::format("SELECT {} AS file_key, count() FROM {}{} FORMAT RowBinary", key,
                  load::quoted(connection, table), is_of_many ? " GROUP BY file_key" : ""));
  Counts counts;
  for (tracking::RowReader reader(answer); !reader.done();) {
    std::string file_key;
    std::uint64_t count = 0;
    reader(file_key);
    reader(count);
    counts[std::move(file_key)] = count;
  }
  return counts;
}

}  // namespace

Counts rows_left(const std::vector<FileRecord>& files, tracking::Tracking& tracking,
                 clickhouse::Connection& connection) {
  std::map<std::string_view, std::vector<const FileRecord*>> suspects;  // by table
  std::set<std::string_view> loaded;                                    // tables
  for (const FileRecord& file : files) {
    if (may_have_left_rows(file)) suspects[file.table_name].push_back(&file);
    if (file.status == FileState::kCompleted) loaded.insert(file.table_name);
  }
  Counts left;
  if (suspects.empty()) return left;
  const std::set<std::string> tables = tracking.tables();
  for (const auto& [table, of_table] : suspects) {
    if (!tables.contains(std::string(table))) continue;  // most files that never loaded
    bool is_of_many = false;
    const Counts counts = count_rows(connection, std::string(table), is_of_many);
    if (!is_of_many && loaded.contains(table)) continue;
    for (const FileRecord* file : of_table) {
      const auto found = counts.find(is_of_many ? decide::file_key(*file) : std::string());
      if (found != counts.end()) left[file->file_path] = found->second;
    }
  }
  return left;
}

}  // namespace qvdhouse::sync
