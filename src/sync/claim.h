// The right to load one table, held by one load at a time on this machine: an exclusive flock on a
// file of its own. The kernel gives it back however its holder ends, so that no claim outlives a
// crash. The files stay; they are empty.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

namespace qvdhouse::sync {

class Claim {
 public:
  // Waits until the claim is free. Throws IoError (the folder cannot be written to), Cancelled.
  static Claim acquire(const std::filesystem::path& lock_dir, const std::string& database,
                       const std::string& table, std::stop_token stop);
  // Empty when another load holds it.
  static std::optional<Claim> try_acquire(const std::filesystem::path& lock_dir,
                                          const std::string& database, const std::string& table);
  ~Claim();
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&& other) noexcept;

 private:
  explicit Claim(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace qvdhouse::sync
