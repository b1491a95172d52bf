#include "source/http_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "tests/support/loopback_server.h"

namespace qvdhouse::source {
namespace {

using tests::http_answer;
using tests::right_answer;
using tests::test_bytes;
using tests::TestServer;
using After = TestServer::After;
using Answer = TestServer::Answer;
using Request = TestServer::Request;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecret = "hunter2";

Access quick_access() {
  Access access;
  access.first_delay = std::chrono::milliseconds(1);
  return access;
}

Access impatient_access() {
  Access access = quick_access();
  access.stall_timeout = std::chrono::milliseconds(1'000);
  return access;
}

// A target full of secrets, none of which may be said.
HttpTarget target_of(const std::string& url) {
  return {.url = url + "?sig=" + kSecret,
          .user = "someone",
          .password = kSecret,
          .bearer_token = {},
          .headers = {std::string("X-Key: ") + kSecret},
          .shown = "the-file"};
}

class HttpClientTest : public testing::Test {
 protected:
  std::string read(const TestServer& server, std::uint64_t offset, std::size_t count,
                   std::uint64_t size, const std::string& etag = {}) {
    std::string bytes(count, '\0');
    client_.read(target_of(server.url()), offset, std::as_writable_bytes(std::span(bytes)), size,
                 etag);
    return bytes;
  }
  std::string read_all(const TestServer& server) {
    return read(server, 0, content_.size(), content_.size());
  }
  std::string read_all_impatiently(const TestServer& server) {
    std::string bytes(content_.size(), '\0');
    HttpClient(impatient_access())
        .read(target_of(server.url()), 0, std::as_writable_bytes(std::span(bytes)), bytes.size(),
              {});
    return bytes;
  }
  // The text of the error that `action` throws, which must be an Error and not one of its kinds.
  template <class Error>
  static std::string error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(typeid(error), typeid(Error));
      EXPECT_THAT(error.what(), Not(HasSubstr(kSecret)));
      EXPECT_THAT(error.what(), HasSubstr("the-file: "));
      return error.what();
    }
    ADD_FAILURE() << "nothing thrown";
    return {};
  }
  Answer right(const Request& request, std::string_view headers = {}) const {
    return {right_answer(request, content_, headers)};
  }

