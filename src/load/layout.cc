#include "load/layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/error.h"
#include "clickhouse/error_code.h"
#include "clickhouse/quote.h"
#include "clickhouse/table_engine.h"
#include "load/commit.h"
#include "schema/table_rules.h"
#include "tracking/row_binary.h"

namespace qvdhouse::load {
namespace {

// Elements of a key as the server writes it, "(_file, toYYYYMM(d))": the first two at most, which
// are plain names where we look at them.
std::vector<std::string_view> leading_elements(std::string_view key) {
  if (key.starts_with('(') && key.ends_with(')')) {
    key.remove_prefix(1);
    key.remove_suffix(1);
  }
  std::vector<std::string_view> elements;
  while (!key.empty() && elements.size() < 2) {
    const auto end = std::min(key.find(", "), key.size());
    elements.push_back(key.substr(0, end));
    key.remove_prefix(std::min(end + 2, key.size()));
  }
  return elements;
}

std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

std::string quoted(const clickhouse::Connection& connection, const std::string& table) {
  return clickhouse::qualified(connection.endpoint().database, table);
}

bool Layout::is_by_file(bool and_version) const {
  const auto elements = leading_elements(partition_key);
  if (elements.empty() || elements[0] != schema::kFileColumn) return false;
  return !and_version || (elements.size() > 1 && elements[1] == schema::kVersionColumn);
}

bool Layout::is_by_file_only(bool and_version) const {
  if (!is_by_file(and_version)) return false;
  return and_version
             ? partition_key == fmt::format("({}, {})", schema::kFileColumn, schema::kVersionColumn)
             : partition_key.find(", ") == std::string::npos;
}

bool Layout::fits(const Layout& other) const {
  return partition_key == other.partition_key && sorting_key == other.sorting_key &&
         primary_key == other.primary_key && sampling_key == other.sampling_key &&
         indexes == other.indexes &&
         std::ranges::equal(columns, other.columns, [](const auto& a, const auto& b) {
           return a.name == b.name && a.type == b.type;
         });
}

Layout read_layout(clickhouse::Connection& connection, const std::string& table) {
  const std::string& database = connection.endpoint().database;
  // The server writes keys and engines as SQL on one line, whatever is in their names and texts.
  // The comment is the last: it may have several lines.
  const std::string answer = connection.query(fmt::format(
      "SELECT concat(engine_full, '\\n', partition_key, '\\n', sorting_key, '\\n', primary_key, "
      "'\\n', sampling_key, '\\n', arrayStringConcat(extractAll(create_table_query, 'INDEX .*? "
      "TYPE .*? GRANULARITY [0-9]+'), ', '), '\\n', {}) FROM system.tables WHERE database = {} AND "
      "name = {} FORMAT TSVRaw",
      connection.endpoint().dialect.has_table_comment ? "comment" : "''",
      clickhouse::quote_literal(database), clickhouse::quote_literal(table)));
  if (answer.empty()) return {};
  std::string_view rest = answer;
  Layout layout;
  layout.engine = take_line(rest);
  layout.partition_key = take_line(rest);
  layout.sorting_key = take_line(rest);
  layout.primary_key = take_line(rest);
  layout.sampling_key = take_line(rest);
  layout.indexes = take_line(rest);
  layout.comment = rest;
  if (layout.comment.ends_with('\n')) layout.comment.pop_back();  // of the answer
  layout.columns = clickhouse::describe_table(connection, database, table);
  return layout;
}

Layout KnownLayout::get(clickhouse::Connection& connection, const std::string& table) {
  const std::lock_guard lock(mutex_);
  if (!layout_.exists() && is_our_table(connection, table)) {
    layout_ = read_layout(connection, table);
  }
  return layout_;
}

std::map<std::string, std::vector<std::string>> views_over(clickhouse::Connection& connection) {
  std::map<std::string, std::vector<std::string>> views;
  try {
    const std::string answer = connection.query(fmt::format(
        "SELECT name, arrayJoin(arrayMap((d, t) -> concat(d, '.', t), dependencies_database, "
        "dependencies_table)) AS view FROM system.tables WHERE database = {} ORDER BY name, view "
        "FORMAT RowBinary",
        clickhouse::quote_literal(connection.endpoint().database)));
    for (tracking::RowReader reader(answer); !reader.done();) {
      std::string name;
      std::string view;
      reader(name, view);
      views[name].push_back(view);
    }
  } catch (const base::ServerError& error) {
    if (error.code() != clickhouse::error_code::kUnknownIdentifier) throw;
  }
  return views;
}

std::string views_text(const std::string& table, const std::vector<std::string>& views) {
  return fmt::format(
      "{} {} by inserts into {}, and a load makes none: it swaps the table or its partitions",
      fmt::join(views, ", "),
      views.size() == 1 ? "is a materialized view that is fed"
                        : "are materialized views that are fed",
      table);
}

std::string engine_aside(const std::string& engine, clickhouse::Reach reach,
                         const clickhouse::Endpoint& endpoint, const std::string& name) {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  if (!endpoint.dialect.replication.is_on) return engine;
  return clickhouse::engine_for(clickhouse::local_engine(engine), endpoint.dialect,
                                endpoint.database, fmt::format("{}/{}", name, now), reach);
}

void create_like(clickhouse::Connection& connection, const std::string& name,
                 const std::string& table, const std::string& engine, const std::string& comment,
                 const clickhouse::Dialect& dialect) {
  const clickhouse::Endpoint& endpoint = connection.endpoint();
  std::string sql = fmt::format(
      "CREATE TABLE {}{} AS {} ENGINE = {}", clickhouse::qualified(endpoint.database, name),
      dialect.replication.on_cluster(), clickhouse::qualified(endpoint.database, table), engine);
  // Comments of columns come along, where a server without comments of tables has the table's.
  if (dialect.has_table_comment) sql += " COMMENT " + clickhouse::quote_literal(comment);
  connection.query(sql);
}

std::vector<std::string> partition_ids(clickhouse::Connection& connection, const std::string& table,
                                       const std::string& where) {
  const std::string& database = connection.endpoint().database;
  const std::string sql =
      where.empty()
          ? fmt::format(
                "SELECT DISTINCT partition_id FROM system.parts WHERE database = {} AND "
                "table = {} AND active AND rows != 0 FORMAT TSVRaw",
                clickhouse::quote_literal(database), clickhouse::quote_literal(table))
          // 18.16 dies of DISTINCT here, and of PREWHERE when nothing but a virtual column is read.
          : fmt::format(
                "SELECT _partition_id FROM {} WHERE {} GROUP BY _partition_id FORMAT TSVRaw",
                clickhouse::qualified(database, table), where);
  const std::string answer = connection.query(sql, {{"optimize_move_to_prewhere", "0"}});
  std::set<std::string> ids;
  for (std::string_view rest = answer; !rest.empty();) ids.emplace(take_line(rest));
  return {ids.begin(), ids.end()};
}

}  // namespace qvdhouse::load
