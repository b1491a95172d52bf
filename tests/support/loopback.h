// Sockets of 127.0.0.1.
#pragma once

#include <cstdint>

namespace qvdhouse::tests {

// -1 when nothing listens there.
int connect_to(std::uint16_t port);
// Throws std::runtime_error when the port is taken.
int listen_on(std::uint16_t port);
// A socket that listens on a port that the system chose, and does not block.
struct Listener {
  int fd = -1;
  std::uint16_t port = 0;
};
Listener listen_anywhere();
// A port that nothing listens on, outside the range that outgoing connections use. It is this
// process's until it ends: no other process of these tests, of whatever clone, is given it.
std::uint16_t free_port();

}  // namespace qvdhouse::tests
