// What `_version` of a file's rows says in a table of mode append: the same for the same content,
// whatever its modification time, so that a commit that is repeated adds nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tracking/tracking.h"

namespace qvdhouse::sync {

// The version of a file with this content hash. With a fingerprint instead: what versions of
// qvdhouse without content hashes named it after.
std::uint64_t version_of(const std::string& hash);

// The version of the rows that the record describes.
std::uint64_t version_of_rows(const tracking::FileRecord& record);

// A file that is loaded (again).
struct ContentNames {
  std::string fingerprint;
  std::string content_hash;
};

// The version under which its rows are to be in the table. Rows that were loaded without a content
// hash keep theirs, as long as nothing says that the content is another by now. `previous`: the
// file's record, null without one. `holds`: whether the table has rows of the file with a version;
// asked only of a file whose record does not tell.
std::uint64_t choose_version(const ContentNames& file, const tracking::FileRecord* previous,
                             const std::function<bool(std::uint64_t)>& holds);

}  // namespace qvdhouse::sync
