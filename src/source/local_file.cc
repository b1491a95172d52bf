#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "source/local.h"
#include "source/local_stat.h"

namespace qvdhouse::source {
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

}  // namespace qvdhouse::source
