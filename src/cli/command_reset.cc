// qvdhouse reset: forgets files, so that the next sync takes them up again.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/source_url.h"
#include "cli/target.h"
#include "clickhouse/quote.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

void check_choice(const ResetArguments& arguments) {
  const int choices = (arguments.file.empty() ? 0 : 1) + (arguments.table.empty() ? 0 : 1) +
                      (arguments.all ? 1 : 0);
  if (choices == 1) return;
  throw UsageError("reset takes exactly one of --file NAME, --table TABLE and --all");
}

// Asks on a terminal; without one only --force will do.
bool is_confirmed(const ResetArguments& arguments, const std::string& question) {
  if (arguments.force) return true;
  if (isatty(STDIN_FILENO) != 1) {
    throw UsageError(question + " There is no terminal to ask on; add --force to go ahead");
  }
  std::cerr << printable(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

int run_reset(const ResetArguments& arguments, const Context& context) {
  check_choice(arguments);
  std::vector<tracking::FileRecord> files = read_tracked(context).files;
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

  std::vector<std::string> paths;
  std::set<std::string> tables;
  for (const tracking::FileRecord& file : files) {
    paths.push_back(file.file_path);
    if (arguments.with_data && !file.table_name.empty()) tables.insert(file.table_name);
  }
  std::string question = fmt::format("Forget {}", format_quantity(paths.size(), "file"));
  if (!tables.empty())
    question += fmt::format(" and drop {}", format_quantity(tables.size(), "table"));
  question += "?";
  if (!paths.empty() && !is_confirmed(arguments, question)) {
    print("Nothing was changed.\n");
    return kOk;
  }

  if (!paths.empty()) {
    const Target target = Target::open(context, false);
    at_target(context.config, [&] {
      // Tables first: should this stop midway, the tracking rows that are left lead back to them.
      clickhouse::Connection connection = target.connect(context.stop);
      for (const std::string& table : tables) {
        connection.query("DROP TABLE IF EXISTS " +
                         clickhouse::qualified(context.config.database, table) + " SYNC");
      }
      target.tracking(context.config).forget(paths);
    });
  }
  if (arguments.json) {
    print_json(Json{{"forgotten", paths}, {"dropped", tables}});
  } else {
    print(fmt::format("{} forgotten", format_quantity(paths.size(), "file")));
    if (arguments.with_data)
      print(fmt::format(", {} dropped", format_quantity(tables.size(), "table")));
    print(". The next sync loads what is there again.\n");
  }
  return kOk;
}

}  // namespace qvdhouse::cli
