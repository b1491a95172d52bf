#include "tests/support/collector.h"

#include <chrono>
#include <cstdlib>
#include <utility>

namespace qvdhouse::tests {

Collector::Collector(Answer answer)
    : answer_(std::move(answer)),
      server_(std::make_unique<LoopbackServer>([this](Peer& peer) { serve(peer); },
                                               LoopbackServer::Turns::kAtOnce)) {}

std::vector<Collector::Post> Collector::posts() const {
  const std::lock_guard lock(mutex_);
  return posts_;
}

bool Collector::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(120), [&] { return posts_.size() >= count; });
}

void Collector::serve(Peer& peer) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::string received;
  while (true) {
    const std::string bytes = peer.receive();
    if (bytes.empty()) return;
    received += bytes;
    const std::size_t end = received.find(kEnd);
    if (end == std::string::npos) continue;
    const TestServer::Request head{.text = received.substr(0, end + 2)};
    const std::size_t size = std::strtoull(head.header("Content-Length").c_str(), nullptr, 10);
    if (received.size() < end + kEnd.size() + size) continue;
    const std::size_t begin = head.text.find(' ') + 1;
    std::string answer;
    {
      const std::lock_guard lock(mutex_);
      answer = answer_(posts_.size());
      posts_.push_back({.path = head.text.substr(begin, head.text.find(' ', begin) - begin),
                        .head = head,
                        .body = received.substr(end + kEnd.size(), size)});
    }
    changed_.notify_all();
    received.erase(0, end + kEnd.size() + size);
    if (!answer.empty()) {
      if (!peer.send(answer)) return;
      continue;
    }
    while (!peer.receive().empty()) {
    }
    return;
  }
}

}  // namespace qvdhouse::tests
