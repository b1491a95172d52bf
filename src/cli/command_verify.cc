// qvdhouse verify: the checks of a load, against what is in the tables now.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "load/layout.h"
#include "load/load.h"
#include "source/listing.h"
#include "sync/decide.h"
#include "sync/placement.h"
#include "sync/row_version.h"
#include "sync/table_shape.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct Verdict {
  std::string word;  // exact, different, not checked
  std::vector<std::string> details;
  int exit_code = kOk;
};

// The file as it was when it was loaded: opening it finds out whether it still is.
source::FileEntry loaded_version(const tracking::FileRecord& record) {
  return {.path = record.file_path,
          .name = record.file_name,
          .size = record.file_size,
          .mtime_us = record.file_mtime_us,
          .etag = record.file_etag,
          .source_type = record.source_type,
          .skip_reason = {},
          .skip_code = {}};
}

// Where the rows of a loaded file are to be found, and in which columns.
load::Target loaded_target(const tracking::FileRecord& record, const sync::Placement& placement,
                           const clickhouse::Endpoint& endpoint, const Context& context) {
  clickhouse::Connection connection(endpoint, context.stop);
  const load::Layout layout = load::read_layout(connection, record.table_name);
  load::Target target{.table = record.table_name,
                      .mode = sync::mode_of_hash(record.settings_hash),
                      .rules = placement.rules,
                      .file_key = sync::file_key(record),
                      .name_parts = placement.name_parts,
                      .shape = {}};
  if (target.is_set()) target.version = sync::version_of_rows(record);
  if (layout.exists()) target.shape = sync::live_shape(layout);
  return target;
}

Verdict verify_file(const tracking::FileRecord& record, const Target& target, Sources& sources,
                    const Context& context) {
  try {
    const OpenSource source = sources.of(record.file_path);
    sync::Options options = sync_options(context.config, source.settings);
    options.load.policy.dialect = target.endpoint().dialect;
    const source::FileEntry entry = loaded_version(record);
    const auto bytes = source.storage.open(entry);
    bytes->check_unchanged();
    const sync::Placement placement =
        sync::place_file(record.file_path, options.tables, options.load.policy);
    options.load.policy = sync::policy_of(options.load.policy, placement.rules);
    const load::Target where = loaded_target(record, placement, target.endpoint(), context);
    const auto differences = load::verify_table(*bytes, entry.name, target.endpoint(), options.load,
                                                where, context.stop);
    if (differences.empty()) return {"exact", {}, kOk};
    return {"different", differences, kVerify};
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::ChangedError&) {
    return {"not checked",
            {"the file is gone or has changed since it was loaded; run qvdhouse sync first"},
            kSource};
  } catch (const base::Error& error) {
    return {"not checked", {error.what()}, exit_code_of(error)};
  }
}

std::vector<tracking::FileRecord> loaded_files(const Target& target, const Context& context,
                                               const std::string& table) {
  std::vector<tracking::FileRecord> files =
      at_target(context.config, [&] { return target.tracking(context.config).files(); });
  std::erase_if(files, [&](const tracking::FileRecord& file) {
    if (file.status != "completed") return true;
    return !table.empty() && file.table_name != table &&
           !names_file(table, file.file_path, file.file_name);
  });
  if (files.empty() && !table.empty()) {
    throw UsageError(
        fmt::format("no loaded table or file is called {}; see qvdhouse status", table));
  }
  return files;
}

}  // namespace

int run_verify(const VerifyArguments& arguments, const Context& context) {
  Sources sources(context);
  std::vector<tracking::FileRecord> files;
  std::optional<Target> target;
  if (target_may_hold_data(context.config)) {
    target = Target::open(context, false);
    files = loaded_files(*target, context, arguments.table);
  }

  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::vector<std::pair<std::string, std::string>> details;  // table, what differs
  std::vector<int> failures;
  for (const tracking::FileRecord& file : files) {
    const Verdict verdict = verify_file(file, *target, sources, context);
    if (verdict.exit_code != kOk) failures.push_back(verdict.exit_code);
    json.push_back(Json{{"table", file.table_name},
                        {"file_path", file.file_path},
                        {"rows", file.row_count},
                        {"result", verdict.word},
                        {"details", verdict.details}});
    rows.push_back({file.table_name, file.file_name, format_count(file.row_count), verdict.word});
    for (const std::string& detail : verdict.details) {
      details.emplace_back(file.table_name, detail);
    }
  }
  if (arguments.json) {
    print_json(json);
  } else if (files.empty()) {
    print("Nothing was loaded yet, so there is nothing to verify.\n");
  } else {
    print_table({{.title = "Table", .flexible = true},
                 {.title = "File", .flexible = true},
                 {.title = "Rows", .right = true},
                 {"Result"}},
                rows);
    if (!details.empty()) print("\n");
    for (const auto& [table, detail] : details) print_paragraph(table + ": ", detail, 2);
  }
  if (failures.empty()) return kOk;
  // A difference is what was asked for; it outweighs a file that could not be read.
  return std::count(failures.begin(), failures.end(), static_cast<int>(kVerify)) > 0 ? kVerify
                                                                                     : failures[0];
}

}  // namespace qvdhouse::cli
