// qvdhouse state: what a target knows of files, runs and workflows, as a file for another target.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "claim/locks.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"
#include "load/staging.h"
#include "sync/sync.h"
#include "tracking/state_file.h"

namespace qvdhouse::cli {
namespace {

struct StateArguments {
  std::string action;  // dump, restore
  std::string file;    // of dump: empty for standard output
  bool replace = false;
};

std::string said_of(const tracking::StateRows& rows) {
  std::string text;
  for (const auto& [table, count] : rows) {
    text +=
        fmt::format("{}{} of {}", text.empty() ? "" : ", ", format_quantity(count, "row"), table);
  }
  return text;
}

// Written beside its place and renamed: a file of that name is a whole one.
tracking::StateRows dump_into(const std::string& file, clickhouse::Connection& connection,
                              const Config& config) {
  const std::string unfinished = file + ".part";
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  const auto rows = at_target(config, [&] {
    return tracking::dump_state(connection, config.sync.database,
                                [&](std::string_view bytes) { out << bytes; });
  });
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(unfinished, file, error);
  if (!out || error) {
    std::filesystem::remove(unfinished, error);
    throw base::IoError(file + " cannot be written; is the disk full, or the folder missing?");
  }
  return rows;
}

int run_state(const StateArguments& arguments, const Context& context) {
  const bool restores = arguments.action == "restore";
  if (restores && arguments.file.empty())
    throw UsageError("state restore takes the FILE of a dump");
  if (arguments.replace && !restores) throw UsageError("--replace goes with state restore only");
  const Config& config = context.config;
  const std::string& database = config.sync.database;
  const Target target = Target::open(context, restores);
  clickhouse::Connection connection = target.connect_anywhere(context.stop);
  if (restores) {
    const tracking::StateFile state(arguments.file);
    std::optional<claim::RunLock> seen_by_runs;
    if (const auto locks = locks_of_target(config); !locks.empty()) {
      seen_by_runs.emplace(locks, load::make_run_id(sync::now_us()));
    }
    const auto rows = at_target(config, [&] {
      return tracking::restore_state(connection, database, config.sync.history_days, state,
                                     arguments.replace);
    });
    print(fmt::format("Restored {} into {}.\n", said_of(rows), target_name(config)));
  } else if (arguments.file.empty()) {
    at_target(config, [&] {
      tracking::dump_state(connection, database, [](std::string_view bytes) { print(bytes); });
    });
  } else {
    const auto rows = dump_into(arguments.file, connection, config);
    print(fmt::format("Wrote {} to {}.\n", said_of(rows), arguments.file));
  }
  return kOk;
}

}  // namespace

void add_state(CommandLine& line) {
  auto [o, a] =
      line.add("state", kSetup, "what was loaded, as a file for another target", run_state);
  o.example("qvdhouse state dump qvdhouse-state.jsonl");
  o.settings({Topic::kServer, Topic::kEngine});
  o.option("ACTION", a.action, "", "dump or restore")
      ->required()
      ->check(CLI::IsMember({"dump", "restore"}));
  o.option("FILE", a.file, "", "where to (default: standard output), or where from");
  o.flag("--replace", a.replace, "restore: instead of what the target knows");
}

}  // namespace qvdhouse::cli
