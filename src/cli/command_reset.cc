// qvdhouse reset: forgets files, so that the next sync takes them up again.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/source_url.h"
#include "cli/target.h"
#include "clickhouse/ddl.h"
#include "load/commit.h"
#include "load/load.h"
#include "sync/decide.h"
#include "sync/staging.h"
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

// What is to be done about the chosen files.
struct Reset {
  std::vector<std::string> forgotten;                // their rows in the tracking table go
  std::vector<tracking::FileRecord> restated;        // theirs stay, so that they keep their key
  std::set<std::string> dropped;                     // tables
  std::vector<const tracking::FileRecord*> emptied;  // whose rows go out of a table that stays
  std::uint64_t count() const { return forgotten.size() + restated.size(); }
};

// A table of many files goes only with the last of them. The rows of a file that was moved are
// known by its first path: forgotten, it would be loaded beside them.
Reset plan_reset(const std::vector<tracking::FileRecord>& chosen,
                 const std::map<std::string, std::size_t>& files_of_table, bool with_data) {
  std::map<std::string, std::size_t> chosen_of_table;
  for (const tracking::FileRecord& file : chosen) ++chosen_of_table[file.table_name];
  Reset reset;
  for (const tracking::FileRecord& file : chosen) {
    const bool is_of_set = sync::mode_of_hash(file.settings_hash) != schema::LoadMode::kReplace;
    if (is_of_set && !with_data && !file.stored_as.empty()) {
      tracking::FileRecord record = file;
      record.status = "reset";
      record.row_count = 0;
      record.fingerprint.clear();
      ++record.version;
      reset.restated.push_back(std::move(record));
      continue;
    }
    reset.forgotten.push_back(file.file_path);
    if (!with_data || file.table_name.empty()) continue;
    if (is_of_set && chosen_of_table[file.table_name] < files_of_table.at(file.table_name)) {
      reset.emptied.push_back(&file);
    } else {
      reset.dropped.insert(file.table_name);
    }
  }
  return reset;
}

// Rows first: should this stop midway, the tracking rows that are left lead back to them.
void carry_out(const Reset& reset, const Context& context) {
  const Target target = Target::open(context, false);
  at_target(context.config, [&] {
    clickhouse::Connection connection = target.connect(context.stop);
    for (const std::string& table : reset.dropped) {
      connection.query(
          clickhouse::drop_table_sql(target.endpoint().dialect, context.config.database, table));
    }
    const std::string run_id = sync::make_run_id(sync::now_us());
    for (const tracking::FileRecord* file : reset.emptied) {
      load::delete_file(connection, file->table_name, sync::file_key(*file),
                        load::staging_table(file->table_name, run_id));
    }
    tracking::Tracking tracking = target.tracking(context.config);
    tracking.record(reset.restated);
    tracking.forget(reset.forgotten);
  });
}

}  // namespace

int run_reset(const ResetArguments& arguments, const Context& context) {
  check_choice(arguments);
  std::vector<tracking::FileRecord> files = read_tracked(context).files;
  std::map<std::string, std::size_t> files_of_table;
  for (const tracking::FileRecord& file : files) ++files_of_table[file.table_name];
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

  const Reset reset = plan_reset(files, files_of_table, arguments.with_data);
  std::string question = fmt::format("Forget {}", format_quantity(reset.count(), "file"));
  if (!reset.dropped.empty())
    question += fmt::format(" and drop {}", format_quantity(reset.dropped.size(), "table"));
  if (!reset.emptied.empty())
    question +=
        fmt::format(" and delete the rows of {}", format_quantity(reset.emptied.size(), "file"));
  question += "?";
  if (reset.count() > 0 && !is_confirmed(arguments, question)) {
    print("Nothing was changed.\n");
    return kOk;
  }

  if (reset.count() > 0) carry_out(reset, context);
  if (arguments.json) {
    std::vector<std::string> forgotten = reset.forgotten;
    for (const tracking::FileRecord& file : reset.restated) forgotten.push_back(file.file_path);
    std::vector<std::string> emptied;
    for (const tracking::FileRecord* file : reset.emptied) emptied.push_back(file->file_path);
    print_json(Json{{"forgotten", forgotten}, {"dropped", reset.dropped}, {"emptied", emptied}});
  } else {
    print(fmt::format("{} forgotten", format_quantity(reset.count(), "file")));
    if (arguments.with_data)
      print(fmt::format(", {} dropped", format_quantity(reset.dropped.size(), "table")));
    if (!reset.emptied.empty())
      print(fmt::format(", rows of {} deleted", format_quantity(reset.emptied.size(), "file")));
    print(". The next sync loads what is there again.\n");
  }
  return kOk;
}

}  // namespace qvdhouse::cli
