// qvdhouse explain: why one file was loaded or skipped, and what the next sync does with it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "serve/api_json.h"
#include "serve/file_details.h"
#include "source/scope.h"
#include "sync/sync.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct ExplainArguments {
  std::string file;
  bool json = false;
};

void line(std::string_view title, const std::string& value) {
  if (!value.empty()) print_paragraph(fmt::format("{:<11}", title), value, 11);
}

std::string version_of(std::uint64_t size, std::int64_t mtime_us) {
  return fmt::format("{}, modified {} UTC", format_quantity(size, "byte"), format_time(mtime_us));
}

void print_record(const tracking::FileRecord& record) {
  line("Last",
       fmt::format("{} at {} UTC in {}, {} rows into {}{}", record.status,
                   format_time(record.processed_at_us),
                   format_seconds(record.processing_duration_seconds),
                   format_count(record.row_count), record.table_name,
                   left_out(record.rows_quarantined, record.rows_dropped, record.rows_filtered)));
  line("Then", version_of(record.file_size, record.file_mtime_us));
  line("Rows of", record.stored_as);
  line("Error", record.error_message);
  if (record.failure_count > 0) {
    line("Failures", fmt::format("{} in a row; {}", record.failure_count,
                                 record.retry_at_us == 0
                                     ? "tried again when the file changes"
                                     : "tried again from " + format_time(record.retry_at_us) +
                                           " UTC, or when it changes"));
  }
  for (const std::string& warning : record.warnings) line("Note", warning);
}

Json explain_json(const decide::Decision* decision, const tracking::FileRecord* record) {
  Json json;
  json["next"] = decision == nullptr ? Json() : serve::decision_json(*decision);
  json["last"] = record == nullptr ? Json()
                                   : Json{{"file_path", record->file_path},
                                          {"status", base::to_string(record->status)},
                                          {"processed_at", serve::rfc3339(record->processed_at_us)},
                                          {"file_size", record->file_size},
                                          {"file_mtime", serve::rfc3339(record->file_mtime_us)},
                                          {"row_count", record->row_count},
                                          {"rows_quarantined", record->rows_quarantined},
                                          {"rows_dropped", record->rows_dropped},
                                          {"rows_filtered", record->rows_filtered},
                                          {"table_name", record->table_name},
                                          {"stored_as", record->stored_as},
                                          {"fingerprint", record->fingerprint},
                                          {"error_class", base::to_string(record->error_class)},
                                          {"error_message", record->error_message},
                                          {"failure_count", record->failure_count},
                                          {"warnings", record->warnings}};
  return json;
}

// `heir`: the decision by which another path takes the record over.
void print_explanation(const decide::Decision* decision, const tracking::FileRecord* record,
                       const decide::Decision* heir) {
  if (decision != nullptr) {
    line("File", decision->file.path);
    line("Now", decision->reason_code == decide::Reason::kVanished
                    ? "not there any more"
                    : version_of(decision->file.size, decision->file.mtime_us));
  } else if (heir != nullptr) {
    line("File", record->file_path);
    line("Now", "not there any more: it is " + heir->file.path);
  } else {
    line("File", record->file_path);
    line("Now", "not in the source any more, or not matched by file_pattern");
  }
  if (record != nullptr) {
    print_record(*record);
  } else {
    line("Last", "never loaded");
  }
  if (decision != nullptr) {
    line("Next sync", fmt::format("{}: {}", base::to_string(decision->action), decision->reason));
  }
}

// The folder that all these files lie below: with their source's own, what is below it that they
// have in common.
std::string common_folder(const std::vector<tracking::FileRecord>& files) {
  std::string common = files.empty() ? "" : files.front().file_path;
  for (const tracking::FileRecord& file : files) {
    const auto [end, other] = std::ranges::mismatch(common, file.file_path);
    common.erase(end, common.end());
  }
  return common.substr(0, common.rfind('/'));
}

