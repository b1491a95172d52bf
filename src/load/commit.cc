#include "load/commit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clickhouse/error_code.h"
#include "clickhouse/names.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "clickhouse/table_engine.h"
#include "load/layout.h"
#include "load/staging.h"
#include "schema/plan.h"
#include "schema/table_rules.h"
#include "tracking/row_binary.h"

namespace qvdhouse::load {
namespace {

using clickhouse::quote_literal;

void run_on_partition(clickhouse::Connection& connection, const std::string& table,
                      const std::string& what, const std::string& id,
                      const std::string& from = {}) {
  connection.query(fmt::format("ALTER TABLE {} {} PARTITION ID {}{}", quoted(connection, table),
                               what, quote_literal(id),
                               from.empty() ? "" : " FROM " + quoted(connection, from)));
}

std::string on_cluster(const clickhouse::Connection& connection) {
  return connection.endpoint().dialect.replication.on_cluster();
}

// Renames `old` to `table`. A server that was killed between the two steps of a rename (18.16 moves
// the folder first) leaves a folder of the new name that is no table, and refuses to rename
// anything to it. It becomes a table for a moment, so that dropping it takes the folder away; the
// rows in it are those of an unfinished load.
void bring_back(clickhouse::Connection& connection, const std::string& old,
                const std::string& table) {
  constexpr int kDirectoryAlreadyExists = 84;
  const std::string rename = fmt::format("RENAME TABLE {} TO {}{}", quoted(connection, old),
                                         quoted(connection, table), on_cluster(connection));
  try {
    connection.query(rename);
  } catch (const base::ServerError& error) {
    if (error.code() != kDirectoryAlreadyExists) throw;
    const std::string made = connection.query(
        fmt::format("SHOW CREATE TABLE {} FORMAT TSVRaw", quoted(connection, old)));
    const std::size_t columns = made.find('(');
    if (columns == std::string::npos) throw;
    connection.query(
        fmt::format("ATTACH TABLE {} {}", quoted(connection, table), made.substr(columns)));
    connection.query(fmt::format("DROP TABLE {}", quoted(connection, table)));
    connection.query(rename);
  }
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
  if (comment->starts_with(clickhouse::kNewestRowsComment)) {
    clickhouse::refuse_newest_rows(database, table);
  }
  clickhouse::refuse_local_table(connection, database, table);
  return true;
}

void finish_swap(clickhouse::Connection& connection, const std::string& table) {
  if (connection.endpoint().dialect.has_exchange) return;
  const std::string& database = connection.endpoint().database;
  const std::uint64_t target = clickhouse::table_hash(database, table);
  const std::string names = connection.query(fmt::format(
      "SELECT name FROM system.tables WHERE database = {} AND position(name, {}) != 0 ORDER "
      "BY name FORMAT RowBinary",
      quote_literal(database), quote_literal(kSwappedOutMark)));
  for (tracking::RowReader reader(names); !reader.done();) {  // of ours there is one at most
    std::string old;
    reader(old);
    const auto found = temporary_table(database, old);
    if (!found || !found->is_swapped_out || found->target != target) continue;
    if (!is_our_table(connection, old)) continue;
    if (is_our_table(connection, table)) {
      connection.query(
          fmt::format("DROP TABLE {}{}", quoted(connection, old), on_cluster(connection)));
    } else {
      bring_back(connection, old, table);
    }
  }
}

bool swap_in(clickhouse::Connection& connection, const std::string& staging,
             const std::string& table, bool may_exist) {
  const std::string from = quoted(connection, staging);
  const std::string to = quoted(connection, table);
  finish_swap(connection, table);
  if (!may_exist || !is_our_table(connection, table)) {
    try {
      connection.query(fmt::format("RENAME TABLE {} TO {}{}", from, to, on_cluster(connection)));
      return true;
    } catch (const base::ServerError& error) {
      if (may_exist || error.code() != clickhouse::error_code::kTableAlreadyExists) throw;
      return swap_in(connection, staging, table);
    }
  }
  if (connection.endpoint().dialect.has_exchange) {
    connection.query(fmt::format("EXCHANGE TABLES {} AND {}{}", from, to, on_cluster(connection)));
  } else {
    const std::string old =
        quoted(connection, swapped_out_table(connection.endpoint().database, table));
    connection.query(fmt::format("RENAME TABLE {1} TO {2}, {0} TO {1}, {2} TO {0}{3}", from, to,
                                 old, on_cluster(connection)));
  }
  return false;
}

void refuse_partition_by(const std::string& partition_by, const std::string& count) {
  throw base::SchemaError(fmt::format(
      "partition_by {} has {} values within this file; expected one, so that the file's rows can "
      "be replaced as a whole: choose an expression that is constant within each file (a part of "
      "its name, say), or leave partition_by away",
      partition_by, count));
}

std::vector<std::string> staged_partitions(clickhouse::Connection& connection,
                                           const std::string& staging) {
  std::vector<std::string> ids = partition_ids(connection, staging);
  const std::string& database = connection.endpoint().database;
  if (!ids.empty() || !clickhouse::engine_of(connection, database, staging).empty()) return ids;
  throw base::ServerError(
      fmt::format(
          "the staging table {} is gone: another run has taken over the claim on the table; "
          "nothing was committed",
          staging),
      clickhouse::error_code::kUnknownTable);
}

bool replace_partition(clickhouse::Connection& connection, const StagedRows& rows,
                       const std::string& table, const Layout& layout) {
  if (!layout.is_by_file(rows.keeps_versions)) return false;
  const bool may_replace = connection.endpoint().dialect.has_covering_parts;
  if (may_replace && rows.row_count > 0 && !rows.keeps_versions && layout.is_by_file_only(false)) {
    connection.query(fmt::format("ALTER TABLE {} REPLACE PARTITION {} FROM {}",
                                 quoted(connection, table), quote_literal(rows.file_key),
                                 quoted(connection, rows.staging)));
    return true;
  }
  const auto ids = staged_partitions(connection, rows.staging);
  if (ids.size() > 1) refuse_partition_by(layout.partition_key, std::to_string(ids.size()));
  const std::string staged = ids.empty() ? "" : ids.front();
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

bool replace_whole(clickhouse::Connection& connection, const StagedRows& rows,
                   const clickhouse::TableDefinition& definition) {
  const std::string& table = definition.name;
  const clickhouse::Endpoint& endpoint = connection.endpoint();
  if (!endpoint.dialect.has_covering_parts || !is_our_table(connection, table)) return false;
  const Layout live = read_layout(connection, table);
  const Layout staged = read_layout(connection, rows.staging);
  const auto comment = [&](const std::string& name) {
    return clickhouse::table_comment(connection, endpoint.database, name);
  };
  const bool is_same =
      live.partition_key.empty() && live.is_replicated() && live.fits(staged) &&
      clickhouse::plain_engine(live.engine) == clickhouse::plain_engine(staged.engine) &&
      clickhouse::local_engine(live.engine)
          .starts_with(clickhouse::local_engine(definition.engine)) &&
      std::ranges::equal(live.columns, staged.columns, {}, &clickhouse::ColumnDefinition::comment,
                         &clickhouse::ColumnDefinition::comment) &&
      comment(table) == comment(rows.staging);
  if (!is_same) return false;
  const auto ids = staged_partitions(connection, rows.staging);
  if (!ids.empty()) {
    run_on_partition(connection, table, "REPLACE", ids.front(), rows.staging);
  } else {
    for (const std::string& id : partition_ids(connection, table)) {
      run_on_partition(connection, table, "DROP", id);
    }
  }
  return true;
}

void link_partitions(clickhouse::Connection& connection, const std::string& from,
                     const std::vector<std::string>& ids, const std::string& into) {
  constexpr std::size_t kLinksPerStatement = 100;
  const std::string source = quoted(connection, from);
  for (std::size_t first = 0; first < ids.size(); first += kLinksPerStatement) {
    std::vector<std::string> links;
    const std::size_t end = std::min(first + kLinksPerStatement, ids.size());
    for (std::size_t i = first; i < end; ++i) {
      links.push_back(fmt::format("ATTACH PARTITION ID {} FROM {}", quote_literal(ids[i]), source));
    }
    clickhouse::run_on_all_replicas(
        connection,
        fmt::format("ALTER TABLE {} {}", quoted(connection, into), fmt::join(links, ", ")));
  }
}

namespace {

using clickhouse::quote_identifier;

// Limit of one statement: columns that it sums.
constexpr std::size_t kColumnsPerQuery = 250;
// How long the replicas may take for each block of rows.
constexpr const char* kQuorumPatience = "60000";  // ms

// Statements that take long and say nothing meanwhile: progress headers keep the line alive.
clickhouse::Settings long_query_settings() {
  return {{"send_progress_in_http_headers", "1"},
          {"http_headers_progress_interval_ms", "10000"},
          {"max_partitions_per_insert_block", "0"}};
}

// A table that is made aside; dropped at the end, whatever is under its name then.
class Aside {
 public:
  Aside(clickhouse::Connection& connection, std::string table)
      : connection_(connection), table_(std::move(table)) {
    drop();
  }
  ~Aside() {
    try {
      drop();
    } catch (const base::Error&) {
      return;  // the next run knows it by its name
    }
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  void drop() {
    const clickhouse::Endpoint& endpoint = connection_.endpoint();
    connection_.query(clickhouse::drop_table_sql(endpoint.dialect, endpoint.database, table_));
  }
  clickhouse::Connection& connection_;
  std::string table_;
};

// What of one table goes into the one aside.
struct Portion {
  std::string table;
  Layout layout;
  std::vector<std::string> linked;  // partitions that go as they are
  std::string copied;               // SQL: the rows that are copied; empty: none
  std::string all;                  // SQL: all rows that go
};

std::uint64_t ask_number(clickhouse::Connection& connection, const std::string& sql) {
  return std::stoull(connection.query(sql + " FORMAT TSVRaw", long_query_settings()));
}

// The value of a column of `aside` out of the column of that name of another table.
std::string converted(const clickhouse::ColumnDefinition& column, const Layout& from) {
  const std::string name = quote_identifier(column.name);
  const auto source =
      std::ranges::find(from.columns, column.name, &clickhouse::ColumnDefinition::name);
  if (source == from.columns.end()) return "NULL";
  return source->type == column.type ? name : fmt::format("CAST({} AS {})", name, column.type);
}

// Columns of `aside` that another table has, too.
std::vector<clickhouse::ColumnDefinition> shared_columns(const Layout& aside, const Layout& from) {
  std::vector<clickhouse::ColumnDefinition> shared;
  std::ranges::copy_if(aside.columns, std::back_inserter(shared), [&](const auto& column) {
    return std::ranges::find(from.columns, column.name, &clickhouse::ColumnDefinition::name) !=
           from.columns.end();
  });
  return shared;
}

// For each column, NULLs apart from values, so that a value that is the text of none is not NULL.
std::vector<std::uint64_t> column_sums(clickhouse::Connection& connection, const std::string& table,
                                       const Layout& layout, const Layout& aside,
                                       const std::string& where) {
  std::vector<std::uint64_t> sums;
  for (std::size_t first = 0; first < aside.columns.size(); first += kColumnsPerQuery) {
    std::vector<std::string> terms;
    const std::span columns =
        std::span(aside.columns)
            .subspan(first, std::min(kColumnsPerQuery, aside.columns.size() - first));
    for (const auto& column : columns) {
      const std::string value = converted(column, layout);
      terms.push_back(fmt::format("countIf(isNull({}))", value));
      terms.push_back(fmt::format("sum(cityHash64(ifNull(toString({}), '')))", value));
    }
    const std::string answer = connection.query(
        fmt::format("SELECT arrayStringConcat(arrayMap(x -> toString(x), [{}]), ' ') FROM {} WHERE "
                    "{} FORMAT TSVRaw",
                    fmt::join(terms, ", "), quoted(connection, table), where),
        long_query_settings());
    std::size_t at = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      std::size_t length = 0;
      sums.push_back(std::stoull(answer.substr(at), &length));
      at += length;
    }
  }
  return sums;
}

void copy_rows(clickhouse::Connection& connection, const Portion& portion, const std::string& aside,
               const Layout& layout) {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& column : shared_columns(layout, portion.layout)) {
    names.push_back(quote_identifier(column.name));
    values.push_back(converted(column, portion.layout));
  }
  clickhouse::Settings settings = long_query_settings();
  // Equal blocks of rows are no repetition.
  settings.emplace("insert_deduplicate", "0");
  // A replica that has the table without its rows would show none of them after the swap.
  const unsigned replicas =
      clickhouse::count_active_replicas(connection, connection.endpoint().database, aside);
  if (replicas > 1) {
    settings.emplace("insert_quorum", std::to_string(replicas));
    settings.emplace("insert_quorum_timeout", kQuorumPatience);
  }
  connection.query(
      fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} WHERE {}", quoted(connection, aside),
                  fmt::join(names, ", "), fmt::join(values, ", "),
                  quoted(connection, portion.table), portion.copied),
      settings);
}

// Copies and links everything into the empty table aside, and sees that it is there. What is copied
// is compared while nothing else is there.
void fill(clickhouse::Connection& connection, const std::string& aside,
          const std::vector<Portion>& portions) {
  const Layout layout = read_layout(connection, aside);
  std::vector<std::uint64_t> expected(2 * layout.columns.size());
  std::uint64_t expected_rows = 0;
  bool copied = false;
  for (const Portion& portion : portions) {
    expected_rows +=
        ask_number(connection, fmt::format("SELECT count() FROM {} WHERE {}",
                                           quoted(connection, portion.table), portion.all));
    if (portion.copied.empty()) continue;
    copied = true;
    copy_rows(connection, portion, aside, layout);
    const auto sums =
        column_sums(connection, portion.table, portion.layout, layout, portion.copied);
    std::ranges::transform(sums, expected, expected.begin(), std::plus<>());
  }
  if (copied && column_sums(connection, aside, layout, layout, "1") != expected) {
    throw base::VerifyError(
        fmt::format("the rebuilt table {} does not hold the rows that were copied into it: their "
                    "checksums differ; nothing was changed",
                    aside));
  }
  for (const Portion& portion : portions) {
    link_partitions(connection, portion.table, portion.linked, aside);
  }
  const std::uint64_t rows =
      ask_number(connection, fmt::format("SELECT count() FROM {}", quoted(connection, aside)));
  if (rows != expected_rows) {
    throw base::VerifyError(
        fmt::format("the rebuilt table {}: expected {} rows, found {}; nothing was changed", aside,
                    expected_rows, rows));
  }
}

// The rows of a table that `gone` does not take.
Portion staying(clickhouse::Connection& connection, const std::string& table, const Layout& aside,
                const std::string& gone, bool keeps_versions) {
  const std::string stay = fmt::format("NOT ({})", gone);
  Portion portion{.table = table, .layout = read_layout(connection, table), .all = stay};
  for (const auto& column : portion.layout.columns) {
    if (std::ranges::find(aside.columns, column.name, &clickhouse::ColumnDefinition::name) ==
        aside.columns.end()) {
      throw base::SchemaError(fmt::format(
          "table {} has the column \"{}\", which it would lose by being rebuilt; nothing was "
          "changed: drop the column yourself if it is not wanted any more",
          table, column.name));
    }
  }
  if (!portion.layout.fits(aside)) {
    portion.copied = stay;
    return portion;
  }
  const auto all = partition_ids(connection, table);
  const auto touched = partition_ids(connection, table, gone);
  std::ranges::set_difference(all, touched, std::back_inserter(portion.linked));
  if (!touched.empty() && !portion.layout.is_by_file(keeps_versions)) {
    std::vector<std::string> ids;
    for (const std::string& id : touched) ids.push_back(quote_literal(id));
    portion.copied = fmt::format("_partition_id IN ({}) AND {}", fmt::join(ids, ", "), stay);
  }
  return portion;
}

Portion staged_rows(clickhouse::Connection& connection, const std::string& staging,
                    const Layout& aside) {
  Portion portion{.table = staging, .layout = read_layout(connection, staging), .all = "1"};
  if (portion.layout.fits(aside)) {
    portion.linked = partition_ids(connection, staging);
  } else {
    portion.copied = "1";
  }
  return portion;
}

// SQL: whether a row belongs to one of these.
std::string any_of(const std::vector<StagedRows>& staged,
                   const std::vector<std::string>& drop_files) {
  std::vector<std::string> files;
  std::vector<std::string> versions;
  for (const std::string& file : drop_files) files.push_back(quote_literal(file));
  for (const StagedRows& rows : staged) {
    if (rows.keeps_versions) {
      versions.push_back(fmt::format("({}, {})", quote_literal(rows.file_key), rows.version));
    } else {
      files.push_back(quote_literal(rows.file_key));
    }
  }
  std::vector<std::string> conditions;
  if (!files.empty()) {
    conditions.push_back(fmt::format("{} IN ({})", schema::kFileColumn, fmt::join(files, ", ")));
  }
  if (!versions.empty()) {
    conditions.push_back(fmt::format("({}, {}) IN ({})", schema::kFileColumn,
                                     schema::kVersionColumn, fmt::join(versions, ", ")));
  }
  return conditions.empty() ? "0" : fmt::format("{}", fmt::join(conditions, " OR "));
}

// The table without the rows of a file, made as `aside` like the table itself, and swapped in.
void rebuild_without(std::span<clickhouse::Connection> connections, const std::string& aside,
                     const std::string& table, const std::string& file_key) {
  clickhouse::Connection& first = connections.front();
  const Aside dropped_at_end(first, aside);
  const Layout live = read_layout(first, table);
  create_like(first, aside, table,
              engine_aside(live.engine, clickhouse::reach_of(live.engine), first.endpoint(), aside),
              live.comment, first.endpoint().dialect);
  const Layout layout = read_layout(first, aside);
  const std::string gone = any_of({}, {file_key});
  for (clickhouse::Connection& connection : connections) {
    fill(connection, aside, {staying(connection, table, layout, gone, false)});
  }
  swap_in(first, aside, table);
}

}  // namespace

