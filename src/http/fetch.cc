#include "http/fetch.h"

#include <fmt/format.h>

#include "http/curl.h"

namespace qvdhouse::http {
namespace {

struct Body {
  std::string& text;
  std::size_t most_bytes;
};

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* shared) {
  const auto* body = static_cast<const Body*>(shared);
  if (size * count > body->most_bytes - body->text.size()) return CURL_WRITEFUNC_ERROR;
  body->text.append(data, size * count);
  return size * count;
}

// libcurl asks about once a second, also when nothing comes.
int end_when_asked(void* shared, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(shared)->stop_requested() ? 1 : 0;
}

}  // namespace

std::string refusal_of(const Response& response) {
  if (!response.failure.empty()) return response.failure;
  return fmt::format("it answered with the status {}", response.status);
}

Response fetch(const Request& request) {
  Handle handle;
  return fetch(request, handle);
}

Response fetch(const Request& request, Handle& handle) {
  HeaderList headers;
  for (const std::string& line : request.headers) headers.add(line);
  if (request.json) headers.add("Content-Type: application/json");
  headers.set_on(handle);
  CURL* easy = handle.get();
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set_tls(handle, {.ca_file = request.ca_file});
  std::stop_token stop = request.stop;
  if (stop.stop_possible()) {
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, end_when_asked);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &stop);
    // It then does not wait for a name server either.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  }
  if (!request.use_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (request.json) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.json->size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.json->data());
  }
  Response response;
  Body body{response.body, request.most_bytes};
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  if (const CURLcode code = handle.perform(); code != CURLE_OK) {
    response.failure = handle.error_text(code);
  } else {
    response.status = handle.status();
  }
  handle.reset();  // its options lead to what ends here
  return response;
}

}  // namespace qvdhouse::http
