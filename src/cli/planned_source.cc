#include "cli/planned_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/text_file.h"
#include "base/workers.h"
#include "cli/target.h"
#include "clickhouse/connection.h"
#include "decide/decide.h"

namespace qvdhouse::cli {
namespace {

// Mostly waiting for storage.
constexpr unsigned kLeastThreads = 8;

// Decisions to load, by table; tables in the order of their first file.
using Groups = std::vector<std::vector<const sync::Decision*>>;

Groups group_by_table(const std::vector<sync::Decision>& decisions) {
  Groups groups;
  std::map<std::string_view, std::size_t> known;
  for (const sync::Decision& decision : decisions) {
    if (decision.action != sync::Action::kLoad) continue;
    const auto [table, is_new] = known.try_emplace(decision.table, groups.size());
    if (is_new) groups.emplace_back();
    groups[table->second].push_back(&decision);
  }
  return groups;
}

// `connection`: null when the target has no tables; then several are planned at once.
std::vector<sync::PlannedTable> plan_tables(const DecidedSource& decided, const Tracked& tracked,
                                            clickhouse::Connection* connection,
                                            const Context& context) {
  const sync::PlanFacts facts{decided.options, decided.source.storage, tracked.files, connection,
                              context.stop};
  const Groups groups = group_by_table(decided.decisions);
  std::vector<sync::PlannedTable> planned(groups.size());
  const unsigned threads =
      connection != nullptr ? 1 : std::max(kLeastThreads, std::thread::hardware_concurrency());
  base::for_each_index(groups.size(), threads, [&](std::size_t i) {
    if (context.stop.stop_requested()) throw base::Cancelled("stopped");
    planned[i] = at_target(context.config, [&] { return sync::plan_table_of(groups[i], facts); });
  });
  return planned;
}

bool has_file(const sync::Decision& decision) {
  return decision.action != sync::Action::kRemove &&
         decision.reason_code != decide::Reason::kVanished;
}

models::Lock read_lock(const std::string& path) {
  const std::optional<std::string> text = base::read_text(path);
  if (!text) {
    throw base::ConfigError(
        fmt::format("the schema lock {} cannot be read: {}", path, std::strerror(errno)));
  }
  return models::parse_lock(*text, path);
}

}  // namespace

AllPlanned plan_all(const DecidedSources& decided, const Tracked& tracked, const Context& context) {
  // The embedded engine runs as long as its Target is there.
  std::optional<Target> target;
  std::optional<clickhouse::Connection> connection;
  if (!tracked.tables.empty()) {
    target = Target::open(context, false);
    connection = target->connect(context.stop);
  }
  AllPlanned all;
  for (const DecidedSource& source : decided.sources) {
    all.push_back(plan_tables(source, tracked, connection ? &*connection : nullptr, context));
  }
  return all;
}

models::Table model_of(const sync::PlannedTable& planned, const std::string& source) {
  models::Table table{
      .definition = *planned.definition,
      .ddl = planned.ddl,
      .shape = schema::shape_of(planned.plan),
      .mode = std::string(decide::mode_name(planned.files.front().decision->placement.mode))};
  for (const schema::ColumnPlan& column : planned.plan.columns) {
    models::Column& model = table.columns.emplace_back(
        models::Column{.name = column.name, .type = column.type, .reason = column.reason});
    const auto origin = planned.origins.find(column.name);
    if (origin == planned.origins.end()) continue;
    model.has_non_finite = origin->second.has_non_finite;
    model.field = origin->second.field.name;
    model.field_comment = origin->second.field.comment;
    model.tags = origin->second.field.tags;
    // A set's column that its first file lacks: the reason is that of the file that has it.
    if (column.part == schema::Part::kMissing) model.reason = origin->second.reason;
  }
  for (const sync::PlannedFile& file : planned.files) {
    if (!file.error.empty()) continue;
    table.files.push_back(short_path(file.decision->file, source));
    table.record_count += file.record_count;
  }
  return table;
}

void check_lock(const std::string& lock_path, const DecidedSources& decided,
                const Context& context) {
  const models::Lock lock = read_lock(lock_path);
  std::set<std::string> known;
  std::vector<models::Table> tables;
  for (const DecidedSource& source : decided.sources) {
    for (const sync::Decision& decision : source.decisions) {
      if (has_file(decision)) known.insert(decision.table);
    }
    for (const sync::PlannedTable& table : plan_tables(source, {}, nullptr, context)) {
      if (table.definition) tables.push_back(model_of(table, source.options.source));
    }
  }
  const bool are_all_listed = decided.sources.size() == decided.asked;
  const std::string drift = models::drift_from(
      lock, tables, are_all_listed ? std::optional(std::move(known)) : std::nullopt);
  if (drift.empty()) return;
  throw LockDriftError(
      fmt::format("the source has drifted from the schema lock {}; nothing is loaded:\n{}"
                  "Mend the source, or write the lock again, from the same sources: qvdhouse "
                  "models SOURCE --lock "
                  "{} --overwrite",
                  printable(lock_path), drift, printable(lock_path)));
}

}  // namespace qvdhouse::cli
