#include "tests/support/loopback.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>

namespace qvdhouse::tests {
namespace {

using Call = int (*)(int, const sockaddr*, socklen_t);

// A new socket that is bound or connected; -1 when that fails.
int socket_with(Call call, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

// Whether no other process has reserved the port. A name among the abstract sockets of the machine
// stands for it, which the kernel gives back when this process ends, however it does.
bool reserve(std::uint16_t port) {
  const std::string name = "qvdhouse-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + 1);  // behind a NUL: abstract
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
  ::close(fd);
  return false;
}

}  // namespace

int connect_to(std::uint16_t port) { return socket_with(::connect, port); }

int listen_on(std::uint16_t port) {
  const int fd = socket_with(::bind, port);
  if (fd < 0 || ::listen(fd, SOMAXCONN) != 0) throw std::runtime_error("the port is taken");
  return fd;
}

Listener listen_anywhere() {
  const int fd = listen_on(0);
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no socket of 127.0.0.1 for the test");
  }
  return {.fd = fd, .port = ntohs(address.sin_port)};
}

std::uint16_t free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(20'000, 32'000);
  for (int tries = 0; tries < 1'000; ++tries) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (!reserve(port)) continue;
    const int fd = socket_with(::bind, port);
    if (fd < 0) continue;
    ::close(fd);
    return port;
  }
  throw std::runtime_error("no free port between 20000 and 32000 on 127.0.0.1");
}

}  // namespace qvdhouse::tests
