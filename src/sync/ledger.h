// The outcomes of a run as they come in, from several threads, and whether it is worth going on.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/connection.h"
#include "sync/sync.h"

namespace qvdhouse::sync {

// One place per decision; every place is filled once.
class Ledger {
 public:
  Ledger(std::size_t file_count, Monitor& monitor, spdlog::logger& log,
         const std::function<void(const FileOutcome&)>& on_file);
  void enter(std::size_t index, FileOutcome outcome);
  bool has(std::size_t index);
  // All outcomes; every place must be filled.
  std::vector<FileOutcome> take();

 private:
  std::mutex mutex_;
  std::vector<std::optional<FileOutcome>> outcomes_;
  Monitor& monitor_;
  spdlog::logger& log_;
  const std::function<void(const FileOutcome&)>& on_file_;
};

// Whether the target has gone: then each further file would only fail the same way.
class TargetWatch {
 public:
  explicit TargetWatch(const clickhouse::Endpoint& endpoint);
  // Asks the target for a sign of life after a failure that may be its own.
  void note(const FileOutcome& file);
  bool lost() const { return lost_; }
  // Throws IoError.
  void throw_if_lost();

 private:
  clickhouse::Endpoint endpoint_;
  std::mutex mutex_;
  std::string error_;
  std::atomic<bool> lost_ = false;
};

}  // namespace qvdhouse::sync
