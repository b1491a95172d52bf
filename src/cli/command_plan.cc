// qvdhouse plan: what sync would do, and the tables that it would make.
#include <fmt/format.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "clickhouse/ddl.h"
#include "load/load.h"
#include "schema/plan.h"
#include "source/listing.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

struct PlannedTable {
  std::string ddl;
  std::vector<std::string> warnings;
  std::string error;
  int exit_code = kOk;
};

PlannedTable plan_file(const source::FileEntry& entry, source::Storage& storage,
                       const sync::Options& options) {
  try {
    const auto source = storage.open(entry);
    const load::PreparedFile file = load::prepare(*source, entry.name, options.load);
    PlannedTable planned;
    planned.ddl = clickhouse::create_table_sql(
        schema::table_definition(file.plan, file.header, options.database));
    planned.warnings = file.header.warnings;
    for (const schema::ColumnPlan& column : file.plan.columns) {
      for (const std::string& warning : column.warnings) {
        planned.warnings.push_back(column.name + ": " + warning);
      }
    }
    return planned;
  } catch (const base::Error& error) {
    return {.ddl = "", .warnings = {}, .error = error.what(), .exit_code = exit_code_of(error)};
  }
}

void print_planned(const PlannedTable& planned, const std::string& name) {
  print(fmt::format("\n-- {}\n", printable(name)));
  for (const std::string& warning : planned.warnings) {
    print(fmt::format("-- note: {}\n", printable(warning)));
  }
  if (!planned.error.empty()) {
    print(fmt::format("-- can not be loaded: {}\n", printable(planned.error)));
  } else {
    print(printable_lines(planned.ddl) + ";\n");
  }
}

}  // namespace

int run_plan(const PlanArguments& arguments, const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("plan", true);
  const Tracked tracked = read_tracked(context);
  const DecidedSources decided = decide_sources(chosen, tracked, arguments.full, context);

  Json json = Json::array();
  std::size_t planned_count = 0;
  std::vector<int> failures;
  for (const auto& [source, options, decisions] : decided.sources) {
    if (!arguments.json) print_decisions(decisions, source.settings, decided.are_several());
    for (const sync::Decision& decision : decisions) {
      const bool to_load = decision.action == sync::Action::kLoad;
      if (context.stop.stop_requested()) throw base::Cancelled("stopped");
      const PlannedTable planned =
          to_load ? plan_file(decision.file, source.storage, options) : PlannedTable{};
      planned_count += to_load ? 1 : 0;
      if (planned.exit_code != kOk) failures.push_back(planned.exit_code);
      if (arguments.json) {
        Json item = decision_json(decision);
        item["ddl"] = planned.ddl;
        item["warnings"] = planned.warnings;
        item["error"] = planned.error;
        item["source"] = source.settings.name;
        json.push_back(std::move(item));
      } else if (to_load) {
        print_planned(planned, short_path(decision.file, options.source));
      }
    }
  }
  if (arguments.json) print_json(json);
  if (failures.empty()) return decided.exit_code;
  return planned_count == 1 && decided.exit_code == kOk ? failures[0] : static_cast<int>(kPartial);
}

}  // namespace qvdhouse::cli
