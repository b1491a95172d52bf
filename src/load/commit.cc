#include "load/commit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <sstream>

#include "base/error.h"
#include "clickhouse/quote.h"
#include "load/layout.h"
#include "load/rebuild.h"
#include "schema/plan.h"
#include "schema/table_rules.h"

namespace qvdhouse::load {
namespace {

using clickhouse::quote_literal;

// Where a server without EXCHANGE keeps the old table for the moment of a swap. No run's name is in
// it: whoever comes next must find it.
std::string swapped_out(const std::string& table) { return table + "__swapped_out"; }

// A name that no killed server has left a folder of, which 18.16 would stumble over.
std::string new_swapped_out(const std::string& table) {
  return fmt::format("{}_{:x}", swapped_out(table),
                     std::chrono::system_clock::now().time_since_epoch().count());
}

void run_on_partition(clickhouse::Connection& connection, const std::string& table,
                      const std::string& what, const std::string& id,
                      const std::string& from = {}) {
  connection.query(fmt::format("ALTER TABLE {} {} PARTITION ID {}{}", quoted(connection, table),
                               what, quote_literal(id),
                               from.empty() ? "" : " FROM " + quoted(connection, from)));
}

}  // namespace

bool is_our_table(clickhouse::Connection& connection, const std::string& table) {
  const std::string& database = connection.endpoint().database;
  const auto comment = clickhouse::table_comment(connection, database, table);
  if (!comment) return false;
  if (!comment->starts_with(schema::kTableCommentPrefix)) {
    throw base::SchemaError(fmt::format(
        "table {}.{} exists and was not made by qvdhouse (its comment does not begin with \"{}\"); "
        "it is left as it is: rename it, or choose another name by table_prefix",
        database, table, schema::kTableCommentPrefix));
  }
  return true;
}

void finish_swap(clickhouse::Connection& connection, const std::string& table) {
  if (connection.endpoint().dialect.has_exchange) return;
  const std::string names = connection.query(fmt::format(
      "SELECT name FROM system.tables WHERE database = {} AND substring(name, 1, {}) = {} ORDER BY "
      "name FORMAT TSVRaw",
      quote_literal(connection.endpoint().database), swapped_out(table).size(),
      quote_literal(swapped_out(table))));
  std::istringstream lines(names);  // of ours there is one at most
  for (std::string old; std::getline(lines, old);) {
    if (!is_our_table(connection, old)) continue;
    connection.query(is_our_table(connection, table)
                         ? fmt::format("DROP TABLE {}", quoted(connection, old))
                         : fmt::format("RENAME TABLE {} TO {}", quoted(connection, old),
                                       quoted(connection, table)));
  }
}

void swap_in(clickhouse::Connection& connection, const std::string& staging,
             const std::string& table) {
  const std::string from = quoted(connection, staging);
  const std::string to = quoted(connection, table);
  finish_swap(connection, table);
  if (!is_our_table(connection, table)) {
    connection.query(fmt::format("RENAME TABLE {} TO {}", from, to));
  } else if (connection.endpoint().dialect.has_exchange) {
    connection.query(fmt::format("EXCHANGE TABLES {} AND {}", from, to));
  } else {
    const std::string old = quoted(connection, new_swapped_out(table));
    connection.query(fmt::format("RENAME TABLE {1} TO {2}, {0} TO {1}, {2} TO {0}", from, to, old));
  }
}

void refuse_partition_by(const std::string& partition_by, const std::string& count) {
  throw base::SchemaError(fmt::format(
      "partition_by {} has {} values within this file; expected one, so that the file's rows can "
      "be replaced as a whole: choose an expression that is constant within each file (a part of "
      "its name, say), or leave partition_by away",
      partition_by, count));
}

std::string single_partition(clickhouse::Connection& connection, const std::string& staging,
                             const std::string& partition_by) {
  const auto ids = partition_ids(connection, staging);
  if (ids.size() > 1) refuse_partition_by(partition_by, std::to_string(ids.size()));
  return ids.empty() ? std::string() : ids.front();
}

bool replace_partition(clickhouse::Connection& connection, const StagedRows& rows,
                       const std::string& table) {
  const Layout layout = read_layout(connection, table);
  if (!layout.is_by_file(rows.keeps_versions)) return false;
  const std::string staged = single_partition(connection, rows.staging, layout.partition_key);
  const bool may_replace = connection.endpoint().dialect.has_covering_parts;
  if (staged.empty() || !may_replace || !layout.is_by_file_only(rows.keeps_versions)) {
    const auto live = partition_ids(connection, table, rows_of(rows));
    if (live.size() > 1 || (!may_replace && !live.empty())) return false;
    if (staged.empty()) {
      if (!live.empty()) run_on_partition(connection, table, "DROP", live.front());
      return true;
    }
    if (!live.empty() && live.front() != staged) return false;
  }
  run_on_partition(connection, table, "REPLACE", staged, rows.staging);
  return true;
}

bool delete_file(clickhouse::Connection& connection, const std::string& table,
                 const std::string& file_key, const std::string& aside) {
  if (!is_our_table(connection, table)) return false;
  const StagedRows gone{.file_key = file_key};
  const auto live = partition_ids(connection, table, rows_of(gone));
  if (live.empty()) return false;
  if (live.size() == 1 && connection.endpoint().dialect.has_covering_parts &&
      read_layout(connection, table).is_by_file(false)) {
    run_on_partition(connection, table, "DROP", live.front());
  } else {
    rebuild_without(connection, aside, table, file_key);
  }
  return true;
}

}  // namespace qvdhouse::load
