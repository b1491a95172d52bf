// A server for tests of HTTP that says what a test wants, and the words it says it with.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "clickhouse/connection.h"

namespace qvdhouse::clickhouse {

// A server for one TEST: each accepted connection is given to `serve`, one at a time.
class OneServer {
 public:
  explicit OneServer(std::function<void(int)> serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0 || listen(listener_, 32) != 0 ||
        getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("no loopback socket for the test");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int peer = 0; (peer = accept(listener_, nullptr, nullptr)) >= 0;) {
        serve_(peer);
        close(peer);
      }
    });
  }
  ~OneServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  Endpoint endpoint() const {
    return {.url = "http://127.0.0.1:" + std::to_string(port_), .password = "s3cr3t-word"};
  }

 private:
  std::function<void(int)> serve_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// What the peer sends, until `end` has come or the peer is gone.
inline std::string receive_until(int peer, std::string_view end) {
  std::string text;
  char piece[4096];
  while (!text.ends_with(end)) {
    const auto count = recv(peer, piece, sizeof piece, 0);
    if (count <= 0) break;
    text.append(piece, static_cast<std::size_t>(count));
  }
  return text;
}

inline void send_all(int peer, std::string_view text) {
  while (!text.empty()) {
    const auto count = send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

inline std::string answer(std::string_view status, std::string_view headers,
                          std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         std::string(body);
}

}  // namespace qvdhouse::clickhouse
