#include "sync/planned_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/workers.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/quote.h"
#include "clickhouse/shards.h"
#include "load/load.h"
#include "load/row_rules.h"
#include "schema/field_view.h"
#include "schema/fit.h"
#include "schema/names.h"
#include "schema/upsert.h"
#include "sync/failure.h"

namespace qvdhouse::sync {
namespace {

using schema::Change;
using schema::Shape;

// Mostly waiting for storage.
constexpr unsigned kLeastThreads = 8;

bool matches_any(const std::set<std::string>& names, std::string_view pattern) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return schema::matches_pattern(name, pattern);
  });
}

// Settings that speak of columns which no file has: often a slip of the pen.
void note_idle_rules(const schema::TableRules& rules, const std::set<std::string>& fields,
                     const std::set<std::string>& columns, std::vector<std::string>& notes) {
  const auto check = [&](std::string_view key, const std::string& name, const auto&... names) {
    if ((matches_any(names, name) || ...)) return;
    std::vector<std::string> known;
    (known.insert(known.end(), names.begin(), names.end()), ...);
    notes.push_back(
        fmt::format("{} names \"{}\", which matches no field or column of these files{}", key, name,
                    base::did_you_mean(name, known)));
  };
  for (const auto& [name, type] : rules.types) check("types", name, fields, columns);
  for (const auto& [name, codec] : rules.codecs) check("codecs", name, columns);
  for (const auto& [name, column] : rules.rename) check("rename", name, fields);
  for (const auto& name : rules.include) check("include", name, fields, columns);
  for (const auto& name : rules.exclude) check("exclude", name, fields, columns);
}

class TablePlanner {
 public:
  TablePlanner(const std::vector<const Decision*>& files, const PlanFacts& facts)
      : facts_(facts),
        decisions_(files),
        table_(files.front()->table),
        stored_in_(
            decide::stored_in(files.front()->placement, table_, facts.options.load.policy.dialect)),
        all_rows_(decide::all_rows_of(files.front()->placement.mode, table_)),
        placement_(files.front()->placement),
        rules_(placement_.rules),
        planned_(files.size()),
        first_rank_(2 * files.size()) {
    for (const Decision* file : files) result_.files.push_back({.decision = file});
  }

  PlannedTable plan();
  // The table as all its files make it, whatever it is now; nothing where it would be what it is,
  // where rows of it come from other files, or where one of them cannot be loaded.
  std::optional<PlannedTable> plan_from_files();

 private:
  // The first value without a number and the first with one, as messages show them; empty: none.
  struct TextExamples {
    std::string alone;
    std::string with_number;
    const std::string& any() const { return alone.empty() ? with_number : alone; }
  };
  // What a file would make of a multi-file table.
  struct Contribution {
    Shape shape;
    // Columns that it changes by itself → why its own have the type that they have.
    std::map<std::string, std::string> reasons{};
    std::map<std::string, TextExamples> texts{};  // of its text columns
  };
  load::PreparedFile prepare_file(PlannedFile& planned) const;
  void plan_file(std::size_t index);
  void note_columns(const load::PreparedFile& prepared, std::size_t rank);
  static TextExamples examples_of(const qvd::SymbolTable& symbols);
  Contribution fit_alone(const load::PreparedFile& prepared, PlannedFile& file) const;
  bool has_keys_only(std::size_t file) const;
  static Shape filled_up(Shape shape, const Shape& others);
  void add_keys_of_deletes(std::vector<Shape>& wanted) const;
  schema::Drift drift_of_all() const;
  void note_changes();
  void note_other_spellings();
  std::string spellings(const std::string& column, const TextExamples& texts);
  void note_joined_as_text();
  bool is_upsert() const { return placement_.mode == schema::LoadMode::kUpsert; }
  void check_key_stays(const clickhouse::TableDefinition& definition) const;
  bool passes_limit() const;
  std::string why_rebuilt() const;
  void plan_columns();
  void plan_files();
  bool is_other_than(const Shape& before) const;
  bool has_file_of_other_settings() const;
  void define();
  void refuse_all(const base::Error& error);

