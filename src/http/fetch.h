// One small HTTP request and its whole answer: for what is asked now and then and needs no retry,
// no redirect and no stream (the service's own API, a webhook, an engine's nonce).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace qvdhouse::http {

class Handle;

struct Request {
  std::string url;                                  // http or https only
  std::optional<std::string> json{};                // the body of a POST; empty: a GET
  std::vector<std::string> headers{};               // "Name: value"
  std::string ca_file{};                            // empty: the system's authorities
  bool use_proxy = true;                            // as http_proxy, https_proxy and no_proxy say
  std::chrono::milliseconds timeout{60'000};        // of the whole exchange
  std::size_t most_bytes = std::size_t{64} << 20U;  // of the answer's body; more is a failure
  std::stop_token stop{};                           // asked: it fails within a second
};

struct Response {
  std::string failure;  // libcurl's description when no answer came; empty: one came
  long status = 0;
  std::string body;
};

// The receiver took what it was sent.
inline bool is_taken(const Response& response) {
  return response.failure.empty() && response.status >= 200 && response.status < 300;
}
// It may take it later. What a receiver refuses it will refuse again, but for these: it is not
// there, it is broken, too slow, or asked too often.
inline bool may_be_taken_later(const Response& response) {
  return !response.failure.empty() || response.status >= 500 || response.status == 408 ||
         response.status == 429;
}
// Why it was not taken. Holds no part of the URL but its host, which libcurl may name.
std::string refusal_of(const Response& response);

// Throws nothing but what running out of memory throws. Redirects are answers like any other.
Response fetch(const Request& request);
// The same with a handle that is kept for many requests, and by it their connection.
Response fetch(const Request& request, Handle& handle);

}  // namespace qvdhouse::http
