#include "source/test_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace qvdhouse::source {
namespace {

constexpr int kPollMs = 20;

}  // namespace

struct TestServer::State {
  State(std::function<Answer(const Request&)> wanted, const TestTls& tls);
  ~State();
  void accept_all();
  void serve(TestConnection& connection);

  std::function<Answer(const Request&)> handler;
  TlsContext tls;
  int listener = -1;
  std::uint16_t port = 0;
  std::atomic<bool> ending = false;
  std::mutex mutex;
  std::vector<Request> requests;
  std::size_t connection_count = 0;
  std::vector<std::jthread> connections;
  std::jthread acceptor;
};

TestServer::State::State(std::function<Answer(const Request&)> wanted, const TestTls& wanted_tls)
    : handler(std::move(wanted)), tls(context_of(wanted_tls)) {
  listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 64) != 0 ||
      ::getsockname(listener, generic, &size) != 0) {
    std::abort();
  }
  port = ntohs(address.sin_port);
  acceptor = std::jthread([this] { accept_all(); });
}

TestServer::State::~State() {
  ending = true;
  acceptor.join();
  connections.clear();
  ::close(listener);
}

void TestServer::State::accept_all() {
  while (wait_for(listener, POLLIN, ending)) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;
    {
      const std::lock_guard lock(mutex);
      ++connection_count;
    }
    connections.emplace_back([this, fd] {
      TestConnection connection(fd, tls.get(), ending);
      if (connection.shake_hands()) serve(connection);
    });
  }
}

void TestServer::State::serve(TestConnection& connection) {
  std::string received;
  while (true) {
    const std::string bytes = connection.receive();
    if (bytes.empty()) return;
    received += bytes;
    const std::size_t end = received.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    Answer answer;
    {
      const std::lock_guard lock(mutex);
      requests.push_back({requests.size(), std::exchange(received, {})});
      answer = handler(requests.back());
    }
    if (!connection.send(answer.bytes) || answer.after == After::kClose) return;
    if (answer.after == After::kReset) {
      connection.reset_at_end();
      return;
    }
    while (answer.after == After::kHang && !ending) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
    }
  }
}

TestServer::TestServer(std::function<Answer(const Request&)> handler, const TestTls& tls)
    : state_(std::make_unique<State>(std::move(handler), tls)) {}
TestServer::~TestServer() = default;

std::uint16_t TestServer::port() const { return state_->port; }
std::string TestServer::url(std::string_view path) const {
  return fmt::format("{}://127.0.0.1:{}{}", state_->tls ? "https" : "http", state_->port, path);
}
std::vector<TestServer::Request> TestServer::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}
std::size_t TestServer::connection_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->connection_count;
}

std::string TestServer::Request::header(std::string_view name) const {
  const std::string start = fmt::format("\r\n{}: ", name);
  const std::size_t at = text.find(start);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + start.size();
  return text.substr(begin, text.find("\r\n", begin) - begin);
}

std::string right_answer(const TestServer::Request& request, std::string_view content,
                         std::string_view headers) {
  unsigned long long first = 0;
  unsigned long long last = 0;
  const std::string range = request.header("Range");
  if (std::sscanf(range.c_str(), "bytes=%llu-%llu", &first, &last) != 2) {
    return plain_answer("200 OK", headers, content);
  }
  if (first >= content.size()) {
    return plain_answer("416 Range Not Satisfiable",
                        fmt::format("Content-Range: bytes */{}\r\n", content.size()));
  }
  last = std::min<unsigned long long>(last, content.size() - 1);
  const auto lines =
      fmt::format("Content-Range: bytes {}-{}/{}\r\n{}", first, last, content.size(), headers);
  return plain_answer("206 Partial Content", lines, content.substr(first, last - first + 1));
}

std::string plain_answer(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers,
                     body);
}

std::string test_bytes(std::size_t count) {
  std::minstd_rand random(7);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(random() >> 8);
  return bytes;
}

TEST(TestServerItself, CutsAndKeeps) {
  EXPECT_EQ(plain_answer("200 OK", "A: b\r\n", "xy"),
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nxy");
  const TestServer::Request request{.text = "GET / HTTP/1.1\r\nRange: bytes=1-9\r\n\r\n"};
  EXPECT_EQ(request.header("Range"), "bytes=1-9");
  EXPECT_EQ(request.header("If-Match"), "");
  EXPECT_EQ(right_answer(request, "abc"),
            "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n"
            "Content-Range: bytes 1-2/3\r\n\r\nbc");
}

}  // namespace qvdhouse::source