  const PlanFacts& facts_;
  const std::vector<const Decision*>& decisions_;
  const std::string& table_;
  const std::string stored_in_;  // the table that has the rows
  const std::string all_rows_;   // the one that shows them all
  const Placement& placement_;
  const schema::TableRules& rules_;
  LiveTable live_;
  std::vector<std::optional<Contribution>> planned_;  // of each file; absent: it cannot be loaded
  std::mutex mutex_;                                  // for the rest, while files are planned
  std::set<std::string> fields_;
  std::set<std::string> columns_;
  std::set<std::string> protected_columns_;
  std::size_t first_rank_;
  std::map<std::string, std::string> texts_there_;  // by column: one of the rows that are there
  std::optional<load::PreparedFile> first_;  // of the files that can be loaded: one with rows
  PlannedTable result_;
};

load::PreparedFile TablePlanner::prepare_file(PlannedFile& planned) const {
  const Decision& decision = *planned.decision;
  const TimeLimit limit(facts_.options.file_timeout, facts_.stop);
  try {
    decide::FileLoad file =
        decide::load_of(facts_.options.load, decision.placement, file_key(decision));
    if (decisions_.size() > 1) file.options.streams = 1;
    if (placement_.is_set()) {
      keep_columns(live_.shape, file.options);
    } else {
      live_.bind(file);
    }
    const auto source = facts_.storage.open(decision.file);
    load::PreparedFile prepared =
        load::prepare(*source, decision.file.name, file.options, file.target, limit.token());
    if (facts_.describes_rules) {
      planned.rules = load::describe_rules(*source, prepared, file.target.rules,
                                           file.options.streams, limit.token());
    }
    return prepared;
  } catch (const base::Cancelled&) {
    limit.throw_if_over();
    throw;
  }
}

void TablePlanner::plan_file(std::size_t index) {
  if (facts_.stop.stop_requested()) throw base::Cancelled("stopped while files were planned");
  PlannedFile& file = result_.files[index];
  try {
    load::PreparedFile prepared = prepare_file(file);
    const bool says_much = prepared.header.record_count > 0 && !prepared.plan.has_keys_only;
    const std::size_t rank = says_much ? index : planned_.size() + index;
    file.record_count = prepared.header.record_count;
    file.warnings = prepared.header.warnings;
    file.warnings.insert(file.warnings.end(), prepared.alerts.begin(), prepared.alerts.end());
    file.column_changes = prepared.column_changes;
    const std::string& of_place = file.decision->placement.warning;
    if (!of_place.empty()) file.alerts.push_back(of_place);
    for (const schema::ColumnPlan& column : prepared.plan.columns) {
      for (const std::string& warning : column.warnings) {
        file.warnings.push_back(column.name + ": " + warning);
      }
    }
    note_columns(prepared, rank);
    planned_[index] = fit_alone(prepared, file);
    file.changes_table = !planned_[index]->reasons.empty();
    const std::lock_guard lock(mutex_);
    if (rank > first_rank_) return;
    first_rank_ = rank;
    first_ = std::move(prepared);
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    file.error = std::current_exception();
    file.failure = describe_failure(error);
    file.is_refused = file.failure.error_class == tracking::ErrorClass::kSchema;
  }
}

