#include "cli/planned_source.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "clickhouse/connection.h"
#include "decide/decide.h"
#include "load/reserved_columns.h"
#include "models/lock.h"

namespace qvdhouse::cli {
namespace {

// `connection`: null when the tables are planned as if the target had none; `reserved`: null when
// nobody asks it.
std::vector<sync::PlannedTable> plan_source(const DecidedSource& decided, const Tracked& tracked,
                                            clickhouse::Connection* connection,
                                            load::ReservedColumns* reserved, const Context& context,
                                            bool describes_rules = false) {
  sync::Options options = decided.options;
  options.load.reserved = reserved;
  const sync::PlanFacts facts{.options = options,
                              .storage = decided.source.storage,
                              .tracked = tracked.files,
                              .connection = connection,
                              .tables = &tracked.tables,
                              .stop = context.stop,
                              .describes_rules = describes_rules};
  return at_target(context.config, [&] { return sync::plan_tables(decided.decisions, facts); });
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

// Why files are in no table.
class Failures {
 public:
  Failures(const Context& context, const std::string& source)
      : context_(context), source_(source) {}

  void add(const source::FileEntry& file, const std::string& why, int exit_code) {
    context_.log.error("{}: {}", short_path(file, source_), why);
    exit_codes_.push_back(exit_code);
  }
  const std::vector<int>& exit_codes() const { return exit_codes_; }

 private:
  const Context& context_;
  const std::string& source_;
  std::vector<int> exit_codes_;
};

std::string source_names(const std::vector<OpenSource>& sources) {
  std::string names;
  for (const OpenSource& source : sources) {
    names += (names.empty() ? "" : ", ") + masked_source(source.settings.url);
  }
  return names;
}

}  // namespace

AllPlanned plan_all(const DecidedSources& decided, const Tracked& tracked, const Context& context,
                    bool describes_rules) {
  // The embedded engine runs as long as its Target is there.
  std::optional<Target> target;
  std::optional<clickhouse::Connection> connection;
  if (!tracked.tables.empty()) {
    target = Target::open(context, false);
    connection = target->connect(context.stop);
  }
  load::ReservedColumns reserved(
      [&] {
        if (!target) target = Target::open_to_ask(context);
        return target->endpoint();
      },
      context.stop);
  AllPlanned all;
  for (const DecidedSource& source : decided.sources) {
    all.push_back(plan_source(source, tracked, connection ? &*connection : nullptr, &reserved,
                              context, describes_rules));
  }
  return all;
}

std::set<std::string> names_of(const AllPlanned& all) {
  std::set<std::string> names;
  for (const std::vector<sync::PlannedTable>& tables : all) {
    for (const sync::PlannedTable& table : tables) {
      for (const auto& [column, origin] : table.origins) {
        names.insert(column);
        names.insert(origin.field.name);
      }
    }
  }
  return names;
}

models::Table model_of(const sync::PlannedTable& planned, const std::string& source) {
  models::Table table{
      .definition = *planned.definition,
      .ddl = planned.all_ddl(),
      .shapes = planned.shapes,
      .mode = std::string(decide::mode_name(planned.files.front().decision->placement.mode))};
  // What readers see: without the columns of the rows that the table shows the newest of.
  table.definition.name = planned.files.front().decision->table;
  std::erase_if(table.definition.columns, [](const clickhouse::ColumnDefinition& column) {
    return column.name == schema::kOrderColumn || column.name == schema::kDeletedColumn;
  });
  for (const schema::ColumnPlan& column : planned.plan.columns) {
    if (column.part == schema::Part::kOrder || column.part == schema::Part::kDeleted) continue;
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
    if (file.error) continue;
    table.files.push_back(short_path(file.decision->file, source));
    table.record_count += file.record_count;
  }
  return table;
}

SourceModels read_models(std::string_view command, const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen(command, true);
  const Tracked nothing = untracked(context);
  const DecidedSources decided =
      decide_sources(chosen, nothing, {.full = true, .is_batch_awaited = false}, context);
  const AllPlanned all = plan_all(decided, nothing, context);

  SourceModels found{.document = {.version = version(),
                                  .source = source_names(chosen),
                                  .database = context.config.sync.database}};
  warn_of_idle_includes(listed_of(decided), context);
  std::vector<int> failures;
  std::set<std::string> tables;
  for (std::size_t i = 0; i < decided.sources.size(); ++i) {
    const DecidedSource& source = decided.sources[i];
    Failures failed(context, source.options.source);
    for (const sync::Decision& decision : source.decisions) {
      const bool is_left =
          decision.action == sync::Action::kWait || decision.action == sync::Action::kRefuse;
      if (is_left) failed.add(decision.file, decision.reason, kSource);
    }
    for (const sync::PlannedTable& planned : all[i]) {
      for (const sync::PlannedFile& file : planned.files) {
        if (!file.error) continue;
        failed.add(file.decision->file, file.failure.message,
                   exit_code_of_class(file.failure.error_class));
      }
      if (!planned.definition) continue;
      if (tables.insert(planned.definition->name).second) {
        found.document.tables.push_back(model_of(planned, source.options.source));
        continue;
      }
      for (const sync::PlannedFile& file : planned.files) {
        if (file.error) continue;
        failed.add(file.decision->file,
                   fmt::format("table {} is another source's; a table_prefix or name parts them",
                               planned.definition->name),
                   kSource);
      }
    }
    failures.insert(failures.end(), failed.exit_codes().begin(), failed.exit_codes().end());
  }
  found.failed_files = failures.size();
  if (failures.empty() && decided.exit_code == kOk)
    warn_of_idle_columns({}, names_of(all), context);
  if (failures.empty() && found.document.tables.empty() && decided.exit_code == kOk) {
    std::string none;
    for (const OpenSource& source : chosen) none += (none.empty() ? "" : "; ") + no_files(source);
    throw base::IoError(none);
  }
  found.exit_code = failures.empty()                ? decided.exit_code
                    : found.document.tables.empty() ? failures[0]
                                                    : static_cast<int>(kPartial);
  return found;
}

void check_output_is_new(const std::string& path, bool overwrite, std::string_view flag) {
  if (path.empty() || overwrite) return;
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return;
  if (error) {
    throw base::ConfigError(
        fmt::format("{} cannot be written: {}", printable(path), error.message()));
  }
  throw base::ConfigError(
      fmt::format("{} is there already; {} replaces it", printable(path), flag));
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
    for (const sync::PlannedTable& table : plan_source(source, {}, nullptr, nullptr, context)) {
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
