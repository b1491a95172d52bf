#include "source/folder_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;

// A folder that is made is told of before its files are.
constexpr std::uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

bool is_hidden(const fs::path& name) { return name.string().starts_with('.'); }

[[noreturn]] void fail(const fs::path& folder, int error) {
  throw base::IoError(fmt::format(
      "{} cannot be watched: {}{}", folder.string(),
      std::error_code(error, std::system_category()).message(),
      error == ENOSPC || error == EMFILE
          ? "; the kernel's limits fs.inotify.max_user_watches and max_user_instances are reached"
          : ""));
}

}  // namespace

FolderWatch::FolderWatch(const std::string& folder, bool is_deep)
    : is_deep_(is_deep), descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (descriptor_ < 0) fail(folder, errno);
  try {
    add(folder);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

FolderWatch::~FolderWatch() { ::close(descriptor_); }

void FolderWatch::add(const fs::path& folder) {
  const int number = ::inotify_add_watch(descriptor_, folder.c_str(), kEvents);
  if (number < 0) {
    const bool is_gone = errno == ENOENT || errno == ENOTDIR;
    if (is_gone && !folders_.empty()) return;  // a folder below, gone again
    fail(folder, errno);
  }
  // The same folder by a second way, or a loop of links, has its number already.
  if (!folders_.try_emplace(number, folder).second || !is_deep_) return;
  std::error_code error;
  for (fs::directory_iterator item(folder, error); !error && item != fs::directory_iterator();
       item.increment(error)) {
    std::error_code ignored;
    if (item->is_directory(ignored) && !is_hidden(item->path().filename())) add(item->path());
  }
}

void FolderWatch::note(const inotify_event& event, std::string_view name, Changes& changes) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    changes.is_unsure = true;
    return;
  }
  const auto folder = folders_.find(event.wd);
  if (folder == folders_.end()) return;
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
    // Moved away, a folder below goes on to tell of what is not below the source any more.
    if ((event.mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(descriptor_, event.wd);
    if (folder->first == folders_.begin()->first) changes.is_over = true;
    folders_.erase(folder);
    return;
  }
  const fs::path path = folder->second / name;
  if ((event.mask & IN_ISDIR) == 0) {
    if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) changes.files.push_back(path.string());
    return;
  }
  if (!is_deep_ || is_hidden(path.filename())) return;
  add(path);
  changes.is_unsure = true;
}

FolderWatch::Changes FolderWatch::read() {
  Changes changes;
  alignas(inotify_event) std::array<char, 16 << 10> buffer;
  while (true) {
    const ssize_t size = ::read(descriptor_, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return changes;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      // Its name ends with the first of the NUL bytes that fill it up.
      const char* name = buffer.data() + at + sizeof event;
      note(event, {name, ::strnlen(name, event.len)}, changes);
      at += sizeof event + event.len;
    }
  }
}

}  // namespace qvdhouse::source