// `rank`: the lower, the more the file has to say of a column that several have.
void TablePlanner::note_columns(const load::PreparedFile& prepared, std::size_t rank) {
  const std::lock_guard lock(mutex_);
  for (const qvd::FieldHeader& field : prepared.header.fields) fields_.insert(field.name);
  for (const schema::ColumnPlan& column : prepared.plan.columns) {
    columns_.insert(column.name);
    if (column.protection.changes_values()) protected_columns_.insert(column.name);
    if (column.field_index == schema::kNoField) continue;
    const auto [origin, is_new] = result_.origins.try_emplace(column.name);
    ColumnOrigin& known = origin->second;
    const bool has_non_finite = known.has_non_finite || column.has_non_finite;
    if (is_new || rank < known.rank) {
      known = {.field = prepared.header.fields[column.field_index],
               .reason = column.reason,
               .rank = rank};
    }
    known.has_non_finite = has_non_finite;
  }
}

TablePlanner::TextExamples TablePlanner::examples_of(const qvd::SymbolTable& symbols) {
  TextExamples examples;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (!symbols.has_text(i)) continue;
    std::string& example = symbols.has_number(i) ? examples.with_number : examples.alone;
    if (example.empty()) example = schema::show_symbol(symbols, i);
    if (!examples.alone.empty() && !examples.with_number.empty()) break;
  }
  return examples;
}

// The file against the table for itself: one that the policy forbids must not stop the others.
// Throws SchemaError.
TablePlanner::Contribution TablePlanner::fit_alone(const load::PreparedFile& prepared,
                                                   PlannedFile& file) const {
  const schema::TablePlan& plan = prepared.plan;
  Contribution own{.shape = schema::shape_of(plan)};
  // A file without rows fits into every table.
  if (!placement_.is_set() || file.record_count == 0) return own;
  if (is_upsert()) schema::check_key(plan, rules_);
  if (plan.has_keys_only) {
    // Throws where its keys are of types that the policy forbids.
    if (!live_.shape.empty()) {
      schema::find_drift(live_.shape, {filled_up(own.shape, live_.shape)}, rules_.drift, live_.key);
    }
    return own;
  }
  for (const schema::ColumnPlan& column : plan.columns) {
    if (column.part != schema::Part::kText || column.is_empty) continue;
    own.texts.emplace(column.name, examples_of(prepared.symbols[column.field_index]));
  }
  const schema::Drift drift = schema::find_drift(live_.shape, {own.shape}, rules_.drift, live_.key);
  for (const Change& change : drift.changes) {
    if (change.kind == Change::Kind::kIgnored) {
      file.notes.push_back(schema::said_of(change));
    } else if (change.kind != Change::Kind::kMissing) {
      const auto column = std::ranges::find(plan.columns, change.column, &schema::ColumnPlan::name);
      own.reasons[change.column] = column == plan.columns.end() ? change.reason : column->reason;
    }
  }
  return own;
}

bool TablePlanner::has_keys_only(std::size_t file) const {
  return result_.files[file].decision->placement.rules.is_deletes;
}

// With what it lacks of `others`.
Shape TablePlanner::filled_up(Shape shape, const Shape& others) {
  for (const schema::ShapeColumn& column : others) {
    if (std::ranges::find(shape, column.name, &schema::ShapeColumn::name) == shape.end()) {
      shape.push_back(column);
    }
  }
  return shape;
}

// Adds the shapes of files that have keys only, each with the columns that it lacks: only the types
// of the keys are theirs to say.
void TablePlanner::add_keys_of_deletes(std::vector<Shape>& wanted) const {
  std::optional<Shape> others;
  for (std::size_t i = 0; i < planned_.size(); ++i) {
    if (!planned_[i] || !has_keys_only(i) || result_.files[i].record_count == 0) continue;
    if (!others) {
      others = wanted.empty()
                   ? live_.shape
                   : schema::find_drift(live_.shape, wanted, rules_.drift, live_.key).shape;
    }
    wanted.push_back(filled_up(planned_[i]->shape, *others));
  }
}

