// Tar archives: those of POSIX (ustar, pax), of GNU and the older ones.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "source/archive_member.h"
#include "source/unpacker.h"

namespace qvdhouse::source {

// How a tar archive is compressed, by its first bytes.
Packing packing_of_tar(const base::ByteSource& file);

// The files in it, in its order, by one pass over its unpacked bytes; folders, links and devices
// are left out. `name`: what messages call it. Throws InputError when it is damaged or cut,
// Cancelled.
std::vector<Member> read_tar(Unpacker& tar, const std::string& name, const std::stop_token& stop);

}  // namespace qvdhouse::source
