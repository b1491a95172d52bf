// HTTP/1.1 by libmicrohttpd. One thread a port moves bytes (epoll); handlers run in a few threads
// of their own. So a slow client costs a socket and no thread, and a slow handler delays no other's
// bytes. Knows no paths: every request goes to one handler.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qvdhouse::serve {

struct HttpRequest {
  std::string method;
  std::string path;                                        // decoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in their order
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer;      // address of the client
  std::stop_token stop;  // asked for when the server goes: a handler that takes long looks at it
  // As HttpServer::wake(), for a stream that this request is answered by, as long as that lives.
  std::function<void()> wake;
  std::optional<std::string> header(std::string_view name) const;     // in any case
  std::optional<std::string> parameter(std::string_view name) const;  // of the query; the last one
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Instead of a body: called again and again, from the thread that moves bytes, so it must be
  // quick; empty: nothing yet (the connection sleeps until wake(), a second at most); none: the
  // end.
  std::function<std::optional<std::string>()> stream;
  // The server's own end breaks the stream's connection, as an exception of `stream` does, so that
  // its client cannot take what came by then for the whole. So does a client that takes less than
  // 64 KB a second of what is there. Requests of HTTP/1.0, which cannot tell the two, are answered
  // 505.
  bool is_broken_by_stop = false;
};

struct HttpOptions {
  std::string address = "127.0.0.1";  // or "::", "0.0.0.0"
  std::vector<std::uint16_t> ports;   // all serve the same; 0: a free one
  std::string tls_certificate;        // PEM files; empty: plain HTTP
  std::string tls_key;
  unsigned threads = 8;  // that run handlers
  // Requests that wait for nothing outside; they have a thread more, for themselves, so that they
  // are answered whatever the others wait for. None: there are no such.
  std::function<bool(const HttpRequest&)> is_quick;
  // When there are so many, a new client takes the place of the one that has waited longest without
  // having sent a whole request, or else of the one whose answer has taken longest to leave; so
  // clients that only connect shut nobody out. It is turned away when all are being served.
  unsigned max_connections = 1'000;
  unsigned max_connections_per_address = 500;
  std::size_t max_body_bytes = 1 << 20;
  std::size_t max_header_bytes = 32 << 10;
  // For a request to come in whole, and for its client to take the answer: 64 KB a second more of
  // it. Not only between two bytes, so that sending one now and then holds no connection.
  std::chrono::seconds timeout{30};
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // Listens when it returns; `log` must outlive it. Throws ConfigError naming address and port when
  // it cannot, or for certificates that can't be read. `handler` is called from many threads.
  HttpServer(const HttpOptions& options, Handler handler, spdlog::logger& log);
  // Ends streams, waits for handlers under way and a moment for their answers to leave.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  std::vector<std::uint16_t> ports() const;  // as bound
  void wake();                               // all sleeping streams look again

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::serve
