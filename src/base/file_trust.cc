#include "base/file_trust.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qvdhouse::base {
namespace {

std::optional<FileAccess> access_of(const std::filesystem::path& path, const struct stat& file) {
  struct stat link {};
  if (lstat(path.c_str(), &link) != 0) return std::nullopt;
  FileAccess access{.owner = file.st_uid, .mode = file.st_mode & 07777U};
  // Who made the link chose the file.
  if (S_ISLNK(link.st_mode) && !FileAccess{.owner = link.st_uid}.is_own()) {
    access.owner = link.st_uid;
  }
  return access;
}

}  // namespace

bool FileAccess::is_own() const { return owner == 0 || owner == geteuid(); }

std::optional<FileAccess> file_access(const std::filesystem::path& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return std::nullopt;
  return access_of(path, file);
}

std::optional<FileAccess> file_access(const std::filesystem::path& path, int descriptor) {
  struct stat file {};
  if (fstat(descriptor, &file) != 0) return std::nullopt;
  return access_of(path, file);
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
