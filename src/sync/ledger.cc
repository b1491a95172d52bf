#include "sync/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "sync/monitor.h"

namespace qvdhouse::sync {

std::uint64_t Summary::count(Outcome outcome) const {
  return static_cast<std::uint64_t>(std::ranges::count(files, outcome, &FileOutcome::outcome));
}

Ledger::Ledger(std::size_t file_count, Monitor& monitor, spdlog::logger& log,
               const std::function<void(const FileOutcome&)>& on_file)
    : outcomes_(file_count), monitor_(monitor), log_(log), on_file_(on_file) {}

void Ledger::enter(std::size_t index, FileOutcome outcome) {
  const std::lock_guard lock(mutex_);
  count_file(monitor_, outcome);
  if (outcome.outcome == Outcome::kFailed) {
    log_.warn("{}: {}", outcome.decision.file.path, outcome.error);
  }
  for (const std::string& alert : outcome.result.alerts) {
    log_.warn("{}: {}", outcome.decision.file.path, alert);
  }
  if (on_file_) on_file_(outcome);
  outcomes_[index] = std::move(outcome);
}

bool Ledger::has(std::size_t index) {
  const std::lock_guard lock(mutex_);
  return outcomes_[index].has_value();
}

std::vector<FileOutcome> Ledger::take() {
  const std::lock_guard lock(mutex_);
  std::vector<FileOutcome> files;
  files.reserve(outcomes_.size());
  for (std::optional<FileOutcome>& outcome : outcomes_) files.push_back(std::move(outcome.value()));
  return files;
}

TargetWatch::TargetWatch(const clickhouse::Endpoint& endpoint) : endpoint_(endpoint) {
  endpoint_.database = "system";
}

void TargetWatch::note(const FileOutcome& file) {
  if (file.outcome != Outcome::kFailed) return;
  if (file.error_class != "io" && file.error_class != "server") return;
  try {
    clickhouse::Connection(endpoint_).query("SELECT 1");
  } catch (const base::IoError& error) {
    const std::lock_guard lock(mutex_);
    error_ = error.what();
    lost_ = true;
  } catch (const base::Error&) {
    return;  // it answers
  }
}

void TargetWatch::throw_if_lost() {
  const std::lock_guard lock(mutex_);
  if (!lost_) return;
  throw base::IoError(fmt::format(
      "ClickHouse cannot be reached any more; run again when it is back (what is loaded is not "
      "loaded twice): {}",
      error_));
}

}  // namespace qvdhouse::sync
