#include "engine/interposed.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace {

using qvdhouse::engine::Gate;

// Belongs to the process, as the functions below do.
constinit std::atomic<Gate*> gate_in_charge = nullptr;

// A connection through the gate whose peer has gone. The library's threads do not expect the errors
// that this brings at any call: their exceptions end the process. So such a connection looks like
// one that the peer has ended properly: nothing more to read, and what is written is lost. A
// request that was cut is seen by its length or its last chunk, as ever.
bool has_lost_its_peer(int socket, int error) {
  const Gate* gate = gate_in_charge;
  const bool is_lost = error == ECONNRESET || error == EPIPE || error == ENOTCONN;
  return is_lost && gate != nullptr && gate->is_incoming(socket);
}

// The bytes written to each connection since its peer has gone, by descriptor. When they pass this
// limit, the library gets the error once, which ends the query: an answer without end would go on
// for ever. The rest of a short answer is dropped instead.
constexpr std::size_t kMostLost = std::size_t{64} * 1024;
constinit std::array<std::atomic<std::size_t>, 65'536> lost_bytes{};

bool is_endless(int socket, std::size_t size) {
  const auto at = static_cast<std::size_t>(socket);
  if (at >= lost_bytes.size()) return false;
  if (lost_bytes[at].fetch_add(size) + size < kMostLost) return false;
  lost_bytes[at] = 0;
  return true;
}

}  // namespace

namespace qvdhouse::engine {

void put_in_charge(Gate& gate) { gate_in_charge = &gate; }

}  // namespace qvdhouse::engine

extern "C" int gate_listen(int socket, int backlog) noexcept {
  Gate* gate = gate_in_charge;
  if (gate != nullptr) return gate->listen(socket, backlog);
  return static_cast<int>(syscall(SYS_listen, socket, backlog));
}

extern "C" int gate_getsockname(int socket, sockaddr* address, socklen_t* length) noexcept {
  Gate* gate = gate_in_charge;
  const auto bound = gate == nullptr ? std::nullopt : gate->address_of(socket);
  if (!bound) return static_cast<int>(syscall(SYS_getsockname, socket, address, length));
  std::memcpy(address, &*bound, std::min<std::size_t>(*length, sizeof *bound));
  *length = sizeof *bound;
  return 0;
}

extern "C" int gate_getpeername(int socket, sockaddr* address, socklen_t* length) noexcept {
  if (syscall(SYS_getpeername, socket, address, length) == 0) return 0;
  // Its own address in place of the lost one: both are loopback.
  if (has_lost_its_peer(socket, errno)) return gate_getsockname(socket, address, length);
  return -1;
}

extern "C" int gate_accept(int socket, sockaddr* address, socklen_t* length) {
  Gate* gate = gate_in_charge;
  if (gate == nullptr || !gate->address_of(socket)) {
    return static_cast<int>(syscall(SYS_accept, socket, address, length));
  }
  const int connection = qvdhouse::engine::take_connection(socket);
  if (connection >= 0 && static_cast<std::size_t>(connection) < lost_bytes.size()) {
    lost_bytes[static_cast<std::size_t>(connection)] = 0;
  }
  if (connection >= 0 && address != nullptr) gate_getpeername(connection, address, length);
  return connection;
}

extern "C" ssize_t gate_send(int socket, const void* bytes, size_t size, int flags) {
  const ssize_t sent = syscall(SYS_sendto, socket, bytes, size, flags, nullptr, 0);
  if (sent >= 0) return sent;
  const int error = errno;
  if (has_lost_its_peer(socket, error) && !is_endless(socket, size)) {
    return static_cast<ssize_t>(size);
  }
  errno = error;
  return -1;
}

extern "C" ssize_t gate_recv(int socket, void* bytes, size_t size, int flags) {
  const ssize_t received = syscall(SYS_recvfrom, socket, bytes, size, flags, nullptr, nullptr);
  if (received >= 0) return received;
  const int error = errno;
  if (has_lost_its_peer(socket, error)) return 0;
  errno = error;
  return -1;
}

// The names under which the library finds them.
extern "C" {
[[gnu::alias("gate_listen")]] int listen(int, int) noexcept;
[[gnu::alias("gate_getsockname")]] int getsockname(int, sockaddr*, socklen_t*) noexcept;
[[gnu::alias("gate_getpeername")]] int getpeername(int, sockaddr*, socklen_t*) noexcept;
[[gnu::alias("gate_accept")]] int accept(int, sockaddr*, socklen_t*);
[[gnu::alias("gate_send")]] ssize_t send(int, const void*, size_t, int);
[[gnu::alias("gate_recv")]] ssize_t recv(int, void*, size_t, int);
}
