// qvdhouse status: what the tracking table says of every file, and who works on tables just now.
#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "claim/claims.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "serve/api_json.h"
#include "serve/verdict.h"
#include "source/scope.h"
#include "sync/facts.h"
#include "sync/stored_rows.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct StatusArguments {
  bool workers = false;
  bool json = false;
};

// Looks at files of this machine; storages are not asked.
bool is_vanished(const tracking::FileRecord& file) {
  if (!file.taken.empty()) return false;
  return file.status == tracking::FileState::kVanished || sync::is_vanished(file.file_path);
}

// A file that is gone is neither failed nor waited for, whatever tracking still says.
std::string status_of(const tracking::FileRecord& file) {
  if (!file.taken.empty()) {
    return fmt::format("{}, file {}", file.status,
                       file.taken == tracking::kDeleted ? "deleted" : "moved");
  }
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
              {"rows_quarantined", file.rows_quarantined},
              {"rows_dropped", file.rows_dropped},
              {"rows_filtered", file.rows_filtered},
              {"status", base::to_string(file.status)},
              {"is_vanished", is_vanished(file)},
              {"taken", file.taken},
              {"stored_as", file.stored_as},
              {"error_class", base::to_string(file.error_class)},
              {"error_message", file.error_message},
              {"failure_count", file.failure_count},
              {"retry_at", serve::rfc3339(file.retry_at_us)},
              {"qvd_created_at", created_json(file.qvd_created_at)},
              {"warnings", file.warnings}};
}

// As the service says it (serve/verdict.h), but for when sources were looked at, which it knows.
std::string verdict_text(const std::vector<tracking::FileRecord>& files) {
  serve::VerdictFacts facts;
  facts.target.is_tried = true;
  facts.is_tracking_known = true;
  std::map<std::string, std::uint64_t> failed;  // by table
  std::set<std::string> there;
  for (const tracking::FileRecord& file : files) {
    const bool is_loaded = file.status == tracking::FileState::kCompleted;
    const bool is_broken = file.status == tracking::FileState::kFailed && !is_vanished(file);
    if (is_loaded || file.row_count > 0) there.insert(file.table_name);
    if (is_broken) ++failed[file.table_name];
    facts.failed_files += is_broken ? 1 : 0;
  }
  for (const std::string& table : there) {
    facts.tables.push_back({.name = table, .failed_files = failed[table]});
  }
  const std::string title = serve::judge(facts).verdict.title;
  if (facts.failed_files == 0) return title;
  return fmt::format("{}; {} broken", title, format_quantity(facts.failed_files, "file"));
}

