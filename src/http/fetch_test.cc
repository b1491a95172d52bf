#include "http/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "tests/support/loopback_server.h"

namespace qvdhouse::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Reads each request up to its end and gives the answer.
class OneAnswer {
 public:
  explicit OneAnswer(const std::string& answer, const std::string& end = "\r\n\r\n")
      : server_([this, answer, end](tests::Peer& peer) {
          request_.set_value(peer.receive_until(end));
          peer.send(answer);
        }) {}
  std::string url() const { return server_.url("/a"); }
  // To be called once.
  std::string request() { return request_.get_future().get(); }

 private:
  std::promise<std::string> request_;
  tests::LoopbackServer server_;
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
