#include "catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "catalog/tables.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "clickhouse/replicas.h"
#include "load/commit.h"
#include "load/layout.h"
#include "load/staging.h"
#include "schema/plan.h"
#include "tracking/tables.h"

namespace qvdhouse::catalog {
namespace {

using clickhouse::ColumnDefinition;
using clickhouse::Connection;
using clickhouse::quote_literal;

// Rows are sent when there are so many bytes of them.
constexpr std::size_t kBatchBytes = std::size_t{8} << 20;

constexpr const char* kTable = kFileTable.data();

[[noreturn]] void throw_not_ours(const std::string& database, std::string_view table) {
  throw base::ConfigError(
      fmt::format("table {}.{} was made by another program (its comment does not begin with "
                  "\"{}\"): rename it (RENAME TABLE), or choose another database",
                  database, table, schema::kTableCommentPrefix));
}

// Whether there is such a table. Throws ConfigError when it is another's.
bool is_ours(Connection& connection, std::string_view table) {
  const std::string& database = connection.endpoint().database;
  const auto comment = clickhouse::table_comment(connection, database, table);
  if (comment && !comment->starts_with(schema::kTableCommentPrefix)) {
    throw_not_ours(database, table);
  }
  return comment.has_value();
}

void ensure_file_table(Connection& connection) {
  const clickhouse::Endpoint& endpoint = connection.endpoint();
  load::finish_swap(connection, kTable);
  const auto definition = file_table(endpoint.database, endpoint.dialect);
  clickhouse::refuse_local_table(connection, endpoint.database, kFileTable);
  if (!is_ours(connection, kFileTable)) {
    connection.query(clickhouse::create_table_sql(definition, endpoint.dialect));
  }
  tracking::match_columns(connection, endpoint.database, kFileTable, definition.columns);
}

bool same_columns(const std::vector<ColumnDefinition>& a, const std::vector<ColumnDefinition>& b) {
  return std::ranges::equal(a, b, [](const ColumnDefinition& x, const ColumnDefinition& y) {
    return x.name == y.name && x.type == y.type;
  });
}

// A view is its text: one of an older version is replaced.
void ensure_field_view(Connection& connection) {
  const clickhouse::Endpoint& endpoint = connection.endpoint();
  const auto found = clickhouse::describe_table(connection, endpoint.database, kFieldView);
  if (same_columns(found, field_columns(endpoint.dialect))) return;
  if (!found.empty()) {
    // Where a view can have no comment, its name and kind must do.
    const bool may_be_ours =
        clickhouse::engine_of(connection, endpoint.database, kFieldView) == "View";
    if (!may_be_ours) throw_not_ours(endpoint.database, kFieldView);
    if (endpoint.dialect.has_table_comment) is_ours(connection, kFieldView);
    connection.query(clickhouse::drop_table_sql(endpoint.dialect, endpoint.database, kFieldView));
  }
  connection.query(create_field_view(endpoint.database, endpoint.dialect));
}

}  // namespace

struct SourceCatalog::State {
  State(const clickhouse::Endpoint& endpoint, std::string own_source, const std::string& run_id,
        std::stop_token stop)
      : connection(endpoint, std::move(stop)),
        source(std::move(own_source)),
        columns(file_columns(endpoint.dialect)),
        staging(endpoint, load::staging_table(endpoint.database, kTable, run_id), false),
        aside(load::staging_table(endpoint.database, kTable, run_id, 1)) {}

  void send();
  void replace_partition();
  void rebuild();

  Connection connection;
  const std::string source;
  const std::vector<ColumnDefinition> columns;
  load::Staging staging;
  const std::string aside;  // a name for the table that takes the old one's place
  std::mutex mutex;
  tracking::RowWriter batch;
};

SourceCatalog::SourceCatalog(const clickhouse::Endpoint& endpoint, std::string source,
                             const std::string& run_id, std::stop_token stop)
    : state_(std::make_unique<State>(clickhouse::pinned(endpoint), std::move(source), run_id,
                                     std::move(stop))) {
  Connection& connection = state_->connection;
  ensure_file_table(connection);
  ensure_field_view(connection);
  state_->staging.create_like(connection, kTable, load::read_layout(connection, kTable), {});
}

SourceCatalog::~SourceCatalog() = default;

void SourceCatalog::State::send() {
  if (batch.bytes().empty()) return;
  tracking::insert_rows(connection, connection.endpoint().database, staging.table(), columns,
                        batch.bytes());
  batch = {};
}

void SourceCatalog::add(const FileRow& row) {
  const std::lock_guard lock(state_->mutex);
  encode(row, state_->batch);
  if (state_->batch.bytes().size() >= kBatchBytes) state_->send();
}

void SourceCatalog::State::replace_partition() {
  const std::string where = fmt::format("source = {}", quote_literal(source));
  const auto staged = load::staged_partitions(connection, staging.table());
  const auto alter = [&](const std::string& what) {
    connection.query(fmt::format("ALTER TABLE {} {}", load::quoted(connection, kTable), what));
  };
  if (!staged.empty()) {
    alter(fmt::format("REPLACE PARTITION ID {} FROM {}", quote_literal(staged.front()),
                      staging.name()));
    return;
  }
  for (const std::string& id : load::partition_ids(connection, kTable, where)) {
    alter(fmt::format("DROP PARTITION ID {}", quote_literal(id)));
  }
}

// What the catalogue says of other sources goes into the staging table, too, which then takes the
// table's place.
void SourceCatalog::State::rebuild() {
  const std::string names = tracking::column_list(columns);
  connection.query(
      fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} WHERE source != {}", staging.name(), names,
                  names, load::quoted(connection, kTable), quote_literal(source)),
      {{"max_partitions_per_insert_block", "0"}});
  const clickhouse::Endpoint& endpoint = connection.endpoint();
  if (!endpoint.dialect.replication.is_on) {
    load::swap_in(connection, staging.table(), kTable);
    return;
  }
  // The staging table is on this server only.
  load::rebuild({&connection, 1}, file_table(endpoint.database, endpoint.dialect), aside, kTable,
                {{.staging = staging.table()}}, {}, false);
}

void SourceCatalog::commit() {
  const std::lock_guard lock(state_->mutex);
  state_->send();
  if (state_->connection.endpoint().dialect.has_covering_parts) {
    state_->replace_partition();
  } else {
    state_->rebuild();  // a killed server could have the parts back that it replaced
  }
}

}  // namespace qvdhouse::catalog
