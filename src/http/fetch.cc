#include "http/fetch.h"

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

}  // namespace

Response fetch(const Request& request) {
  Handle handle;
  HeaderList headers;
  for (const std::string& line : request.headers) headers.add(line);
  if (request.json) headers.add("Content-Type: application/json");
  headers.set_on(handle);
  CURL* easy = handle.get();
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set_tls(handle, {.ca_file = request.ca_file});
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
    return response;
  }
  response.status = handle.status();
  return response;
}

}  // namespace qvdhouse::http
