// What stat() says, in the units of FileEntry; listing and reading must agree on them to the bit.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace qvdhouse::source {

inline std::uint64_t size_bytes(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_size);
}

// Microseconds since 1970 UTC, rounded down (st_mtim counts nanoseconds up from whole seconds, also
// before 1970). Seconds beyond ±290,000 years, which only a damaged file system has, are cut.
inline std::int64_t mtime_us(const struct stat& status) {
  constexpr std::int64_t kMaxSeconds = INT64_MAX / 1'000'000 - 1;
  std::int64_t seconds = status.st_mtim.tv_sec;
  if (seconds > kMaxSeconds) seconds = kMaxSeconds;
  if (seconds < -kMaxSeconds) seconds = -kMaxSeconds;
  return seconds * 1'000'000 + status.st_mtim.tv_nsec / 1'000;
}

}  // namespace qvdhouse::source
