// One target table during one run, shared by all that works on it: held from the first of its files
// to the moment when the last of them is written down (the recorder's entries share it too), and
// made ready once for all of them.
//
// A run never waits for a table while files of another one that it holds are left to be begun
// (run.cc sees to that), so that two runs cannot wait for each other.
#pragma once

#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "claim/locks.h"
#include "clickhouse/connection.h"
#include "load/load.h"
#include "sync/file_task.h"
#include "sync/planned_table.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// A file whose rows wait in a staging table for the commit of the whole set.
struct StagedTask {
  FileTask task;
  load::Target target;
  std::unique_ptr<load::StagedFile> staged;
};

class TableSession {
 public:
  // `decisions`: all of the run for this table; they outlive the session.
  TableSession(const RunContext& context, std::vector<const Decision*> decisions);

  // The first caller waits for the table and makes it ready, the others wait for that. Throws to
  // each of them what went wrong.
  void open();

  // The rest is for after open().
  // What tracking said of a file when the table was ours; null: nothing.
  const tracking::FileRecord* tracked(const std::string& path) const;
  // How the file is loaded, with `options` of its batch. Throws SchemaError when the table's policy
  // forbids the file's columns, and what planning it threw on its first attempt.
  decide::FileLoad load_of(const Decision& decision, unsigned attempt,
                           const load::Options& options) const;
  // What planning a multi-file table said of the file; null: nothing.
  const PlannedFile* planned(const Decision& decision) const;

  // Whether the columns of a multi-file table change with the commit of its files and not before.
  bool is_remade() const { return table_plan_.is_remade; }
  bool commits_together() const { return table_plan_.commits_together && table_plan_.definition; }
  void add(StagedTask staged);
  // To be taken out of the table when it is rebuilt.
  void add_removal(FileTask task);
  // One decision has been dealt with; true for the last one.
  bool leave();
  struct Pending {
    std::vector<StagedTask> staged;
    std::vector<FileTask> removals;
    bool empty() const { return staged.empty() && removals.empty(); }
  };
  Pending take_pending();
  // All of them in one atomic step.
  void commit(clickhouse::Connection& connection, const Pending& pending) const;

 private:
  void open_once();
  void read_tracking(tracking::Tracking& tracking);
  void drop_staging(clickhouse::Connection& connection, tracking::Tracking& tracking, bool waited);
  void prepare(clickhouse::Connection& connection);
  void change_table(clickhouse::Connection& connection) const;
  void check_all_come(clickhouse::Connection& connection, const Pending& pending) const;

  const RunContext& context_;
  std::vector<const Decision*> decisions_;
  std::string table_;
  std::mutex mutex_;
  bool opened_ = false;
  std::exception_ptr error_;
  std::optional<base::FileLock> lock_;
  std::vector<tracking::FileRecord> tracked_;  // sorted by path
  LiveTable replaced_;                         // whose place one file takes
  PlannedTable table_plan_;                    // of a multi-file table
  std::size_t left_ = 0;
  Pending pending_;
};

}  // namespace qvdhouse::sync
