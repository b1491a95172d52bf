#include "sync/reset.h"

#include <utility>

#include "clickhouse/ddl.h"
#include "decide/decide.h"
#include "load/commit.h"
#include "load/load.h"
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
      record.fingerprint.clear();
      record.content_hash.clear();
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

void carry_out(const Reset& reset, const std::string& database, clickhouse::Connection& connection,
               tracking::Tracking& tracking) {
  for (const std::string& table : reset.dropped) {
    connection.query(clickhouse::drop_table_sql(connection.endpoint().dialect, database, table));
  }
  const std::string run_id = load::make_run_id(now_us());
  for (const tracking::FileRecord& file : reset.emptied) {
    load::delete_file(connection, file.table_name, decide::file_key(file),
                      load::staging_table(database, file.table_name, run_id));
  }
  tracking.record(reset.restated);
  tracking.forget(reset.forgotten);
}

}  // namespace qvdhouse::sync
