#include "source/local.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "source/archive_name.h"
#include "source/glob.h"
#include "source/listing.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;

// What stat() says, in the units of FileEntry; listing and reading must agree on them to the bit.
std::uint64_t size_bytes(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_size);
}

// Microseconds since 1970 UTC, rounded down (st_mtim counts nanoseconds up from whole seconds, also
// before 1970). Seconds beyond ±290,000 years, which only a damaged file system has, are cut.
std::int64_t mtime_us(const struct stat& status) {
  constexpr std::int64_t kMaxSeconds = INT64_MAX / 1'000'000 - 1;
  std::int64_t seconds = status.st_mtim.tv_sec;
  if (seconds > kMaxSeconds) seconds = kMaxSeconds;
  if (seconds < -kMaxSeconds) seconds = -kMaxSeconds;
  return seconds * 1'000'000 + status.st_mtim.tv_nsec / 1'000;
}

// Follows links.
std::error_code stat_of(const std::string& path, struct stat& status) {
  return ::stat(path.c_str(), &status) == 0 ? std::error_code()
                                            : std::error_code(errno, std::system_category());
}

std::string name_of(const fs::path& path) {
  return std::string(plain_name(path.filename().string()));
}

FileEntry skipped(const fs::path& path, std::string code, std::string reason) {
  return {.path = path.string(),
          .name = name_of(path),
          .etag = {},
          .skip_reason = std::move(reason),
          .skip_code = std::move(code)};
}

FileEntry file_entry(const fs::path& path, const struct stat& status) {
  return {.path = path.string(),
          .name = name_of(path),
          .size = size_bytes(status),
          .mtime_us = mtime_us(status),
          .etag = {},
          .skip_reason = {},
          .skip_code = {}};
}

// Folders first, links to folders when no folder is left: so a link into the tree itself is always
// what is skipped, and never the folder it leads to.
class Walk {
 public:
  Walk(const fs::path& root, const Glob& glob, const NameRules& rules)
      : root_(root), glob_(glob), rules_(rules) {}
  std::vector<FileEntry> run();

 private:
  struct Folder {
    fs::path path;
    Glob::State state;
  };
  void enter(const Folder& folder);
  void visit(const Folder& folder, const fs::directory_entry& item);
  void visit_folder(const Folder& folder, const fs::path& path, bool is_link);
  void visit_file(const fs::path& path, Glob::Match match);

  const fs::path& root_;
  const Glob& glob_;
  const NameRules& rules_;
  std::deque<Folder> folders_;
  std::deque<Folder> linked_folders_;
  std::map<std::pair<dev_t, ino_t>, fs::path> visited_;
  std::vector<FileEntry> entries_;
};

std::vector<FileEntry> Walk::run() {
  folders_.push_back({root_, glob_.start()});
  while (!folders_.empty() || !linked_folders_.empty()) {
    std::deque<Folder>& queue = folders_.empty() ? linked_folders_ : folders_;
    const Folder folder = std::move(queue.front());
    queue.pop_front();
    enter(folder);
  }
  std::ranges::sort(entries_, {}, &FileEntry::path);
  return std::move(entries_);
}

void Walk::enter(const Folder& folder) {
  const auto unreadable = [&](const std::error_code& error) {
    if (folder.path == root_) {
      throw base::IoError(
          fmt::format("{}: the folder cannot be listed: {}", root_.string(), error.message()));
    }
    entries_.push_back(
        skipped(folder.path, "unreadable", "the folder cannot be listed: " + error.message()));
  };
  struct stat status {};
  if (const std::error_code error = stat_of(folder.path.string(), status)) return unreadable(error);
  const auto [seen, is_new] = visited_.try_emplace({status.st_dev, status.st_ino}, folder.path);
  if (!is_new) {
    entries_.push_back(skipped(folder.path, "link",
                               fmt::format("a link to {}, which is listed already (a link loop, or "
                                           "a second way to the same files)",
                                           seen->second.string())));
    return;
  }
  std::error_code error;
  fs::directory_iterator items(folder.path, error);
  while (!error && items != fs::directory_iterator()) {
    visit(folder, *items);
    items.increment(error);
  }
  if (error) unreadable(error);
}

