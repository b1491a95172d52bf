// One small HTTP request and its whole answer: for what is asked now and then and needs no retry,
// no redirect and no stream (the service's own API, a webhook, an engine's nonce).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace qvdhouse::http {

struct Request {
  std::string url;                                  // http or https only
  std::optional<std::string> json{};                // the body of a POST; empty: a GET
  std::vector<std::string> headers{};               // "Name: value"
  std::string ca_file{};                            // empty: the system's authorities
  bool use_proxy = true;                            // as http_proxy, https_proxy and no_proxy say
  std::chrono::milliseconds timeout{60'000};        // of the whole exchange
  std::size_t most_bytes = std::size_t{64} << 20U;  // of the answer's body; more is a failure
};

struct Response {
  std::string failure;  // libcurl's description when no answer came; empty: one came
  long status = 0;
  std::string body;
};

// Throws nothing but what running out of memory throws. Redirects are answers like any other.
Response fetch(const Request& request);

}  // namespace qvdhouse::http
