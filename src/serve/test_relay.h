// A server that goes away and comes back: what connects here is handed on to a port of this
// machine, until close().
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <stop_token>
#include <thread>

namespace qvdhouse::serve {

class Relay {
 public:
  explicit Relay(std::uint16_t to) : to_(to) { open(); }
  ~Relay() { close(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const { return port_; }

  // Listens, on the port that it had before.
  void open() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address = loopback(port_);
    bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    listen(listener_, 64);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    if (port_ == 0) port_ = ntohs(address.sin_port);  // others read it meanwhile
    thread_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }

  // Connections end, and no other one comes about.
  void close() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void accept_all(const std::stop_token& stop) const {
    std::list<std::jthread> pumps;  // asked to stop, and joined, at the end
    while (!stop.stop_requested()) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, kLookMs) != 1) continue;
      const int from = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (from < 0) continue;
      pumps.emplace_back([from, to = to_](const std::stop_token& end) { hand_on(from, to, end); });
    }
  }

  static void hand_on(int from, std::uint16_t port, const std::stop_token& end) {
    const int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    if (connect(to, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      pollfd ends[] = {{from, POLLIN, 0}, {to, POLLIN, 0}};
      bool is_open = true;
      while (is_open && !end.stop_requested()) {
        if (poll(ends, 2, kLookMs) <= 0) continue;
        if (ends[0].revents != 0) is_open = copy(from, to);
        if (is_open && ends[1].revents != 0) is_open = copy(to, from);
      }
    }
    ::close(from);
    ::close(to);
  }

  // False when one of them has ended.
  static bool copy(int from, int to) {
    char buffer[65'536];
    const ssize_t count = recv(from, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    for (ssize_t sent = 0; sent < count;) {
      const ssize_t more =
          send(to, buffer + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
      if (more <= 0) return false;
      sent += more;
    }
    return true;
  }

  static constexpr int kLookMs = 5;  // how often a stop is looked at
  const std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::jthread thread_;
};

}  // namespace qvdhouse::serve
