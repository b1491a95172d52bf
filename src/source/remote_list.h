// Listing and choosing for storages that give flat lists of paths, by the same rules as on disk.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/listing.h"
#include "source/rclone.h"

namespace qvdhouse::source {

// Where the paths are. Paths have no slash at either end.
struct RemotePlace {
  std::string shown;  // what messages call the root
  // Whether a folder is nothing but the beginning of names (s3, gs, az): then a missing one gives
  // an empty list, and listing all levels costs no more than listing one.
  bool has_only_names = false;
  // Folders may be among the items of a list that does not recurse.
  std::function<std::vector<RcloneItem>(const std::string& folder, bool recurse)> list;
  // Empty: there is no file of that name.
  std::function<std::optional<RcloneItem>(const std::string& path)> stat;
  // The entry of a file, without a decision on it.
  std::function<FileEntry(const std::string& path, const RcloneItem& item)> entry;
};

// What stands behind the last slash.
std::string_view last_part(std::string_view path);

// list() of storage.h for `path` (which a slash at its end makes a folder): the file of exactly
// this name, or else the folder with selection.pattern, or else a glob. Calls `list` once, with the
// longest folder that holds all matches. Entries that are left out carry a skip_reason.
std::vector<FileEntry> list_remote(const RemotePlace& place, const std::string& path,
                                   const Selection& selection);

// The same for what is known to be a folder or a glob.
std::vector<FileEntry> list_remote_folder(const RemotePlace& place, const std::string& folder,
                                          const Selection& selection);
std::vector<FileEntry> list_remote_glob(const RemotePlace& place, const std::string& path,
                                        const Selection& selection);

}  // namespace qvdhouse::source
