#include "sync/set_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/workers.h"
#include "clickhouse/quote.h"
#include "decide/placement.h"
#include "load/commit.h"
#include "load/layout.h"
#include "load/load.h"
#include "schema/fit.h"
#include "schema/plan.h"
#include "sync/failure.h"
#include "sync/table_shape.h"

namespace qvdhouse::sync {
namespace {

using schema::Change;
using schema::Drift;
using schema::Shape;

// What was found out about the files of one set.
class SetPlanner {
 public:
  SetPlanner(const RunContext& context, clickhouse::Connection& connection,
             const std::vector<const Decision*>& files)
      : context_(context),
        connection_(connection),
        files_(files),
        table_(files.front()->table),
        rules_(files.front()->placement.rules),
        mode_(files.front()->placement.mode) {
    set_.is_remade = std::ranges::any_of(
        files, [](const Decision* file) { return file->reason_code == Reason::kMode; });
  }

  SetTable prepare(std::size_t new_partitions);

 private:
  struct Planned {
    Shape shape;
    bool has_rows = false;  // a file without any fits into every table
    // Columns that it may make give up → why its own have the type that they have.
    std::map<std::string, std::string> reasons{};
  };
  void plan_files();
  load::PreparedFile plan_file(const Decision& decision) const;
  std::vector<std::string> fit_alone(const schema::TablePlan& plan, Planned& planned) const;
  std::vector<Change> given_up(const Drift& drift) const;
  void note_given_up(const Drift& drift);
  std::vector<Shape> wanted_shapes() const;
  Drift drift_of_all();
  bool passes_limit(std::size_t new_partitions);
  clickhouse::TableDefinition define(const Shape& shape) const;
  void apply(const Drift& drift);

