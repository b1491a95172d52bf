// What the headers of an HTTP answer say, as far as reading files needs it. A header that cannot
// be understood counts as absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

}  // namespace qvdhouse::source
