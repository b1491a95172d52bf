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
#include "sync/set_table.h"
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
  // What tracking said of a file when the table was ours.
  const tracking::FileRecord* tracked(const std::string& path) const;
  // Throws SchemaError when the table's policy forbids the file's columns, and what planning it
  // threw on its first attempt.
  load::Target target_of(const Decision& decision, unsigned attempt) const;
  // What the file's load has to say of columns that were left out.
  std::vector<std::string> notes_on(const Decision& decision) const;
  // Columns of the table whose types gave up for the file (load::Result::alerts).
  std::vector<std::string> alerts_on(const Decision& decision) const;
  // Whether the columns of the file were looked at when the table was made ready.
  bool is_planned(const Decision& decision) const;

  bool commits_together() const { return set_ && set_->commits_together; }
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
  void read_live_shape(clickhouse::Connection& connection);
  void prepare_set(clickhouse::Connection& connection);
  void check_all_come(clickhouse::Connection& connection, const Pending& pending) const;

  const RunContext& context_;
  std::vector<const Decision*> decisions_;
  std::string table_;
  std::mutex mutex_;
  bool opened_ = false;
  std::exception_ptr error_;
  std::optional<base::FileLock> lock_;
  std::map<std::string, tracking::FileRecord> tracked_;
  std::optional<schema::Shape> replaced_shape_;  // of a table that one file is
  std::optional<schema::Shape> live_shape_;      // the same, when it binds the file
  std::optional<SetTable> set_;
  std::size_t left_ = 0;
  Pending pending_;
};

}  // namespace qvdhouse::sync