  const RunContext& context_;
  clickhouse::Connection& connection_;
  const std::vector<const Decision*>& files_;
  const std::string table_;
  const schema::TableRules& rules_;
  const schema::LoadMode mode_;
  bool is_past_limit_ = false;
  load::Layout layout_;
  Shape live_;
  schema::Key key_;
  std::vector<std::optional<Planned>> planned_;  // of each file; absent: it cannot be loaded
  std::optional<load::PreparedFile> first_;      // of the files that can be loaded
  SetTable set_;
};

load::PreparedFile SetPlanner::plan_file(const Decision& decision) const {
  const TimeLimit limit(context_.options.file_timeout, context_.stop);
  try {
    const auto source = context_.storage.open(decision.file);
    load::Options options = options_for(context_.options.load, decision);
    options.streams = 1;
    return load::prepare(*source, decision.file.name, options, target_for(decision), limit.token());
  } catch (const base::Cancelled&) {
    limit.throw_if_over();
    throw;
  }
}

void SetPlanner::plan_files() {
  planned_.resize(files_.size());
  std::mutex mutex;
  std::size_t first = 2 * files_.size();
  base::for_each_index(files_.size(), context_.options.load.streams, [&](std::size_t i) {
    if (context_.stop.stop_requested()) throw base::Cancelled("stopped while files were planned");
    const std::string& path = files_[i]->file.path;
    std::optional<load::PreparedFile> file;
    try {
      file = plan_file(*files_[i]);
      Planned planned{.shape = schema::shape_of(file->plan),
                      .has_rows = file->header.record_count > 0};
      std::vector<std::string> notes;
      if (planned.has_rows) notes = fit_alone(file->plan, planned);
      const std::size_t rank = planned.has_rows ? i : files_.size() + i;
      const std::lock_guard lock(mutex);
      planned_[i] = std::move(planned);
      if (!notes.empty()) set_.notes[path] = std::move(notes);
      if (rank < first) {
        first = rank;
        first_ = std::move(file);
      }
    } catch (const base::Cancelled&) {
      throw;
    } catch (const base::Error&) {
      const std::lock_guard lock(mutex);
      (file ? set_.refused : set_.unplanned)[path] = std::current_exception();
    }
  });
}

// The file against the table for itself: one that the policy forbids must not stop the others. What
// there is to say of columns that are left out; throws SchemaError.
std::vector<std::string> SetPlanner::fit_alone(const schema::TablePlan& plan,
                                               Planned& planned) const {
  std::vector<std::string> notes;
  const Drift drift = schema::find_drift(live_, {planned.shape}, rules_.drift, key_);
  for (const Change& change : drift.changes) {
    if (change.kind == Change::Kind::kIgnored) {
      notes.push_back(schema::said_of(change));
    } else if (change.kind == Change::Kind::kWiden &&
               (change.needs_check || schema::gives_up(*change.from, *change.to))) {
      const auto own = std::ranges::find(plan.columns, change.column, &schema::ColumnPlan::name);
      planned.reasons[change.column] = own == plan.columns.end() ? change.reason : own->reason;
    }
  }
  return notes;
}

// Columns of the table that lose their types, those of a table that is remade among them.
std::vector<Change> SetPlanner::given_up(const Drift& drift) const {
  std::vector<Change> changes = drift.changes;
  if (live_.empty() && layout_.exists()) {
    for (const clickhouse::ColumnDefinition& before : layout_.columns) {
      const auto type = clickhouse::parse_column_type(before.type);
      const auto after = std::ranges::find(drift.shape, before.name, &schema::ShapeColumn::name);
      if (!type || after == drift.shape.end()) continue;
      changes.push_back({.kind = Change::Kind::kWiden,
                         .column = before.name,
                         .from = type,
                         .to = after->type,
                         .numbers_to = {},
                         .reason = "its table was rebuilt out of all its files"});
    }
  }
  std::erase_if(changes, [](const Change& change) {
    return change.kind != Change::Kind::kWiden || !schema::gives_up(*change.from, *change.to);
  });
  return changes;
}

// Tells the files for whose sake columns of the table lose their types; where it is all of them
// together and none alone, the first.
void SetPlanner::note_given_up(const Drift& drift) {
  for (const Change& change : given_up(drift)) {
    std::map<std::size_t, std::string> reasons;  // by file
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      if (!planned_[i]) continue;
      const auto reason = planned_[i]->reasons.find(change.column);
      if (reason != planned_[i]->reasons.end()) reasons.emplace(i, reason->second);
    }
    for (std::size_t i = 0; reasons.empty() && i < planned_.size(); ++i) {
      if (planned_[i]) reasons.emplace(i, change.reason);
    }
    for (const auto& [file, reason] : reasons) {
      set_.alerts[files_[file]->file.path].push_back(
          schema::given_up_text(change.column, *change.from, *change.to, reason));
    }
  }
}

// Files without rows count only for a table that nothing else gives a shape.
std::vector<Shape> SetPlanner::wanted_shapes() const {
  std::vector<Shape> shapes;
  std::vector<Shape> of_empty_files;
  for (const auto& planned : planned_) {
    if (planned) (planned->has_rows ? shapes : of_empty_files).push_back(planned->shape);
  }
  return shapes.empty() && live_.empty() ? of_empty_files : shapes;
}

Drift SetPlanner::drift_of_all() {
  std::vector<Shape> wanted = wanted_shapes();
  if (wanted.empty()) return {.shape = live_, .changes = {}};
  Drift drift = schema::find_drift(live_, wanted, rules_.drift, key_);
  Shape texts;
  for (const Change& change : drift.changes) {
    if (!change.needs_check) continue;
    const std::string inexact = connection_.query(
        schema::check_sql(change, clickhouse::qualified(context_.endpoint.database, table_)));
    if (inexact.starts_with('0')) continue;
    texts.push_back(
        {change.column, {.kind = clickhouse::TypeKind::kString, .nullable = change.to->nullable}});
  }
  if (texts.empty()) return drift;
  // Only these columns: what the shape lacks would count as missing in a file.
  Shape all = drift.shape;
  for (schema::ShapeColumn& column : all) {
    const auto text = std::ranges::find(texts, column.name, &schema::ShapeColumn::name);
    if (text != texts.end()) column.type = text->type;
  }
  wanted.push_back(std::move(all));
  return schema::find_drift(live_, wanted, rules_.drift, key_);
}

bool SetPlanner::passes_limit(std::size_t new_partitions) {
  if (set_.is_remade || live_.empty()) {
    return files_.size() > context_.options.max_file_partitions;
  }
  if (!layout_.is_by_file(mode_ == schema::LoadMode::kAppend)) return true;
  if (new_partitions == 0) return false;
  return load::partition_ids(connection_, table_).size() + new_partitions >
         context_.options.max_file_partitions;
}

clickhouse::TableDefinition SetPlanner::define(const Shape& shape) const {
  const schema::TablePlan plan = schema::fit_plan(first_->plan, shape, first_->symbols,
                                                  context_.options.load.streams, context_.stop);
  clickhouse::TableDefinition definition = schema::table_definition(
      plan, first_->header, context_.endpoint.database, rules_, mode_, !is_past_limit_);
  // A table stays sorted as it is until the setting says otherwise.
  if (!set_.is_remade && !live_.empty() && rules_.order_by.empty()) {
    if (auto order = kept_order(layout_, shape)) definition.order_by = std::move(*order);
  }
  return definition;
}

void SetPlanner::apply(const Drift& drift) {
  for (const Change& change : drift.changes) {
    context_.log.info("table {}, column \"{}\": {}", table_, change.column, change.reason);
  }
  // The old table of one that is remade stays until all files can take its place.
  if (set_.is_remade) return;
  if (live_.empty()) {
    connection_.query(clickhouse::create_table_sql(set_.definition, context_.endpoint.dialect));
    return;
  }
  check_lease(context_);
  const std::string quoted = clickhouse::qualified(context_.endpoint.database, table_);
  const auto definition = clickhouse::adapted(set_.definition, context_.endpoint.dialect);
  for (const std::string& sql : schema::alter_sql(drift, quoted, definition)) {
    connection_.query(sql, {{"alter_sync", "2"}, {"mutations_sync", "2"}});
    await_mutations(connection_, table_, context_.stop);
  }
  if (std::ranges::any_of(drift.changes, &Change::needs_rebuild)) {
    load::rebuild(connection_, set_.definition, load::staging_table(table_, context_.run_id),
                  table_, {}, {});
  }
}

SetTable SetPlanner::prepare(std::size_t new_partitions) {
  load::finish_swap(connection_, table_);
  if (load::is_our_table(connection_, table_)) {
    layout_ = load::read_layout(connection_, table_);
    if (!has_columns_of(layout_, mode_)) set_.is_remade = true;
  } else {
    set_.is_remade = false;
  }
  // The columns of a table that is remade do not stay, unless its drift policy holds files to them.
  if (layout_.exists() && (!set_.is_remade || binds_always(rules_))) live_ = live_shape(layout_);
  if (layout_.exists() && !set_.is_remade) {
    key_ = key_of(connection_, table_, rules_);
  } else {
    key_ = {.columns = rules_.order_by};
  }
  plan_files();
  is_past_limit_ = passes_limit(new_partitions);
  set_.commits_together = set_.is_remade || is_past_limit_;
  set_.shape = live_;
  if (!first_) return std::move(set_);
  const Drift drift = drift_of_all();
  set_.shape = drift.shape;
  note_given_up(drift);
  set_.definition = define(drift.shape);
  apply(drift);
  return std::move(set_);
}

}  // namespace

SetTable prepare_set_table(const RunContext& context, clickhouse::Connection& connection,
                           const std::vector<const Decision*>& files, std::size_t new_partitions) {
  return SetPlanner(context, connection, files).prepare(new_partitions);
}

load::Options options_for(const load::Options& options, const Decision& decision) {
  load::Options of_file = options;
  of_file.policy = decide::policy_of(options.policy, decision.placement.rules);
  return of_file;
}

load::Target target_for(const Decision& decision) {
  return {.table = decision.table,
          .mode = decision.placement.mode,
          .rules = decision.placement.rules,
          .file_key = decision.stored_as.empty() ? decision.file.path : decision.stored_as,
          .loaded_at_us = now_us(),
          .name_parts = decision.placement.name_parts};
}

}  // namespace qvdhouse::sync
