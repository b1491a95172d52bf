// For tests: the server's side of a connection, plain or with TLS. No call waits longer than for
// the next look at `ending`, whatever the other side does or leaves undone.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace qvdhouse::source {

// PEM files. No certificate: no TLS. No client_ca: clients need no certificate.
struct TestTls {
  std::string certificate;
  std::string key;
  std::string client_ca;
};

struct FreeTls {
  void operator()(SSL* tls) const { SSL_free(tls); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

// Empty for no TLS.
inline TlsContext context_of(const TestTls& tls) {
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

// Waits until `fd` is ready for `events`; false: the server ends.
inline bool wait_for(int fd, short events, const std::atomic<bool>& ending) {
  constexpr int kPollMs = 20;
  pollfd waited{.fd = fd, .events = events, .revents = 0};
  while (!ending) {
    if (::poll(&waited, 1, kPollMs) > 0) return true;
  }
  return false;
}

class TestConnection {
 public:
  // Takes `fd`, which must not block.
  TestConnection(int fd, SSL_CTX* context, const std::atomic<bool>& ending)
      : fd_(fd), ending_(ending) {
    if (context == nullptr) return;
    tls_.reset(SSL_new(context));
    SSL_set_fd(tls_.get(), fd);
  }
  ~TestConnection() { ::close(fd_); }
  TestConnection(const TestConnection&) = delete;
  TestConnection& operator=(const TestConnection&) = delete;

  // False when the client and we come to no agreement.
  bool shake_hands() {
    return !tls_ || in_tls([this] { return SSL_accept(tls_.get()); }) > 0;
  }
  // What comes next; empty: nothing more will.
  std::string receive() {
    std::string bytes(4096, '\0');
    const auto size = static_cast<int>(bytes.size());
    const int got = tls_ ? in_tls([&] { return SSL_read(tls_.get(), bytes.data(), size); })
                         : receive_plain(bytes);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto size = static_cast<int>(bytes.size());
      const int sent = tls_ ? in_tls([&] { return SSL_write(tls_.get(), bytes.data(), size); })
                            : send_plain(bytes);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // The end will be a reset.
  void reset_at_end() const {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  template <typename Call>
  int in_tls(const Call& call) {
    while (true) {
      ERR_clear_error();
      const int result = call();
      if (result > 0) return result;
      const int reason = SSL_get_error(tls_.get(), result);
      if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return 0;
      if (!wait_for(fd_, reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, ending_)) return 0;
    }
  }
  int receive_plain(std::string& bytes) const {
    if (!wait_for(fd_, POLLIN, ending_)) return 0;
    return static_cast<int>(::recv(fd_, bytes.data(), bytes.size(), 0));
  }
  int send_plain(std::string_view bytes) const {
    if (!wait_for(fd_, POLLOUT, ending_)) return 0;
    return static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

  int fd_;
  const std::atomic<bool>& ending_;
  std::unique_ptr<SSL, FreeTls> tls_;
};

}  // namespace qvdhouse::source
