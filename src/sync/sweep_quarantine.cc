#include "sync/sweep_quarantine.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "claim/lease.h"
#include "claim/locks.h"
#include "clickhouse/names.h"
#include "decide/decide.h"
#include "load/quarantine.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {
namespace {

// The file that stands loaded by another load than the one that these rows are of; null: none.
const tracking::FileRecord* left_behind_of(const load::QuarantinedLoad& load,
                                           const std::vector<tracking::FileRecord>& files,
                                           const std::string& table) {
  const auto record = std::ranges::find_if(files, [&](const tracking::FileRecord& file) {
    return file.table_name == table && decide::file_key(file) == load.file_key;
  });
  if (record == files.end() || record->status != tracking::FileState::kCompleted ||
      record->run_id == load.run_id) {
    return nullptr;
  }
  const bool has_version = decide::mode_of_hash(record->settings_hash) == schema::LoadMode::kAppend;
  return load.version == (has_version ? record->rows_version : 0) ? &*record : nullptr;
}

}  // namespace

void sweep_quarantine(const Options& options, const clickhouse::Endpoint& endpoint,
                      spdlog::logger& log, const std::stop_token& stop) {
  const std::string& database = options.database;
  try {
    tracking::Tracking tracking(endpoint, database);
    clickhouse::Connection connection(endpoint, stop);
    std::map<std::string, std::vector<load::QuarantinedLoad>> found;  // by table of files
    for (const std::string& name : tracking.tables()) {
      if (!name.ends_with(schema::kQuarantineSuffix)) continue;
      const std::string table = name.substr(0, name.size() - schema::kQuarantineSuffix.size());
      auto loads = load::quarantined_loads(connection, name);
      if (!loads.empty()) found.emplace(table, std::move(loads));
    }
    if (found.empty()) return;
    // A load is in tracking before its table is free: what was there before we see that nobody has
    // the table is in tracking, or no living load's.
    const auto leased = options.needs_lease
                            ? claim::leased_tables(endpoint, database, stop)
                            : decltype(claim::leased_tables(endpoint, database, stop))();
    std::erase_if(found, [&](const auto& entry) {
      return leased.contains(entry.first) ||
             claim::is_table_locked(options.lock_dir,
                                    clickhouse::table_hash(database, entry.first));
    });
    if (found.empty()) return;
    const std::vector<tracking::FileRecord> files = tracking.files();
    // Nothing says whether that load got as far as the table: the file is loaded again, and its
    // load makes both tables whole.
    std::map<std::string, tracking::FileRecord> again;  // by path
    for (const auto& [table, loads] : found) {
      for (const load::QuarantinedLoad& load : loads) {
        const tracking::FileRecord* file = left_behind_of(load, files, table);
        if (file == nullptr) continue;
        tracking::FileRecord& record = again.insert_or_assign(file->file_path, *file).first->second;
        record.status = tracking::FileState::kCancelled;
        record.error_message = "a load of it ended before it was written down";
        ++record.version;
        log.info("{} is loaded again by the next run: {} has rows of a load that did not end",
                 file->file_path, schema::quarantine_table(table));
      }
    }
    std::vector<tracking::FileRecord> records;
    for (auto& [path, record] : again) records.push_back(std::move(record));
    if (!records.empty()) tracking.record(records);
  } catch (const base::Error& error) {
    log.warn("quarantined rows of unfinished loads are left for the next run: {}", error.what());
  }
}

}  // namespace qvdhouse::sync
