#include "sync/planned_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "load/commit.h"
#include "load/layout.h"
#include "load/load.h"
#include "schema/drift.h"
#include "schema/fit.h"
#include "schema/patterns.h"
#include "sync/failure.h"
#include "sync/set_table.h"
#include "sync/table_shape.h"

namespace qvdhouse::sync {
namespace {

using schema::Change;
using schema::Shape;

// Names that settings of columns can mean.
struct KnownNames {
  std::set<std::string> fields;
  std::set<std::string> columns;
};

bool matches_any(const std::set<std::string>& names, std::string_view pattern) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return schema::matches_pattern(name, pattern);
  });
}

// Settings that speak of columns which no file has: often a slip of the pen.
void note_idle_rules(const schema::TableRules& rules, const KnownNames& known,
                     std::vector<std::string>& notes) {
  const auto note = [&](std::string_view key, const std::string& name) {
    notes.push_back(
        fmt::format("{} names \"{}\", which matches no field or column of these files", key, name));
  };
  for (const auto& [name, type] : rules.types) {
    if (!matches_any(known.fields, name) && !matches_any(known.columns, name)) note("types", name);
  }
  for (const auto& [name, codec] : rules.codecs) {
    if (!matches_any(known.columns, name)) note("codecs", name);
  }
  for (const auto& [name, column] : rules.rename) {
    if (!matches_any(known.fields, name)) note("rename", name);
  }
  for (const auto& [key, names] :
       {std::pair("include", &rules.include), std::pair("exclude", &rules.exclude)}) {
    for (const std::string& name : *names) {
      if (!matches_any(known.fields, name) && !matches_any(known.columns, name)) note(key, name);
    }
  }
}

class TablePlanner {
 public:
  TablePlanner(const std::vector<const Decision*>& decisions, const PlanFacts& facts)
      : facts_(facts), decision_(*decisions.front()), rules_(decision_.placement.rules) {
    for (const Decision* decision : decisions) {
      planned_.files.push_back({.decision = decision, .warnings = {}});
    }
  }

  PlannedTable plan() {
    read_live();
    std::vector<Shape> wanted;
    for (PlannedFile& file : planned_.files) {
      if (const std::optional<Shape> shape = plan_file(file)) wanted.push_back(*shape);
    }
    if (first_) {
      note_idle_rules(rules_, known_, planned_.notes);
      define(wanted);
    }
    return std::move(planned_);
  }

 private:
  bool is_set() const { return decision_.placement.is_set(); }
  void read_live();
  load::PreparedFile prepare_file(const Decision& decision) const;
  std::optional<Shape> plan_file(PlannedFile& file);
  void define(const std::vector<Shape>& wanted);
  clickhouse::TableDefinition definition_of(const schema::TablePlan& plan,
                                            const Shape& shape) const;

  const PlanFacts& facts_;
  const Decision& decision_;
  const schema::TableRules& rules_;
  load::Layout layout_;
  bool is_remade_ = false;  // its mode is another now
  Shape live_;              // empty: nothing of the table stays
  schema::Key key_;
  KnownNames known_;
  std::optional<load::PreparedFile> first_;
  PlannedTable planned_;
};

// The table holds new files to its columns while it is a set, or settings are what they were, and
// always when its drift policy forbids changes.
void TablePlanner::read_live() {
  key_ = {.columns = rules_.order_by};
  if (facts_.connection == nullptr) return;
  is_remade_ = decision_.reason_code == Reason::kMode;
  if (is_remade_ && !binds_always(rules_)) return;
  if (!is_set() && !binds_always(rules_)) {
    const auto record =
        std::find_if(facts_.tracked.begin(), facts_.tracked.end(), [&](const auto& known) {
          return known.file_path == decision_.file.path && known.table_name == decision_.table;
        });
    if (record == facts_.tracked.end() || record->settings_hash != decision_.settings_hash) return;
  }
  if (!clickhouse::table_comment(*facts_.connection, facts_.options.database, decision_.table)) {
    return;
  }
  layout_ = load::read_layout(*facts_.connection, decision_.table);
  live_ = live_shape(layout_);
  if (is_set() && !is_remade_) key_ = key_of(*facts_.connection, decision_.table, rules_);
}

