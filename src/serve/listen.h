// Sockets to listen on, and room for their clients among the process's descriptors.
#pragma once

#include <cstdint>
#include <string>

namespace qvdhouse::serve {

// A non-blocking TCP socket that listens on `address` (an IP address or a host name) and `port` (0:
// a free one). Throws ConfigError naming both when that cannot be.
int listen_on(const std::string& address, std::uint16_t port);

// The port that a socket is bound to.
std::uint16_t bound_port(int socket);

// Raises the process's limit of descriptors as far as `wanted` clients need; how many it allows.
unsigned allowed_connections(unsigned wanted);

}  // namespace qvdhouse::serve
