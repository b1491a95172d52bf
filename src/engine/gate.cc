#include "engine/gate.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace qvdhouse::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A client that means it sends its password at once.
constexpr milliseconds kPatience{10'000};
// The most connections that have not said the password yet; the oldest makes room for a new one.
constexpr std::size_t kMostPending = 256;
// So few that each waiting connection is looked at before newer ones make it the oldest.
constexpr int kAcceptsAtOnce = 16;
constexpr int kEventsAtOnce = 64;
// How long the library may leave connections that it was sent.
constexpr timeval kHandOverPatience{.tv_sec = 1, .tv_usec = 0};

// A message of one byte, because an empty one would be the end.
struct SocketMessage {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};

  SocketMessage() {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
  }
};

bool send_connection(int outlet, int socket) {
  SocketMessage sent;
  cmsghdr* header = CMSG_FIRSTHDR(&sent.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof socket);
  std::memcpy(CMSG_DATA(header), &socket, sizeof socket);
  return sendmsg(outlet, &sent.message, MSG_NOSIGNAL) == 1;
}

// The kernel's listen() and getsockname(): those of libc's name are engine/interposed.cc's.
int listen_at(int socket, int backlog) {
  return static_cast<int>(syscall(SYS_listen, socket, backlog));
}

std::optional<sockaddr_in> bound_address(int socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  const auto failed = syscall(SYS_getsockname, socket, &address, &length);
  if (failed != 0 || address.sin_family != AF_INET) return std::nullopt;
  return address;
}

// What comes back with an event: the socket, and the serial number of its connection or 0.
epoll_data_t tag(int socket, std::uint32_t serial) {
  return {.u64 = (std::uint64_t{serial} << 32U) | static_cast<std::uint32_t>(socket)};
}

}  // namespace

int take_connection(int socket) {
  SocketMessage received;
  const ssize_t size = recvmsg(socket, &received.message, MSG_CMSG_CLOEXEC);
  if (size < 0) return -1;
  if (size == 0) {   // the library has shut its end down: SYSTEM STOP LISTEN
    errno = EINVAL;  // as accept() says of a listening socket that was shut down
    return -1;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&received.message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
    errno = ECONNABORTED;
    return -1;
  }
  int connection = -1;
  std::memcpy(&connection, CMSG_DATA(header), sizeof connection);
  return connection;
}

Gate::Gate(GateSettings settings)
    : settings_(std::move(settings)), poll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kMostBytes) {
  if (poll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

bool Gate::is_ours(in_port_t port) const {
  const std::uint16_t number = ntohs(port);
  return number != 0 && (number == settings_.http_port || number == settings_.native_port);
}

bool Gate::is_incoming(int socket) const {
  const auto address = bound_address(socket);
  return address && is_ours(address->sin_port);
}

std::optional<sockaddr_in> Gate::address_of(int socket) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX) {
    return std::nullopt;
  }
  const std::scoped_lock lock(mutex_);
  const auto found = addresses_.find(socket);
  return found == addresses_.end() ? std::nullopt : std::optional(found->second);
}

int Gate::listen(int socket, int backlog) {
  const auto address = bound_address(socket);
  if (!address || !is_ours(address->sin_port)) return listen_at(socket, backlog);
  const int listening = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  std::array<int, 2> pair{-1, -1};
  const bool made = listening >= 0 && listen_at(listening, backlog) == 0 &&
                    fcntl(listening, F_SETFL, O_NONBLOCK) == 0 &&
                    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) == 0 &&
                    setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &kHandOverPatience,
                               sizeof kHandOverPatience) == 0 &&
                    dup3(pair[0], socket, O_CLOEXEC) >= 0;
  const int error = errno;
  if (pair[0] >= 0) close(pair[0]);
  if (!made) {
    if (listening >= 0) close(listening);
    if (pair[1] >= 0) close(pair[1]);
    errno = error;
    return -1;
  }
  const bool is_http = ntohs(address->sin_port) == settings_.http_port;
  {
    const std::scoped_lock lock(mutex_);
    addresses_[socket] = *address;
    listeners_[listening] = {.protocol = is_http ? Protocol::kHttp : Protocol::kNative,
                             .outlet = pair[1]};
    listening_of_outlet_[pair[1]] = listening;
  }
  epoll_event end{.events = 0, .data = tag(pair[1], 0)};  // EPOLLHUP: the library closed its end
  epoll_event connections{.events = EPOLLIN, .data = tag(listening, 0)};
  epoll_ctl(poll_, EPOLL_CTL_ADD, pair[1], &end);
  epoll_ctl(poll_, EPOLL_CTL_ADD, listening, &connections);
  return 0;
}