load::PreparedFile TablePlanner::prepare_file(const Decision& decision) const {
  const TimeLimit limit(facts_.options.file_timeout, facts_.stop);
  try {
    const auto source = facts_.storage.open(decision.file);
    return load::prepare(*source, decision.file.name, options_for(facts_.options.load, decision),
                         target_for(decision), limit.token());
  } catch (const base::Cancelled&) {
    limit.throw_if_over();
    throw;
  }
}

std::optional<Shape> TablePlanner::plan_file(PlannedFile& file) {
  const Decision& decision = *file.decision;
  try {
    load::PreparedFile prepared = prepare_file(decision);
    file.warnings = prepared.header.warnings;
    for (const qvd::FieldHeader& field : prepared.header.fields) known_.fields.insert(field.name);
    file.record_count = prepared.header.record_count;
    for (const schema::ColumnPlan& column : prepared.plan.columns) {
      known_.columns.insert(column.name);
      if (column.field_index != schema::kNoField) {
        ColumnOrigin own{prepared.header.fields[column.field_index], column.reason};
        ColumnOrigin& origin =
            planned_.origins.try_emplace(column.name, std::move(own)).first->second;
        origin.has_non_finite |= column.has_non_finite;
      }
      for (const std::string& warning : column.warnings) {
        file.warnings.push_back(column.name + ": " + warning);
      }
    }
    Shape shape = schema::shape_of(prepared.plan);
    // What the policy forbids one file must not stop the others.
    for (const Change& change :
         schema::find_drift(live_, {shape}, rules_.drift, key_, is_set()).changes) {
      if (change.kind == Change::Kind::kIgnored) file.warnings.push_back(change.reason);
    }
    if (!first_) first_ = std::move(prepared);
    return shape;
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    file.error = error.what();
    file.error_class = describe_failure(error).error_class;
    return std::nullopt;
  }
}

clickhouse::TableDefinition TablePlanner::definition_of(const schema::TablePlan& plan,
                                                        const Shape& shape) const {
  const bool by_file = planned_.files.size() <= facts_.options.max_file_partitions;
  clickhouse::TableDefinition definition = schema::table_definition(
      plan, first_->header, facts_.options.database, rules_, decision_.placement.mode, by_file);
  if (is_set() && !is_remade_ && layout_.exists() && rules_.order_by.empty()) {
    if (auto order = kept_order(layout_, shape)) definition.order_by = std::move(*order);
  }
  return definition;
}

void TablePlanner::define(const std::vector<Shape>& wanted) {
  try {
    const schema::Drift drift = schema::find_drift(live_, wanted, rules_.drift, key_, is_set());
    planned_.plan = schema::fit_plan(first_->plan, drift.shape, first_->symbols, 1, facts_.stop);
    const clickhouse::Dialect& dialect = facts_.options.load.policy.dialect;
    const clickhouse::TableDefinition definition = definition_of(planned_.plan, drift.shape);
    planned_.definition = clickhouse::adapted(definition, dialect);
    bool needs_rebuild = false;
    for (const Change& change : drift.changes) {
      if (change.kind != Change::Kind::kIgnored) planned_.notes.push_back(change.reason);
      needs_rebuild |= change.needs_rebuild;
    }
    if (!is_set() || is_remade_ || live_.empty()) {
      planned_.ddl = clickhouse::create_table_sql(definition, dialect);
      return;
    }
    planned_.alters = schema::alter_sql(
        drift, clickhouse::qualified(definition.database, definition.name), *planned_.definition);
    if (needs_rebuild) {
      planned_.notes.emplace_back(
          "No ALTER can change a key column: the table is rebuilt as a temporary table and "
          "swapped.");
    }
  } catch (const base::SchemaError& error) {
    for (PlannedFile& file : planned_.files) {
      if (!file.error.empty()) continue;
      file.error = error.what();
      file.error_class = describe_failure(error).error_class;
    }
  }
}

}  // namespace

PlannedTable plan_table_of(const std::vector<const Decision*>& decisions, const PlanFacts& facts) {
  return TablePlanner(decisions, facts).plan();
}

}  // namespace qvdhouse::sync
