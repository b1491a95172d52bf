#include "tests/support/loopback_server.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;

// Empty for no TLS.
TlsContext context_of(const Tls& tls) {
  if (tls.certificate.empty()) return {};
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that have left
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* c = context.get();
  if (SSL_CTX_use_certificate_chain_file(c, tls.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(c, tls.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    std::abort();
  }
  if (!tls.client_ca.empty()) {
    if (SSL_CTX_load_verify_locations(c, tls.client_ca.c_str(), nullptr) != 1) std::abort();
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

// Waits until `fd` is ready for `events`; false: the server ends, or `patience` is at its end.
bool wait_for(int fd, short events, const std::atomic<bool>& ending,
              std::chrono::milliseconds patience = Peer::kAnyTime) {
  constexpr std::chrono::milliseconds kPoll{20};
  pollfd waited{.fd = fd, .events = events, .revents = 0};
  for (auto left = patience; !ending && left.count() > 0; left -= kPoll) {
    if (::poll(&waited, 1, static_cast<int>(kPoll.count())) > 0) return true;
  }
  return false;
}

}  // namespace

Peer::Peer(int fd, SSL_CTX* context, const std::atomic<bool>& ending) : fd_(fd), ending_(ending) {
  if (context == nullptr) return;
  tls_.reset(SSL_new(context));
  SSL_set_fd(tls_.get(), fd);
}

Peer::~Peer() { ::close(fd_); }

bool Peer::shake_hands() {
  return !tls_ || in_tls([this] { return SSL_accept(tls_.get()); }) > 0;
}

std::string Peer::receive(std::chrono::milliseconds patience) {
  std::string bytes(4096, '\0');
  int got = 0;
  if (tls_) {
    got =
        in_tls([&] { return SSL_read(tls_.get(), bytes.data(), static_cast<int>(bytes.size())); });
  } else if (wait_for(fd_, POLLIN, ending_, patience)) {
    got = static_cast<int>(::recv(fd_, bytes.data(), bytes.size(), 0));
  }
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

std::string Peer::receive_until(std::string_view end, std::chrono::milliseconds patience) {
  std::string text;
  while (!text.ends_with(end)) {
    const std::string bytes = receive(patience);
    if (bytes.empty()) break;
    text += bytes;
  }
  return text;
}

bool Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    int sent = 0;
    if (tls_) {
      sent = in_tls(
          [&] { return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())); });
    } else if (wait_for(fd_, POLLOUT, ending_)) {
      sent = static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Peer::end_sending() const { ::shutdown(fd_, SHUT_WR); }

void Peer::reset_at_end() const {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int Peer::in_tls(const std::function<int()>& call) {
  while (true) {
    ERR_clear_error();
    const int result = call();
    if (result > 0) return result;
    const int reason = SSL_get_error(tls_.get(), result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return 0;
    if (!wait_for(fd_, reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, ending_)) return 0;
  }
}

struct LoopbackServer::State {
  State(Serve wanted, Turns wanted_turns, const Tls& wanted_tls)
      : serve(std::move(wanted)), turns(wanted_turns), tls(context_of(wanted_tls)) {}
  void accept_all();
  void serve_one(int fd);

  const Serve serve;
  const Turns turns;
  const TlsContext tls;
  const Listener listener = listen_anywhere();
  std::atomic<bool> ending = false;
  std::atomic<std::size_t> connection_count = 0;
  std::vector<std::jthread> connections;
  std::jthread acceptor;
};

void LoopbackServer::State::accept_all() {
  while (wait_for(listener.fd, POLLIN, ending)) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;
    ++connection_count;
    if (turns == Turns::kOneByOne) {
      serve_one(fd);
    } else {
      connections.emplace_back([this, fd] { serve_one(fd); });
    }
  }
}

void LoopbackServer::State::serve_one(int fd) {
  Peer peer(fd, tls.get(), ending);
  if (peer.shake_hands()) serve(peer);
}

LoopbackServer::LoopbackServer(Serve serve, Turns turns, const Tls& tls)
    : state_(std::make_unique<State>(std::move(serve), turns, tls)) {
  state_->acceptor = std::jthread([this] { state_->accept_all(); });
}

LoopbackServer::~LoopbackServer() {
  state_->ending = true;
  state_->acceptor.join();
  state_->connections.clear();
  ::close(state_->listener.fd);
}

std::string LoopbackServer::url(std::string_view path) const {
  return fmt::format("{}://127.0.0.1:{}{}", state_->tls ? "https" : "http", port(), path);
}

std::uint16_t LoopbackServer::port() const { return state_->listener.port; }
std::size_t LoopbackServer::connection_count() const { return state_->connection_count; }

struct TestServer::State {
  State(std::function<Answer(const Request&)> wanted, const Tls& tls)
      : handler(std::move(wanted)),
        server([this](Peer& peer) { serve(peer); }, LoopbackServer::Turns::kAtOnce, tls) {}
  void serve(Peer& peer);

  std::function<Answer(const Request&)> handler;
  std::mutex mutex;
  std::vector<Request> requests;
  std::atomic<bool> ending = false;
  LoopbackServer server;
};

void TestServer::State::serve(Peer& peer) {
  std::string received;
  while (true) {
    const std::string bytes = peer.receive();
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
    if (!peer.send(answer.bytes) || answer.after == After::kClose) return;
    if (answer.after == After::kReset) {
      peer.reset_at_end();
      return;
    }
    while (answer.after == After::kHang && !ending) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

TestServer::TestServer(std::function<Answer(const Request&)> handler, const Tls& tls)
    : state_(std::make_unique<State>(std::move(handler), tls)) {}
TestServer::~TestServer() { state_->ending = true; }

std::uint16_t TestServer::port() const { return state_->server.port(); }
std::string TestServer::url(std::string_view path) const { return state_->server.url(path); }
std::size_t TestServer::connection_count() const { return state_->server.connection_count(); }
std::vector<TestServer::Request> TestServer::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
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
    return http_answer("200 OK", headers, content);
  }
  if (first >= content.size()) {
    return http_answer("416 Range Not Satisfiable",
                       fmt::format("Content-Range: bytes */{}\r\n", content.size()));
  }
  last = std::min<unsigned long long>(last, content.size() - 1);
  const auto lines =
      fmt::format("Content-Range: bytes {}-{}/{}\r\n{}", first, last, content.size(), headers);
  return http_answer("206 Partial Content", lines, content.substr(first, last - first + 1));
}

std::string http_answer(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers,
                     body);
}

std::string test_bytes(std::size_t count) {
  std::minstd_rand random(7);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(random() >> 8);
  return bytes;
}

}  // namespace qvdhouse::tests
