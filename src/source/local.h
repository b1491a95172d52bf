// Files of this machine, and of whatever is mounted on it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "source/listing.h"

namespace qvdhouse::source {

// Storage::list() for a path. Links are followed: to files always; to folders unless the walk has
// been there already (a loop, or a second way to the same files), which is skipped with a reason. A
// file's identity is its absolute, lexically normal path; links in it are not resolved.
std::vector<FileEntry> list_local(const std::string& path, const Selection& selection);

// Storage::open() for a path: reads with pread. Memory mapping is out of the question, because a
// file that is cut under a mapping kills the process.
std::unique_ptr<base::ByteSource> open_local(const FileEntry& entry);

// Storage::take() and exists() for paths. A link is not taken: it would lead nowhere elsewhere.
void take_local(const FileEntry& entry, const std::string& target);
bool exists_local(const std::string& path);

}  // namespace qvdhouse::source
