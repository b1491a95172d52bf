// Locks of this machine, files in one folder: who may write a table, and whether the process of a
// run is alive. The kernel gives them back however their holder ends. The files of tables stay;
// they are empty.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/file_lock.h"

namespace qvdhouse::claim {

// The right to load one table, held by one run at a time, or shared by runs that have files of it
// each by their leases (claim/unit.h); empty when another run holds it. Throws IoError (the folder
// cannot be written to).
std::optional<base::FileLock> try_lock_table(
    const std::filesystem::path& lock_dir, const std::string& database, const std::string& table,
    base::FileLock::Kind kind = base::FileLock::Kind::kExclusive);
// Waits until the table is free. Throws as try_lock_table(), and Cancelled.
base::FileLock lock_table(const std::filesystem::path& lock_dir, const std::string& database,
                          const std::string& table, const std::stop_token& stop,
                          base::FileLock::Kind kind = base::FileLock::Kind::kExclusive);
// Whether anybody has the right to load the table of this clickhouse::table_hash() just now.
bool is_table_locked(const std::filesystem::path& lock_dir, std::uint64_t table_hash);

// Held by the process of a run. A run that ends in order removes its file.
class RunLock {
 public:
  // Throws IoError when the folder cannot be written to, or another run has the same id.
  RunLock(const std::filesystem::path& lock_dir, const std::string& run_id);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path path_;
  base::FileLock lock_;
};

enum class RunLife {
  kAlive,
  kDead,     // its file is there and nobody holds it
  kUnknown,  // there is no such file here: another machine's, or one that ended in order
};
RunLife life_of_run(const std::filesystem::path& lock_dir, const std::string& run_id);

// Removes the file of a dead run.
void forget_run(const std::filesystem::path& lock_dir, const std::string& run_id);

// Tells whether a run is the only one of this machine, so that what it has read of the tracking
// tables is still what they say. Whatever else changes these holds a RunLock meanwhile.
class OnlyRun {
 public:
  // From now on; the run that asks holds its RunLock.
  OnlyRun(const std::filesystem::path& lock_dir, const std::string& run_id);
  // Whether no other run has been under way since.
  bool is_so() const;

 private:
  // When a file of the folder came or went, in nanoseconds; empty while another run's is there that
  // is not known to be dead, or the own one is not.
  std::optional<std::int64_t> alone_since() const;

  std::filesystem::path own_file_;
  std::set<std::filesystem::path> dead_;  // files that dead runs left
  std::optional<std::int64_t> alone_since_;
};

}  // namespace qvdhouse::claim
