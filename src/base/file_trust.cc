#include "base/file_trust.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qvdhouse::base {

bool FileAccess::is_own() const { return owner == 0 || owner == geteuid(); }

std::optional<FileAccess> file_access(const std::filesystem::path& path) {
  struct stat link {};
  struct stat file {};
  if (lstat(path.c_str(), &link) != 0 || stat(path.c_str(), &file) != 0) return std::nullopt;
  FileAccess access{.owner = file.st_uid, .mode = file.st_mode & 07777U};
  // Who made the link chose the file.
  if (S_ISLNK(link.st_mode) && !FileAccess{.owner = link.st_uid}.is_own()) {
    access.owner = link.st_uid;
  }
  return access;
}

std::string why_not_trusted(const FileAccess& access) {
  if (!access.is_own()) {
    return fmt::format("it belongs to user {}, and this program runs as user {}", access.owner,
                       geteuid());
  }
  if (access.is_writable_by_others()) {
    return fmt::format("its group or every user may write to it (mode {:04o})", access.mode);
  }
  return {};
}

}  // namespace qvdhouse::base
