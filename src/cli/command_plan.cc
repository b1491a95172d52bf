// qvdhouse plan: what sync would do, and the tables that it would make or change.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/planned_source.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "sync/decide.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

struct PlanArguments {
  bool full = false;
  std::string locked;  // as of sync
  bool json = false;
};

constexpr std::size_t kMostNamed = 10;  // files of a set

void print_file(const sync::PlannedFile& file, const std::string& prefix) {
  for (const std::string& warning : file.warnings) {
    print(fmt::format("-- note: {}{}\n", printable(prefix), printable(warning)));
  }
  if (!file.error.empty()) {
    print(fmt::format("-- cannot be loaded: {}{}\n", printable(prefix), printable(file.error)));
  }
}

void print_planned(const sync::PlannedTable& planned, const std::string& source) {
  const sync::Decision& first = *planned.files.front().decision;
  const bool is_set = first.placement.is_set();
  const std::string mode(sync::mode_name(first.placement.mode));
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
  if (!planned.ddl.empty()) print(printable_lines(planned.ddl) + ";\n");
  for (const std::string& alter : planned.alters) print(printable_lines(alter) + ";\n");
  const bool has_file =
      std::any_of(planned.files.begin(), planned.files.end(),
                  [](const sync::PlannedFile& file) { return file.error.empty(); });
  if (has_file && planned.ddl.empty() && planned.alters.empty()) {
    print("-- the table stays as it is\n");
  }
}

// What a table's plan adds to a decision of it.
void add_plan(const sync::PlannedTable& planned, const sync::PlannedFile& file, Json& item) {
  const bool is_loaded = file.error.empty();
  item["ddl"] = is_loaded ? planned.ddl : "";
  item["alters"] = is_loaded ? planned.alters : std::vector<std::string>();
  item["notes"] = planned.notes;
  item["warnings"] = file.warnings;
  item["error"] = file.error;
}

struct Outcome {
  std::size_t planned_files = 0;
  std::vector<int> failures;  // exit codes
};

void show_source(const DecidedSource& decided, const std::vector<sync::PlannedTable>& tables,
                 Json* json, Outcome& outcome) {
  std::map<const sync::Decision*, Json> planned_json;
  for (const sync::PlannedTable& planned : tables) {
    for (const sync::PlannedFile& file : planned.files) {
      ++outcome.planned_files;
      if (!file.error_class.empty()) {
        outcome.failures.push_back(exit_code_of_class(file.error_class));
      }
      add_plan(planned, file, planned_json[file.decision]);
    }
    if (json == nullptr) print_planned(planned, decided.options.source);
  }
  if (json == nullptr) return;
  for (const sync::Decision& decision : decided.decisions) {
    Json item = decision_json(decision);
    add_plan({}, {}, item);
    if (const auto found = planned_json.find(&decision); found != planned_json.end()) {
      item.update(found->second);
    }
    item["mode"] = decision.table.empty() ? "" : sync::mode_name(decision.placement.mode);
    item["source"] = decided.source.settings.name;
    json->push_back(std::move(item));
  }
}

int run_plan(const PlanArguments& arguments, const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("plan", true);
  const Tracked tracked = read_tracked(context);
  const DecidedSources decided = decide_sources(chosen, tracked, arguments.full, context);
  if (!arguments.locked.empty()) check_lock(arguments.locked, decided, context);
  const AllPlanned all = plan_all(decided, tracked, context);

  Json json = Json::array();
  Outcome outcome;
  for (std::size_t i = 0; i < decided.sources.size(); ++i) {
    const DecidedSource& source = decided.sources[i];
    if (!arguments.json) {
      print_decisions(source.decisions, source.source.settings, decided.are_several());
    }
    show_source(source, all[i], arguments.json ? &json : nullptr, outcome);
  }
  if (arguments.json) print_json(json);
  if (outcome.failures.empty()) return decided.exit_code;
  return outcome.planned_files == 1 && decided.exit_code == kOk ? outcome.failures[0]
                                                                : static_cast<int>(kPartial);
}

}  // namespace

void add_plan(CommandLine& line) {
  auto [o, a] =
      line.add("plan", kLoading, "what sync would do, and the tables it would make", run_plan);
  o.example("qvdhouse plan ./qvds");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kTypes, Topic::kTables, Topic::kServer,
              Topic::kEngine});
  o.source();
  o.flag("--full", a.full, "as for sync --full");
  o.locked(a.locked);
  o.json(a.json);
}

}  // namespace qvdhouse::cli