std::string rows_of(const StagedRows& rows) { return any_of({rows}, {}); }

void rebuild(std::span<clickhouse::Connection> connections,
             const clickhouse::TableDefinition& definition, const std::string& aside,
             const std::string& table, const std::vector<StagedRows>& staged,
             const std::vector<std::string>& drop_files, bool keep_rows) {
  clickhouse::Connection& first = connections.front();
  finish_swap(first, table);
  const bool exists = is_our_table(first, table);
  const Aside dropped_at_end(first, aside);
  clickhouse::TableDefinition made = definition;
  made.name = aside;
  made.engine = engine_aside(made.engine, made.reach, first.endpoint(), aside);
  first.query(clickhouse::create_table_sql(made, first.endpoint().dialect));
  const Layout layout = read_layout(first, aside);
  const bool keeps_versions = std::ranges::any_of(staged, &StagedRows::keeps_versions);
  for (std::size_t shard = 0; shard < connections.size(); ++shard) {
    clickhouse::Connection& connection = connections[shard];
    std::vector<Portion> portions;
    if (exists && keep_rows) {
      portions.push_back(
          staying(connection, table, layout, any_of(staged, drop_files), keeps_versions));
    }
    for (const StagedRows& rows : staged) {
      if (rows.shard != shard) continue;
      portions.push_back(staged_rows(connection, rows.staging, layout));
    }
    fill(connection, aside, portions);
  }
  swap_in(first, aside, table);
}

bool delete_file(std::span<clickhouse::Connection> connections, std::size_t shard,
                 const std::string& table, const std::string& file_key, const std::string& aside) {
  clickhouse::Connection& connection = connections[shard];
  if (!is_our_table(connection, table)) return false;
  const StagedRows gone{.file_key = file_key};
  const auto live = partition_ids(connection, table, rows_of(gone));
  if (live.empty()) return false;
  if (live.size() == 1 && connection.endpoint().dialect.has_covering_parts &&
      read_layout(connection, table).is_by_file(false)) {
    run_on_partition(connection, table, "DROP", live.front());
  } else {
    rebuild_without(connections, aside, table, file_key);
  }
  return true;
}

}  // namespace qvdhouse::load
