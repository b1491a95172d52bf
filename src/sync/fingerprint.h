// A short name for the content of a file: that a file was only touched or moved is seen by reading
// three pieces of it.
#pragma once

#include <cstdint>
#include <string>

#include "base/byte_source.h"

namespace qvdhouse::sync {

// XXH3 (128 bits, hexadecimal) over the size and at most 64 KiB each from the start (the header
// with its time of creation), the middle and the end; of a smaller file all of it. Throws IoError,
// ChangedError.
std::string fingerprint_of(const base::ByteSource& source);

// What `_version` says of the file with this fingerprint. The same for the same content, whatever
// its modification time: a commit that is repeated after a crash then adds nothing.
std::uint64_t version_of(const std::string& fingerprint);

}  // namespace qvdhouse::sync
