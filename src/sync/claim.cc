#include "sync/claim.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/pause.h"

namespace qvdhouse::sync {
namespace {

namespace fs = std::filesystem;

// Readable where it can be, and one per table whatever bytes and length its name has.
std::string lock_name(const std::string& database, const std::string& table) {
  constexpr std::size_t kMaxReadable = 64;
  std::string readable = (database + "." + table).substr(0, kMaxReadable);
  for (char& c : readable) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.';
    if (!plain) c = '_';
  }
  const std::string key = database + '\0' + table;
  return fmt::format("{}-{:016x}.lock", readable, XXH3_64bits(key.data(), key.size()));
}

int open_lock(const fs::path& lock_dir, const std::string& database, const std::string& table) {
  std::error_code error;
  fs::create_directories(lock_dir, error);
  if (error) {
    throw base::IoError(fmt::format("{}: the folder for claims cannot be made: {}",
                                    lock_dir.string(), error.message()));
  }
  const fs::path path = lock_dir / lock_name(database, table);
  // Close on exec: a child process that inherited it would hold the claim for its lifetime.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    throw base::IoError(
        fmt::format("{}: the claim cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  return fd;
}

}  // namespace

Claim::~Claim() {
  if (fd_ >= 0) ::close(fd_);
}

Claim::Claim(Claim&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Claim& Claim::operator=(Claim&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::optional<Claim> Claim::try_acquire(const fs::path& lock_dir, const std::string& database,
                                        const std::string& table) {
  Claim claim(open_lock(lock_dir, database, table));
  while (::flock(claim.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    if (errno != EINTR) {
      throw base::IoError(
          fmt::format("{}: flock: {}; the folder must be on a file system with locks",
                      lock_dir.string(), std::strerror(errno)));
    }
  }
  return claim;
}

// Asks again and again: a blocking flock could not be called off.
Claim Claim::acquire(const fs::path& lock_dir, const std::string& database,
                     const std::string& table, std::stop_token stop) {
  constexpr std::chrono::milliseconds kInterval{50};
  while (true) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while it waited for its turn");
    if (std::optional<Claim> claim = try_acquire(lock_dir, database, table)) {
      return std::move(*claim);
    }
    base::pause_for(kInterval, stop);
  }
}

}  // namespace qvdhouse::sync
