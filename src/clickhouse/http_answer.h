// What comes back over HTTP, told apart: data, an error in place of data, an error in midst of
// data. docs/clickhouse.md, "HTTP facts". Knows no sockets; Connection feeds it headers and bytes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace qvdhouse::clickhouse {

class HttpAnswer {
 public:
  // Data goes to `on_bytes`, never a byte of an error's text.
  explicit HttpAnswer(std::function<void(std::string_view)> on_bytes);

  // One header line, with or without its line end. A status line starts a new answer.
  void add_header(std::string_view line);
  void add_body(std::string_view bytes);
  // Hands over what was held back. Throws ServerError when the server reported an error, IoError
  // for a proxy's "try later" (429, 502, 503, 504) and for a header without its end: libcurl 7.88
  // takes an answer that was cut within its header for one without a body. `origin`, host:port,
  // goes into the message.
  void finish(const std::string& origin);
  // Whether the server said that it failed, so that a broken transfer is not the news.
  bool has_error() const { return status_ >= 300 || exception_code_ != 0 || in_exception_; }

 private:
  std::function<void(std::string_view)> on_bytes_;
  int status_ = 0;
  int exception_code_ = 0;
  bool header_is_whole_ = false;
  std::string marker_;  // starts an error midway; empty: this server sends none
  std::string tag_;
  std::string held_back_;   // the last bytes, that may begin the marker
  std::string error_text_;  // bounded
  bool in_exception_ = false;
};

// What is known of a server's error by its code; is_retryable() is in connection.h.

// Whether repeating the statement after a moment may help (is_retryable() means a whole load).
bool is_soon_over(int server_code);

// What the user can do about it, a clause; empty when the server's text says it all.
std::string_view advice(int server_code);

}  // namespace qvdhouse::clickhouse
