#include "claim/locks.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/pause.h"
#include "clickhouse/names.h"

namespace qvdhouse::claim {
namespace {

namespace fs = std::filesystem;
using base::FileLock;

constexpr unsigned kPermissions = 0644;

std::string lock_name_end(std::uint64_t table_hash) {
  return fmt::format("-{:016x}.lock", table_hash);
}

// Readable where it can be, and one per table whatever bytes and length its name has.
std::string lock_name(const std::string& database, const std::string& table) {
  constexpr std::size_t kMaxReadable = 64;
  std::string readable = (database + "." + table).substr(0, kMaxReadable);
  for (char& c : readable) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.';
    if (!plain) c = '_';
  }
  return readable + lock_name_end(clickhouse::table_hash(database, table));
}

fs::path file_of_run(const fs::path& lock_dir, const std::string& run_id) {
  return lock_dir / "runs" / (run_id + ".lock");
}

FileLock open_lock(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) {
    throw base::IoError(fmt::format("{}: the folder for locks cannot be created: {}",
                                    path.parent_path().string(), error.message()));
  }
  return {path, kPermissions};
}

}  // namespace

std::optional<FileLock> try_lock_table(const fs::path& lock_dir, const std::string& database,
                                       const std::string& table, FileLock::Kind kind) {
  FileLock lock = open_lock(lock_dir / lock_name(database, table));
  if (!lock.try_lock(kind)) return std::nullopt;
  return lock;
}

// Asks again and again: a blocking flock could not be called off.
FileLock lock_table(const fs::path& lock_dir, const std::string& database, const std::string& table,
                    const std::stop_token& stop, FileLock::Kind kind) {
  constexpr std::chrono::milliseconds kInterval{50};
  while (true) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while it waited for its turn");
    if (std::optional<FileLock> lock = try_lock_table(lock_dir, database, table, kind)) {
      return *std::move(lock);
    }
    base::pause_for(kInterval, stop);
  }
}

bool is_table_locked(const fs::path& lock_dir, std::uint64_t table_hash) {
  const std::string end = lock_name_end(table_hash);
  std::error_code error;  // no folder: no lock
  for (const auto& file : fs::directory_iterator(lock_dir, error)) {
    if (!file.path().native().ends_with(end)) continue;
    std::optional<FileLock> lock = FileLock::of_existing(file.path());
    if (lock && !lock->try_lock()) return true;
  }
  return false;
}

RunLock::RunLock(const fs::path& lock_dir, const std::string& run_id)
    : path_(file_of_run(lock_dir, run_id)), lock_(open_lock(path_)) {
  // Others take it for a moment when they ask whether its run lives.
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    if (lock_.try_lock()) return;
    base::pause_for(std::chrono::milliseconds(5), {});
  }
  throw base::IoError(
      fmt::format("{}: another run holds this lock; no two runs may have one id", path_.string()));
}

RunLock::~RunLock() {
  std::error_code error;
  fs::remove(path_, error);
}

RunLife life_of_run(const fs::path& lock_dir, const std::string& run_id) {
  std::optional<FileLock> lock = FileLock::of_existing(file_of_run(lock_dir, run_id));
  if (!lock) return RunLife::kUnknown;
  return lock->try_lock() ? RunLife::kDead : RunLife::kAlive;
}

void forget_run(const fs::path& lock_dir, const std::string& run_id) {
  std::error_code error;
  fs::remove(file_of_run(lock_dir, run_id), error);
}

OnlyRun::OnlyRun(const fs::path& lock_dir, const std::string& run_id)
    : own_file_(file_of_run(lock_dir, run_id)) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(own_file_.parent_path(), error)) {
    if (file.path() == own_file_) continue;
    std::optional<FileLock> lock = FileLock::of_existing(file.path());
    if (lock && lock->try_lock()) dead_.insert(file.path());
  }
  alone_since_ = alone_since();
}

std::optional<std::int64_t> OnlyRun::alone_since() const {
  struct stat folder {};
  if (::stat(own_file_.parent_path().c_str(), &folder) != 0) return std::nullopt;
  bool is_own_there = false;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(own_file_.parent_path(), error)) {
    if (dead_.contains(file.path())) continue;
    if (file.path() != own_file_) return std::nullopt;
    is_own_there = true;
  }
  if (error || !is_own_there) return std::nullopt;
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return folder.st_mtim.tv_sec * kNanoseconds + folder.st_mtim.tv_nsec;
}

bool OnlyRun::is_so() const { return alone_since_ && alone_since() == alone_since_; }

}  // namespace qvdhouse::claim
