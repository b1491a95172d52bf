#include "sync/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace qvdhouse::sync {
namespace {

namespace fs = std::filesystem;

fs::path file_of(const fs::path& lock_dir, const std::string& run_id) {
  return lock_dir / "runs" / (run_id + ".lock");
}

// Whether it could be had at once.
bool try_lock(int fd) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace

RunLock::RunLock(const fs::path& lock_dir, const std::string& run_id)
    : path_(file_of(lock_dir, run_id)) {
  std::error_code error;
  fs::create_directories(path_.parent_path(), error);
  // Close on exec: a child process that inherited it would hold it for its lifetime.
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    throw base::IoError(fmt::format("{}: the lock of the run cannot be made: {}", path_.string(),
                                    std::strerror(errno)));
  }
  if (!try_lock(fd_)) {
    ::close(fd_);
    throw base::IoError(
        fmt::format("{}: flock: {}; the folder must be on a file system with locks, and no two "
                    "runs have one id",
                    path_.string(), std::strerror(errno)));
  }
}

RunLock::~RunLock() {
  std::error_code error;
  fs::remove(path_, error);
  ::close(fd_);
}

RunLife life_of_run(const fs::path& lock_dir, const std::string& run_id) {
  const int fd = ::open(file_of(lock_dir, run_id).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return RunLife::kUnknown;
  const bool is_free = try_lock(fd);
  ::close(fd);
  return is_free ? RunLife::kDead : RunLife::kAlive;
}

void forget_run(const fs::path& lock_dir, const std::string& run_id) {
  std::error_code error;
  fs::remove(file_of(lock_dir, run_id), error);
}

}  // namespace qvdhouse::sync
