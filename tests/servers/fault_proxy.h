// A TCP proxy on loopback that spoils requests for QVD files, or statements to ClickHouse, some
// times, and then lets everything pass: what a bad network does to a good server.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace qvdhouse::tests {

enum class Fault {
  kDrop,         // the connection is reset after `bytes` of the answer
  kHalfHeaders,  // it is closed within the answer's header, after `bytes` of it, 12 to 150
  k503,          // "503 Service Unavailable" instead of the answer
  kStall,        // nothing more comes after `bytes`, and the connection stays open
  kSlow,         // all comes, a little at a time
  kCutRequest,   // the connection is closed after `bytes` of the request, if it is that long
  kLostReply,    // the whole request gets there, and is answered; the answer does not come back
};
std::ostream& operator<<(std::ostream& out, Fault fault);

// Which requests are spoiled.
struct FaultPlan {
  Fault fault = Fault::kDrop;
  int times = 0;
  std::size_t bytes = 0;
  std::string_view method = "GET ";  // of a request that counts
  std::string_view name = ".qvd";    // part of its first line
  std::string_view body = "";        // part of it, as far as it comes in one piece
  int after = 0;                     // so many of them pass before
  bool records = false;              // FaultProxy::recorded() is asked for
};
// A plan for ClickHouse, where every request is a POST.
FaultPlan statement_fault(Fault fault, int after, std::size_t bytes);

class FaultProxy {
 public:
  FaultProxy(std::uint16_t upstream, const FaultPlan& plan);
  // Listens on a free port and passes on to 127.0.0.1:upstream. The answers to the first `times`
  // requests "GET …qvd…" are spoiled.
  FaultProxy(std::uint16_t upstream, Fault fault, int times, std::size_t bytes);
  // A load balancer, which spoils nothing: each connection goes to the next of `upstreams`.
  explicit FaultProxy(std::vector<std::uint16_t> upstreams);
  // Closes all connections.
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::uint16_t port() const { return port_; }
  // How many answers have been spoiled.
  int spoiled() const { return spoiled_; }
  // How many requests of the kind that counts there were.
  int counted() const { return counted_; }
  // All bytes of both directions, connection by connection.
  std::string recorded() const;

 private:
  void accept_all(const std::stop_token& stop);
  void relay(int client, std::uint16_t upstream, std::size_t connection,
             const std::stop_token& stop);
  void record(std::size_t connection, bool from_server, const std::string& bytes);
  bool is_to_be_spoiled(std::string_view request);
  void spoil_request(int client, int server, std::string piece, const std::stop_token& stop) const;
  bool answer_spoiled(int client, int server, const std::stop_token& stop) const;

  FaultProxy(std::vector<std::uint16_t> upstreams, const FaultPlan& plan);

  std::vector<std::uint16_t> upstreams_;
  FaultPlan plan_;
  std::uint16_t port_;
  int listener_;
  mutable std::mutex mutex_;           // guards recorded_
  std::vector<std::string> recorded_;  // two a connection: what the client said, and the server
  std::atomic<int> counted_{0};
  std::atomic<int> spoiled_{0};
  std::list<std::jthread> connections_;  // of the accepting thread
  std::jthread accepting_;
};

}  // namespace qvdhouse::tests
