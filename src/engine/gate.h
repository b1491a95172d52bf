// The gate of the engine's ports. It listens in the library's place, reads the first bytes of each
// connection without taking them, and hands the connection over to the library only when they hold
// the engine's password (engine/admission.h). Strangers' bytes never reach the library, which ends
// the whole process when it meets a wrong or broken request.
//
// The library is not asked: engine/interposed.cc stands before libc's listen() and accept(), and
// the library's listening socket becomes one end of a socket pair through which the gate sends
// connections. So the library polls and accepts as ever.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/admission.h"

namespace qvdhouse::engine {

struct GateSettings {
  std::uint16_t http_port = 0;
  std::uint16_t native_port = 0;  // 0: none
  Secrets secrets;
};

class Gate {
 public:
  // Throws std::system_error.
  explicit Gate(GateSettings settings);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Serves all listeners, for ever.
  [[noreturn]] void run();

  // Listens at the address that the library's `socket` is bound to, when that has one of the gate's
  // ports, and makes `socket` the end from which accept() takes connections. Like listen(): 0, or
  // -1 and errno.
  int listen(int socket, int backlog);
  // The address that `socket` was bound to before listen() took it; nothing for other sockets.
  std::optional<sockaddr_in> address_of(int socket);
  // Whether the connection came in by one of the gate's ports.
  bool is_incoming(int socket) const;

 private:
  struct Listener {
    Protocol protocol = Protocol::kHttp;
    int outlet = -1;  // the gate's end of the pair
  };
  struct Pending {
    int socket = -1;
    std::uint32_t serial = 0;  // no other's: events may be of an earlier one with this socket
    Listener listener;
    std::chrono::steady_clock::time_point deadline;
    bool is_answered = false;  // only its end is waited for
  };
  using Pendings = std::list<Pending>;

  bool is_ours(in_port_t port) const;
  void accept_all(int listening);
  void look(Pendings::iterator pending, std::uint32_t events);
  void answer(Pending& pending, std::string_view text);
  void drop(Pendings::iterator pending);
  void close_listener(int listening);
  int milliseconds_to_wait() const;

  GateSettings settings_;
  int poll_ = -1;
  std::uint32_t last_serial_ = 0;
  std::mutex mutex_;  // of the three below: the library's threads call listen() and address_of()
  std::unordered_map<int, Listener> listeners_;             // by the listening socket
  std::unordered_map<int, sockaddr_in> addresses_;          // by the library's socket
  std::unordered_map<int, int> listening_of_outlet_;        // by the gate's end of a pair
  Pendings pendings_;                                       // the oldest first
  std::unordered_map<int, Pendings::iterator> pending_of_;  // by socket
  std::vector<char> buffer_;
};

// Takes a connection that the gate sent to the library's `socket`; waits for one. Like accept():
// the connection, or -1 and errno.
int take_connection(int socket);

}  // namespace qvdhouse::engine
