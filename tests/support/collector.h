// A collector on loopback that keeps what it is sent: bodies of POSTs, with path and header.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/loopback_server.h"

namespace qvdhouse::tests {

class Collector {
 public:
  struct Post {
    std::string path;
    TestServer::Request head;  // its lines
    std::string body;
  };
  // What the request of that number (from 0) is answered; an empty text: nothing, it is let hang.
  using Answer = std::function<std::string(std::size_t index)>;

  explicit Collector(Answer answer = [](std::size_t) { return http_answer("200 OK"); });
  std::string url(std::string_view path = "") const { return server_->url(path); }
  std::vector<Post> posts() const;
  // Waits until there are so many; false: they do not come.
  bool wait_for(std::size_t count);

 private:
  void serve(Peer& peer);

  Answer answer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Post> posts_;
  std::unique_ptr<LoopbackServer> server_;  // ends first
};

}  // namespace qvdhouse::tests
