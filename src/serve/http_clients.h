// The clients of an HttpServer: who has waited for too long, and who gives way to others. Whoever
// calls holds the lock that guards them.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "serve/http_server.h"

namespace qvdhouse::serve {

// One client, from its connecting to its leaving.
struct Client {
  int fd = -1;
  std::string address;
  std::chrono::steady_clock::time_point deadline;  // max(): it is not the client that we wait for
  bool is_asking = true;     // its request, or the next one, has not come in whole
  bool is_cut = false;       // the other side is told that it ended; it leaves in a moment
  bool is_header = false;    // the first line of its request is there, and not all of its header
  std::thread::id reader{};  // that reads this header
};
using Clients = std::set<Client*>;

// Ends the connection: libmicrohttpd sees the end and closes it.
void cut(Client& client);

// Makes room for one more client of this address, by the limits of `options`: the one that has
// waited longest without a whole request gives way, or else the one whose answer has taken longest.
// False: all are being served.
bool make_room(const Clients& clients, const std::string& address, const HttpOptions& options);

// libmicrohttpd refuses the header that this thread reads: it sends its refusal twice, and does not
// say whose header it is. So all clients of this thread whose header is under way get one refusal
// from here (none over TLS) and are cut before anything else is sent.
void refuse_headers(const Clients& clients, bool is_tls);

}  // namespace qvdhouse::serve
