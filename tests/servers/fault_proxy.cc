#include "tests/servers/fault_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/loopback.h"

namespace qvdhouse::tests {
namespace {

constexpr int kPollMs = 50;
constexpr std::size_t kHalfHeaderBytes = 12;   // of the status line
constexpr std::size_t kMostHeaderBytes = 150;  // shorter than any header of ClickHouse's
constexpr std::size_t kSlowBytes = 16'384;
constexpr std::chrono::milliseconds kSlowPause{2};

// Bytes that are there, at most `limit`; empty at the end of the stream.
std::string receive(int socket, std::size_t limit = 65'536) {
  std::string text(limit, '\0');
  const ssize_t count = ::recv(socket, text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// Waits until one of the two can be read.
bool readable(int socket, int other, const std::stop_token& stop, bool& other_is) {
  while (!stop.stop_requested()) {
    pollfd both[] = {{socket, POLLIN, 0}, {other, POLLIN, 0}};
    if (::poll(both, 2, kPollMs) <= 0) continue;
    other_is = both[0].revents == 0;
    return true;
  }
  return false;
}

void reset(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Fault fault) {
  constexpr const char* kNames[] = {"drop", "half_headers", "503",       "stall",
                                    "slow", "cut_request",  "lost_reply"};
  return out << kNames[static_cast<int>(fault)];
}

FaultPlan statement_fault(Fault fault, int after, std::size_t bytes) {
  return {
      .fault = fault, .times = 1, .bytes = bytes, .method = "POST ", .name = "", .after = after};
}

FaultProxy::FaultProxy(std::uint16_t upstream, Fault fault, int times, std::size_t bytes)
    : FaultProxy(upstream, FaultPlan{.fault = fault, .times = times, .bytes = bytes}) {}

FaultProxy::FaultProxy(std::uint16_t upstream, const FaultPlan& plan)
    : FaultProxy(std::vector<std::uint16_t>{upstream}, plan) {}

FaultProxy::FaultProxy(std::vector<std::uint16_t> upstreams)
    : FaultProxy(std::move(upstreams), FaultPlan{}) {}

FaultProxy::FaultProxy(std::vector<std::uint16_t> upstreams, const FaultPlan& plan)
    : upstreams_(std::move(upstreams)),
      plan_(plan),
      port_(free_port()),
      listener_(listen_on(port_)),
      accepting_([this](const std::stop_token& stop) { accept_all(stop); }) {}

FaultProxy::~FaultProxy() {
  accepting_.request_stop();
  accepting_.join();
  connections_.clear();
  ::close(listener_);
}

void FaultProxy::accept_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::uint16_t upstream = upstreams_[connections_.size() % upstreams_.size()];
    connections_.emplace_back(
        [this, client, upstream, number = connections_.size()](const std::stop_token& ended) {
          relay(client, upstream, number, ended);
        });
  }
}

bool FaultProxy::is_to_be_spoiled(std::string_view request) {
  const std::string_view line = request.substr(0, request.find('\r'));
  if (!line.starts_with(plan_.method) || line.find(plan_.name) == std::string_view::npos ||
      request.find(plan_.body) == std::string_view::npos) {
    return false;
  }
  const int before = counted_++;
  if (before < plan_.after || before >= plan_.after + plan_.times) return false;
  ++spoiled_;
  return true;
}

void FaultProxy::record(std::size_t connection, bool from_server, const std::string& bytes) {
  if (!plan_.records) return;
  const std::lock_guard lock(mutex_);
  const std::size_t at = 2 * connection + (from_server ? 1 : 0);
  if (recorded_.size() <= at) recorded_.resize(at + 1);
  recorded_[at] += bytes;
}

std::string FaultProxy::recorded() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const std::string& said : recorded_) all += said + "\n";
  return all;
}

void FaultProxy::relay(int client, std::uint16_t upstream, std::size_t connection,
                       const std::stop_token& stop) {
  const int server = connect_to(upstream);
  for (bool from_server = false; server >= 0 && readable(client, server, stop, from_server);) {
    const std::string bytes = receive(from_server ? server : client);
    if (bytes.empty()) break;
    record(connection, from_server, bytes);
    const bool spoil = !from_server && is_to_be_spoiled(bytes);
    if (spoil && (plan_.fault == Fault::kCutRequest || plan_.fault == Fault::kLostReply)) {
      spoil_request(client, server, bytes, stop);
      break;
    }
    if (spoil && plan_.fault == Fault::k503) {
      send_all(client,
               "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
               "Connection: close\r\n\r\n");
      break;
    }
    if (!send_all(from_server ? client : server, bytes)) break;
    if (spoil && !answer_spoiled(client, server, stop)) break;
  }
  ::close(client);
  if (server >= 0) ::close(server);
}

void FaultProxy::spoil_request(int client, int server, std::string piece,
                               const std::stop_token& stop) const {
  const bool cuts = plan_.fault == Fault::kCutRequest;
  std::size_t left = plan_.bytes;
  while (!piece.empty()) {
    if (cuts) piece.resize(std::min(piece.size(), left));
    if (!send_all(server, piece)) return;
    left -= cuts ? piece.size() : 0;
    if (cuts && left == 0) return;
    bool answered = false;
    if (!readable(client, server, stop, answered)) return;
    if (answered) return reset(client);
    piece = receive(client);
  }
}

// Whether the connection may go on.
bool FaultProxy::answer_spoiled(int client, int server, const std::stop_token& stop) const {
  std::size_t left = plan_.bytes;
  if (plan_.fault == Fault::kHalfHeaders) {
    left = std::clamp(left, kHalfHeaderBytes, kMostHeaderBytes);
  }
  bool from_client = false;
  while (readable(server, client, stop, from_client)) {
    if (from_client) return false;
    if (left == 0 && plan_.fault == Fault::kStall) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
      pollfd watched{client, POLLRDHUP, 0};
      if (::poll(&watched, 1, 0) > 0) return false;
      continue;
    }
    if (left == 0) {
      if (plan_.fault == Fault::kDrop) reset(client);
      return false;
    }
    const bool slow = plan_.fault == Fault::kSlow;
    const std::string bytes = receive(server, slow ? kSlowBytes : left);
    if (bytes.empty() || !send_all(client, bytes)) return false;
    if (slow) {
      std::this_thread::sleep_for(kSlowPause);
      if (bytes.size() < kSlowBytes) return true;
    } else {
      left -= bytes.size();
    }
  }
  return false;
}

}  // namespace qvdhouse::tests
