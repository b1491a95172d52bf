// qvdhouse plan: what sync would do, and the tables that it would make or change.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/planned_source.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "decide/decide.h"
#include "serve/file_details.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

struct PlanArguments {
  AskedFiles asked;
  std::string locked;  // as of sync
  bool json = false;
};

constexpr std::size_t kMostNamed = 10;  // files of a set

void print_file(const sync::PlannedFile& file, const std::string& prefix) {
  for (const std::string& remark : file.remarks()) {
    print(fmt::format("-- note: {}{}\n", printable(prefix), printable(remark)));
  }
  if (file.error) {
    print(fmt::format("-- cannot be loaded: {}{}\n", printable(prefix),
                      printable(file.failure.message)));
  }
}

void print_planned(const sync::PlannedTable& planned, const std::string& source) {
  const sync::Decision& first = *planned.files.front().decision;
  const bool is_set = first.placement.is_set();
  const std::string mode(decide::mode_name(first.placement.mode));
  if (is_set) {
    print(fmt::format("\n-- {} ({}): {}\n", printable(first.table), mode,
                      format_quantity(planned.files.size(), "file")));
    const std::size_t named = std::min(planned.files.size(), kMostNamed);
    for (std::size_t i = 0; i < named; ++i) {
      const source::FileEntry& file = planned.files[i].decision->file;
      print(fmt::format("--   {}\n", printable(short_path(file, source))));
    }
    if (named < planned.files.size()) {
      print(fmt::format("--   and {} more\n", planned.files.size() - named));
    }
  } else {
    print(fmt::format("\n-- {}\n", printable(short_path(first.file, source))));
  }
  for (const sync::PlannedFile& file : planned.files) {
    print_file(file, is_set ? short_path(file.decision->file, source) + ": " : "");
  }
  for (const std::string& note : planned.notes) print(fmt::format("-- {}\n", printable(note)));
  for (const std::string& alter : planned.alters) print(printable_lines(alter) + ";\n");
  if (!planned.ddl.empty()) print(printable_lines(planned.all_ddl()) + ";\n");
  if (planned.definition && planned.ddl.empty() && planned.alters.empty()) {
    print("-- the table stays as it is\n");
  }
}

int run_plan(const PlanArguments& arguments, const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("plan", true);
  const Tracked tracked = read_tracked(context);
  const DecidedSources decided = decide_sources(chosen, tracked, arguments.asked, context);
  if (!arguments.locked.empty()) check_lock(arguments.locked, decided, context);
  const AllPlanned all = plan_all(decided, tracked, context, true);

  Json json = Json::array();
  std::size_t file_count = 0;  // to load
  std::vector<int> failures;   // exit codes
  bool are_all_read = decided.exit_code == kOk;
  for (std::size_t i = 0; i < decided.sources.size(); ++i) {
    const DecidedSource& source = decided.sources[i];
    const SourceSettings& settings = source.source.settings;
    for (const sync::Decision& decision : source.decisions) {
      are_all_read = are_all_read && decision.action != sync::Action::kWait &&
                     decision.action != sync::Action::kRefuse;
    }
    for (const sync::PlannedTable& planned : all[i]) {
      file_count += planned.files.size();
      for (const sync::PlannedFile& file : planned.files) {
        if (file.error) failures.push_back(exit_code_of_class(file.failure.error_class));
      }
    }
    if (arguments.json) {
      const Json plan = serve::plan_json(source.decisions, all[i], settings.name);
      json.insert(json.end(), plan.begin(), plan.end());
      continue;
    }
    print_decisions(source.decisions, source.source, decided.are_several());
    for (const sync::PlannedTable& planned : all[i]) print_planned(planned, source.options.source);
  }
  if (arguments.json) print_json(json);
  warn_of_idle_includes(listed_of(decided), context);
  if (failures.empty() && are_all_read) {
    warn_of_idle_columns(tracked.files, names_of(all), context);
  }
  if (failures.empty()) return decided.exit_code;
  return file_count == 1 && decided.exit_code == kOk ? failures[0] : static_cast<int>(kPartial);
}

}  // namespace

void add_plan(CommandLine& line) {
  auto [o, a] =
      line.add("plan", kLoading, "what sync would do, and the tables it would make", run_plan);
  o.example("qvdhouse plan ./qvds");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kTypes, Topic::kTables, Topic::kServer,
              Topic::kEngine});
  o.source();
  o.flag("--full", a.asked.full, "as for sync --full");
  o.choice(a.asked);
  o.locked(a.locked);
  o.json(a.json);
}

}  // namespace qvdhouse::cli
