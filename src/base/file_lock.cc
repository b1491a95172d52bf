// Compiled into qvdhouse-engine too, which links no other library of ours: no fmt here.
#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace qvdhouse::base {

FileLock::FileLock(const std::filesystem::path& path, unsigned permissions)
    : path_(path), descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, permissions)) {
  if (descriptor_ >= 0) return;
  throw IoError(path.string() + ": the lock file cannot be opened: " + std::strerror(errno));
}

std::optional<FileLock> FileLock::of_existing(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  FileLock lock;
  lock.path_ = path;
  lock.descriptor_ = descriptor;
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

bool FileLock::try_lock(Kind kind) {
  return flock((kind == Kind::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB);
}

void FileLock::lock(Kind kind) { flock(kind == Kind::kShared ? LOCK_SH : LOCK_EX); }

void FileLock::unlock() { flock(LOCK_UN); }

bool FileLock::is_in_place() const {
  struct stat opened {};
  struct stat found {};
  return ::fstat(descriptor_, &opened) == 0 && ::stat(path_.c_str(), &found) == 0 &&
         opened.st_dev == found.st_dev && opened.st_ino == found.st_ino;
}

bool FileLock::flock(int operation) {
  while (::flock(descriptor_, operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno == EINTR) continue;
    throw IoError(path_.string() + ": the file cannot be locked: " + std::strerror(errno) +
                  "; its folder must be on a file system with locks");
  }
  return true;
}

}  // namespace qvdhouse::base
