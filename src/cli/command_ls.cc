// qvdhouse ls: the files of the source, without asking ClickHouse.
#include <fmt/format.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "decide/placement.h"
#include "qvd/header.h"
#include "serve/api_json.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

struct LsArguments {
  bool json = false;
};

// What the header says, for -v; a file that has no good header says why.
struct HeaderFacts {
  std::uint64_t records = 0;
  std::size_t fields = 0;
  std::string created_at;
  std::string error;
};

HeaderFacts header_facts(const source::FileEntry& file, source::Storage& storage) {
  try {
    const qvd::TableHeader header = qvd::read_header(*storage.open(file));
    return {header.record_count, header.fields.size(), header.created_at, ""};
  } catch (const base::Error& error) {
    return {0, 0, "", error.what()};
  }
}

decide::Placer placer_of(const SourceSettings& source, const Context& context) {
  schema::Policy policy = context.config.sync.load.policy;
  policy.table_prefix = source.table_prefix;
  return {context.config.sync.tables, policy, source.url};
}

struct PlacedFile {
  std::string table;  // empty: it can have none
  std::string error;
};

PlacedFile place(const source::FileEntry& file, const decide::Placer& placer) {
  try {
    return {placer.place(file.path).table, ""};
  } catch (const base::SchemaError& error) {
    return {"", error.what()};
  }
}

void print_files(const std::vector<source::FileEntry>& files, const OpenSource& source,
                 const Context& context) {
  std::vector<Column> columns = {{.title = "File", .flexible = true},
                                 {.title = "Size", .right = true},
                                 {"Modified (UTC)"},
                                 {.title = "Table", .flexible = true}};
  if (context.verbose) {
    columns.push_back({.title = "Records", .right = true});
    columns.push_back({.title = "Fields", .right = true});
    columns.push_back({"Created (UTC)"});
  }
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
  std::uint64_t bytes = 0;
  const decide::Placer placer = placer_of(source.settings, context);
  for (const source::FileEntry& file : files) {
    const std::string name = short_path(file, source.settings.url);
    if (!file.skip_reason.empty()) {
      notes.push_back(fmt::format("{}: skipped, {}", printable(name), printable(file.skip_reason)));
      continue;
    }
    bytes += file.size;
    const PlacedFile placed = place(file, placer);
    rows.push_back({name, format_bytes(file.size), format_time(file.mtime_us), placed.table});
    if (!placed.error.empty()) notes.push_back(printable(placed.error));
    if (!context.verbose) continue;
    const HeaderFacts facts = header_facts(file, source.storage);
    const bool good = facts.error.empty();
    rows.back().push_back(good ? format_count(facts.records) : "–");
    rows.back().push_back(good ? format_count(facts.fields) : "–");
    rows.back().push_back(facts.created_at);
    if (!good) notes.push_back(fmt::format("{}: {}", printable(name), printable(facts.error)));
  }
  if (files.empty()) notes.push_back(printable(no_files(source)));
  if (!rows.empty()) {
    print_table(columns, rows);
    print("\n");
  }
  for (const std::string& note : notes) print(note + "\n");
  print(fmt::format("{}, {}\n", format_quantity(rows.size(), "file"), format_bytes(bytes)));
}

Json file_json(const source::FileEntry& file, const OpenSource& source,
               const decide::Placer& placer, const Context& context) {
  Json item{{"path", file.path},
            {"name", file.name},
            {"size", file.size},
            {"mtime", serve::rfc3339(file.mtime_us)},
            {"etag", file.etag},
            {"source_type", file.source_type},
            {"skip_reason", file.skip_reason}};
  if (file.skip_reason.empty()) item["table"] = place(file, placer).table;
  if (context.verbose && file.skip_reason.empty()) {
    const HeaderFacts facts = header_facts(file, source.storage);
    item["records"] = facts.records;
    item["fields"] = facts.fields;
    item["created_at"] = created_json(facts.created_at);
    item["error"] = facts.error;
  }
  item["source"] = source.settings.name;
  return item;
}

int run_ls(const LsArguments& arguments, const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("ls");
  Json json = Json::array();
  std::vector<int> failures;
  std::vector<ListedSource> listed;
  for (const OpenSource& source : chosen) {
    std::vector<source::FileEntry> files;
    try {
      files = source.storage.list(source.settings.url, source.settings.selection);
    } catch (const base::Error& error) {
      if (chosen.size() == 1) throw;
      context.log.error("{}: {}", source_title(source.settings), error.what());
      failures.push_back(exit_code_of(error));
      continue;
    }
    if (arguments.json) {
      const decide::Placer placer = placer_of(source.settings, context);
      for (const source::FileEntry& file : files) {
        json.push_back(file_json(file, source, placer, context));
      }
    } else {
      if (chosen.size() > 1) print(printable(source_title(source.settings)) + "\n");
      print_files(files, source, context);
      if (chosen.size() > 1) print("\n");
    }
    listed.push_back({source.settings, std::move(files)});
  }
  if (arguments.json) print_json(json);
  warn_of_idle_includes(listed, context);
  if (failures.empty()) return kOk;
  return failures.size() < chosen.size() ? static_cast<int>(kPartial) : failures[0];
}

}  // namespace

void add_ls(CommandLine& line) {
  auto [o, a] = line.add("ls", kFiles, "the files of the source", run_ls);
  o.example("qvdhouse ls ./qvds --pattern '**/*.qvd' -v");
  o.settings({Topic::kSources, Topic::kStorages});
  o.source();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
