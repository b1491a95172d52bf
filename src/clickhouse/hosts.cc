#include "clickhouse/hosts.h"

#include <utility>

namespace qvdhouse::clickhouse {

Hosts::Hosts(std::vector<std::string> urls) : urls_(std::move(urls)) {}

std::string Hosts::current() const {
  const std::lock_guard lock(mutex_);
  return urls_[current_];
}

void Hosts::note_failure(const std::string& url) {
  const std::lock_guard lock(mutex_);
  if (urls_[current_] == url) current_ = (current_ + 1) % urls_.size();
}

}  // namespace qvdhouse::clickhouse
