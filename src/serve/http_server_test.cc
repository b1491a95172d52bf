#include "serve/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "serve/listen.h"
#include "serve/test_client.h"

namespace qvdhouse::serve {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpServer::Handler handler) {
    options_.ports = {0};
    server_ = std::make_unique<HttpServer>(options_, std::move(handler), log_);
  }
  std::uint16_t port() const { return server_->ports().at(0); }

  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  HttpOptions options_;
  std::unique_ptr<HttpServer> server_;
};

HttpResponse text(std::string body) {
  HttpResponse response;
  response.type = "text/plain";
  response.body = std::move(body);
  return response;
}

TEST_F(HttpServerTest, HandsOverTheWholeRequest) {
  HttpRequest seen;
  start([&](const HttpRequest& request) {
    seen = request;
    HttpResponse response = text("made");
    response.status = 201;
    response.headers.emplace_back("X-Own", "1");
    return response;
  });
  const Reply reply = call(port(), "/a%20b/%C3%A4?x=1%2B1&y&x=a+b",
                           {.method = "POST", .body = "{}", .headers = {"X-Mine: yes"}});
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, "made");
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain");
  EXPECT_EQ(reply.headers.at("x-own"), "1");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/a b/ä");
  EXPECT_EQ(seen.query, (std::vector<std::pair<std::string, std::string>>{
                            {"x", "1+1"}, {"y", ""}, {"x", "a b"}}));
  EXPECT_EQ(seen.parameter("x"), "a b");
  EXPECT_EQ(seen.parameter("z"), std::nullopt);
  EXPECT_EQ(seen.header("x-MINE"), "yes");
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(seen.peer, "127.0.0.1");
}

