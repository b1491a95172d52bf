#include "sync/time_limit.h"

#include <fmt/format.h>

#include "base/pause.h"

namespace qvdhouse::sync {

TimedOut::TimedOut(std::chrono::seconds limit)
    : Error(fmt::format("it took longer than file_timeout allows ({} s)", limit.count())) {}

TimeLimit::TimeLimit(std::chrono::seconds limit, const std::stop_token& outer)
    : limit_(limit), forward_(outer, [this] { source_.request_stop(); }) {
  if (limit.count() == 0) return;
  timer_ = std::jthread([this, limit](const std::stop_token& end) {
    if (!base::pause_for(limit, end)) return;
    is_over_ = true;
    source_.request_stop();
  });
}

void TimeLimit::throw_if_over() const {
  if (is_over_) throw TimedOut(limit_);
}

}  // namespace qvdhouse::sync
