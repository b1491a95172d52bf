// qvdhouse ls: the files of the source, without asking ClickHouse.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "qvd/header.h"
#include "schema/names.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

// What the header says, for -v; a file that has no good header says why.
struct HeaderFacts {
  std::uint64_t records = 0;
  std::size_t fields = 0;
  std::string created_at;
  std::string error;
};

HeaderFacts header_facts(const source::FileEntry& file) {
  try {
    const qvd::TableHeader header = qvd::read_header(*source::open_file(file));
    return {header.record_count, header.fields.size(), header.created_at, ""};
  } catch (const base::Error& error) {
    return {0, 0, "", error.what()};
  }
}

void print_files(const std::vector<source::FileEntry>& files, const Context& context) {
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
  for (const source::FileEntry& file : files) {
    const std::string name = short_path(file, context.config.source);
    if (!file.skip_reason.empty()) {
      notes.push_back(fmt::format("{}: skipped, {}", printable(name), printable(file.skip_reason)));
      continue;
    }
    bytes += file.size;
    rows.push_back({name, format_bytes(file.size), format_time(file.mtime_us),
                    schema::table_name(file.name, context.config.policy)});
    if (!context.verbose) continue;
    const HeaderFacts facts = header_facts(file);
    const bool good = facts.error.empty();
    rows.back().push_back(good ? format_count(facts.records) : "–");
    rows.back().push_back(good ? format_count(facts.fields) : "–");
    rows.back().push_back(facts.created_at);
    if (!good) notes.push_back(fmt::format("{}: {}", printable(name), printable(facts.error)));
  }
  if (!rows.empty()) {
    print_table(columns, rows);
    print("\n");
  }
  for (const std::string& note : notes) print(note + "\n");
  print(fmt::format("{}, {}\n", format_quantity(rows.size(), "file"), format_bytes(bytes)));
}

}  // namespace

int run_ls(const LsArguments& arguments, const Context& context) {
  const std::string& source = required_source(context.config, "ls");
  const auto files = source::list_files(source, context.config.selection);
  if (!arguments.json) {
    print_files(files, context);
    return kOk;
  }
  Json json = Json::array();
  for (const source::FileEntry& file : files) {
    Json item{{"path", file.path},
              {"name", file.name},
              {"size", file.size},
              {"mtime", format_time(file.mtime_us)},
              {"etag", file.etag},
              {"source_type", file.source_type},
              {"skip_reason", file.skip_reason}};
    if (file.skip_reason.empty()) {
      item["table"] = schema::table_name(file.name, context.config.policy);
    }
    if (context.verbose && file.skip_reason.empty()) {
      const HeaderFacts facts = header_facts(file);
      item["records"] = facts.records;
      item["fields"] = facts.fields;
      item["created_at"] = facts.created_at;
      item["error"] = facts.error;
    }
    json.push_back(std::move(item));
  }
  print_json(json);
  return kOk;
}

}  // namespace qvdhouse::cli
