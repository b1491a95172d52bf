// One request and its answer on one libcurl handle. Decides on nothing but redirects: at most five,
// never from https to http, and to another host without the credentials and headers of the first.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/curl.h"
#include "source/access.h"
#include "source/http_client.h"
#include "source/http_headers.h"

namespace qvdhouse::source {

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
