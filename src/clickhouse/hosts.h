// The addresses of servers that keep the same tables: whoever connects takes the one that answered
// last.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace qvdhouse::clickhouse {

// All members may be called by several threads.
class Hosts {
 public:
  // Not empty; as Endpoint::url. The first one is taken as long as it answers.
  explicit Hosts(std::vector<std::string> urls);

  const std::vector<std::string>& urls() const { return urls_; }
  std::string current() const;
  // The server there did not answer: whoever connects next takes the next one.
  void note_failure(const std::string& url);

 private:
  const std::vector<std::string> urls_;
  mutable std::mutex mutex_;
  std::size_t current_ = 0;
};

}  // namespace qvdhouse::clickhouse