void Walk::visit(const Folder& folder, const fs::directory_entry& item) {
  std::error_code error;
  const fs::path& path = item.path();
  const std::string name = path.filename().string();
  const bool is_link = item.is_symlink(error);
  if (item.is_directory(error)) return visit_folder(folder, path, is_link);

  if (const std::optional<Glob::Match> match = match_in(glob_, folder.state, name)) {
    visit_file(path, *match);
  }
}

void Walk::visit_folder(const Folder& folder, const fs::path& path, bool is_link) {
  const std::string name = path.filename().string();
  if (glob_.leaves_hidden(folder.state, name)) {
    entries_.push_back(hidden_folder(path.string(), name, "file"));
    return;
  }
  Glob::State state = glob_.enter(folder.state, name);
  if (state.empty()) return;
  (is_link ? linked_folders_ : folders_).push_back({path, std::move(state)});
}

void Walk::visit_file(const fs::path& path, Glob::Match match) {
  struct stat status {};
  const std::error_code error = stat_of(path.string(), status);
  if (error) {
    struct stat link {};
    const bool is_link = ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
    if (is_link) {
      entries_.push_back(skipped(path, "link", "a link that leads nowhere: " + error.message()));
    } else if (error != std::errc::no_such_file_or_directory) {  // else removed a moment ago
      entries_.push_back(skipped(path, "unreadable", "cannot be looked at: " + error.message()));
    }
    return;
  }
  FileEntry entry = file_entry(path, status);
  rules_.apply(path.lexically_relative(root_).string(), match, entry);
  if (entry.skip_code.empty() && !S_ISREG(status.st_mode)) {
    entry.skip_code = "not-a-file";
    entry.skip_reason = "neither a regular file nor a link to one";
  }
  entries_.push_back(std::move(entry));
}

fs::path normal(const std::string& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() || !absolute.has_relative_path() ? absolute
                                                                  : absolute.parent_path();
}

}  // namespace

std::vector<FileEntry> list_local(const std::string& path, const Selection& selection) {
  const NameRules rules(selection);
  struct stat status {};
  std::error_code error = stat_of(path, status);
  if (!error && S_ISDIR(status.st_mode)) {
    const fs::path root = normal(path);
    return Walk(root, Glob(selection.pattern), rules).run();
  }
  if (!error) {
    // Named in full, so that only the lists have a say.
    FileEntry entry = file_entry(normal(path), status);
    if (!S_ISREG(status.st_mode)) {
      throw base::IoError(entry.path +
                          ": expected a folder or a regular file, found another kind of "
                          "file");
    }
    rules.apply(entry.name, entry);
    return {std::move(entry)};
  }
  if (error == std::errc::no_such_file_or_directory && has_wildcards(path)) {
    const auto [folder, pattern] = split_glob(path);
    const fs::path root = normal(folder.empty() ? "." : folder);
    return Walk(root, Glob(pattern), rules).run();
  }
  throw base::IoError(fmt::format("{}: expected a folder, a file or a pattern as source, found: {}",
                                  normal(path).string(), error.message()));
}

namespace {

class LocalFile : public base::ByteSource {
 public:
  explicit LocalFile(const FileEntry& entry);
  ~LocalFile() override { ::close(fd_); }
  LocalFile(const LocalFile&) = delete;
  LocalFile& operator=(const LocalFile&) = delete;

  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return name_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  void check_unchanged() const override;
  std::vector<base::ByteRange> holes(std::uint64_t begin, std::uint64_t end) const override;

