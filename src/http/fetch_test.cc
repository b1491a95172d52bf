#include "http/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stop_token>
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

TEST(Fetch, AStopEndsIt) {
  std::stop_source stop;
  std::promise<void> end;
  const tests::LoopbackServer server([&](tests::Peer& peer) {
    peer.receive_until("\r\n\r\n");
    stop.request_stop();
    peer.receive();  // until the client is gone
    end.set_value();
  });
  const Response response =
      fetch({.url = server.url(), .use_proxy = false, .stop = stop.get_token()});
  EXPECT_NE(response.failure, "");
  end.get_future().get();
}

TEST(Fetch, WhatIsRefusedIsNotTakenLater) {
  const auto answer = [](long status) { return Response{.failure = {}, .status = status}; };
  for (const long status : {200L, 204L}) EXPECT_TRUE(is_taken(answer(status)));
  for (const long status : {302L, 400L, 404L}) {
    EXPECT_FALSE(is_taken(answer(status)) || may_be_taken_later(answer(status)));
  }
  for (const long status : {408L, 429L, 500L, 503L}) {
    EXPECT_TRUE(may_be_taken_later(answer(status)));
  }
  const Response none{.failure = "no route"};
  EXPECT_FALSE(is_taken(none));
  EXPECT_TRUE(may_be_taken_later(none));
  EXPECT_EQ(refusal_of(none), "no route");
  EXPECT_EQ(refusal_of(answer(500)), "it answered with the status 500");
}

}  // namespace
}  // namespace qvdhouse::http
