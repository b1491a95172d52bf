// What there is to load: the files of one source, with what their storage says of them. One listing
// a run, no stat per file afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"

namespace qvdhouse::source {

// Which files of a source are wanted (docs/operations.md, "Choosing files").
struct Selection {
  // Glob under the source: `*` `?` `[]` `{}` within one path part, `**` across parts. "*.qvd" takes
  // the folder itself only. The extension matches in any case.
  std::string pattern = "*.qvd";
  // Names without folder, in any case, `*` and `?` allowed, ".qvd" optional. Empty: all.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

struct FileEntry {
  std::string path;  // absolute path or URL without secrets: the file's identity in tracking
  std::string name;  // last part, with extension
  std::uint64_t size = 0;        // bytes
  std::int64_t mtime_us = 0;     // modification time, microseconds since 1970 UTC; 0 unknown
  std::string etag;              // empty where the storage has none
  std::string source_type = "file";
  std::string skip_reason;       // not empty: not to be loaded, and why (hidden, temporary, excluded, …)
};

// All files that match selection.pattern below `source` (a folder, one file, or a glob), sorted by
// path; entries that the selection or the rules for hidden and temporary names leave out carry a
// skip_reason. Link loops are skipped with a reason. Throws ConfigError when `source` can not be
// understood, IoError when it can not be listed (missing, no permission).
std::vector<FileEntry> list_files(const std::string& source, const Selection& selection);

// Opens one listed file. Throws IoError; ChangedError when it is not the file that was listed.
std::unique_ptr<base::ByteSource> open_file(const FileEntry& entry);

// Splits a comma-separated list, trimming blanks and dropping empty items.
std::vector<std::string> split_list(const std::string& text);

}  // namespace qvdhouse::source
