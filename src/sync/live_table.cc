#include "sync/live_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/names.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/quote.h"
#include "clickhouse/shards.h"
#include "load/commit.h"
#include "tracking/row_binary.h"

namespace qvdhouse::sync {
namespace {

// One name at the start of a key as the server writes it, plain or in backticks; takes it away.
std::optional<std::string> take_name(std::string_view& key) {
  std::string name;
  if (!key.starts_with('`')) {
    const std::size_t end = std::min(key.find(", "), key.size());
    name = key.substr(0, end);
    key.remove_prefix(end);
    return name;
  }
  for (std::size_t i = 1; i < key.size(); ++i) {
    if (key[i] == '`') {
      key.remove_prefix(i + 1);
      return name;
    }
    if (key[i] == '\\' && i + 1 < key.size()) ++i;
    name += key[i];
  }
  return std::nullopt;
}

bool has_column(const load::Layout& layout, std::string_view name) {
  return std::ranges::find(layout.columns, name, &clickhouse::ColumnDefinition::name) !=
         layout.columns.end();
}

// Reads an answer in RowBinary.
std::vector<std::string> read_names(const std::string& answer) {
  std::vector<std::string> names;
  for (tracking::RowReader reader(answer); !reader.done();) reader(names.emplace_back());
  return names;
}

// Whether the table's columns bind its files whatever settings and mode were when it was made.
bool binds_always(const schema::TableRules& rules) {
  return rules.drift != schema::DriftPolicy::kEvolve;
}

// Whether the table has the columns that tables of the mode have beside those of fields.
bool has_columns_of(const load::Layout& layout, schema::LoadMode mode,
                    const schema::TableRules& rules) {
  const bool rescues = rules.drift == schema::DriftPolicy::kRescue;
  return has_column(layout, schema::kFileColumn) &&
         (!rescues || has_column(layout, schema::kRescuedColumn)) &&
         has_column(layout, schema::kVersionColumn) == (mode == schema::LoadMode::kAppend) &&
         has_column(layout, schema::kOrderColumn) == (mode == schema::LoadMode::kUpsert);
}

// A table that another one, of mode upsert, has its rows in.
void refuse_rows_of_keys(const load::Layout& layout, const std::string& table) {
  if (!has_column(layout, schema::kOrderColumn)) return;
  throw base::SchemaError(fmt::format(
      "table {} has the rows of a table with mode = \"upsert\"; nothing was changed: give the file "
      "a table of another name by a [[table]] rule with match and name",
      table));
}

// Columns of sorting and partition key.
schema::Key key_of(clickhouse::Connection& connection, const std::string& table,
                   const schema::TableRules& rules) {
  const std::string answer = connection.query(fmt::format(
      "SELECT name FROM system.columns WHERE database = {} AND table = {} AND (is_in_sorting_key "
      "OR is_in_partition_key) FORMAT RowBinary",
      clickhouse::quote_literal(connection.endpoint().database), clickhouse::quote_literal(table)));
  return {.columns = read_names(answer),
          .is_given = !rules.order_by.empty() || !rules.partition_by.empty()};
}

// The table keeps its types when its file comes again, unless the settings were changed since or a
// full run loads it. A drift policy that forbids changes holds against the table that is there,
// whatever the file is loaded for.
void read_one_file_table(const Decision& file, const PlanFacts& facts, LiveTable& live) {
  const tracking::FileRecord* record = find_record(facts.tracked, file.file.path);
  const bool comes_again = record != nullptr && record->table_name == file.table;
  const bool is_held = binds_always(file.placement.rules);
  const bool may_be_there =
      is_held || comes_again || facts.tables == nullptr || facts.tables->contains(file.table);
  if (!may_be_there || !load::is_our_table(*facts.connection, file.table)) return;
  live.layout = load::read_layout(*facts.connection, file.table);
  refuse_rows_of_keys(live.layout, file.table);
  live.keeps_order =
      comes_again && !facts.options.full && record->settings_hash == file.settings_hash;
  const bool is_bound = is_held || live.keeps_order;
  try {
    live.replaced = live_shape(live.layout);
  } catch (const base::SchemaError&) {
    if (is_bound) throw;
    return;  // a column of the user's own, which goes with the old table
  }
  if (is_bound) live.shape = *live.replaced;
}

// The columns of a table that is remade do not stay, unless its drift policy holds files to them.
void read_multi_file_table(const std::vector<const Decision*>& files, const PlanFacts& facts,
                           LiveTable& live) {
  const Decision& first = *files.front();
  const schema::TableRules& rules = first.placement.rules;
  const clickhouse::Dialect& dialect = facts.options.load.policy.dialect;
  const std::string stored_in = decide::stored_in(first.placement, first.table, dialect);
  if (first.placement.mode == schema::LoadMode::kUpsert) {
    clickhouse::check_newest_rows(*facts.connection, facts.options.database, first.table);
  } else if (stored_in != first.table) {
    clickhouse::check_distributed(*facts.connection, facts.options.database, first.table);
  }
  if (!load::is_our_table(*facts.connection, stored_in)) return;
  live.layout = load::read_layout(*facts.connection, stored_in);
  if (live.layout.engine.starts_with(clickhouse::kDistributed)) {
    clickhouse::refuse_distributed(facts.options.database, first.table);
  }
  if (first.placement.mode != schema::LoadMode::kUpsert) {
    refuse_rows_of_keys(live.layout, first.table);
  }
  live.is_remade = !has_columns_of(live.layout, first.placement.mode, rules) ||
                   std::ranges::any_of(files, [](const Decision* file) {
                     return file->reason_code == Reason::kMode;
                   });
  if (!live.is_remade || binds_always(rules)) live.shape = live_shape(live.layout);
  if (!live.is_remade) live.key = key_of(*facts.connection, stored_in, rules);
}

}  // namespace

const tracking::FileRecord* find_record(const std::vector<tracking::FileRecord>& tracked,
                                        const std::string& path) {
  const auto found = std::ranges::lower_bound(tracked, path, {}, &tracking::FileRecord::file_path);
  return found == tracked.end() || found->file_path != path ? nullptr : &*found;
}

void keep_columns(const schema::Shape& shape, load::Options& options) {
  // Later versions say in a text column how they wrote it.
  const auto may_be_old = [](const schema::ShapeColumn& column) {
    using clickhouse::TypeKind;
    const TypeKind kind = column.type.kind;
    if (kind == TypeKind::kString) return column.text_style == schema::TextStyle::kOld;
    return kind != TypeKind::kDate && kind != TypeKind::kDate32 && kind != TypeKind::kDateTime &&
           kind != TypeKind::kDateTime64 && kind != TypeKind::kTime64;
  };
  schema::Policy& policy = options.policy;
  for (const schema::ShapeColumn& column : shape) {
    options.present_columns.insert(column.name);
    if (!may_be_old(column)) continue;
    policy.as_in_0_1.insert(column.name);
    if (!column.name.ends_with(schema::kNumberSuffix)) continue;
    policy.as_in_0_1.insert(
        column.name.substr(0, column.name.size() - schema::kNumberSuffix.size()));
  }
}

void hold_to(const schema::Shape& shape, decide::FileLoad& file) {
  file.target.shape = shape;
  keep_columns(shape, file.options);
}

void LiveTable::bind(decide::FileLoad& file) const {
  if (!shape.empty()) {
    hold_to(shape, file);
    const auto key = keeps_order ? key_columns(layout) : std::nullopt;
    if (key && !key->empty()) file.target.sorted_by = key;
  }
  file.target.replaced = replaced;
}

LiveTable read_live_table(const std::vector<const Decision*>& files, const PlanFacts& facts) {
  const Placement& placement = files.front()->placement;
  const clickhouse::Dialect& dialect = facts.options.load.policy.dialect;
  if (!dialect.replication.shards.empty() &&
      files.front()->table.ends_with(clickhouse::kLocalSuffix)) {
    throw base::SchemaError(
        fmt::format("table {}: on shards, names that end with {} are those of tables that have the "
                    "rows of others; give it another name by a [[table]] rule with match and name",
                    files.front()->table, clickhouse::kLocalSuffix));
  }
  if (placement.mode == schema::LoadMode::kUpsert && !dialect.has_newest_rows) {
    throw base::SchemaError(fmt::format(
        "table {}: mode = \"upsert\" needs ClickHouse 23.3 or newer, and this server is {}; choose "
        "mode = \"append\" or \"replace_by_file\", or use a newer server",
        files.front()->table, dialect.version()));
  }
  clickhouse::check_table_name(facts.connection, dialect, facts.options.database,
                               decide::stored_in(placement, files.front()->table, dialect));
  LiveTable live{.key = {.columns = placement.rules.order_by}};
  if (facts.connection == nullptr) return live;
  if (placement.is_set()) {
    read_multi_file_table(files, facts, live);
  } else {
    read_one_file_table(*files.front(), facts, live);
  }
  return live;
}

schema::Shape live_shape(const load::Layout& layout) {
  schema::Shape shape;
  for (const clickhouse::ColumnDefinition& column : layout.columns) {
    if (schema::is_own_column(column.name)) continue;
    const auto type = clickhouse::parse_column_type(column.type);
    if (!type) {
      throw base::SchemaError(fmt::format(
          "column \"{}\" of the table has the type {}, which qvdhouse does not write; nothing was "
          "changed: give the column a type of docs/type-mapping.md, or drop it",
          column.name, column.type));
    }
    shape.push_back(
        {.name = column.name, .type = *type, .text_style = schema::text_style_in(column.comment)});
  }
  return shape;
}

std::vector<std::string> stored_files(clickhouse::Connection& connection,
                                      const std::string& table) {
  if (!has_column(load::read_layout(connection, table), schema::kFileColumn)) return {};
  return read_names(connection.query(
      fmt::format("SELECT DISTINCT toString({}) FROM {} FORMAT RowBinary", schema::kFileColumn,
                  clickhouse::qualified(connection.endpoint().database, table))));
}

std::optional<std::vector<std::string>> key_columns(const load::Layout& layout) {
  std::vector<std::string> columns;
  std::string_view key = layout.sorting_key;
  if (key.starts_with('(') && key.ends_with(')')) {  // of one column, by newer servers
    key.remove_prefix(1);
    key.remove_suffix(1);
  }
  while (!key.empty()) {
    std::optional<std::string> name = take_name(key);
    if (!name || !has_column(layout, *name)) return std::nullopt;
    columns.push_back(std::move(*name));
    if (!key.empty() && !key.starts_with(", ")) return std::nullopt;
    key.remove_prefix(std::min<std::size_t>(2, key.size()));
  }
  return columns;
}

std::optional<std::vector<std::string>> kept_order(const load::Layout& layout,
                                                   const schema::Shape& shape) {
  std::optional<std::vector<std::string>> columns = key_columns(layout);
  if (!columns) return std::nullopt;
  std::erase_if(*columns, [&](const std::string& name) {
    const auto column = std::ranges::find(shape, name, &schema::ShapeColumn::name);
    return column != shape.end() && column->type.nullable;
  });
  return columns;
}

void await_mutations(clickhouse::Connection& connection, const std::string& table,
                     std::stop_token stop) {
  if (connection.endpoint().dialect.has_alter_settings) return;
  constexpr std::chrono::milliseconds kInterval{50};
  const std::string sql = fmt::format(
      "SELECT count() FROM system.mutations WHERE database = {} AND table = {} AND is_done = 0 "
      "FORMAT TSV",
      clickhouse::quote_literal(connection.endpoint().database), clickhouse::quote_literal(table));
  while (!connection.query(sql).starts_with('0')) {
    if (!base::pause_for(kInterval, stop)) throw base::Cancelled("stopped during an ALTER");
  }
}

}  // namespace qvdhouse::sync
