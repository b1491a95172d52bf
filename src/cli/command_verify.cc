// qvdhouse verify: the checks of a load, against what is in the tables now.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "clickhouse/connection.h"
#include "clickhouse/error_code.h"
#include "clickhouse/replicas.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "load/layout.h"
#include "load/load.h"
#include "source/listing.h"
#include "sync/content.h"
#include "sync/facts.h"
#include "sync/live_table.h"
#include "sync/stored_rows.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {
namespace {

struct VerifyArguments {
  std::string table;
  bool json = false;
};

// A file that has rows in a table.
struct StoredFile {
  tracking::FileRecord record;
  // False: the file was not loaded as it is now, and the rows are those of an earlier load.
  bool is_current = true;
};

struct Verdict {
  std::string word;  // exact, different, vanished, taken, not checked
  std::vector<std::string> details;
  int exit_code = kOk;
};

// How a loaded file was read, where its rows are to be found, and in which columns. Throws
// ServerError where the table's replica does not have what was acknowledged.
decide::FileLoad loaded_as(const tracking::FileRecord& record, const sync::Options& options,
                           const clickhouse::Endpoint& endpoint, const Context& context) {
  decide::Placement placement = decide::place_file(
      record.file_path, options.tables, options.load.policy, options.source, record.table_name);
  placement.mode = decide::mode_of_hash(record.settings_hash);
  placement.table = decide::all_rows_of(placement.mode, record.table_name);
  decide::FileLoad file = decide::load_of(options.load, placement, decide::file_key(record));
  file.target.quarantine = schema::quarantine_table(record.table_name);
  if (file.target.is_set()) file.target.version = sync::version_of_rows(record);
  clickhouse::Connection connection(endpoint, context.stop);
  if (!clickhouse::catch_up(connection, endpoint.database, placement.table)) {
    throw base::ServerError(
        fmt::format("this server's replica of table {} is behind the others, or the user lacks the "
                    "grant SYSTEM SYNC REPLICA; verify it through another server",
                    record.table_name),
        clickhouse::error_code::kTimeoutExceeded);
  }
  const load::Layout layout = load::read_layout(connection, placement.table);
  if (layout.exists()) sync::hold_to(sync::live_shape(layout), file);
  return file;
}

bool is_deleted(const tracking::FileRecord& record) { return record.taken == tracking::kDeleted; }

// That a table holds the rows of an earlier load, and why.
std::string earlier_rows(const tracking::FileRecord& record) {
  return fmt::format("it holds {} of an earlier load; {} as it is now {} at {} UTC: {}",
                     format_quantity(record.row_count, "row"), record.file_name,
                     record.status == tracking::FileState::kFailed
                         ? std::string("failed")
                         : fmt::format("was found {}", record.status),
                     format_time(record.processed_at_us), record.error_message);
}

// The verdict on a file that is not as it was loaded and cannot be compared with its table.
Verdict judge_unloaded(const tracking::FileRecord& record) {
  if (record.status == tracking::FileState::kFailed) {
    return {"different",
            {earlier_rows(record) + ". Repair the file or its settings, then run qvdhouse sync"},
            kVerify};
  }
  return {"not checked",
          {earlier_rows(record) + ". Run qvdhouse sync when the file is complete"},
          kSource};
}

// Today's rules and types may be others than those that its rows are of.
bool is_under_other_settings(const tracking::FileRecord& record, const sync::Options& options) {
  const decide::Placement placement = decide::place_file(
      record.file_path, options.tables, options.load.policy, options.source, record.table_name);
  return decide::settings_hash(decide::settings_hash(options.load), placement) !=
         record.settings_hash;
}

Verdict verify_file(const StoredFile& file, const Target& target, Sources& sources,
                    const Context& context) {
  const tracking::FileRecord& record = file.record;
  source::Storage* storage = nullptr;
  const auto gone = [&](std::string word, const std::string& how) -> Verdict {
    return {std::move(word),
            {fmt::format("{} {}; {} of it are kept and cannot be compared", record.file_name, how,
                         format_quantity(record.row_count, "row"))},
            kOk};
  };
  try {
    const OpenSource source = sources.of(record.file_path);
    storage = &source.storage;
    sync::Options options = sync_options(context.config, source.settings);
    options.load.policy.dialect = target.endpoint().dialect;
    // Opening it finds out whether it is still as it was when it was loaded.
    const source::FileEntry entry = decide::loaded_version(record);
    const auto bytes = source.storage.open(entry);
    bytes->check_unchanged();
    const decide::FileLoad file_load = loaded_as(record, options, target.endpoint(), context);
    auto differences = load::verify_table(*bytes, entry.name, target.endpoint(), file_load.options,
                                          file_load.target, context.stop);
    if (differences.empty()) return {"exact", {}, kOk};
    if (file.is_current && is_under_other_settings(record, options)) {
      differences.insert(differences.begin(),
                         "it was loaded under other settings than today's, its rules among them; "
                         "qvdhouse sync --full applies today's");
    }
    if (!file.is_current) differences.insert(differences.begin(), earlier_rows(record));
    return {"different", differences, kVerify};
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    if (sync::is_vanished(record.file_path, storage)) {
      if (record.taken.empty()) return gone("vanished", "is not there any more");
      return gone("taken", is_deleted(record)
                               ? "was deleted after its load (after_load)"
                               : "was moved to " + record.taken + " after its load (after_load)");
    }
    if (dynamic_cast<const base::ChangedError*>(&error) != nullptr) {
      return {"not checked",
              {"the file has changed since it was loaded; run qvdhouse sync first"},
              kSource};
    }
    const bool is_wrong = dynamic_cast<const base::InputError*>(&error) != nullptr ||
                          dynamic_cast<const base::SchemaError*>(&error) != nullptr;
    if (!file.is_current && is_wrong) return judge_unloaded(record);
    return {"not checked", {error.what()}, exit_code_of(error)};
  }
}

[[noreturn]] void throw_not_stored(const std::vector<tracking::FileRecord>& named,
                                   const std::string& name) {
  if (named.empty()) {
    throw UsageError(
        fmt::format("no loaded table or file is called {}; see qvdhouse status", name));
  }
  const tracking::FileRecord& file = named.front();
  throw UsageError(fmt::format("no rows of {} are in a table: it is {} since {} UTC: {}",
                               file.file_name, file.status, format_time(file.processed_at_us),
                               file.error_message));
}

// Every file with rows in a table, also those whose last load failed; `name`: of the table or file
// that is called so. Throws UsageError when none is.
std::vector<StoredFile> stored_files(const Target& target, const Context& context,
                                     const std::string& name) {
  std::vector<tracking::FileRecord> files;
  std::map<std::string, std::uint64_t> stored_rows;
  at_target(context.config, [&] {
    tracking::Tracking tracking = target.tracking(context.config);
    files = tracking.files();
    clickhouse::Connection connection = target.connect(context.stop);
    stored_rows = sync::stored_rows(files, tracking, connection);
  });
  std::erase_if(files, [&](const tracking::FileRecord& file) {
    return !name.empty() && file.table_name != name &&
           !names_file(name, file.file_path, file.file_name);
  });
  std::vector<StoredFile> stored;
  for (const tracking::FileRecord& file : files) {
    if (file.status == tracking::FileState::kCompleted) {
      stored.push_back({.record = file});
    } else if (const auto found = stored_rows.find(file.file_path); found != stored_rows.end()) {
      stored.push_back({.record = file, .is_current = false});
      stored.back().record.row_count = found->second;
    }
  }
  if (stored.empty() && !name.empty()) throw_not_stored(files, name);
  return stored;
}

// "12 files: 10 exact, 1 different, 1 vanished"
std::string totals(const std::map<std::string, std::uint64_t>& verdicts, std::size_t files) {
  std::string text = format_quantity(files, "file") + ":";
  const char* separator = " ";
  for (const char* word : {"exact", "different", "vanished", "taken", "not checked"}) {
    const auto found = verdicts.find(word);
    if (found == verdicts.end()) continue;
    text += fmt::format("{}{} {}", separator, format_count(found->second), word);
    separator = ", ";
  }
  return text + "\n";
}

int run_verify(const VerifyArguments& arguments, const Context& context) {
  Sources sources(context);
  std::vector<StoredFile> files;
  std::optional<Target> target;
  if (target_may_hold_data(context.config)) {
    target = Target::open(context, false);
    files = stored_files(*target, context, arguments.table);
  }

  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::vector<std::pair<std::string, std::string>> details;  // table, what differs
  std::vector<int> failures;
  std::map<std::string, std::uint64_t> verdicts;  // number by word
  std::uint64_t quarantined = 0;
  std::uint64_t dropped = 0;
  for (const StoredFile& stored : files) {
    const tracking::FileRecord& file = stored.record;
    const Verdict verdict = verify_file(stored, *target, sources, context);
    ++verdicts[verdict.word];
    if (verdict.exit_code != kOk) failures.push_back(verdict.exit_code);
    json.push_back(Json{{"table", file.table_name},
                        {"file_path", file.file_path},
                        {"rows", file.row_count},
                        {"rows_quarantined", file.rows_quarantined},
                        {"rows_dropped", file.rows_dropped},
                        {"rows_filtered", file.rows_filtered},
                        {"result", verdict.word},
                        {"details", verdict.details}});
    quarantined += file.rows_quarantined;
    dropped += file.rows_dropped;
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
    print("\n" + totals(verdicts, files.size()));
    if (const std::string left = left_out(quarantined, dropped); !left.empty()) {
      print("rows that break rules: " + left.substr(2) + "\n");
    }
  }
  if (failures.empty()) return kOk;
  // A difference is what was asked for; it outweighs a file that could not be read.
  return std::count(failures.begin(), failures.end(), static_cast<int>(kVerify)) > 0 ? kVerify
                                                                                     : failures[0];
}

}  // namespace

void add_verify(CommandLine& line) {
  auto [o, a] =
      line.add("verify", kTables, "compare tables with their files, value by value", run_verify);
  o.example("qvdhouse verify QvdItem");
  o.settings({Topic::kStorages, Topic::kServer, Topic::kEngine});
  o.option("TABLE", a.table, "", "a table or file name (default: all)");
  o.json(a.json);
}

}  // namespace qvdhouse::cli
