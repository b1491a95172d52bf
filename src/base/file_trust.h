// Who decides what a file or folder holds: its owner, and whoever its permissions let write to it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace qvdhouse::base {

struct FileAccess {
  uid_t owner = 0;
  mode_t mode = 0;  // the permission bits: 0644
  // The group is the owner's private one: it has the owner's name and no other member. Systems that
  // give each user such a group make files group-writable by default (umask 0002).
  bool is_group_private = false;

  // Nobody but the caller and root decides what the file holds.
  bool is_own() const;
  // Every user may write to it, or a group that others can belong to.
  bool is_writable_by_others() const { return (mode & (is_group_private ? 0002U : 0022U)) != 0; }
  // Every user of the machine may read it.
  bool is_readable_by_all() const { return (mode & 0004U) != 0; }
};

// The access of the file or folder that `path` leads to. The owner of a symbolic link counts too:
// `owner` is that of the link when neither the caller nor root made it. Nothing when the path
// cannot be looked at (errno says why).
std::optional<FileAccess> file_access(const std::filesystem::path& path);
// The same of an open file, so that it cannot become another one meanwhile; `path` is what it was
// opened by.
std::optional<FileAccess> file_access(const std::filesystem::path& path, int descriptor);

// Why what the file holds may be another user's doing, as the end of a sentence: "it belongs to
// user 1001, and this program runs as user 1000", "its group or every user may write to it (mode
// 0664)". Empty when only the caller or root can write to it.
std::string why_not_trusted(const FileAccess& access);

}  // namespace qvdhouse::base
