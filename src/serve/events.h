// What happens, as it happens: one sequence of events that server-sent events, metrics and alerts
// follow. The newest are kept, so that a browser that lost its connection misses nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace qvdhouse::serve {

struct Event {
  std::uint64_t id = 0;  // 1, 2, 3, …
  // run_started, run_progress, run_finished, file_started, file_finished, workflow_changed,
  // health_changed, log
  std::string type;
  nlohmann::json data;
};

// Thread-safe.
class EventLog {
 public:
  explicit EventLog(std::size_t kept = 1'000);
  std::uint64_t add(std::string type, nlohmann::json data);
  // Those after `id`, at most `limit`. When `id` is older than what is kept, from the oldest kept.
  std::vector<Event> after(std::uint64_t id, std::size_t limit = 100) const;
  std::uint64_t last_id() const;
  // Called for each event, from the thread that adds it and without a lock, so two may come at once
  // and out of order; must be quick. At most a few listeners, which live as long as this.
  void listen(std::function<void(const Event&)> listener);

 private:
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::size_t kept_;
  std::uint64_t last_id_ = 0;
  std::vector<std::function<void(const Event&)>> listeners_;
};

}  // namespace qvdhouse::serve
