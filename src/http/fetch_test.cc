#include "http/fetch.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace qvdhouse::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Reads one request up to its end and gives one answer.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, std::string end = "\r\n\r\n") {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (bind(listener_, generic, size) != 0 || listen(listener_, 1) != 0 ||
        getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("no loopback socket for the test");
    }
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/a";
    thread_ = std::thread([this, answer = std::move(answer), end = std::move(end)] {
      const int peer = accept(listener_, nullptr, nullptr);
      char byte = 0;
      while (!request_.ends_with(end) && recv(peer, &byte, 1, 0) == 1) request_ += byte;
      send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      close(peer);
    });
  }
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  const std::string& url() const { return url_; }
  // To be called after the answer has come.
  const std::string& request() {
    thread_.join();
    return request_;
  }

 private:
  int listener_ = -1;
  std::string url_;
  std::string request_;
  std::thread thread_;
};

TEST(Fetch, AsksAndGivesTheWholeAnswer) {
  OneAnswer server("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
  const Response response = fetch({.url = server.url(), .headers = {"X-A: b"}, .use_proxy = false});
  EXPECT_EQ(response.failure, "");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "none");
  EXPECT_THAT(server.request(), StartsWith("GET /a HTTP/1.1\r\n"));
}

TEST(Fetch, PostsJson) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "{\"a\":1}");
  EXPECT_EQ(fetch({.url = server.url(), .json = "{\"a\":1}", .use_proxy = false}).status, 200);
  EXPECT_THAT(server.request(), HasSubstr("Content-Type: application/json\r\n"));
}

TEST(Fetch, AnAnswerThatIsTooLargeIsAFailure) {
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_NE(fetch({.url = server.url(), .use_proxy = false, .most_bytes = 9}).failure, "");
}

TEST(Fetch, NoAnswerIsAFailure) {
  const OneAnswer server("");
  const Response response = fetch({.url = server.url(), .use_proxy = false});
  EXPECT_NE(response.failure, "");
  EXPECT_EQ(response.status, 0);
  EXPECT_NE(fetch({.url = "ftp://127.0.0.1/a"}).failure, "");
}

}  // namespace
}  // namespace qvdhouse::http
