#include "serve/http_clients.h"

#include <sys/socket.h>

#include <string_view>

namespace qvdhouse::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kRefusal =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n"
    "Content-Length: 53\r\n"
    "\r\n"
    "expected a Host header, and digits as Content-Length\n";

bool waits_longer(const Client& a, const Client& b) {
  return a.is_asking != b.is_asking ? a.is_asking : a.deadline < b.deadline;
}

}  // namespace

void cut(Client& client) {
  shutdown(client.fd, SHUT_RDWR);
  client.deadline = Clock::time_point::max();
  client.is_cut = true;
}

bool make_room(const Clients& clients, const std::string& address, const HttpOptions& options) {
  std::size_t all = 0;
  std::size_t neighbours = 0;
  for (const Client* client : clients) {
    if (client->is_cut) continue;
    ++all;
    if (client->address == address) ++neighbours;
  }
  const bool is_address_full = neighbours >= options.max_connections_per_address;
  if (!is_address_full && all < options.max_connections) return true;
  Client* longest = nullptr;
  for (Client* client : clients) {
    if (client->deadline == Clock::time_point::max()) continue;  // being served, or cut
    if (is_address_full && client->address != address) continue;
    if (longest == nullptr || waits_longer(*client, *longest)) longest = client;
  }
  if (longest == nullptr) return false;
  cut(*longest);
  return true;
}

void refuse_headers(const Clients& clients, bool is_tls) {
  for (Client* client : clients) {
    if (!client->is_header || client->is_cut || client->reader != std::this_thread::get_id()) {
      continue;
    }
    if (!is_tls) {
      static_cast<void>(
          send(client->fd, kRefusal.data(), kRefusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
    cut(*client);
  }
}

}  // namespace qvdhouse::serve
