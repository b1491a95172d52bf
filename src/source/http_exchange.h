// What the headers of an HTTP answer say, as far as reading files needs it. A header that cannot
// be understood counts as absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/curl.h"
#include "source/access.h"
#include "source/http_client.h"

namespace qvdhouse::source {

// "bytes FIRST-LAST/TOTAL"; with 416: "bytes */TOTAL", which leaves first and last empty.
struct ContentRange {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  std::optional<std::uint64_t> total;  // empty: '*'
};
std::optional<ContentRange> parse_content_range(std::string_view text);

struct HttpHeaders {
  // One line as it came. A status line starts over: what stood before was an interim answer.
  void add_line(std::string_view line);

  bool complete = false;  // the empty line has come
  std::optional<ContentRange> content_range;
  std::optional<std::uint64_t> content_length;
  std::string etag;                                      // as sent
  std::int64_t mtime_us = 0;                             // Last-Modified; 0: none
  std::optional<std::chrono::milliseconds> retry_after;  // counted from now
  std::string authenticate;  // the scheme that WWW-Authenticate names first: "Basic"
};

// One request and its answer on one libcurl handle. Decides on nothing but redirects: at most five,
// never from https to http, and to another host without the credentials and headers of the first.
struct HttpReply {
  CURLcode code = CURLE_OK;
  long status = 0;            // of HTTP or FTP; 0: none came
  HttpHeaders headers;        // of HTTP; of an FTP stat: content_length and mtime_us
  std::string detail;         // libcurl's words, where code is not CURLE_OK
  bool bad_redirect = false;  // more than five, or from https to http
  bool is_ftp = false;
  bool has_tls = false;  // where it came from, after redirects
};

struct HttpRequest {
  const HttpTarget& target;
  std::string range{};                // "0-499"; empty: no header
  std::string if_match{};             // an ETag; empty: no header
  const std::string* json = nullptr;  // to be posted
  bool is_ftp_stat = false;           // SIZE and MDTM only
  // Takes the next bytes of the body; false ends the transfer. Must not throw.
  std::function<bool(const HttpReply&, std::string_view)> on_body;
};

// The CA, client certificate and checking that the settings ask for.
http::Tls tls_of(const Access& access);

class HttpExchange {
 public:
  // `access` must outlive it.
  explicit HttpExchange(const Access& access);

  // Failures of any kind are the reply's. Throws ConfigError for what cannot be sent, Cancelled.
  HttpReply run(const HttpRequest& request);

 private:
  struct Transfer;
  // One hop; with a Location in `location` if the server sends us on.
  HttpReply hop(const HttpRequest& request, const std::string& url, bool at_home,
                std::string& location);
  void set_common(const std::string& url, const HttpTarget& target);
  void set_credentials(const HttpTarget& target, bool at_home);

  const Access& access_;
  http::Handle handle_;
};

}  // namespace qvdhouse::source
