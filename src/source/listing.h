// What there is to load: the files of one source, with what their storage says of them. One listing
// a run, no stat per file afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"

namespace qvdhouse::source {

// Which files of a source are wanted (docs/operations.md, "Choosing files").
struct Selection {
  // Glob under the source: `*` `?` `[]` `{}` within one path part, `**` across parts. "*.qvd" takes
  // the folder itself only. The extension matches in any case.
  std::string pattern = "*.qvd";
  // Names in any case, wildcards allowed, ".qvd" optional; an item with a `/` is a pattern for the
  // path below the source. Empty: all.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

struct FileEntry {
  std::string path;        // absolute path or URL without secrets: the file's identity in tracking
  std::string name;        // last part, with extension
  std::uint64_t size = 0;  // bytes
  std::int64_t mtime_us = 0;  // modification time, microseconds since 1970 UTC; 0 unknown
  std::string etag;           // empty where the storage has none
  std::string source_type = "file";
  std::string skip_reason;  // not empty: not to be loaded, and why, as a sentence for people
  std::string skip_code;    // the same for programs; not empty exactly when skip_reason is not:
                            // hidden, temporary, excluded, link, unreadable, not-a-file
};

// Whether two ETags name the same version: a weak one ("W/…") counts as its strong one, since
// servers (Apache) call the tag of a file that was just written weak, and strong a moment later.
bool same_etag(std::string_view a, std::string_view b);

// Splits a comma-separated list, trimming blanks and dropping empty items.
std::vector<std::string> split_list(const std::string& text);

}  // namespace qvdhouse::source