schema::Drift TablePlanner::drift_of_all() const {
  std::vector<Shape> wanted = result_.shapes;
  // Files without rows count only for a table that nothing else gives a shape.
  for (const auto& file : planned_) {
    if (file && result_.shapes.empty() && live_.shape.empty()) wanted.push_back(file->shape);
  }
  add_keys_of_deletes(wanted);
  if (wanted.empty()) return {.shape = live_.shape, .changes = {}};
  schema::Drift drift = schema::find_drift(live_.shape, wanted, rules_.drift, live_.key);
  // The whole shape goes with the texts: what it lacked would count as missing in a file.
  Shape with_texts = drift.shape;
  bool has_texts = false;
  for (const Change& change : drift.changes) {
    if (!change.needs_check) continue;
    const std::string inexact = facts_.connection->query(
        schema::check_sql(change, clickhouse::qualified(facts_.options.database, all_rows_)));
    if (inexact.starts_with('0')) continue;
    std::ranges::find(with_texts, change.column, &schema::ShapeColumn::name)->type = {
        .kind = clickhouse::TypeKind::kString, .nullable = change.to->nullable};
    has_texts = true;
  }
  if (!has_texts) return drift;
  wanted.push_back(std::move(with_texts));
  return schema::find_drift(live_.shape, wanted, rules_.drift, live_.key);
}

// Tells the first file that needs it of each column that changes, and the others of types that give
// up; where it is all of them together and none alone, the first of all.
void TablePlanner::note_changes() {
  if (!live_.layout.exists()) return;
  Shape before;
  for (const clickhouse::ColumnDefinition& column : live_.layout.columns) {
    const auto type = clickhouse::parse_column_type(column.type);
    if (type && !schema::is_own_column(column.name)) {
      before.push_back({.name = column.name, .type = *type});
    }
  }
  for (schema::ColumnChange& change : schema::find_changes(before, result_.drift.shape)) {
    std::map<std::size_t, std::string> reasons;  // by file
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      if (!planned_[i]) continue;
      if (!first) first = i;
      const auto own = planned_[i]->reasons.find(change.column);
      if (own != planned_[i]->reasons.end()) reasons.insert({i, own->second});
    }
    if (reasons.empty()) {
      const auto drift = std::ranges::find(result_.drift.changes, change.column, &Change::column);
      reasons.insert({*first, drift != result_.drift.changes.end()
                                  ? drift->reason
                                  : "its table was rebuilt out of all its files"});
    }
    for (const auto& [file, reason] : reasons) {
      const auto texts = planned_[file]->texts.find(change.column);
      change.reason = reason;
      if (change.gives_up() && texts != planned_[file]->texts.end()) {
        change.reason += spellings(change.column, texts->second);
      }
      if (file == reasons.begin()->first) {
        result_.files[file].column_changes.push_back(change);
      } else if (change.gives_up()) {
        result_.files[file].alerts.push_back(schema::said_of(change));
      }
    }
  }
}

// How rows that are there and those of a file write the values of a column that becomes text; the
// end of a sentence, empty where the file's are written as those of the table.
std::string TablePlanner::spellings(const std::string& column, const TextExamples& texts) {
  // Rows that are there may be of a time when nothing protected the column.
  if (!result_.keeps_rows || protected_columns_.contains(column)) return {};
  const auto [found, is_new] = texts_there_.try_emplace(column);
  std::string& there = found->second;
  if (is_new) {
    there = facts_.connection->query(
        fmt::format("SELECT toString({0}) FROM {1} WHERE {0} IS NOT NULL LIMIT 1 FORMAT TSV",
                    clickhouse::quote_identifier(column),
                    clickhouse::qualified(facts_.options.database, all_rows_)));
  }
  if (there.empty()) return {};
  const auto& [alone, with_number] = texts;
  return fmt::format(
      "; rows that are there read '{}', those of this file {}, and --full writes "
      "all alike",
      there.substr(0, there.find('\n')), with_number.empty() ? alone : with_number);
}

