// qvdhouse plan: what sync would do, and the tables that it would make.
#include <fmt/format.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
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

PlannedTable plan_file(const source::FileEntry& entry, const sync::Options& options) {
  try {
    const auto source = source::open_file(entry);
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

}  // namespace

int run_plan(const PlanArguments& arguments, const Context& context) {
  sync::Options options = sync_options(context.config);
  options.full = arguments.full;
  check_source_exists(options.source);
  const Tracked tracked = read_tracked(context);
  const auto decisions = sync::decide(options, tracked.files, tracked.tables);

  Json json = Json::array();
  if (!arguments.json) print_decisions(decisions, options.source);
  std::size_t planned_count = 0;
  std::vector<int> failures;
  for (const sync::Decision& decision : decisions) {
    const bool to_load = decision.action == sync::Action::kLoad;
    if (context.stop.stop_requested()) throw base::Cancelled("stopped");
    const PlannedTable planned = to_load ? plan_file(decision.file, options) : PlannedTable{};
    planned_count += to_load ? 1 : 0;
    if (planned.exit_code != kOk) failures.push_back(planned.exit_code);
    if (arguments.json) {
      Json item = decision_json(decision);
      item["ddl"] = planned.ddl;
      item["warnings"] = planned.warnings;
      item["error"] = planned.error;
      json.push_back(std::move(item));
    } else if (to_load) {
      print(fmt::format("\n-- {}\n", printable(short_path(decision.file, options.source))));
      for (const std::string& warning : planned.warnings) {
        print(fmt::format("-- note: {}\n", printable(warning)));
      }
      if (!planned.error.empty()) {
        print(fmt::format("-- can not be loaded: {}\n", printable(planned.error)));
      } else {
        print(printable_lines(planned.ddl) + ";\n");
      }
    }
  }
  if (arguments.json) print_json(json);
  if (failures.empty()) return kOk;
  return planned_count == 1 ? failures[0] : static_cast<int>(kPartial);
}

}  // namespace qvdhouse::cli
