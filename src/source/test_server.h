// A server for tests that says what a test wants, byte by byte, also what no server should. HTTP
// requests are read up to their empty line; what is answered is sent as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/test_tls.h"

namespace qvdhouse::source {

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
  explicit TestServer(std::function<Answer(const Request&)> handler, const TestTls& tls = {});
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
// An answer without range: "404 Not Found".
std::string plain_answer(std::string_view status, std::string_view headers = {},
                         std::string_view body = {});
// Bytes that differ from place to place.
std::string test_bytes(std::size_t count);

}  // namespace qvdhouse::source
