// Copies of texts that are mostly short: in steps of a fixed size, which cost less than a call of
// memcpy.
#pragma once

#include <cstddef>
#include <cstring>

namespace qvdhouse::clickhouse {

inline constexpr std::size_t kTextStep = 16;   // bytes
inline constexpr std::size_t kLongText = 128;  // bytes; longer ones are for memcpy

// Returns the end of the copy. Up to kTextStep - 1 bytes are read past the end of the text and
// written past the end of its copy: into bytes that the next text, or the caller's slack,
// overwrites.
inline std::byte* copy_text(const std::byte* from, std::size_t size, std::byte* out) noexcept {
  if (size > kLongText) {
    std::memcpy(out, from, size);
  } else {
    for (std::size_t done = 0; done < size; done += kTextStep) {
      std::memcpy(out + done, from + done, kTextStep);
    }
  }
  return out + size;
}

}  // namespace qvdhouse::clickhouse
