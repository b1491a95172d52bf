// Servers of 127.0.0.1 for tests, which say what a test wants, byte by byte, also what no server
// should; plain or with TLS. None waits longer than for its next look at its end, whatever the
// other side does or leaves undone.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::tests {

// PEM files. No certificate: no TLS. No client_ca: clients need no certificate.
struct Tls {
  std::string certificate;
  std::string key;
  std::string client_ca;
};

// The server's side of a connection.
class Peer {
 public:
  // Takes `fd`, which must not block.
  Peer(int fd, SSL_CTX* context, const std::atomic<bool>& ending);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // False when the client and we come to no agreement.
  bool shake_hands();
  static constexpr std::chrono::milliseconds kAnyTime = std::chrono::milliseconds::max();
  // What comes next; empty: nothing more will, or none came in that time.
  std::string receive(std::chrono::milliseconds patience = kAnyTime);
  // What comes, until `end` has come, the other side is gone or nothing came in that time.
  std::string receive_until(std::string_view end, std::chrono::milliseconds patience = kAnyTime);
  bool send(std::string_view bytes);
  // The other side is told that no more will be sent.
  void end_sending() const;
  // The end will be a reset.
  void reset_at_end() const;

 private:
  int in_tls(const std::function<int()>& call);

  struct FreeTls {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  int fd_;
  const std::atomic<bool>& ending_;
  std::unique_ptr<SSL, FreeTls> tls_;
};

class LoopbackServer {
 public:
  using Serve = std::function<void(Peer&)>;
  // Whether one connection is served after the other, or each in a thread of its own.
  enum class Turns { kOneByOne, kAtOnce };

  explicit LoopbackServer(Serve serve, Turns turns = Turns::kOneByOne, const Tls& tls = {});
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url(std::string_view path = "") const;  // http, or https with TLS
  std::uint16_t port() const;
  std::size_t connection_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Answers HTTP requests, which are read up to their empty line; what is answered is sent as it is.
class TestServer {
 public:
  enum class After { kKeep, kClose, kReset, kHang };  // kHang: says no more, until the end
  struct Answer {
    std::string bytes;
    After after = After::kKeep;
  };
  struct Request {
    std::size_t index = 0;  // of all requests to this server, from 0
    std::string text;       // as it came
    // The value of a header; empty: there is none.
    std::string header(std::string_view name) const;
  };

  // `handler` is called by one request at a time.
  explicit TestServer(std::function<Answer(const Request&)> handler, const Tls& tls = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::uint16_t port() const;
  std::string url(std::string_view path = "/f.qvd") const;  // http, or https with TLS
  std::vector<Request> requests() const;
  std::size_t connection_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What a right server answers to a GET, with or without Range. `headers`: more lines, "A: b\r\n".
std::string right_answer(const TestServer::Request& request, std::string_view content,
                         std::string_view headers = {});
// An answer with a length: of "404 Not Found".
std::string http_answer(std::string_view status, std::string_view headers = {},
                        std::string_view body = {});
// Bytes that differ from place to place.
std::string test_bytes(std::size_t count);

}  // namespace qvdhouse::tests