// Files with display texts for numbers in a column whose rows have the server's.
void TablePlanner::note_other_spellings() {
  for (const schema::ShapeColumn& live : live_.shape) {
    if (live.text_style != schema::TextStyle::kServer) continue;
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      if (!planned_[i]) continue;
      const auto texts = planned_[i]->texts.find(live.name);
      if (texts == planned_[i]->texts.end() || texts->second.with_number.empty()) continue;
      result_.files[i].alerts.push_back(fmt::format("column \"{}\" has two texts for one value{}",
                                                    live.name,
                                                    spellings(live.name, texts->second)));
    }
  }
}

// Tells the first file that makes text of what other files alone would not.
void TablePlanner::note_joined_as_text() {
  for (const schema::ShapeColumn& column : result_.drift.shape) {
    const auto live = std::ranges::find(live_.shape, column.name, &schema::ShapeColumn::name);
    if (column.type.kind != clickhouse::TypeKind::kString || live != live_.shape.end()) continue;
    std::vector<std::size_t> as_text;
    std::size_t other_count = 0;
    clickhouse::ColumnType other;
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      if (!planned_[i] || result_.files[i].record_count == 0) continue;
      if (planned_[i]->texts.contains(column.name)) as_text.push_back(i);
      const Shape& shape = planned_[i]->shape;
      const auto own = std::ranges::find(shape, column.name, &schema::ShapeColumn::name);
      if (own == shape.end() || own->is_empty) continue;
      const schema::ColumnChange change{
          .column = column.name, .from = own->type, .to = column.type};
      if (!change.gives_up()) continue;
      if (other_count++ == 0) other = own->type;
    }
    if (as_text.empty() || other_count == 0) continue;
    result_.files[as_text.front()].alerts.push_back(fmt::format(
        "column \"{}\" is text: this file{} has texts such as {}; other files alone would make it "
        "{}: {}",
        column.name, as_text.size() > 1 ? fmt::format(" (and {} more)", as_text.size() - 1) : "",
        planned_[as_text.front()]->texts.at(column.name).any(), other.name(), other_count));
  }
}

// Whether the files of a multi-file table would have too many partitions, or have none now. Those
// of files that are spread are about as many on each shard.
bool TablePlanner::passes_limit() const {
  if (is_upsert()) return false;  // the rows of a key come together when they are read, or never
  const auto& shards = facts_.options.load.policy.dialect.replication.shards;
  const std::size_t parts = decide::is_spread(placement_, facts_.options.load.policy.dialect)
                                ? shards.size()
                                : std::size_t{1};
  const std::size_t limit = facts_.options.max_file_partitions * parts;
  if (!live_.keeps_rows()) return decisions_.size() + facts_.settled_files > limit;
  if (!live_.layout.is_by_file(placement_.mode == schema::LoadMode::kAppend)) return true;
  const auto new_partitions =
      static_cast<std::size_t>(std::ranges::count_if(decisions_, [&](const Decision* decision) {
        const tracking::FileRecord* record = find_record(facts_.tracked, decision->file.path);
        const bool has_one = placement_.mode == schema::LoadMode::kReplaceByFile &&
                             record != nullptr && record->table_name == table_ &&
                             record->status == tracking::FileState::kCompleted;
        return !has_one;
      }));
  if (new_partitions == 0) return false;
  const std::size_t there = load::partition_ids(*facts_.connection, stored_in_).size() * parts;
  return there + new_partitions > limit;
}

