// The only reader of remote bytes: http(s) and ftp(s) through libcurl, also for what rclone serves
// on loopback. Thread-safe; connections are kept and used again.
//
// What may pass (5xx, 429 with its Retry-After, resets, stalls, truncations, failed connects and
// name look-ups) is tried again with back-off and jitter, from the byte reached; after
// Access::attempts tries in a row that brought nothing: IoError. What will not pass (401, 403, 404,
// 416, a refused certificate) is thrown at once: IoError with what to check. Access::stop ends any
// wait with Cancelled. No message has a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/access.h"

namespace qvdhouse::source {

// What to ask and as whom.
struct HttpTarget {
  std::string url;  // encoded; may hold a signature in its query, never user or password
  std::string user;
  std::string password;
  std::string bearer_token;
  std::vector<std::string> headers;
  bool use_netrc = false;
  bool use_proxy = true;  // by the usual variables
  std::string shown;      // what messages call it
};

struct HttpStat {
  std::uint64_t size = 0;     // bytes
  std::string etag;           // as sent, weak ones too; empty: none
  std::int64_t mtime_us = 0;  // Last-Modified or MDTM, microseconds since 1970 UTC; 0: unknown
};

class HttpClient {
 public:
  explicit HttpClient(const Access& access);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Size and version. http: GET with "Range: bytes=0-0", since signed URLs often refuse HEAD; a
  // server that ignores ranges is an IoError that says so. ftp: SIZE and MDTM.
  HttpStat stat(const HttpTarget& target);

  // Fills `out` from `offset`. `etag` (strong, or empty) is sent as If-Match; a 412, or another
  // total size than `size`, throws ChangedError.
  void read(const HttpTarget& target, std::uint64_t offset, std::span<std::byte> out,
            std::uint64_t size, const std::string& etag);

  struct Answer {
    long status = 0;  // the caller's to read: rclone tells errors as 4xx and 500 with a JSON text
    std::string body;
  };
  // Warns, once, when Access::verify_tls is off. For those that use TLS beside this client; its own
  // transfers say it themselves.
  void warn_of_unchecked_tls();

  // POST of a JSON text, for rclone's remote control. One try.
  Answer post_json(const HttpTarget& target, const std::string& json);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::source
