// qvdhouse status: what the tracking table says of every file.
#include <fmt/format.h>

#include <map>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "serve/api_json.h"
#include "source/scope.h"
#include "sync/facts.h"
#include "sync/stored_rows.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct StatusArguments {
  bool json = false;
};

// Looks at files of this machine; storages are not asked.
bool is_vanished(const tracking::FileRecord& file) {
  return file.status == tracking::FileState::kVanished || sync::is_vanished(file.file_path);
}

// A file that is gone is neither failed nor waited for, whatever tracking still says.
std::string status_of(const tracking::FileRecord& file) {
  if (!is_vanished(file)) return std::string(base::to_string(file.status));
  return file.row_count > 0 ? "vanished, rows kept" : "vanished";
}

Json record_json(const tracking::FileRecord& file) {
  return Json{{"file_path", file.file_path},
              {"file_name", file.file_name},
              {"table_name", file.table_name},
              {"file_size", file.file_size},
              {"file_mtime", serve::rfc3339(file.file_mtime_us)},
              {"file_etag", file.file_etag},
              {"source_type", file.source_type},
              {"processed_at", serve::rfc3339(file.processed_at_us)},
              {"processing_duration_seconds", file.processing_duration_seconds},
              {"row_count", file.row_count},
              {"status", base::to_string(file.status)},
              {"is_vanished", is_vanished(file)},
              {"stored_as", file.stored_as},
              {"error_class", base::to_string(file.error_class)},
              {"error_message", file.error_message},
              {"failure_count", file.failure_count},
              {"retry_at", serve::rfc3339(file.retry_at_us)},
              {"qvd_created_at", created_json(file.qvd_created_at)},
              {"warnings", file.warnings}};
}

void print_records(const std::vector<tracking::FileRecord>& files) {
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t row_count = 0;
  for (const tracking::FileRecord& file : files) {
    const std::string status = status_of(file);
    rows.push_back({file.file_name, file.table_name, format_count(file.row_count),
                    format_bytes(file.file_size), format_time(file.processed_at_us), status});
    ++counts[status];
    row_count += file.row_count;
  }
  print_table({{.title = "File", .flexible = true},
               {.title = "Table", .flexible = true},
               {.title = "Rows", .right = true},
               {.title = "Size", .right = true},
               {"At (UTC)"},
               {"Status"}},
              rows);
  print("\n");
  for (const tracking::FileRecord& file : files) {
    if (file.error_message.empty() || is_vanished(file)) continue;
    print_paragraph(file.file_name + ": ", file.error_message, 2);
  }
  std::string summary;
  for (const auto& [status, count] : counts) {
    summary += fmt::format("{}{} {}", summary.empty() ? "" : ", ", format_count(count), status);
  }
  print(fmt::format("{}: {}; {} rows\n", format_quantity(files.size(), "file"), summary,
                    format_count(row_count)));
}

// What is tracked, with the rows that tables really have.
std::vector<tracking::FileRecord> files_and_rows(const Context& context) {
  if (!target_may_hold_data(context.config)) return {};
  const Target target = Target::open(context, false);
  return at_target(context.config, [&] {
    tracking::Tracking tracking = target.tracking(context.config);
    std::vector<tracking::FileRecord> files = tracking.files();
    clickhouse::Connection connection = target.connect(context.stop);
    const auto stored = sync::stored_rows(files, tracking, connection);
    for (tracking::FileRecord& file : files) {
      const auto found = stored.find(file.file_path);
      if (found != stored.end()) file.row_count = found->second;
    }
    return files;
  });
}

int run_status(const StatusArguments& arguments, const Context& context) {
  std::vector<tracking::FileRecord> files = files_and_rows(context);
  // QVD_SOURCE and the like are for commands that read one.
  if (is_source_asked(context.config)) {
    const SourceSettings& source = context.config.sources[context.config.chosen.front()];
    const source::Scope scope(source.url);
    std::erase_if(files,
                  [&](const tracking::FileRecord& file) { return !scope.covers(file.file_path); });
  }
  if (arguments.json) {
    Json json = Json::array();
    for (const tracking::FileRecord& file : files) json.push_back(record_json(file));
    print_json(json);
  } else if (files.empty()) {
    print(fmt::format("Nothing was loaded yet ({}). Start with: qvdhouse sync DIR\n",
                      printable(target_name(context.config))));
  } else {
    print_records(files);
  }
  return kOk;
}

}  // namespace

void add_status(CommandLine& line) {
  auto [o, a] = line.add("status", kTables, "what was loaded, file by file", run_status);
  o.example("qvdhouse status");
  o.settings({Topic::kServer, Topic::kEngine});
  o.json(a.json);
}

}  // namespace qvdhouse::cli
