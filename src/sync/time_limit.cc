#include "sync/time_limit.h"

#include "base/pause.h"

namespace qvdhouse::sync {

TimeLimit::TimeLimit(std::chrono::seconds limit, const std::stop_token& outer)
    : forward_(outer, [this] { source_.request_stop(); }) {
  if (limit.count() == 0) return;
  timer_ = std::jthread([this, limit](const std::stop_token& end) {
    if (!base::pause_for(limit, end)) return;
    is_over_ = true;
    source_.request_stop();
  });
}

}  // namespace qvdhouse::sync