  const std::string content_ = test_bytes(300'000);
  HttpClient client_{quick_access()};
};

TEST_F(HttpClientTest, StatSaysSizeAndVersionFromOneByte) {
  const TestServer server([&](const Request& request) {
    return right(request, "ETag: W/\"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  });
  const HttpStat stat = client_.stat(target_of(server.url()));
  EXPECT_EQ(stat.size, 300'000U);
  EXPECT_EQ(stat.etag, "W/\"v1\"");
  EXPECT_EQ(stat.mtime_us, 784'111'777'000'000);
  ASSERT_EQ(server.requests().size(), 1U);
  const Request request = server.requests()[0];
  EXPECT_EQ(request.header("Range"), "bytes=0-0");
  EXPECT_EQ(request.header("Authorization"), "Basic c29tZW9uZTpodW50ZXIy");
  EXPECT_EQ(request.header("X-Key"), kSecret);
  EXPECT_EQ(request.header("Accept-Encoding"), "identity");
  EXPECT_THAT(request.text, HasSubstr("GET /f.qvd?sig=hunter2 HTTP/1.1\r\n"));
}

TEST_F(HttpClientTest, StatOfAnEmptyFile) {
  const TestServer server([&](const Request& request) {
    return request.index == 0 ? Answer{right_answer(request, "")}
                              : Answer{http_answer("200 OK", "ETag: \"e\"\r\n")};
  });
  EXPECT_EQ(client_.stat(target_of(server.url())).size, 0U);
  EXPECT_EQ(client_.stat(target_of(server.url())).etag, "\"e\"");
}

TEST_F(HttpClientTest, ReadsAnyRangeOverOneConnection) {
  const TestServer server([&](const Request& request) { return right(request); });
  EXPECT_EQ(read_all(server), content_);
  EXPECT_EQ(read(server, 299'999, 1, content_.size()), content_.substr(299'999));
  EXPECT_EQ(read(server, 5, 100'000, content_.size()), content_.substr(5, 100'000));
  EXPECT_EQ(read(server, 7, 0, content_.size()), "");
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.connection_count(), 1U);
}

TEST_F(HttpClientTest, ManyThreadsAtOnce) {
  const TestServer server([&](const Request& request) { return right(request); });
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i != 8; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t at = i; at < 40; at += 8) {
        EXPECT_EQ(read(server, at * 7'000, 7'000, content_.size()),
                  content_.substr(at * 7'000, 7'000));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(server.requests().size(), 40U);
  EXPECT_LE(server.connection_count(), 8U);
}

// Each of these passes, so each is tried again, from the byte reached.
TEST_F(HttpClientTest, ADroppedTransferGoesOnAtTheByteReached) {
  const TestServer server([&](const Request& request) {
    Answer answer = right(request);
    if (request.index < 20) {
      answer.bytes.resize(answer.bytes.find("\r\n\r\n") + 4 + 10'000);
      answer.after = request.index % 2 == 0 ? After::kClose : After::kReset;
    }
    return answer;
  });
  EXPECT_EQ(read_all(server), content_);
  // A reset may destroy what was under way, so there can be more tries, but none from the start.
  const auto requests = server.requests();
  EXPECT_GE(requests.size(), 21U);
  EXPECT_EQ(requests[1].header("Range"), "bytes=10000-299999");
}

TEST_F(HttpClientTest, WhatPassesIsTriedAgain) {
  const std::vector<Answer> faults = {
      {http_answer("503 Slow Down"), After::kKeep},
      {http_answer("500 Oops", {}, std::string(200'000, 'x')), After::kKeep},
      {http_answer("429 Too Many Requests", "Retry-After: 0\r\n"), After::kKeep},
      {http_answer("408 Request Timeout"), After::kClose},
      {"", After::kClose},
      {"", After::kReset},
      {"HTTP/1.1 206 Par", After::kClose},
      {"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-", After::kClose},
      {"HTTP/1.1 206 Partial Content\r\nContent-Length: 300000\r\n", After::kReset},
      {"HTTP/1.1 206 Partial Content\r\nContent-Length: 300000\r\n"
       "Content-Range: bytes 0-299999/300000\r\n\r\n",
       After::kClose},
      {"", After::kHang}};
  for (std::size_t i = 0; i != faults.size(); ++i) {
    const TestServer server(
        [&](const Request& request) { return request.index < 2 ? faults[i] : right(request); });
    EXPECT_EQ(read_all_impatiently(server), content_) << "fault " << i;
    // libcurl itself asks once more where a connection that was used before is closed.
    EXPECT_GE(server.requests().size(), 3U) << "fault " << i;
  }
}

TEST_F(HttpClientTest, AStallInTheMiddleGoesOnAtTheByteReached) {
  const TestServer server([&](const Request& request) {
    Answer answer = right(request);
    if (request.index != 0) return answer;
    return Answer{answer.bytes.substr(0, answer.bytes.find("\r\n\r\n") + 4 + 1'000), After::kHang};
  });
  EXPECT_EQ(read_all_impatiently(server), content_);
  EXPECT_EQ(server.requests().at(1).header("Range"), "bytes=1000-299999");
}

TEST_F(HttpClientTest, EndsAfterTheTriesThatBroughtNothing) {
  const TestServer server([](const Request&) { return Answer{http_answer("503 Down")}; });
  const auto text = error_of<base::IoError>([&] { read_all(server); });
  EXPECT_THAT(text, AllOf(HasSubstr("status 503"), HasSubstr("5 tries in a row")));
  EXPECT_EQ(server.requests().size(), 5U);
  error_of<base::IoError>([&] { client_.stat(target_of(server.url())); });
  EXPECT_EQ(server.requests().size(), 10U);
}

TEST_F(HttpClientTest, NobodyThere) {
  std::string url;
  {
    url = TestServer([](const Request&) { return Answer{}; }).url();
  }
  EXPECT_THAT(error_of<base::IoError>([&] { client_.stat(target_of(url)); }),
              HasSubstr("check host and port"));
  EXPECT_THAT(error_of<base::IoError>([&] { client_.stat(target_of("http://no-such.invalid/x")); }),
              HasSubstr("no-such.invalid"));
}

TEST_F(HttpClientTest, AServerMayAnswerWithLessThanWasAskedFor) {
  const TestServer server([&](const Request& request) {
    const Answer whole = right(request);
    unsigned long long first = 0;
    std::sscanf(request.header("Range").c_str(), "bytes=%llu-", &first);
    const auto last = std::min<unsigned long long>(first + 99'999, 299'999);
    return Answer{http_answer("206 Partial Content",
                              fmt::format("Content-Range: bytes {}-{}/300000\r\n", first, last),
                              content_.substr(first, last - first + 1))};
  });
  EXPECT_EQ(read_all(server), content_);
  EXPECT_EQ(server.requests().size(), 3U);
}

// What does not pass is asked once, and says what to check.
TEST_F(HttpClientTest, WhatDoesNotPassIsNotTriedAgain) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {http_answer("401 No", "WWW-Authenticate: Digest realm=\"hunter2\"\r\n", kSecret),
       "refuses the credentials given (status 401, it asks for Digest)"},
      {http_answer("403 No", {}, kSecret), "check that these credentials may read this file"},
      {http_answer("404 No", {}, kSecret), "there is no such file"},
      {http_answer("407 No"), "the proxy asks for credentials"},
      {http_answer("400 No", {}, kSecret), "found status 400"},
      {http_answer("204 Nothing"), "found status 204"},
      {http_answer("206 Partial Content"), "without it"},
      {http_answer("206 Partial Content", "Content-Range: bytes 1-300000/300001\r\n", "x"),
       "expected 300000 bytes as listed, found 300001"},
      {http_answer("206 Partial Content", "Content-Range: bytes 1-299999/300000\r\n", "x"),
       "expected the bytes 0 to 299999, found 1 to 299999"},
      {"hunter2, this is no HTTP\r\n\r\n", "check scheme and port"}};
  for (const auto& [answer, text] : cases) {
    const TestServer server([&bytes = answer](const Request&) {
      return Answer{bytes, After::kClose};
    });
    try {
      read_all(server);
      ADD_FAILURE() << text;
    } catch (const base::IoError& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
      EXPECT_THAT(error.what(), Not(HasSubstr(kSecret)));
    }
    EXPECT_EQ(server.requests().size(), 1U) << text;
  }
}

TEST_F(HttpClientTest, MissingCredentialsAreNamed) {
  const TestServer server([](const Request&) {
    return Answer{http_answer("401 No", "WWW-Authenticate: Basic realm=x\r\n")};
  });
  EXPECT_THAT(
      error_of<base::IoError>([&] { client_.stat({.url = server.url(), .shown = "the-file"}); }),
      AllOf(HasSubstr("asks for Basic and none was given"), HasSubstr("~/.netrc")));
}

TEST_F(HttpClientTest, AnIgnoredRangeIsTakenOnlyForTheWholeFile) {
  const TestServer server(
      [&](const Request&) { return Answer{http_answer("200 OK", {}, content_)}; });
  EXPECT_EQ(read_all(server), content_);
  for (const auto& action :
       std::vector<std::function<void()>>{[&] { read(server, 0, 10, content_.size()); },
                                          [&] { read(server, 10, 299'990, content_.size()); },
                                          [&] { client_.stat(target_of(server.url())); }}) {
    EXPECT_THAT(error_of<base::IoError>(action), HasSubstr("the server ignores Range requests"));
  }
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(HttpClientTest, MoreThanAskedForIsRefusedAndNeverWritten) {
  const TestServer server([](const Request&) {
    return Answer{"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/300000\r\n\r\n" +
                      std::string(5'000, 'x'),
                  After::kClose};
  });
  std::string bytes(20, '-');
  EXPECT_THAT(error_of<base::IoError>([&] {
                client_.read(target_of(server.url()), 0,
                             std::as_writable_bytes(std::span(bytes).first(10)), 300'000, {});
              }),
              HasSubstr("found more"));
  EXPECT_EQ(bytes.substr(10), std::string(10, '-'));
}

TEST_F(HttpClientTest, AnotherVersionIsAChange) {
  const TestServer server([&](const Request& request) {
    // The first knows If-Match, the second does not.
    if (request.index == 0) return Answer{http_answer("412 Precondition Failed")};
    return right(request, "ETag: \"v2\"\r\n");
  });
  for (int i = 0; i != 2; ++i) {
    EXPECT_THAT(
        error_of<base::ChangedError>([&] { read(server, 0, 10, content_.size(), "\"v1\""); }),
        HasSubstr("the file changed since"));
  }
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[0].header("If-Match"), "\"v1\"");
  EXPECT_EQ(read(server, 0, 10, content_.size(), "\"v2\""), content_.substr(0, 10));
}

TEST_F(HttpClientTest, AnotherSizeIsAChange) {
  const TestServer server([&](const Request& request) { return right(request); });
  for (const std::uint64_t listed : {299'999U, 300'001U, 900'000U}) {
    EXPECT_THAT(error_of<base::ChangedError>([&] { read(server, listed - 5, 5, listed); }),
                HasSubstr(fmt::format("expected {} bytes as listed, found 300000", listed)));
  }
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(HttpClientTest, RedirectsAreFollowedWithCredentialsForTheFirstHostOnly) {
  const TestServer other([&](const Request& request) { return right(request); });
  const TestServer server([&](const Request& request) {
    const bool to_other = request.text.starts_with("GET /moved");
    return Answer{http_answer(
        "302 Found", "Location: " + (to_other ? other.url() : "/moved") + "\r\n", "moved")};
  });
  EXPECT_EQ(read_all(server), content_);
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[1].header("X-Key"), kSecret);
  EXPECT_EQ(server.requests()[1].header("Authorization"), "Basic c29tZW9uZTpodW50ZXIy");
  ASSERT_EQ(other.requests().size(), 1U);
  EXPECT_THAT(other.requests()[0].text, Not(HasSubstr(kSecret)));
  EXPECT_EQ(other.requests()[0].header("Authorization"), "");
  EXPECT_EQ(other.requests()[0].header("Range"), "bytes=0-299999");
}

TEST_F(HttpClientTest, EndlessAndForeignRedirectsAreRefused) {
  for (const char* location : {"/f.qvd", "file:///etc/passwd", "ftp://127.0.0.1:1/x"}) {
    const TestServer server([&](const Request&) {
      return Answer{http_answer("302 Found", fmt::format("Location: {}\r\n", location))};
    });
    EXPECT_THAT(error_of<base::IoError>([&] { client_.stat(target_of(server.url())); }),
                HasSubstr("redirects"));
    EXPECT_EQ(server.requests().size(), location[0] == '/' ? 6U : 1U);
  }
}

TEST_F(HttpClientTest, BearerTokensAndNetrc) {
  const TestServer server([&](const Request& request) { return right(request); });
  client_.stat({.url = server.url(), .bearer_token = "tok", .shown = "x"});
  EXPECT_EQ(server.requests().back().header("Authorization"), "Bearer tok");

  std::string folder = (std::filesystem::temp_directory_path() / "qvdhouse_http_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/netrc") << "machine 127.0.0.1 login l password p\n";
  ::setenv("NETRC", (folder + "/netrc").c_str(), 1);
  client_.stat({.url = server.url(), .use_netrc = true, .shown = "x"});
  EXPECT_EQ(server.requests().back().header("Authorization"), "Basic bDpw");
  client_.stat({.url = server.url(), .use_netrc = false, .shown = "x"});
  EXPECT_EQ(server.requests().back().header("Authorization"), "");
  client_.stat({.url = server.url(), .user = "u", .use_netrc = true, .shown = "x"});
  EXPECT_EQ(server.requests().back().header("Authorization"), "Basic dTo=");
  ::unsetenv("NETRC");
  std::filesystem::remove_all(folder);
}

TEST_F(HttpClientTest, ProxiesByTheUsualVariablesButNotForLoopback) {
  const TestServer proxy([&](const Request& request) { return right(request); });
  const TestServer server([&](const Request& request) { return right(request); });
  ::setenv("http_proxy", proxy.url("").c_str(), 1);
  client_.stat({.url = server.url(), .shown = "x"});
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(client_.stat({.url = "http://host.invalid/f", .shown = "x"}).size, 300'000U);
  EXPECT_THAT(proxy.requests().at(0).text, HasSubstr("GET http://host.invalid/f HTTP/1.1"));
  EXPECT_THROW(client_.stat({.url = "http://host.invalid/f", .use_proxy = false, .shown = "x"}),
               base::IoError);
  EXPECT_EQ(proxy.requests().size(), 1U);
  ::unsetenv("http_proxy");
}

TEST_F(HttpClientTest, HeadersThatWouldBreakOutAreRefused) {
  EXPECT_THROW(
      client_.stat({.url = "http://127.0.0.1:1/", .headers = {"A: b\r\nC: d"}, .shown = "x"}),
      base::ConfigError);
}

TEST_F(HttpClientTest, PostsJsonAndLeavesTheStatusToTheCaller) {
  const TestServer server([](const Request& request) {
    return Answer{http_answer(request.index == 0 ? "200 OK" : "500 No", {}, "{\"a\":1}")};
  });
  const HttpTarget target{.url = server.url("/rc"), .user = "u", .password = "p", .shown = "x"};
  EXPECT_EQ(client_.post_json(target, "").status, 200);
  const HttpClient::Answer answer = client_.post_json(target, "");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "{\"a\":1}");
  EXPECT_EQ(server.requests()[0].header("Content-Type"), "application/json");
  EXPECT_THAT(server.requests()[0].text, HasSubstr("POST /rc HTTP/1.1"));
}

TEST_F(HttpClientTest, APostIsTriedOnce) {
  const TestServer server([](const Request&) {
    return Answer{"HTTP/1.1 200 OK\r\nCont", After::kClose};
  });
  EXPECT_THAT(error_of<base::IoError>([&] { client_.post_json(target_of(server.url()), "{}"); }),
              HasSubstr("no answer"));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HttpClientTest, AStopEndsAnyWait) {
  for (const bool hangs : {true, false}) {
    std::stop_source stop;
    Access access = quick_access();
    access.stop = stop.get_token();
    access.first_delay = std::chrono::hours(1);
    access.stall_timeout = std::chrono::hours(1);
    HttpClient client(access);
    const TestServer server([&](const Request&) {
      stop.request_stop();
      return hangs ? Answer{"", After::kHang} : Answer{http_answer("503 Down")};
    });
    EXPECT_THROW(client.stat(target_of(server.url())), base::Cancelled);
    EXPECT_THROW(client.stat(target_of(server.url())), base::Cancelled);
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(HttpClientTest, DebugLinesTellOfTriesWithoutSecrets) {
  std::vector<std::string> lines;
  Access access = quick_access();
  access.debug = [&](std::string_view line) { lines.emplace_back(line); };
  HttpClient client(access);
  const TestServer server([&](const Request& request) {
    return request.index == 0 ? Answer{http_answer("503 Down", {}, kSecret)} : right(request);
  });
  client.stat(target_of(server.url()));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], AllOf(HasSubstr("the-file: the server failed (status 503); next try in"),
                              Not(HasSubstr(kSecret))));
}

TEST(TestServerItself, CutsAndKeeps) {
  EXPECT_EQ(http_answer("200 OK", "A: b\r\n", "xy"),
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nxy");
  const TestServer::Request request{.text = "GET / HTTP/1.1\r\nRange: bytes=1-9\r\n\r\n"};
  EXPECT_EQ(request.header("Range"), "bytes=1-9");
  EXPECT_EQ(request.header("If-Match"), "");
  EXPECT_EQ(right_answer(request, "abc"),
            "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n"
            "Content-Range: bytes 1-2/3\r\n\r\nbc");
}

}  // namespace
}  // namespace qvdhouse::source
