// A TCP proxy on loopback that spoils the answers to requests for QVD files, some times, and then
// lets everything pass: what a bad network does to a good server.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <ostream>
#include <thread>

namespace qvdhouse::tests {

enum class Fault {
  kDrop,         // the connection is reset after `bytes` of the answer
  kHalfHeaders,  // it is closed in the middle of the status line
  k503,          // "503 Service Unavailable" instead of the answer
  kStall,        // nothing more comes after `bytes`, and the connection stays open
  kSlow,         // all comes, a little at a time
};
std::ostream& operator<<(std::ostream& out, Fault fault);

class FaultProxy {
 public:
  // Listens on a free port and passes on to 127.0.0.1:upstream. The answers to the first `times`
  // requests "GET …qvd…" are spoiled.
  FaultProxy(std::uint16_t upstream, Fault fault, int times, std::size_t bytes);
  // Closes all connections.
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::uint16_t port() const { return port_; }
  // How many answers have been spoiled.
  int spoiled() const { return spoiled_; }

 private:
  void accept_all(const std::stop_token& stop);
  void relay(int client, const std::stop_token& stop);
  bool take_one();
  bool answer_spoiled(int client, int server, const std::stop_token& stop) const;

  std::uint16_t upstream_;
  Fault fault_;
  int times_;
  std::size_t bytes_;
  std::uint16_t port_;
  int listener_;
  std::atomic<int> spoiled_{0};
  std::list<std::jthread> connections_;  // of the accepting thread
  std::jthread accepting_;
};

}  // namespace qvdhouse::tests
