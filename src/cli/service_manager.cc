#include "cli/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace qvdhouse::cli {
namespace {

std::string text_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

}  // namespace

ServiceManager::ServiceManager(std::string socket, std::string_view watchdog_us)
    : socket_(std::move(socket)) {
  std::uint64_t us = 0;
  const char* end = watchdog_us.data() + watchdog_us.size();
  const auto parsed = std::from_chars(watchdog_us.data(), end, us);
  if (parsed.ec != std::errc() || parsed.ptr != end || us == 0) return;
  watchdog_ = std::chrono::floor<std::chrono::seconds>(
      std::chrono::microseconds(std::min<std::uint64_t>(us, INT64_MAX)));
}

ServiceManager ServiceManager::of_environment() {
  const std::string process = text_of("WATCHDOG_PID");
  const bool is_ours = process.empty() || process == std::to_string(getpid());
  return {text_of("NOTIFY_SOCKET"), is_ours ? text_of("WATCHDOG_USEC") : std::string()};
}

std::string ServiceManager::status(std::string_view text) const {
  std::string line = "STATUS=" + std::string(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return tell(line);
}

std::string ServiceManager::tell(const std::string& state) const {
  if (!is_there()) return "";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path) return socket_ + ": the name is too long";
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // has no file
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::strerror(errno);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const auto sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), size);
  const std::string reason = sent < 0 ? socket_ + ": " + std::strerror(errno) : std::string();
  ::close(fd);
  return reason;
}

}  // namespace qvdhouse::cli