void print_records(const std::vector<tracking::FileRecord>& files) {
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t row_count = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t dropped = 0;
  std::uint64_t filtered = 0;
  for (const tracking::FileRecord& file : files) {
    const std::string status = status_of(file);
    rows.push_back({file.file_name, file.table_name, format_count(file.row_count),
                    format_bytes(file.file_size), format_time(file.processed_at_us), status});
    ++counts[status];
    row_count += file.row_count;
    quarantined += file.rows_quarantined;
    dropped += file.rows_dropped;
    filtered += file.rows_filtered;
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
  for (const tracking::FileRecord& file : files) {
    const std::string left = left_out(file.rows_quarantined, file.rows_dropped);
    if (left.empty()) continue;
    print_paragraph(file.file_name + ": ", "rows that break rules: " + left.substr(2), 2);
  }
  print(fmt::format("{}: {}; {} rows{}\n", format_quantity(files.size(), "file"), summary,
                    format_count(row_count), left_out(quarantined, dropped, filtered)));
  print(verdict_text(files) + "\n");
}

std::string tables_text(const claim::Worker& worker) {
  constexpr std::size_t kMostTables = 3;
  std::string text;
  for (std::size_t i = 0; i < worker.tables.size() && i < kMostTables; ++i) {
    text += (i == 0 ? "" : ", ") + worker.tables[i];
  }
  if (worker.tables.size() > kMostTables) {
    text += fmt::format(" and {} more", worker.tables.size() - kMostTables);
  }
  if (worker.files > 0) text += fmt::format(" ({})", format_quantity(worker.files, "file"));
  return text;
}

void print_workers(const std::vector<claim::Worker>& workers) {
  std::vector<std::vector<std::string>> rows;
  for (const claim::Worker& worker : workers) {
    rows.push_back({worker.host, fmt::to_string(worker.process), worker.run_id,
                    worker.is_working ? "working" : "waiting", format_time(worker.since_us),
                    fmt::format("{} s ago", worker.silent_seconds), tables_text(worker)});
  }
  print_table({{.title = "Host", .flexible = true},
               {.title = "Process", .right = true},
               {"Run"},
               {"State"},
               {"Since (UTC)"},
               {.title = "Heartbeat", .right = true},
               {.title = "Tables", .flexible = true}},
              rows);
}

// Who claims tables just now; nobody, where the target is embedded.
std::vector<claim::Worker> workers_of(const Context& context, const Target& target) {
  if (target.engine() != nullptr) return {};
  return claim::workers(target.endpoint(), context.config.sync.database, context.stop);
}

struct State {
  std::vector<tracking::FileRecord> files;
  std::vector<claim::Worker> workers;
};

// What is tracked, with the rows that tables really have.
std::vector<tracking::FileRecord> files_and_rows(const Context& context, const Target& target) {
  tracking::Tracking tracking = target.tracking(context.config);
  std::vector<tracking::FileRecord> files = tracking.files();
  clickhouse::Connection connection = target.connect(context.stop);
  const auto stored = sync::stored_rows(files, tracking, connection);
  for (tracking::FileRecord& file : files) {
    const auto found = stored.find(file.file_path);
    if (found != stored.end()) file.row_count = found->second;
  }
  return files;
}

State read_state(const StatusArguments& arguments, const Context& context) {
  if (!target_may_hold_data(context.config)) return {};
  const Target target = Target::open(context, false);
  return at_target(context.config, [&] {
    State state;
    if (!arguments.workers) state.files = files_and_rows(context, target);
    if (arguments.workers || !arguments.json) {
      try {
        state.workers = workers_of(context, target);
      } catch (const base::ServerError& error) {
        if (arguments.workers) throw;
        context.log.warn("who works on tables cannot be read: {}", error.what());
      }
    }
    return state;
  });
}

int show_workers(const StatusArguments& arguments, const Context& context) {
  const std::vector<claim::Worker> workers = read_state(arguments, context).workers;
  if (arguments.json) {
    Json json = Json::array();
    for (const claim::Worker& worker : workers) json.push_back(serve::worker_json(worker));
    print_json(json);
  } else if (workers.empty()) {
    print(context.config.endpoint
              ? fmt::format("No run claims a table just now ({}).\n",
                            printable(target_name(context.config)))
              : "The embedded engine keeps no claims: they are for runs on several machines.\n");
  } else {
    print_workers(workers);
  }
  return kOk;
}

int run_status(const StatusArguments& arguments, const Context& context) {
  if (arguments.workers) return show_workers(arguments, context);
  auto [files, workers] = read_state(arguments, context);
  // QVD_SOURCE and the like are for commands that read one.
  if (is_source_asked(context.config)) {
    const SourceSettings& source = context.config.sources[context.config.chosen.front()];
    const source::Scope scope(source.url);
    std::erase_if(files, [&](const auto& file) { return !scope.covers(file.file_path); });
  }
  if (arguments.json) {
    Json json = Json::array();
    for (const tracking::FileRecord& file : files) json.push_back(record_json(file));
    print_json(json);
    return kOk;
  }
  if (files.empty()) {
    print(fmt::format("Nothing was loaded yet ({}). Start with: qvdhouse sync DIR\n",
                      printable(target_name(context.config))));
  } else {
    print_records(files);
  }
  if (!workers.empty()) {
    print("\n");
    print_workers(workers);
  }
  return kOk;
}

}  // namespace

void add_status(CommandLine& line) {
  auto [o, a] = line.add("status", kTables, "what was loaded, file by file", run_status);
  o.example("qvdhouse status");
  o.settings({Topic::kServer, Topic::kEngine});
  o.flag("--workers", a.workers, "only who works on which tables of a server just now");
  o.json(a.json);
}

}  // namespace qvdhouse::cli