// Why a table that keeps its rows is rebuilt all the same; empty when it is not.
std::string TablePlanner::why_rebuilt() const {
  const clickhouse::Dialect& dialect = facts_.options.load.policy.dialect;
  if (std::ranges::any_of(result_.drift.changes, &Change::needs_rebuild)) {
    return "No ALTER can change a key column";
  }
  if (result_.commits_together) {
    return fmt::format("Not every file has a partition of its own (max_file_partitions = {})",
                       facts_.options.max_file_partitions);
  }
  if (dialect.has_covering_parts) return "";
  const bool replaces_rows = std::ranges::any_of(result_.files, [&](const PlannedFile& file) {
    const source::FileEntry& entry = file.decision->file;
    const tracking::FileRecord* record = find_record(facts_.tracked, entry.path);
    if (file.error || record == nullptr || record->table_name != table_) return false;
    const bool has_rows = record->status == tracking::FileState::kCompleted
                              ? record->row_count > 0
                              : !record->content_hash.empty();
    return has_rows && (placement_.mode != schema::LoadMode::kAppend ||
                        decide::is_same_version(entry, *record));
  });
  if (!replaces_rows) return "";
  return fmt::format("ClickHouse {} may bring replaced partitions back", dialect.version());
}

// The columns of a multi-file table.
void TablePlanner::plan_columns() {
  for (std::size_t i = 0; i < planned_.size(); ++i) {
    if (planned_[i] && result_.files[i].record_count > 0 && !has_keys_only(i)) {
      result_.shapes.push_back(planned_[i]->shape);
    }
  }
  result_.drift = drift_of_all();
  note_changes();
  note_other_spellings();
  note_joined_as_text();
  if (result_.shapes.empty() && !live_.shape.empty()) {
    load::fit_file(*first_, result_.drift.shape, facts_.options.load.streams, facts_.stop);
    return;
  }
  first_->plan = schema::fit_plan(first_->plan, result_.drift.shape, first_->symbols,
                                  facts_.options.load.streams, facts_.stop);
}

void TablePlanner::define() {
  const clickhouse::Dialect& dialect = facts_.options.load.policy.dialect;
  const bool is_past_limit = placement_.is_set() && passes_limit();
  result_.commits_together = live_.is_remade || is_past_limit;
  if (placement_.is_set()) plan_columns();
  clickhouse::TableDefinition definition =
      schema::table_definition(first_->plan, first_->header, facts_.options.database, rules_,
                               placement_.mode, !is_past_limit);
  definition.name = stored_in_;
  if (decide::is_spread(placement_, dialect)) definition.reach = clickhouse::Reach::kOwnShard;
  if (is_upsert()) check_key_stays(definition);
  // A multi-file table stays sorted as it is until the setting says otherwise.
  if (result_.keeps_rows && rules_.order_by.empty() && !is_upsert()) {
    if (auto order = kept_order(live_.layout, result_.drift.shape)) {
      definition.order_by = std::move(*order);
    }
  }
  result_.definition = clickhouse::adapted(std::move(definition), dialect);
  for (const auto* changes : {&result_.drift.changes, &first_->changes}) {
    for (const Change& change : *changes) {
      if (change.kind != Change::Kind::kIgnored) result_.notes.push_back(schema::said_of(change));
    }
  }
  std::string rebuilt;
  if (result_.keeps_rows) {
    result_.alters =
        schema::alter_sql(result_.drift, clickhouse::qualified(facts_.options.database, stored_in_),
                          *result_.definition);
    rebuilt = why_rebuilt();
  }
  if (!rebuilt.empty()) {
    result_.notes.push_back(rebuilt + ": the table is rebuilt as a temporary table and swapped.");
  }
  if (!result_.keeps_rows || !rebuilt.empty()) {
    result_.ddl = clickhouse::create_table_sql(*result_.definition, dialect);
    if (is_upsert()) {
      result_.shown_ddl = clickhouse::newest_rows_sql(dialect, facts_.options.database, table_,
                                                      result_.definition->columns);
    } else if (stored_in_ != table_) {
      result_.shown_ddl = clickhouse::distributed_sql(dialect, facts_.options.database, table_);
    }
  }
  result_.plan = std::move(first_->plan);
}

