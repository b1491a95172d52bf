#include "sync/recorder.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "sync/failure.h"

namespace qvdhouse::sync {
namespace {

// How long a row waits for company, and how many travel together at most.
constexpr std::chrono::milliseconds kLinger{100};
constexpr std::size_t kMaxBatch = 256;

constexpr const char* kFenced =
    "the claim on its table expired before that could be recorded; the run that has the table now "
    "does it again";

// Runs `insert` up to three times. The error's text, or empty.
std::string insert_with_retries(const std::function<void()>& insert) {
  try {
    with_retries(3, std::chrono::milliseconds(250), {}, insert);
    return "";
  } catch (const std::exception& error) {
    return base::message_of(error);
  }
}

}  // namespace

Recorder::Recorder(tracking::Tracking tracking, const claim::Lease* lease, spdlog::logger& log)
    : tracking_(std::move(tracking)), lease_(lease), log_(log), thread_([this] { run(); }) {}

Recorder::~Recorder() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Recorder::add(Entry entry) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(entry));
  }
  changed_.notify_all();
}

void Recorder::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    changed_.wait_for(lock, kLinger, [&] { return ending_ || waiting_.size() >= kMaxBatch; });
    std::vector<Entry> batch = std::exchange(waiting_, {});
    lock.unlock();
    write(std::move(batch));
    lock.lock();
  }
}

void Recorder::write(std::vector<Entry> batch) {
  std::vector<tracking::FileRecord> files;
  std::vector<std::string> forgotten;
  std::vector<tracking::Attempt> attempts;
  const bool has_expired = lease_ != nullptr && lease_->may_have_expired();
  const auto is_fenced = [&](const Entry& entry) { return has_expired && entry.claim != nullptr; };
  for (Entry& entry : batch) {
    if (is_fenced(entry)) continue;
    std::move(entry.files.begin(), entry.files.end(), std::back_inserter(files));
    std::move(entry.forget.begin(), entry.forget.end(), std::back_inserter(forgotten));
    for (tracking::Attempt& attempt : entry.attempts) attempts.push_back(std::move(attempt));
  }
  std::string error = insert_with_retries([&] { tracking_.record(files); });
  if (error.empty() && !forgotten.empty()) {
    error = insert_with_retries([&] { tracking_.forget(forgotten); });
  }
  if (!error.empty()) {
    error = "that could not be recorded, so that the next run will do it again: " + error;
  }
  const std::string history_error = insert_with_retries([&] { tracking_.record(attempts); });
  if (!history_error.empty()) {
    log_.warn("{} attempts are missing in the history: {}", attempts.size(), history_error);
  }
  for (Entry& entry : batch) {
    const bool fenced = is_fenced(entry);
    entry.claim.reset();
    if (entry.done) entry.done(fenced ? kFenced : error);
  }
}

}  // namespace qvdhouse::sync
