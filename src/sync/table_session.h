// One target table during one run, shared by all that works on it: held from the first of its files
// to the moment when the last of them is written down (the recorder's entries share it too), and
// made ready once for all of them.
//
// A run never waits for a table while files of another one that it holds are left to be begun
// (work_plan.h sees to that), so that two runs cannot wait for each other.
//
// A table of many files is shared by runs that hold files of it each (RunContext::shared_tables, or
// from share() on). None of them changes it but by replacing partitions of its files: a file that
// needs more is put off until its run holds the whole table.
#pragma once

#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "claim/locks.h"
#include "clickhouse/connection.h"
#include "load/layout.h"
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

  // Whether other runs may have files of the table. Not before it has the columns of all files, nor
  // where files are committed by a rebuild out of what the table has: that of one run would lose
  // what another one commits meanwhile. Does not wait for a table that is being made ready.
  bool may_share();
  // Lets them have files from now on, if they may: returns that.
  bool share();

  // The rest is for after open().
  // Why the file has to wait until the run holds the whole table; empty when it need not.
  std::string why_put_off(const Decision& decision) const;
  // What tracking said of a file when the table was ours; null: nothing.
  const tracking::FileRecord* tracked(const std::string& path) const;
  // The server that the file's rows are staged and committed on: the same one for all files of a
  // shard, or of the table, as long as rows of theirs wait there. Another one may be chosen for a
  // further attempt. Throws IoError, Cancelled.
  clickhouse::Endpoint server_of(const Decision& decision, unsigned attempt);
  // How the file is loaded, with `options` of its batch. Throws SchemaError when the table's policy
  // forbids the file's columns, and what planning it threw on its first attempt.
  decide::FileLoad load_of(const Decision& decision, unsigned attempt,
                           const load::Options& options) const;
  // What planning a multi-file table said of the file; null: nothing.
  const PlannedFile* planned(const Decision& decision) const;

  // Whether the columns of a multi-file table change with the commit of its files and not before.
  bool is_remade() const { return table_plan_.is_remade; }
  bool commits_together() const { return table_plan_.commits_together && table_plan_.definition; }
  // False, and it is not taken, when the table is shared: it cannot be rebuilt.
  bool add(StagedTask& staged);
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
  void commit(const Pending& pending) const;
  // Takes the rows of a file that vanished out of the table.
  void delete_rows(const Decision& decision) const;

 private:
  bool is_to_share() const;
  void open_once();
  bool is_spread() const;
  void show_rows(clickhouse::Connection& connection) const;
  // Any server that has the table, or its rows of that shard.
  clickhouse::Endpoint any_server(std::size_t shard) const;
  void choose_servers(clickhouse::Connection& connection);
  std::size_t shard_of(const Decision& decision) const;
  std::vector<clickhouse::Connection> connect() const;
  void read_tracking(tracking::Tracking& tracking);
  void drop_staging(clickhouse::Connection& connection, tracking::Tracking& tracking, bool waited);
  void prepare(clickhouse::Connection& connection);
  void plan_as_it_is(const std::vector<const Decision*>& files, const PlanFacts& facts);
  void change_table(clickhouse::Connection& connection) const;
  void check_all_come(clickhouse::Connection& connection, const Pending& pending) const;

  const RunContext& context_;
  std::vector<const Decision*> decisions_;
  std::string table_;
  std::string stored_in_;  // the table itself, or the one that has its rows on each shard
  std::mutex mutex_;
  bool opened_ = false;
  bool is_ready_ = false;
  bool is_shared_;
  std::exception_ptr error_;
  std::optional<base::FileLock> lock_;
  std::vector<tracking::FileRecord> tracked_;  // sorted by path
  mutable std::mutex servers_mutex_;
  std::vector<clickhouse::Endpoint> servers_;  // one, or of files that are spread one a shard
  std::map<std::string, std::size_t> shards_;  // of such files, by key
  LiveTable replaced_;                         // whose place one file takes
  PlannedTable table_plan_;                    // of a multi-file table
  mutable load::KnownLayout layout_;           // of the same, where its files are on one server
  std::set<std::string> put_off_;              // files (paths) that would change a shared table
  std::size_t left_ = 0;
  Pending pending_;
};

}  // namespace qvdhouse::sync
