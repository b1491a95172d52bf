#include "sync/outcome.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/quantity.h"

namespace qvdhouse::sync {

bool stands_failed(const FileOutcome& file) {
  const Reason code = file.decision.reason_code;
  return file.outcome == Outcome::kSkipped &&
         (code == Reason::kFailedUnchanged || code == Reason::kBackoff ||
          code == Reason::kUnreadable);
}

bool is_failing(const FileOutcome& file) {
  return file.outcome == Outcome::kFailed || stands_failed(file);
}

bool is_left_out(const FileOutcome& file) {
  const Reason code = file.decision.reason_code;
  return file.outcome == Outcome::kSkipped && (code == Reason::kWindow || code == Reason::kLimit);
}

bool is_good(const FileOutcome& file) {
  if (file.outcome == Outcome::kSkipped) return file.decision.reason_code == Reason::kUnchanged;
  return file.outcome == Outcome::kLoaded || file.outcome == Outcome::kAdopted ||
         file.outcome == Outcome::kRemoved;
}

bool is_anomaly(const FileOutcome& file) {
  return !file.decision.anomaly.empty() &&
         (file.outcome == Outcome::kLoaded || file.decision.reason_code == Reason::kAnomaly);
}

tracking::ErrorClass failure_class(const FileOutcome& file) {
  return file.outcome == Outcome::kFailed ? file.error_class : file.decision.error_class;
}

const std::string& failure_message(const FileOutcome& file) {
  return file.outcome == Outcome::kFailed ? file.error : file.decision.reason;
}

std::string changes_json(const std::vector<schema::ColumnChange>& changes) {
  const auto name = [](const auto& type) { return type ? type->name() : std::string(); };
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const schema::ColumnChange& change : changes) {
    json.push_back({{"column", change.column},
                    {"kind", base::to_string(change.kind())},
                    {"from", name(change.from)},
                    {"to", name(change.to)}});
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::uint64_t Summary::count(Outcome outcome) const {
  return static_cast<std::uint64_t>(std::ranges::count(files, outcome, &FileOutcome::outcome));
}

std::uint64_t Summary::column_changes() const {
  std::uint64_t count = 0;
  for (const FileOutcome& file : files) count += file.result.column_changes.size();
  return count;
}

std::uint64_t Summary::anomalies() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(files, is_anomaly));
}

namespace {

// "A, B, C, D, E and 3 more"
std::string some_of(const std::set<std::string>& names) {
  constexpr std::size_t kMostNames = 5;
  std::vector<std::string> first;
  for (const std::string& name : names) {
    if (first.size() < kMostNames) first.push_back(name);
  }
  const std::size_t more = names.size() - first.size();
  return fmt::format("{}{}", fmt::join(first, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace

std::string Summary::other_settings() const {
  std::set<std::string> tables;
  for (const FileOutcome& file : files) {
    if (file.decision.has_other_settings) tables.insert(file.decision.table);
  }
  if (tables.empty()) return "";
  return fmt::format(
      "{} {} loaded under other settings, which hold until --full or settings_changed = \"reload\" "
      "loads {} again: {}",
      base::format_quantity(tables.size(), "table"), tables.size() == 1 ? "was" : "were",
      tables.size() == 1 ? "it" : "them", some_of(tables));
}

std::string Summary::behind() const {
  std::string text;
  for (const auto& [replica, tables] : replicas_behind) {
    text += fmt::format("{}replica {} lacks rows of {} ({})", text.empty() ? "" : "; ", replica,
                        base::format_quantity(tables.size(), "table"), some_of(tables));
  }
  return text.empty() ? text : text + "; what is committed is fetched when the replica can do so";
}

Monitor::Snapshot Monitor::snapshot() const {
  const std::lock_guard lock(mutex_);
  Snapshot snapshot = totals_;
  for (const Running& file : running_) {
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

void Monitor::announce(std::uint64_t file_bytes) {
  const std::lock_guard lock(mutex_);
  ++totals_.files_total;
  totals_.bytes_total += file_bytes;
}

void Monitor::count(const FileOutcome& file) {
  const std::lock_guard lock(mutex_);
  if (file.outcome == Outcome::kFailed) ++totals_.files_failed;
  if (file.decision.action != Action::kLoad) return;
  ++totals_.files_done;
  totals_.bytes_done += file.decision.file.size;
  if (file.outcome == Outcome::kLoaded) totals_.rows_done += file.result.row_count;
}

RunningFile::RunningFile(Monitor& monitor, const std::string& name, std::uint64_t file_bytes)
    : monitor_(monitor) {
  const std::lock_guard lock(monitor_.mutex_);
  entry_ = monitor_.running_.emplace(monitor_.running_.end());
  entry_->name = name;
  entry_->file_bytes = file_bytes;
}

RunningFile::~RunningFile() {
  const std::lock_guard lock(monitor_.mutex_);
  monitor_.running_.erase(entry_);
}

OutcomeLog::OutcomeLog(std::size_t file_count, Monitor& monitor, spdlog::logger& log,
                       const std::function<void(const FileOutcome&)>& on_file)
    : outcomes_(file_count), monitor_(monitor), log_(log), on_file_(on_file) {}

void OutcomeLog::enter(std::size_t index, FileOutcome outcome) {
  const std::lock_guard lock(mutex_);
  monitor_.count(outcome);
  if (outcome.outcome == Outcome::kFailed) {
    log_.warn("{}: {}", outcome.decision.file.path, outcome.error);
  }
  for (const std::string& alert : outcome.result.alerts) {
    log_.warn("{}: {}", outcome.decision.file.path, alert);
  }
  if (on_file_) on_file_(outcome);
  outcome.result.lineage = {};  // of a file it may be long, and a run keeps its outcomes
  outcomes_[index] = std::move(outcome);
}

bool OutcomeLog::has(std::size_t index) {
  const std::lock_guard lock(mutex_);
  return outcomes_[index].has_value();
}

std::vector<FileOutcome> OutcomeLog::take() {
  const std::lock_guard lock(mutex_);
  std::vector<FileOutcome> files;
  files.reserve(outcomes_.size());
  for (std::optional<FileOutcome>& outcome : outcomes_) {
    if (outcome) files.push_back(*std::move(outcome));
  }
  return files;
}

}  // namespace qvdhouse::sync
