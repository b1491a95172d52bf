// qvdhouse reset: forgets files, so that the next sync takes them up again.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/display.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"
#include "sync/reset.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct ResetArguments {
  std::string file;
  std::string table;
  bool all = false;
  bool with_data = false;
  bool force = false;
  bool json = false;
};

void check_choice(const ResetArguments& arguments) {
  const int choices = (arguments.file.empty() ? 0 : 1) + (arguments.table.empty() ? 0 : 1) +
                      (arguments.all ? 1 : 0);
  if (choices == 1) return;
  throw UsageError("reset takes exactly one of --file NAME, --table TABLE and --all");
}

// Asks on a terminal; without one only --force will do.
bool is_confirmed(const ResetArguments& arguments, const std::string& question,
                  const Context& context) {
  if (arguments.force) return true;
  if (!can_ask()) {
    throw UsageError(question + " There is no terminal to ask on; add --force to go ahead");
  }
  return confirm(question, context.stop);
}

// Files that their source has no more since we took them (after_load).
std::vector<std::string> taken_of(const std::vector<tracking::FileRecord>& files) {
  std::vector<std::string> paths;
  for (const tracking::FileRecord& file : files) {
    if (!file.taken.empty()) paths.push_back(file.file_path);
  }
  return paths;
}

std::string taken_text(const std::vector<std::string>& taken) {
  return fmt::format(
      "{} of them, such as {}, cannot be loaded again from {}: it was moved or deleted after its "
      "load (after_load).",
      format_count(taken.size()), taken.front(), taken.size() == 1 ? "there" : "where they were");
}

int run_reset(const ResetArguments& arguments, const Context& context) {
  check_choice(arguments);
  std::vector<tracking::FileRecord> files = read_tracked(context).files;
  const auto files_of_table = sync::count_by_table(files);
  std::erase_if(files, [&](const tracking::FileRecord& file) {
    if (arguments.all) return false;
    if (!arguments.table.empty()) return file.table_name != arguments.table;
    return !names_file(arguments.file, file.file_path, file.file_name);
  });
  if (files.empty() && !arguments.all) {
    throw UsageError(
        fmt::format("nothing tracked is called {}; see qvdhouse status",
                    arguments.file.empty() ? arguments.table : masked_source(arguments.file)));
  }

  const sync::Reset reset = sync::plan_reset(files, files_of_table, arguments.with_data);
  std::string question = fmt::format("Forget {}", format_quantity(reset.count(), "file"));
  if (!reset.dropped.empty())
    question += fmt::format(" and drop {}", format_quantity(reset.dropped.size(), "table"));
  if (!reset.emptied.empty())
    question +=
        fmt::format(" and delete the rows of {}", format_quantity(reset.emptied.size(), "file"));
  question += "?";
  const std::vector<std::string> taken = taken_of(files);
  if (!taken.empty()) question += " " + taken_text(taken);
  if (reset.count() > 0 && !is_confirmed(arguments, question, context)) {
    print("Nothing was changed.\n");
    return kOk;
  }

  if (reset.count() > 0) {
    const Target target = Target::open(context, false);
    at_target(context.config, [&] {
      clickhouse::Connection connection = target.connect(context.stop);
      tracking::Tracking tracking = target.tracking(context.config);
      sync::carry_out(reset, locks_of_target(context.config), context.config.sync.database,
                      connection, tracking);
    });
  }
  if (arguments.json) {
    std::vector<std::string> forgotten = reset.forgotten;
    for (const tracking::FileRecord& file : reset.restated) forgotten.push_back(file.file_path);
    std::vector<std::string> emptied;
    for (const tracking::FileRecord& file : reset.emptied) emptied.push_back(file.file_path);
    print_json(Json{{"forgotten", forgotten},
                    {"dropped", reset.dropped},
                    {"emptied", emptied},
                    {"taken", taken}});
  } else {
    print(fmt::format("{} forgotten", format_quantity(reset.count(), "file")));
    if (arguments.with_data)
      print(fmt::format(", {} dropped", format_quantity(reset.dropped.size(), "table")));
    if (!reset.emptied.empty())
      print(fmt::format(", rows of {} deleted", format_quantity(reset.emptied.size(), "file")));
    print(". The next sync loads what is there again.\n");
    if (!taken.empty()) print_paragraph("", taken_text(taken), 2);
  }
  return kOk;
}

}  // namespace

void add_reset(CommandLine& line) {
  auto [o, a] =
      line.add("reset", kTables, "forget files, so that they are loaded again", run_reset);
  o.example("qvdhouse reset --file Item.qvd --with-data");
  o.settings({Topic::kServer, Topic::kEngine});
  o->add_option("--file", a.file, "this file: path, URL, name or stem");
  o->add_option("--table", a.table, "the file of this table");
  o.flag("--all", a.all, "every file");
  o.flag("--with-data", a.with_data, "drop the tables too");
  o.flag("--force", a.force, "do not ask");
  o.json(a.json);
}

}  // namespace qvdhouse::cli