// The rows of a table of newest rows are sorted by its key for good.
void TablePlanner::check_key_stays(const clickhouse::TableDefinition& definition) const {
  if (!result_.keeps_rows) return;
  const auto order = [](const std::vector<clickhouse::ColumnDefinition>& columns) {
    const auto column =
        std::ranges::find(columns, schema::kOrderColumn, &clickhouse::ColumnDefinition::name);
    return column == columns.end() ? std::string() : column->comment;
  };
  const std::string was = order(live_.layout.columns);
  const std::string is = order(definition.columns);
  if (was != is) {
    throw base::SchemaError(fmt::format(
        "the rows of table {} are ordered {}, and by the settings would be {}; nothing was "
        "changed: "
        "set version as it was, or load the table again: qvdhouse reset --table {} --with-data, "
        "then sync",
        table_, was, is, table_));
  }
  const std::vector<std::string> key =
      key_columns(live_.layout).value_or(std::vector<std::string>());
  if (key == definition.order_by) return;
  throw base::SchemaError(
      fmt::format("table {} has the key ({}), and the settings say ({}); nothing was changed: set "
                  "the key as it "
                  "was, or load the table again: qvdhouse reset --table {} --with-data, then sync",
                  table_, fmt::join(key, ", "), fmt::join(definition.order_by, ", "), table_));
}

// To be called where `error` was caught.
void TablePlanner::refuse_all(const base::Error& error) {
  result_.error = std::current_exception();
  result_.definition.reset();
  for (PlannedFile& file : result_.files) {
    file.error = result_.error;
    file.failure = describe_failure(error);
  }
}

void TablePlanner::plan_files() {
  result_.is_remade = live_.is_remade;
  result_.keeps_rows = placement_.is_set() && live_.keeps_rows();
  result_.drift.shape = live_.shape;
  base::for_each_index(decisions_.size(), facts_.options.load.streams,
                       [&](std::size_t i) { plan_file(i); });
  if (first_) {
    note_idle_rules(rules_, fields_, columns_, result_.notes);
    define();
  }
}

// Whether columns would be other than `before`; not where one that no file has would be lost.
bool TablePlanner::is_other_than(const Shape& before) const {
  const Shape& after = result_.drift.shape;
  const std::vector<schema::ColumnChange> changes = schema::find_changes(before, after);
  const bool loses_columns = std::ranges::any_of(changes, [](const schema::ColumnChange& change) {
    return !change.to && !change.column.ends_with(schema::kNumberSuffix) &&
           !change.column.ends_with(schema::kOutsideSuffix);
  });
  const bool has_other_texts = std::ranges::any_of(before, [&](const schema::ShapeColumn& column) {
    const auto now = std::ranges::find(after, column.name, &schema::ShapeColumn::name);
    return now != after.end() && now->text_style != column.text_style;
  });
  return !loses_columns && (has_other_texts || !changes.empty());
}

// Whether a file was loaded under settings that are others now, which may be those of the table.
bool TablePlanner::has_file_of_other_settings() const {
  return std::ranges::any_of(decisions_, [&](const Decision* decision) {
    const tracking::FileRecord* record = find_record(facts_.tracked, decision->file.path);
    return record != nullptr && record->status == tracking::FileState::kCompleted &&
           decide::has_other_settings(*record, decision->settings_hash);
  });
}

std::optional<PlannedTable> TablePlanner::plan_from_files() {
  if (facts_.connection == nullptr || rules_.drift != schema::DriftPolicy::kEvolve) return {};
  // The table of kAppend keeps earlier versions of its files.
  if (placement_.mode != schema::LoadMode::kReplaceByFile) return {};
  try {
    live_ = read_live_table(decisions_, facts_);
    if (!live_.keeps_rows()) return {};
    std::set<std::string> keys;
    for (const Decision* decision : decisions_) keys.insert(file_key(*decision));
    for (const std::string& file : stored_files(*facts_.connection, table_)) {
      if (!keys.contains(file)) return {};
    }
    const Shape before = std::exchange(live_.shape, {});
    live_.is_remade = true;
    live_.key = {.columns = rules_.order_by};
    plan_files();
    const bool is_whole =
        std::ranges::all_of(result_.files, [](const PlannedFile& file) { return !file.error; });
    if (is_whole && (has_file_of_other_settings() || is_other_than(before)))
      return std::move(result_);
  } catch (const base::SchemaError&) {
    return {};  // plan() says why
  }
  return {};
}

