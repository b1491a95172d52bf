#include "base/temporary_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace qvdhouse::base {

TemporaryFile::TemporaryFile(const std::filesystem::path& folder, std::string whose,
                             std::string otherwise)
    : whose_(std::move(whose)), otherwise_(std::move(otherwise)) {
  std::error_code error;
  const std::filesystem::path place =
      folder.empty() ? std::filesystem::temp_directory_path(error) : folder;
  folder_ = place.string();
  std::filesystem::create_directories(place, error);
  std::string path = (place / "spool_XXXXXX").string();
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) fail("cannot be created");
  ::unlink(path.c_str());
}

TemporaryFile::~TemporaryFile() { ::close(fd_); }

void TemporaryFile::fail(const char* what) const {
  throw IoError(
      fmt::format("{}: its bytes are kept in a temporary file below {}, and that {} at byte "
                  "{}: {}; make room there, or {}",
                  whose_, folder_, what, size_, std::strerror(errno), otherwise_));
}

void TemporaryFile::append(std::span<const std::byte> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put =
        ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
    if (put < 0 && errno != EINTR) fail("cannot be written");
    if (put > 0) done += static_cast<std::size_t>(put);
  }
  size_ += bytes.size();
}

void TemporaryFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got =
        ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno != EINTR) fail("cannot be read");
    if (got == 0) {
      throw ChangedError(fmt::format("{}: expected {} bytes at byte {}, found the end at {}",
                                     whose_, out.size(), offset, size_));
    }
    if (got > 0) done += static_cast<std::size_t>(got);
  }
}

}  // namespace qvdhouse::base
