#include "base/file_trust.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <vector>

namespace qvdhouse::base {
namespace {

// Root's group is nobody's private one: administrators may be members of it by their login entry.
bool is_private_group(gid_t group, uid_t owner) {
  if (group == 0) return false;
  constexpr std::size_t kEntryBytes = 64 * 1024;
  std::vector<char> user_bytes(kEntryBytes);
  std::vector<char> group_bytes(kEntryBytes);
  passwd user{};
  passwd* found_user = nullptr;
  ::group entry{};
  ::group* found_group = nullptr;
  if (getpwuid_r(owner, &user, user_bytes.data(), user_bytes.size(), &found_user) != 0 ||
      getgrgid_r(group, &entry, group_bytes.data(), group_bytes.size(), &found_group) != 0 ||
      found_user == nullptr || found_group == nullptr) {
    return false;
  }
  const std::string_view name = user.pw_name;
  if (user.pw_gid != group || name != entry.gr_name) return false;
  for (char** member = entry.gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return true;
}

std::optional<FileAccess> access_of(const std::filesystem::path& path, const struct stat& file) {
  struct stat link {};
  if (lstat(path.c_str(), &link) != 0) return std::nullopt;
  FileAccess access{.owner = file.st_uid, .mode = file.st_mode & 07777U};
  if ((access.mode & 0020U) != 0) {
    access.is_group_private = is_private_group(file.st_gid, file.st_uid);
  }
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