PlannedTable TablePlanner::plan() {
  try {
    live_ = read_live_table(decisions_, facts_);
    plan_files();
  } catch (const base::SchemaError& error) {
    refuse_all(error);
  } catch (const base::ConfigError& error) {
    refuse_all(error);
  }
  return std::move(result_);
}

}  // namespace

std::vector<std::string> PlannedFile::remarks() const {
  std::vector<std::string> all = warnings;
  all.insert(all.end(), notes.begin(), notes.end());
  all.insert(all.end(), rules.begin(), rules.end());
  all.insert(all.end(), alerts.begin(), alerts.end());
  for (const schema::ColumnChange& change : column_changes) all.push_back(schema::said_of(change));
  return all;
}

std::string PlannedTable::all_ddl() const {
  return shown_ddl.empty() ? ddl : fmt::format("{};\n\n{}", ddl, shown_ddl);
}

const PlannedFile* PlannedTable::find(const std::string& path) const {
  const auto found = std::ranges::lower_bound(
      files, path, {}, [](const PlannedFile& file) { return file.decision->file.path; });
  return found == files.end() || found->decision->file.path != path ? nullptr : &*found;
}

bool PlannedTable::changes_table() const {
  if (!definition) return false;
  return !keeps_rows || commits_together || !alters.empty() ||
         std::ranges::any_of(drift.changes, &Change::needs_rebuild);
}

PlannedTable plan_table(const std::vector<const Decision*>& files, const PlanFacts& facts) {
  if (facts.options.full && files.front()->placement.is_set()) {
    if (auto planned = TablePlanner(files, facts).plan_from_files()) return std::move(*planned);
  }
  return TablePlanner(files, facts).plan();
}

std::vector<PlannedTable> plan_tables(const std::vector<Decision>& decisions,
                                      const PlanFacts& facts) {
  std::map<std::string_view, std::size_t> settled;  // table → files that stay as they are
  std::map<std::string_view, std::size_t> known;    // table → its group
  std::vector<std::vector<const Decision*>> groups;
  for (const Decision& decision : decisions) {
    if (decision.action == Action::kLoad) {
      const auto [table, is_new] = known.try_emplace(decision.table, groups.size());
      if (is_new) groups.emplace_back();
      groups[table->second].push_back(&decision);
    } else if (decision.action == Action::kAdopt ||
               (decision.action == Action::kSkip && decision.reason_code != Reason::kVanished)) {
      ++settled[decision.table];
    }
  }
  std::vector<PlannedTable> planned(groups.size());
  const unsigned threads = facts.connection != nullptr
                               ? 1
                               : std::max(kLeastThreads, std::thread::hardware_concurrency());
  base::for_each_index(groups.size(), threads, [&](std::size_t i) {
    if (facts.stop.stop_requested()) throw base::Cancelled("stopped");
    PlanFacts of_table = facts;
    const auto beside = settled.find(groups[i].front()->table);
    if (facts.connection == nullptr && beside != settled.end()) {
      of_table.settled_files = beside->second;
    }
    planned[i] = plan_table(groups[i], of_table);
  });
  if (facts.connection == nullptr || groups.empty()) return planned;
  for (const auto& [table, views] : load::views_over(*facts.connection)) {
    const auto group = known.find(table);
    if (group == known.end()) continue;
    std::vector<std::string>& notes = planned[group->second].notes;
    notes.insert(notes.begin(),
                 fmt::format("{}: {}", load::views_text(table, views), load::kInsteadOfView));
  }
  return planned;
}

}  // namespace qvdhouse::sync