// What the next sync of the place that they came from would do with tracked files of that name that
// are there, but in none of the sources that are asked.
void add_tracked(const std::string& name, const Tracked& known,
                 const std::vector<OpenSource>& asked, Sources& sources, const Context& context,
                 std::vector<decide::Decision>& all) {
  for (const tracking::FileRecord& record : known.files) {
    const std::string& path = record.file_path;
    const bool is_asked = std::ranges::any_of(asked, [&](const OpenSource& source) {
      return source::Scope(source.settings.url).covers(path);
    });
    if (is_asked || !names_file(name, path, record.file_name)) continue;
    if (!source::is_url(path) && !std::filesystem::exists(path)) continue;
    const OpenSource source = sources.of(path);
    sync::Options options = sync_options(context.config, source.settings);
    const std::string& whole = source.settings.known_url;
    options.whole_source = whole.empty() ? common_folder(known.files) : whole;
    options.load.policy.dialect = known.dialect;
    try {
      const auto decisions =
          sync::decide(options, source.storage, known.files, known.tables, nullptr, known.past);
      all.insert(all.end(), decisions.begin(), decisions.end());
    } catch (const base::Cancelled&) {
      throw;
    } catch (const base::Error& error) {
      context.log.warn("{}", error.what());
    }
  }
}

// What sync would do with the files of all sources. A file named by its path or URL needs no source
// to be set, and one that is only tracked needs none.
std::vector<decide::Decision> decisions_about(const std::string& file, const Context& context,
                                              const Tracked& known) {
  Sources sources(context);
  std::vector<OpenSource> asked;
  if (!context.config.chosen.empty()) asked = sources.chosen("explain", true);
  const bool is_url = source::is_url(file);
  const bool is_of_a_source = config::source_of(context.config, file).has_value();
  if (!is_of_a_source && (is_url || (asked.empty() && std::filesystem::exists(file)))) {
    asked.push_back(sources.of(file));
  }
  std::vector<decide::Decision> all;
  for (const DecidedSource& decided : decide_sources(asked, known, {}, context).sources) {
    all.insert(all.end(), decided.decisions.begin(), decided.decisions.end());
  }
  add_tracked(file, known, asked, sources, context, all);
  return all;
}

int run_explain(const ExplainArguments& arguments, const Context& context) {
  const Tracked known = read_tracked(context);
  const std::vector<tracking::FileRecord>& tracked = known.files;
  const std::vector<decide::Decision> decisions = decisions_about(arguments.file, context, known);
  std::vector<std::string> paths;
  for (const decide::Decision& decision : decisions) {
    if (names_file(arguments.file, decision.file.path, decision.file.name))
      paths.push_back(decision.file.path);
  }
  for (const tracking::FileRecord& record : tracked) {
    if (names_file(arguments.file, record.file_path, record.file_name))
      paths.push_back(record.file_path);
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  if (paths.empty()) {
    throw UsageError(fmt::format(
        "no file of the source{} and none in the tracking table is called {}",
        context.config.common.url.empty() ? "" : " " + masked_source(context.config.common.url),
        masked_source(arguments.file)));
  }

  Json json = Json::array();
  for (const std::string& path : paths) {
    const auto decision =
        std::find_if(decisions.begin(), decisions.end(),
                     [&](const decide::Decision& d) { return d.file.path == path; });
    const auto record =
        std::find_if(tracked.begin(), tracked.end(),
                     [&](const tracking::FileRecord& r) { return r.file_path == path; });
    const decide::Decision* next = decision == decisions.end() ? nullptr : &*decision;
    const tracking::FileRecord* last = record == tracked.end() ? nullptr : &*record;
    if (arguments.json) {
      json.push_back(explain_json(next, last));
    } else {
      if (path != paths.front()) print("\n");
      const auto heir =
          std::find_if(decisions.begin(), decisions.end(),
                       [&](const decide::Decision& d) { return d.moved_from == path; });
      print_explanation(next, last, heir == decisions.end() ? nullptr : &*heir);
    }
  }
  if (arguments.json) print_json(json);
  return kOk;
}

}  // namespace

void add_explain(CommandLine& line) {
  auto [o, a] = line.add("explain", kTables, "why a file was loaded or skipped", run_explain);
  o.example("qvdhouse explain Item.qvd --source ./qvds");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kServer, Topic::kEngine});
  o.option("FILE", a.file, "", "path, URL, name or stem")->required();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