 private:
  void check(const struct stat& now) const;
  std::string name_;
  std::uint64_t size_;
  std::int64_t mtime_us_;
  int fd_ = -1;
  struct stat opened_ {};
};

LocalFile::LocalFile(const FileEntry& entry)
    : name_(entry.path), size_(entry.size), mtime_us_(entry.mtime_us) {
  // O_NONBLOCK: a named pipe that took the file's place must not hang us.
  fd_ = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    const int error = errno;
    if (error == ENOENT) {
      throw base::ChangedError(name_ +
                               ": expected the file that was listed, found none; it was "
                               "removed or renamed since");
    }
    throw base::IoError(fmt::format("{}: cannot be opened: {}", name_, std::strerror(error)));
  }
  try {
    if (::fstat(fd_, &opened_) != 0) {
      throw base::IoError(fmt::format("{}: fstat: {}", name_, std::strerror(errno)));
    }
    check(opened_);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

void LocalFile::check(const struct stat& now) const {
  if (!S_ISREG(now.st_mode)) {
    throw base::ChangedError(name_ +
                             ": expected the regular file that was listed, found another "
                             "kind of file");
  }
  if (size_bytes(now) != size_) {
    throw base::ChangedError(
        fmt::format("{}: expected {} bytes as listed, found {}; the file changed since", name_,
                    size_, size_bytes(now)));
  }
  if (source::mtime_us(now) != mtime_us_) {
    throw base::ChangedError(fmt::format(
        "{}: expected the modification time {} µs as listed, found {} µs; the file changed since",
        name_, mtime_us_, source::mtime_us(now)));
  }
}

void LocalFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  const auto cut = [&](std::uint64_t end) {
    return base::ChangedError(
        fmt::format("{}: expected {} bytes at byte {}, found the end at byte {}", name_, out.size(),
                    offset, end));
  };
  if (offset > size_ || out.size() > size_ - offset) throw cut(size_);
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got == 0) throw cut(offset + done);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw base::IoError(fmt::format("{}: reading {} bytes at byte {}: {}", name_,
                                      out.size() - done, offset + done, std::strerror(errno)));
    }
  }
}

std::vector<base::ByteRange> LocalFile::holes(std::uint64_t begin, std::uint64_t end) const {
  std::vector<base::ByteRange> found;
  while (begin < end) {
    const off_t hole = ::lseek(fd_, static_cast<off_t>(begin), SEEK_HOLE);
    // A file system that knows of none says that there is one at the end.
    if (hole < 0 || static_cast<std::uint64_t>(hole) >= end) break;
    const off_t data = ::lseek(fd_, hole, SEEK_DATA);
    const std::uint64_t hole_end = data < 0 ? end : std::min(end, static_cast<std::uint64_t>(data));
    found.push_back({static_cast<std::uint64_t>(hole), hole_end});
    begin = hole_end;
  }
  return found;
}

// The open file may have been written to, or its path may lead to another file by now.
void LocalFile::check_unchanged() const {
  struct stat now {};
  if (::fstat(fd_, &now) != 0) {
    throw base::IoError(fmt::format("{}: fstat: {}", name_, std::strerror(errno)));
  }
  check(now);
  if (::stat(name_.c_str(), &now) != 0) {
    if (errno != ENOENT) {
      throw base::IoError(fmt::format("{}: stat: {}", name_, std::strerror(errno)));
    }
    throw base::ChangedError(name_ +
                             ": expected the file that was opened, found none; it was "
                             "removed or renamed since");
  }
  if (now.st_dev != opened_.st_dev || now.st_ino != opened_.st_ino) {
    throw base::ChangedError(name_ +
                             ": expected the file that was opened, found another file in "
                             "its place; it was replaced since");
  }
}

}  // namespace

std::unique_ptr<base::ByteSource> open_local(const FileEntry& entry) {
  return std::make_unique<LocalFile>(entry);
}

bool exists_local(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

void take_local(const FileEntry& entry, const std::string& target) {
  const auto fail = [&](const std::string& why) {
    throw base::IoError(fmt::format("{} stays where it is: {}", entry.path, why));
  };
  const auto system_text = [] { return std::error_code(errno, std::system_category()).message(); };
  if (!target.empty()) {
    std::error_code error;
    fs::create_directories(fs::path(target).parent_path(), error);
    if (error) fail(fmt::format("the folder of {} cannot be made: {}", target, error.message()));
  }
  struct stat status {};
  if (::lstat(entry.path.c_str(), &status) != 0) fail(system_text());
  if (S_ISLNK(status.st_mode)) fail("it is a link, and only regular files are taken");
  if (size_bytes(status) != entry.size || mtime_us(status) != entry.mtime_us) {
    throw base::ChangedError(entry.path + " stays where it is: it has changed since it was loaded");
  }
  if (target.empty()) {
    if (::unlink(entry.path.c_str()) != 0) fail("it cannot be deleted: " + system_text());
  } else if (base::rename_to_new(entry.path.c_str(), target.c_str()) != 0) {
    fail(errno == EXDEV ? fmt::format("{} is on another file system; after_load_to has to name a "
                                      "folder on that of the files",
                                      target)
                        : fmt::format("it cannot be moved to {}: {}", target, system_text()));
  }
}

}  // namespace qvdhouse::source
