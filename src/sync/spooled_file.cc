#include "sync/spooled_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace qvdhouse::sync {
namespace {

constexpr std::uint64_t kPieceBytes = 16 << 20;

}  // namespace

SpooledFile::SpooledFile(const base::ByteSource& remote, const std::filesystem::path& folder,
                         const std::stop_token& stop)
    : remote_(remote), folder_(folder.string()) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string path = (folder / "spool_XXXXXX").string();
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) fail("cannot be created");
  ::unlink(path.c_str());
  try {
    fill(stop);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

SpooledFile::~SpooledFile() { ::close(fd_); }

void SpooledFile::fail(const char* what) const {
  throw base::IoError(fmt::format(
      "{}: its bytes ({}) are kept in a file below {} while it is loaded, and that {}: {}", name(),
      size(), folder_, what, std::strerror(errno)));
}

void SpooledFile::fill(const std::stop_token& stop) {
  std::vector<std::byte> bytes;
  for (std::uint64_t offset = 0; offset < size(); offset += bytes.size()) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while the file was read");
    bytes.resize(static_cast<std::size_t>(std::min(kPieceBytes, size() - offset)));
    remote_.read_at(offset, bytes);
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t put = ::pwrite(fd_, bytes.data() + done, bytes.size() - done,
                                   static_cast<off_t>(offset + done));
      if (put < 0 && errno != EINTR) fail("cannot be written");
      if (put > 0) done += static_cast<std::size_t>(put);
    }
  }
}

void SpooledFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got =
        ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno != EINTR) fail("cannot be read");
    if (got == 0) {
      throw base::ChangedError(fmt::format("{}: expected {} bytes at byte {}, found the end at {}",
                                           name(), out.size(), offset, size()));
    }
    if (got > 0) done += static_cast<std::size_t>(got);
  }
}

}  // namespace qvdhouse::sync