TEST_F(HttpServerTest, OneConnectionCarriesManyRequests) {
  std::atomic<int> count = 0;
  start([&](const HttpRequest&) { return text(std::to_string(++count)); });
  RawSocket client(port());
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(client.send(request));
    EXPECT_THAT(client.receive_until(fmt::format("\r\n\r\n{}", i)), StartsWith("HTTP/1.1 200"));
  }
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start([](const HttpRequest&) { return text("body"); });
  const Reply reply = call(port(), "/", {.method = "HEAD"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-length"), "4");
  EXPECT_EQ(reply.body, "");
}

TEST_F(HttpServerTest, AnExceptionIsA500ThatSaysNothing) {
  start([](const HttpRequest&) -> HttpResponse { throw base::IoError("secret"); });
  const Reply reply = call(port(), "/");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
}

TEST_F(HttpServerTest, LargeBodiesAndHeadersAreRefused) {
  options_.max_body_bytes = 1'000;
  options_.max_header_bytes = 8 << 10;
  std::atomic<int> count = 0;
  start([&](const HttpRequest& request) {
    ++count;
    return text(std::to_string(request.body.size()));
  });
  EXPECT_EQ(call(port(), "/", {.method = "POST", .body = std::string(1'000, 'x')}).body, "1000");
  EXPECT_EQ(call(port(), "/", {.method = "POST", .body = std::string(1'001, 'x')}).status, 413);
  EXPECT_EQ(call(port(), "/", {.headers = {"X-Large: " + std::string(40'000, 'x')}}).status, 431);
  RawSocket chunked(port());
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) chunked.send("64\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_THAT(chunked.receive_until(""), testing::Not(HasSubstr("200 OK")));
  EXPECT_EQ(count, 1);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// What others may part in another way than we do is never answered with a second response: who
// stands between (a proxy) would hand that to another client.
TEST_F(HttpServerTest, ABadRequestGetsOneRefusalAndItsConnectionEnds) {
  options_.timeout = std::chrono::minutes(10);  // it is not the time-out that ends them
  std::atomic<int> count = 0;
  start([&](const HttpRequest&) {
    ++count;
    return text("taken");
  });
  const std::string next = "GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::string chunks = "\r\n4\r\nabcd\r\n0\r\n\r\n";
  const std::vector<std::string> bad = {
      post + "Content-Length: 14\r\nTransfer-Encoding: chunked\r\n" + chunks,
      post + "Transfer-Encoding: chunked\r\nContent-Length: 14\r\n" + chunks,
      post + "content-length: 0\r\ntransfer-encoding: Chunked\r\n" + chunks,
      post + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
      post + "Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd",
      post + "Content-Length: 0\r\ncontent-length: 4\r\n\r\nabcd",
      post + "Content-Length: 4, 4\r\n\r\nabcd",
      post + "Content-Length: +4\r\n\r\nabcd",
      post + "Content-Length: -1\r\n\r\nabcd",
      post + "Content-Length: 4x\r\n\r\nabcd",
      post + "Content-Length: 0x4\r\n\r\nabcd",
      post + "Content-Length:\r\n\r\nabcd",
      post + "Content-Length: 99999999999999999999999\r\n\r\nabcd",
      post + "Content-Length : 4\r\n\r\nabcd",
      post + "Transfer-Encoding: identity\r\n" + chunks,
      post + "Transfer-Encoding: xchunked\r\n" + chunks,
      post + "Transfer-Encoding: chunked, identity\r\n" + chunks,
      post + "Transfer-Encoding: gzip, chunked\r\n" + chunks,
      post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + chunks,
      post + "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" + chunks,
      post + "Transfer-Encoding : chunked\r\n" + chunks,
      post + "Transfer-Encoding: chunked\r\n\r\nZZ\r\nabcd\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n-4\r\nabcd\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + chunks,
      "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n X-Folded: 1\r\n\r\n",
      post + "Content-Length:\r\n 62\r\n\r\n",
      post + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 14\r\n" + chunks,
      "GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
      "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
      "GET /\r\n\r\n",
      "\x16\x03\x01\x02\r\n\r\n",
  };
  for (const std::string& request : bad) {
    RawSocket client(port());
    ASSERT_TRUE(client.send(request + next));
    const std::string answer = client.receive_until("");
    EXPECT_LE(count_of(answer, "HTTP/1.1 "), 1U) << request << answer;
    EXPECT_THAT(answer,
                AllOf(testing::Not(HasSubstr("taken")), testing::Not(HasSubstr("[nothing came]"))))
        << request;
  }
  EXPECT_EQ(count, 0);
}

TEST_F(HttpServerTest, EachRequestGetsOneResponse) {
  options_.timeout = std::chrono::minutes(10);
  options_.max_body_bytes = 1'000;
  std::atomic<int> count = 0;
  start([&](const HttpRequest& request) {
    ++count;
    return text(request.method + " " + request.body + "!");
  });
  const auto answers = [&](const std::string& requests) {
    RawSocket client(port());
    EXPECT_TRUE(client.send(requests + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    return client.receive_until("");
  };
  const std::string head = " / HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& request : {"POST" + head + "Content-Length: 4\r\n\r\nabcd",
                                     "GET" + head + "Content-Length: 4\r\n\r\nabcd"}) {
    count = 0;
    const std::string answer = answers(request);
    EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 2U) << request << answer;
    EXPECT_THAT(answer, AllOf(HasSubstr(" abcd!"), HasSubstr("GET !")));
    EXPECT_EQ(count, 2);
  }
  EXPECT_EQ(count_of(answers("POST" + head + "Content-Length: 0\r\n\r\n"), "HTTP/1.1 200"), 2U);
  // What follows chunks is not read: libmicrohttpd takes some whose end others would see elsewhere.
  for (const std::string& request :
       {"POST" + head + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "POST" + head + "Transfer-Encoding: Chunked\r\n\r\n4;x=1\r\nabcd\r\n0\r\nX-T: 1\r\n\r\n",
        "POST" + head + "Transfer-Encoding: chunked\r\n\r\n4;\nabcd\r\n0\r\n\r\n"}) {
    count = 0;
    const std::string answer = answers(request);
    EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 1U) << request << answer;
    EXPECT_THAT(answer, HasSubstr("POST abcd!"));
    EXPECT_EQ(count, 1);
  }
  // Too large: refused before it is read, and what follows is its body and no request.
  count = 0;
  for (const std::string& request :
       {"POST" + head + "Content-Length: 2000\r\n\r\n" + std::string(1'000, 'x'),
        "POST" + head + "Expect: 100-continue\r\nContent-Length: 2000\r\n\r\n",
        "POST" + head + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2'000, 'x') +
            "\r\n0\r\n\r\n"}) {
    const std::string answer = answers(request);
    EXPECT_LE(count_of(answer, "HTTP/1."), 1U) << answer;
    EXPECT_THAT(answer, testing::Not(HasSubstr("[nothing came]")));
  }
  EXPECT_EQ(count, 0);
}

TEST_F(HttpServerTest, ASlowHandlerDelaysNoOther) {
  std::promise<void> release;
  const std::shared_future<void> released(release.get_future());
  options_.threads = 2;
  start([&](const HttpRequest& request) {
    if (request.path == "/slow") released.wait();
    return text(request.path);
  });
  auto slow = std::async(std::launch::async, [&] { return call(port(), "/slow"); });
  EXPECT_EQ(call(port(), "/quick").body, "/quick");
  release.set_value();
  EXPECT_EQ(slow.get().body, "/slow");
}

TEST_F(HttpServerTest, QuickRequestsAreAnsweredWhateverOthersWaitFor) {
  options_.threads = 1;
  options_.is_quick = [](const HttpRequest& request) { return request.path == "/health"; };
  std::promise<void> release;
  const std::shared_future<void> released(release.get_future());
  start([&](const HttpRequest& request) {
    if (request.path == "/slow") released.wait();
    return text(request.path);
  });
  std::vector<std::future<Reply>> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(std::async(std::launch::async, [&] { return call(port(), "/slow"); }));
  }
  EXPECT_EQ(call(port(), "/health").body, "/health");
  release.set_value();
  for (auto& reply : slow) EXPECT_EQ(reply.get().body, "/slow");
}

// One that sends a byte now and then is cut off; others are served meanwhile.
TEST_F(HttpServerTest, SlowClientsAreCutOff) {
  options_.timeout = std::chrono::seconds(1);
  start([](const HttpRequest&) { return text("ok"); });
  RawSocket slow(port());
  RawSocket silent(port());
  bool is_open = slow.send("GET / HTTP/1.1\r\nX-Slow: ");
  for (int i = 0; i < 1'000 && is_open; ++i) {
    is_open = slow.send("x");
    EXPECT_EQ(call(port(), "/").body, "ok");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_FALSE(is_open);
  EXPECT_EQ(silent.receive_until(""), "");
}

// Who connects and sends no whole request gives way to others, of the same address or of any.
TEST_F(HttpServerTest, HalfOpenConnectionsShutNobodyOut) {
  options_.timeout = std::chrono::minutes(10);  // it is not the time-out that lets others in
  for (const bool is_of_one_address : {true, false}) {
    options_.max_connections_per_address = is_of_one_address ? 50 : 1'000;
    options_.max_connections = is_of_one_address ? 1'000 : 50;
    start([](const HttpRequest&) { return text("ok"); });
    std::vector<std::unique_ptr<RawSocket>> clients;
    for (int i = 0; i < 120; ++i) {
      clients.push_back(std::make_unique<RawSocket>(port()));
      if (i % 3 == 0) continue;
      // Some have had an answer before.
      const std::string first = i % 3 == 1 ? "" : "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
      clients.back()->send(first + "GET / HTTP/1.1\r\nX-Slow: ");
    }
    for (int i = 0; i < 20; ++i) EXPECT_EQ(call(port(), "/").body, "ok");
    EXPECT_TRUE(clients.back()->send("1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(clients.back()->receive_until("\r\n\r\nok"), StartsWith("HTTP/1.1 200"));
  }
}

// A queue of pieces, as events are.
struct Pieces {
  std::mutex mutex;
  std::vector<std::string> pieces;
  bool is_ended = false;

  std::optional<std::string> next() {
    const std::lock_guard lock(mutex);
    if (pieces.empty()) return is_ended ? std::nullopt : std::optional<std::string>("");
    std::string piece = pieces.front();
    pieces.erase(pieces.begin());
    return piece;
  }
  void add(std::string piece) {
    const std::lock_guard lock(mutex);
    pieces.push_back(std::move(piece));
  }
};

HttpResponse stream_of(const std::shared_ptr<Pieces>& pieces) {
  HttpResponse response;
  response.type = "text/event-stream";
  response.stream = [pieces] { return pieces->next(); };
  return response;
}

TEST_F(HttpServerTest, StreamsSleepUntilWoken) {
  const auto pieces = std::make_shared<Pieces>();
  start([&](const HttpRequest&) { return stream_of(pieces); });
  RawSocket client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.receive_until("\r\n\r\n");
  for (int i = 0; i < 200; ++i) {
    pieces->add(fmt::format("piece {}!", i));
    server_->wake();
    EXPECT_THAT(client.receive_until("!"), HasSubstr(fmt::format("piece {}!", i)));
  }
  pieces->add(std::string(100'000, 'x') + "!");
  server_->wake();
  EXPECT_GT(client.receive_until("!").size(), 100'000U);
  {
    const std::lock_guard lock(pieces->mutex);
    pieces->is_ended = true;
  }
  server_->wake();
  EXPECT_THAT(client.receive_until("0\r\n\r\n"), HasSubstr("0\r\n\r\n"));
}

TEST_F(HttpServerTest, ManyStreamsLeaveThreadsForOthers) {
  const auto pieces = std::make_shared<Pieces>();
  start([&](const HttpRequest& request) {
    return request.path == "/stream" ? stream_of(pieces) : text("ok");
  });
  std::vector<std::unique_ptr<RawSocket>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawSocket>(port()));
    clients.back()->send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    clients.back()->receive_until("\r\n\r\n");
  }
  EXPECT_EQ(call(port(), "/").body, "ok");
}

// Clients that are being served give their place to nobody.
TEST_F(HttpServerTest, MoreClientsThanAllowedAreTurnedAway) {
  options_.max_connections_per_address = 10;
  const auto pieces = std::make_shared<Pieces>();
  start([&](const HttpRequest& request) {
    return request.path == "/stream" ? stream_of(pieces) : text("ok");
  });
  std::vector<std::unique_ptr<RawSocket>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<RawSocket>(port()));
    clients.back()->send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(clients.back()->receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_EQ(call(port(), "/").status, 0);
  clients.clear();
  Reply reply;
  for (int i = 0; i < 1'000 && reply.status != 200; ++i) {
    pieces->add("x");  // the server sees that they are gone when it sends
    server_->wake();
    reply = call(port(), "/");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(reply.status, 200);
}

// Streams, idle clients and handlers under way: none keeps the server from ending.
TEST_F(HttpServerTest, EndsWhateverIsOpen) {
  std::promise<void> entered;
  const auto pieces = std::make_shared<Pieces>();
  start([&](const HttpRequest& request) {
    if (request.path == "/stream") return stream_of(pieces);
    entered.set_value();
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, request.stop, [] { return false; });
    return text("last words");
  });
  RawSocket stream(port());
  stream.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  stream.receive_until("\r\n\r\n");
  RawSocket idle(port());
  RawSocket waiting(port());
  waiting.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  server_.reset();
  EXPECT_THAT(waiting.receive_until(""), HasSubstr("last words"));
  EXPECT_THAT(stream.receive_until(""), HasSubstr("0\r\n\r\n"));
  EXPECT_EQ(idle.receive_until(""), "");
}

TEST_F(HttpServerTest, ServesManyClientsAtOnce) {
  start([](const HttpRequest& request) { return text(request.path); });
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < 200; ++client) {
      clients.emplace_back([&, client] {
        for (int i = 0; i < 20; ++i) {
          const std::string path = fmt::format("/{}/{}", client, i);
          right += call(port(), path).body == path;
        }
      });
    }
  }
  EXPECT_EQ(right, 4'000);
}

TEST_F(HttpServerTest, ServesSeveralPorts) {
  options_.ports = {0, 0};
  HttpServer server(
      options_, [](const HttpRequest&) { return text("ok"); }, log_);
  ASSERT_EQ(server.ports().size(), 2U);
  EXPECT_NE(server.ports()[0], server.ports()[1]);
  for (const std::uint16_t port : server.ports()) EXPECT_EQ(call(port, "/").body, "ok");
}

std::string refusal(const HttpOptions& options) {
  spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  try {
    const HttpServer server(
        options, [](const HttpRequest&) { return text(""); }, log);
    return "it serves";
  } catch (const base::ConfigError& error) {
    return error.what();
  }
}

TEST_F(HttpServerTest, AnAddressThatCanNotBeIsNamed) {
  start([](const HttpRequest&) { return text("ok"); });
  HttpOptions options;
  options.ports = {0, port()};  // the first one is open when the second fails
  EXPECT_THAT(refusal(options), AllOf(HasSubstr(fmt::format("127.0.0.1 port {}", port())),
                                      HasSubstr("another program listens there")));
  options.ports = {0};
  options.address = "192.0.2.1";
  EXPECT_THAT(refusal(options), HasSubstr("192.0.2.1 port 0: this machine has no such address"));
}

TEST_F(HttpServerTest, ServesTls) {
  std::string folder = (std::filesystem::temp_directory_path() / "qvdhouse_http_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  options_.tls_certificate = folder + "/server.pem";
  options_.tls_key = folder + "/server.key";
  EXPECT_THAT(refusal(options_), HasSubstr("expected a PEM file"));
  std::ofstream(options_.tls_certificate) << "-----BEGIN CERTIFICATE-----\nx\n";
  std::ofstream(options_.tls_key) << "-----BEGIN PRIVATE KEY-----\nx\n";
  options_.ports = {0};
  EXPECT_THAT(refusal(options_), HasSubstr("cannot serve on 127.0.0.1"));
  const std::string command = fmt::format(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
      "/CN=test -addext subjectAltName=IP:127.0.0.1 -keyout {0}/server.key -out {0}/server.pem "
      "2>{0}/log",
      folder);
  if (std::system(command.c_str()) == 0) {
    start([](const HttpRequest&) { return text("ok"); });
    EXPECT_EQ(call(port(), "/", {.ca_file = options_.tls_certificate}).body, "ok");
    EXPECT_EQ(call(port(), "/").status, 0);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace qvdhouse::serve
