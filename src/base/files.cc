#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace qvdhouse::base {

namespace {

// Everything behind `descriptor`; nothing when it cannot be read (errno says why).
std::optional<std::string> read_all(int descriptor) {
  std::string text;
  std::array<char, 16 * 1024> piece{};
  for (;;) {
    const ssize_t count = read(descriptor, piece.data(), piece.size());
    if (count == 0) return text;
    if (count > 0) {
      text.append(piece.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
}

}  // namespace

std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::optional<TextFile> file = read_text_file(path);
  if (!file) return std::nullopt;
  return std::move(file->text);
}

std::optional<TextFile> read_text_file(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  const std::optional<FileAccess> access = file_access(path, descriptor);
  std::optional<std::string> text;
  if (access) text = read_all(descriptor);
  const int error = errno;
  close(descriptor);
  errno = error;
  if (!text) return std::nullopt;
  return TextFile{.text = *std::move(text), .access = *access};
}

void write_text(const std::filesystem::path& path, std::string_view text, Existing existing) {
  OutputFile file(path, existing);
  file.write(text);
  file.finish();
}

namespace {

constexpr mode_t kNewFile = 0666;  // less the umask
constexpr mode_t kPermissions = 07777;

// By which a file without a name is named.
std::string link_of(int descriptor) { return fmt::format("/proc/self/fd/{}", descriptor); }

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) return 0;
  return number;
}

}  // namespace

int rename_to_new(const char* from, const char* to) {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // The file system cannot do it in one step.
  return link(from, to) == 0 ? unlink(from) : -1;
}

OutputFile::OutputFile(std::filesystem::path path, Existing existing)
    : path_(std::move(path)), existing_(existing) {
  look_at_existing();
  if (path_.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (error) fail(error.value());
  }
  make_aside();
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!finished_ && !aside_.empty()) unlink(aside_.c_str());
}

void OutputFile::look_at_existing() {
  struct stat found {};
  if (lstat(path_.c_str(), &found) != 0) {
    if (errno != ENOENT) fail(errno);
    return;
  }
  if (existing_ == Existing::kKeep) fail(EEXIST);
  if (S_ISLNK(found.st_mode)) {
    fail("it is a symbolic link, and links are not followed; name the file that it leads to");
  }
  if (!S_ISREG(found.st_mode)) fail("it is not a regular file");
  mode_ = found.st_mode & kPermissions;
}

bool OutputFile::make_nameless() {
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  descriptor_ = open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, kNewFile);
  if (descriptor_ < 0) return false;
  // Without /proc it could get no name later.
  if (access(link_of(descriptor_).c_str(), F_OK) == 0) return true;
  close(std::exchange(descriptor_, -1));
  return false;
}

// `make` makes something of the name `aside_`, which must be new; true when it did.
template <class Make>
void OutputFile::name_aside(Make make) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    // Not longer than any name may be, whatever the file's own is.
    aside_ = path_.parent_path() / fmt::format(".{:016x}.new", random_number());
    if (make()) return;
    if (errno != EEXIST) break;
  }
  const int error = errno;
  aside_.clear();
  fail(error);
}

void OutputFile::make_aside() {
  if (make_nameless()) return;
  name_aside([&] {
    descriptor_ =
        open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kNewFile);
    return descriptor_ >= 0;
  });
}

void OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    written_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void OutputFile::sync() {
  if (fsync(descriptor_) != 0) fail(errno);
  is_synced_ = true;
}

// So that the folder's disk has the name, too.
void OutputFile::sync_folder() const {
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // some file systems let nobody open folders
  fsync(descriptor);
  close(descriptor);
}

std::uint64_t OutputFile::finish() {
  if (mode_ && fchmod(descriptor_, *mode_) != 0) fail(errno);
  const bool is_nameless = aside_.empty();
  const auto link_as = [&](const std::filesystem::path& name) {
    return linkat(AT_FDCWD, link_of(descriptor_).c_str(), AT_FDCWD, name.c_str(),
                  AT_SYMLINK_FOLLOW) == 0;
  };
  const bool replaces = existing_ == Existing::kReplace;
  if (is_nameless && replaces) name_aside([&] { return link_as(aside_); });
  if (is_nameless && !replaces && !link_as(path_)) fail(errno);
  // Some file systems tell of a full disk only here.
  if (close(std::exchange(descriptor_, -1)) != 0) fail(errno);
  if (replaces || !is_nameless) {
    const int renamed = replaces ? std::rename(aside_.c_str(), path_.c_str())
                                 : rename_to_new(aside_.c_str(), path_.c_str());
    if (renamed != 0) fail(errno);
  }
  finished_ = true;
  if (is_synced_) sync_folder();
  return written_;
}

void OutputFile::fail(int error) const {
  std::string_view advice;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    advice = "; free disk space, or choose another folder";
  } else if (error == EEXIST) {
    advice = "; choose another name, or have it replaced";
  } else if (error == EACCES || error == EPERM || error == EROFS || error == ENOENT) {
    advice = "; choose a folder that you may write to";
  }
  fail(fmt::format("{}{}", std::strerror(error), advice));
}

void OutputFile::fail(std::string_view why) const {
  throw IoError(fmt::format("{} cannot be written: {}", path_.string(), why));
}

}  // namespace qvdhouse::base