void Gate::close_listener(int listening) {
  const int outlet = listeners_.at(listening).outlet;
  listeners_.erase(listening);
  listening_of_outlet_.erase(outlet);
  close(listening);
  close(outlet);
  for (auto pending = pendings_.begin(); pending != pendings_.end();) {
    const auto next = std::next(pending);
    if (pending->listener.outlet == outlet) drop(pending);
    pending = next;
  }
}

void Gate::drop(Pendings::iterator pending) {
  close(pending->socket);  // which takes it out of the poll too
  pending_of_.erase(pending->socket);
  pendings_.erase(pending);
}

void Gate::accept_all(int listening) {
  const Listener listener = listeners_.at(listening);
  for (int i = 0; i != kAcceptsAtOnce; ++i) {
    const int socket = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) {
      // No descriptor is free: the oldest gives up its own.
      const bool is_full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS;
      if (is_full && !pendings_.empty()) drop(pendings_.begin());
      return;
    }
    if (pendings_.size() >= kMostPending) drop(pendings_.begin());
    if (++last_serial_ == 0) ++last_serial_;  // 0 are the listeners
    pendings_.push_back({.socket = socket,
                         .serial = last_serial_,
                         .listener = listener,
                         .deadline = steady_clock::now() + kPatience,
                         .is_answered = false});
    pending_of_[socket] = std::prev(pendings_.end());
    epoll_event bytes{.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data = tag(socket, last_serial_)};
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &bytes) != 0) drop(std::prev(pendings_.end()));
  }
}

void Gate::answer(Pending& pending, std::string_view text) {
  pending.is_answered = true;
  send(pending.socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  // Closed with bytes unread, the connection would be reset, and the answer lost on its way.
  shutdown(pending.socket, SHUT_WR);
}

void Gate::look(Pendings::iterator pending, std::uint32_t events) {
  const int socket = pending->socket;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return drop(pending);
  if (!pending->is_answered) {
    const ssize_t size = recv(socket, buffer_.data(), buffer_.size(), MSG_PEEK | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return drop(pending);
    const auto count = static_cast<std::size_t>(size);
    const Verdict verdict = judge(pending->listener.protocol,
                                  std::string_view(buffer_.data(), count), settings_.secrets);
    switch (verdict.kind) {
      case Verdict::Kind::kMore:
        // No more can come, or no more is read.
        if (count == buffer_.size() || (events & EPOLLRDHUP) != 0) drop(pending);
        return;
      case Verdict::Kind::kAdmit:
        epoll_ctl(poll_, EPOLL_CTL_DEL, socket, nullptr);
        send_connection(pending->listener.outlet, socket);
        return drop(pending);
      case Verdict::Kind::kAnswer:
        answer(*pending, verdict.answer);
        break;
    }
  }
  ssize_t size = 1;
  while (size > 0) size = recv(socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (size == 0 || (errno != EAGAIN && errno != EINTR)) drop(pending);
}

int Gate::milliseconds_to_wait() const {
  if (pendings_.empty()) return -1;
  const auto left = pendings_.front().deadline - steady_clock::now();
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(left).count()));
}

void Gate::run() {
  std::array<epoll_event, kEventsAtOnce> events{};
  while (true) {
    const int count = epoll_wait(poll_, events.data(), kEventsAtOnce, milliseconds_to_wait());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const auto socket = static_cast<int>(event.data.u64 & 0xFFFF'FFFFU);
      const auto serial = static_cast<std::uint32_t>(event.data.u64 >> 32U);
      if (serial != 0) {
        const auto found = pending_of_.find(socket);
        const bool is_there = found != pending_of_.end() && found->second->serial == serial;
        if (is_there) look(found->second, event.events);
        continue;
      }
      const std::scoped_lock lock(mutex_);
      if (const auto outlet = listening_of_outlet_.find(socket);
          outlet != listening_of_outlet_.end()) {
        close_listener(outlet->second);
      } else if (listeners_.contains(socket)) {
        accept_all(socket);
      }
    }
    while (!pendings_.empty() && pendings_.front().deadline <= steady_clock::now()) {
      drop(pendings_.begin());
    }
  }
}

}  // namespace qvdhouse::engine
