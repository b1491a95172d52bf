// A lock on a file, for processes of one machine (flock): the kernel gives it back however its
// holder ends, so that no lock outlives a crash. Child processes do not inherit it.
#pragma once

#include <filesystem>
#include <optional>

namespace qvdhouse::base {

// Holds the file open, and its lock once it got one, until it is destroyed.
class FileLock {
 public:
  enum class Kind { kShared, kExclusive };

  FileLock() = default;  // of no file
  // Opens the file without locking it, and creates it with these permissions where it is absent.
  // Throws IoError.
  FileLock(const std::filesystem::path& path, unsigned permissions);
  // The same for a file that is there; empty, with errno, when it cannot be opened.
  static std::optional<FileLock> of_existing(const std::filesystem::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

  // Whether it got the lock at once. Throws IoError for a file system without locks.
  bool try_lock(Kind kind = Kind::kExclusive);
  // Waits for the lock; nothing calls the wait off. Throws as try_lock().
  void lock(Kind kind = Kind::kExclusive);
  // Gives the lock back and keeps the file open.
  void unlock();
  // Whether the path still leads to the file: nobody removed, replaced or moved it.
  bool is_in_place() const;

 private:
  bool flock(int operation);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace qvdhouse::base
