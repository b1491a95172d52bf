// One file from its table's session to its tracking row: the attempts, and what each failure means.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "clickhouse/connection.h"
#include "sync/content.h"
#include "sync/file_task.h"
#include "sync/sync.h"
#include "sync/table_session.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// Used by one thread.
class FileLoader {
 public:
  using Done = std::function<void(FileOutcome)>;

  // `load_options`: streams and memory of one file.
  FileLoader(const RunContext& context, const load::Options& load_options);

  // Does what was decided, unless another run has meanwhile. `record` is what the decision was made
  // from (of the path that the file had, when it was moved); null when it was not known. `done` is
  // called once, when the outcome is in the tracking table (from the recorder's thread) or needs
  // not be. The last file of a session also commits those that were to be committed together.
  // False: the file is put off until the run holds the whole table, and `done` is not called.
  // Never throws.
  bool work_on(const Decision& decision, const tracking::FileRecord* record,
               const std::shared_ptr<TableSession>& session, const Done& done);

 private:
  bool load(FileTask task, const tracking::FileRecord* record,
            const std::shared_ptr<TableSession>& session);
  void tell_put_off(const FileTask& task, std::string_view why) const;
  bool is_taken_up(FileTask& task, const tracking::FileRecord* record) const;
  // What an attempt came to.
  enum class End { kSettled, kTryAgain, kStaged };
  End run_attempts(FileTask& task, TableSession& session, StagedTask& staged);
  End run_attempt(FileTask& task, TableSession& session, StagedTask& staged);
  static void name_version(FileTask& task, HashedSource& source, const clickhouse::Endpoint& server,
                           const std::stop_token& stop, load::Target& target);
  void commit_pending(const std::shared_ptr<TableSession>& session);
  std::optional<Failure> remove_quarantined_of(const Decision& decision);
  void settle_staged(StagedTask staged, const std::optional<Failure>& failure,
                     const load::Step& step, const std::shared_ptr<TableSession>& session);

  const RunContext& context_;
  load::Options load_options_;
  clickhouse::Connection connection_;
};

// What a stop left staged: thrown away.
void abandon_pending(TableSession& session, const RunContext& context);

}  // namespace qvdhouse::sync
