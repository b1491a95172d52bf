#include "sync/monitor.h"

#include <algorithm>
#include <utility>

namespace qvdhouse::sync {

Monitor::Monitor() : state_(std::make_unique<State>()) {}
Monitor::~Monitor() = default;

Monitor::Snapshot Monitor::snapshot() const {
  const std::lock_guard lock(state_->mutex);
  Snapshot snapshot = state_->totals;
  for (const State::Running& file : state_->running) {
    Active active{.name = file.name,
                  .step = file.progress.step.load(),
                  .rows_sent = file.progress.rows_sent,
                  .rows_total = file.progress.rows_total};
    if (active.rows_total > 0) {
      const double part = std::min(
          1.0, static_cast<double>(active.rows_sent) / static_cast<double>(active.rows_total));
      snapshot.bytes_done +=
          static_cast<std::uint64_t>(part * static_cast<double>(file.file_bytes));
    }
    snapshot.rows_done += active.rows_sent;
    snapshot.active.push_back(std::move(active));
  }
  return snapshot;
}

RunningFile::RunningFile(Monitor& monitor, const std::string& name, std::uint64_t file_bytes)
    : state_(monitor.state()) {
  const std::lock_guard lock(state_.mutex);
  entry_ = state_.running.emplace(state_.running.end());
  entry_->name = name;
  entry_->file_bytes = file_bytes;
}

RunningFile::~RunningFile() {
  const std::lock_guard lock(state_.mutex);
  state_.running.erase(entry_);
}

void RunningFile::restart() {
  entry_->progress.rows_sent = 0;
  entry_->progress.rows_total = 0;
  entry_->progress.bytes_read = 0;
  entry_->progress.step = "waiting";
}

void announce_file(Monitor& monitor, std::uint64_t file_bytes) {
  const std::lock_guard lock(monitor.state().mutex);
  ++monitor.state().totals.files_total;
  monitor.state().totals.bytes_total += file_bytes;
}

void count_file(Monitor& monitor, const FileOutcome& file) {
  const std::lock_guard lock(monitor.state().mutex);
  Monitor::Snapshot& totals = monitor.state().totals;
  if (file.outcome == Outcome::kFailed) ++totals.files_failed;
  if (file.decision.action != Action::kLoad) return;
  ++totals.files_done;
  totals.bytes_done += file.decision.file.size;
  if (file.outcome == Outcome::kLoaded) totals.rows_done += file.result.row_count;
}

}  // namespace qvdhouse::sync
