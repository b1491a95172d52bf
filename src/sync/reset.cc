#include "sync/reset.h"

#include <optional>
#include <utility>

#include "claim/locks.h"
#include "clickhouse/ddl.h"
#include "clickhouse/newest_rows.h"
#include "clickhouse/shards.h"
#include "decide/decide.h"
#include "load/commit.h"
#include "load/load.h"
#include "load/quarantine.h"
#include "load/staging.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

std::map<std::string, std::size_t> count_by_table(const std::vector<tracking::FileRecord>& files) {
  std::map<std::string, std::size_t> counts;
  for (const tracking::FileRecord& file : files) ++counts[file.table_name];
  return counts;
}

Reset plan_reset(const std::vector<tracking::FileRecord>& chosen,
                 const std::map<std::string, std::size_t>& files_of_table, bool with_data) {
  std::map<std::string, std::size_t> chosen_of_table = count_by_table(chosen);
  Reset reset;
  for (const tracking::FileRecord& file : chosen) {
    const bool is_of_set = decide::mode_of_hash(file.settings_hash) != schema::LoadMode::kReplace;
    if (is_of_set && !with_data && !file.stored_as.empty()) {
      tracking::FileRecord record = file;
      record.status = tracking::FileState::kReset;
      record.row_count = 0;
      record.rows_quarantined = 0;
      record.rows_dropped = 0;
      record.rows_filtered = 0;
      record.fingerprint.clear();
      record.content_hash.clear();
      record.taken.clear();
      ++record.version;
      reset.restated.push_back(std::move(record));
      continue;
    }
    reset.forgotten.push_back(file.file_path);
    if (!with_data || file.table_name.empty()) continue;
    if (is_of_set && chosen_of_table[file.table_name] < files_of_table.at(file.table_name)) {
      reset.emptied.push_back(file);
    } else {
      reset.dropped.insert(file.table_name);
    }
  }
  return reset;
}

namespace {

void drop_table(clickhouse::Connection& connection, const std::string& database,
                const std::string& table) {
  const bool is_spread = clickhouse::is_distributed(connection, database, table);
  const auto drop = [&](const std::string& name) {
    connection.query(clickhouse::drop_table_sql(connection.endpoint().dialect, database, name));
  };
  // Before the view that tells of it: what is cut short is done again.
  if (clickhouse::has_newest_rows(connection, database, table)) {
    drop(clickhouse::rows_table(table));
  }
  drop(table);
  if (is_spread) drop(clickhouse::local_table(table));
  load::drop_quarantine(connection, table);
}

void empty_file(clickhouse::Connection& connection, const std::string& database,
                const tracking::FileRecord& file, const std::string& run_id) {
  const std::string key = decide::file_key(file);
  if (!clickhouse::is_distributed(connection, database, file.table_name)) {
    const std::string rows =
        decide::all_rows_of(decide::mode_of_hash(file.settings_hash), file.table_name);
    load::delete_file({&connection, 1}, 0, rows, key, load::staging_table(database, rows, run_id));
    return;
  }
  const std::string table = clickhouse::local_table(file.table_name);
  std::vector<clickhouse::Connection> shards;
  for (std::size_t i = 0; i < connection.endpoint().dialect.replication.shards.size(); ++i) {
    shards.emplace_back(clickhouse::at_shard(connection.endpoint(), i));
  }
  load::delete_file(shards, clickhouse::shards_of(connection, {key}).at(0), table, key,
                    load::staging_table(database, table, run_id));
}

}  // namespace

void carry_out(const Reset& reset, const std::filesystem::path& lock_dir,
               const std::string& database, clickhouse::Connection& connection,
               tracking::Tracking& tracking) {
  const std::string run_id = load::make_run_id(now_us());
  std::optional<claim::RunLock> seen_by_runs;
  if (!lock_dir.empty()) seen_by_runs.emplace(lock_dir, run_id);
  for (const std::string& table : reset.dropped) drop_table(connection, database, table);
  for (const tracking::FileRecord& file : reset.emptied) {
    empty_file(connection, database, file, run_id);
    load::remove_quarantined(connection, schema::quarantine_table(file.table_name),
                             decide::file_key(file));
  }
  tracking.record(reset.restated);
  tracking.forget(reset.forgotten);
}

}  // namespace qvdhouse::sync
