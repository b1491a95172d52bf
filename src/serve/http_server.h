// HTTP/1.1 by libmicrohttpd: epoll and a few threads, so that slow and idle clients cost a socket and
// no thread. Knows no paths: every request goes to one handler.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qvdhouse::serve {

struct HttpRequest {
  std::string method;
  std::string path;                                          // decoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in their order
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer;  // address of the client
  std::optional<std::string> header(std::string_view name) const;  // in any case
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Instead of a body: called again and again; empty: nothing yet (the connection sleeps until
  // HttpServer::wake()); none: the end. For server-sent events.
  std::function<std::optional<std::string>()> stream;
};

struct HttpOptions {
  std::string address = "127.0.0.1";  // or "::", "0.0.0.0"
  std::vector<std::uint16_t> ports;   // all serve the same; 0: a free one
  std::string tls_certificate;        // PEM files; empty: plain HTTP
  std::string tls_key;
  unsigned threads = 4;
  unsigned max_connections = 1'000;
  unsigned max_connections_per_address = 500;
  std::size_t max_body_bytes = 1 << 20;
  std::size_t max_header_bytes = 32 << 10;
  std::chrono::seconds timeout{30};   // without a byte
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // Listens when it returns. Throws ConfigError naming address and port when it can not (and what
  // listens there, if that is known), or for certificates that can't be read.
  HttpServer(const HttpOptions& options, Handler handler, spdlog::logger& log);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  std::vector<std::uint16_t> ports() const;  // as bound
  void wake();  // all sleeping streams look again

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::serve
