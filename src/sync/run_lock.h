// Whether the process of a run is alive: it holds an flock on a file of the run's, which the kernel
// gives back however the process ends. A run that ends in order removes its file.
#pragma once

#include <filesystem>
#include <string>

namespace qvdhouse::sync {

class RunLock {
 public:
  // Throws IoError when the folder cannot be written to.
  RunLock(const std::filesystem::path& lock_dir, const std::string& run_id);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path path_;
  int fd_;
};

enum class RunLife {
  kAlive,
  kDead,     // its file is there and nobody holds it
  kUnknown,  // there is no such file here: another machine's, or one that ended in order
};
RunLife life_of_run(const std::filesystem::path& lock_dir, const std::string& run_id);

// Removes the file of a dead run.
void forget_run(const std::filesystem::path& lock_dir, const std::string& run_id);

}  // namespace qvdhouse::sync
