// A short name for the content of a file, read from three pieces of it: files that have not the
// same are not the same. Whether those that have are is told by their content hash
// (sync/content_hash.h).
#pragma once

#include <cstdint>
#include <string>

#include "base/byte_source.h"

namespace qvdhouse::sync {

// XXH3 (128 bits, hexadecimal) over the size and at most 64 KiB each from the start (the header
// with its time of creation), the middle and the end; of a smaller file all of it. Throws IoError,
// ChangedError.
std::string fingerprint_of(const base::ByteSource& source);

// Sizes up to which it is the hash of the whole content.
inline constexpr std::uint64_t kWholeBytes = 3 * (64 << 10);

}  // namespace qvdhouse::sync
