// HTTP clients for tests: a well-behaved one, and a socket that sends what a test wants.
#pragma once

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace qvdhouse::serve {

struct Reply {
  long status = 0;                             // 0: no answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct Call {
  std::string method = "GET";
  std::string body;
  std::vector<std::string> headers;  // "Name: value"
  std::string ca_file;               // https
};

inline std::size_t append_to(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

inline Reply call(std::uint16_t port, const std::string& path, const Call& what = {}) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> owner(curl_easy_init(),
                                                                  &curl_easy_cleanup);
  CURL* curl = owner.get();
  const bool is_tls = !what.ca_file.empty();
  const std::string url = fmt::format("{}://127.0.0.1:{}{}", is_tls ? "https" : "http", port, path);
  curl_slist* list = nullptr;
  for (const std::string& header : what.headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            &curl_slist_free_all);
  Reply reply;
  std::string head;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, what.method.c_str());
  if (what.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (!what.body.empty() || what.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(what.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, what.body.c_str());
  }
  if (is_tls) curl_easy_setopt(curl, CURLOPT_CAINFO, what.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append_to);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &append_to);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
  if (curl_easy_perform(curl) != CURLE_OK) return {};
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  for (std::size_t begin = 0; begin < head.size();) {
    const std::size_t end = std::min(head.find("\r\n", begin), head.size());
    const std::string line = head.substr(begin, end - begin);
    if (const auto colon = line.find(": "); colon != std::string::npos) {
      const std::string name = line.substr(0, colon);
      reply.headers[base::to_lower(name)] = line.substr(colon + 2);
    }
    begin = end + 2;
  }
  return reply;
}

// A connection to loopback.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawSocket() { close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool is_open() const { return is_open_; }
  // False when the other side is gone.
  bool send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // What comes until it holds `text`, or (empty) until the other side closes.
  std::string receive_until(std::string_view text) {
    std::string received;
    char buffer[4096];
    while (text.empty() || received.find(text) == std::string::npos) {
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, 120'000) != 1) return received + "[nothing came]";
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      received.append(buffer, static_cast<std::size_t>(count));
    }
    return received;
  }

 private:
  int fd_;
  bool is_open_ = false;
};

}  // namespace qvdhouse::serve
