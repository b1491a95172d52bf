// A pipe of this process.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"

namespace qvdhouse::cli {

// No child inherits it.
class Pipe {
 public:
  // Throws IoError.
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) {
      throw base::IoError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
  }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void close_reader() { close_end(0); }
  void close_writer() { close_end(1); }
  // The path by which another process of this user opens the end to read from.
  std::string path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), reader()); }

  // Reads what is there. False at the end.
  bool read_into(std::string& text) const {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(reader(), buffer.data(), buffer.size());
    if (count < 0) return errno == EINTR;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }
  // Waits until all is written. False when nobody reads any more.
  bool write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(writer(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

 private:
  void close_end(std::size_t end) {
    if (const int descriptor = std::exchange(ends_[end], -1); descriptor >= 0) ::close(descriptor);
  }

  std::array<int, 2> ends_{-1, -1};
};

}  // namespace qvdhouse::cli
