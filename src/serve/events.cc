#include "serve/events.h"

#include <algorithm>
#include <utility>

namespace qvdhouse::serve {

EventLog::EventLog(std::size_t kept) : kept_(kept) {}

std::uint64_t EventLog::add(std::string type, nlohmann::json data) {
  Event event;
  event.type = std::move(type);
  event.data = std::move(data);
  std::vector<std::function<void(const Event&)>> listeners;
  {
    const std::lock_guard lock(mutex_);
    event.id = ++last_id_;
    events_.push_back(event);
    if (events_.size() > kept_) events_.pop_front();
    listeners = listeners_;
  }
  // Without the lock: a listener may log, and what is logged becomes an event.
  for (const auto& listener : listeners) listener(event);
  return event.id;
}

std::vector<Event> EventLog::after(std::uint64_t id, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  // Ids have no gaps, so the first wanted one is found by counting.
  const std::uint64_t oldest = last_id_ - events_.size() + 1;
  const std::uint64_t first = std::max(id + 1, oldest);
  std::vector<Event> found;
  for (std::uint64_t next = first; next <= last_id_ && found.size() < limit; ++next) {
    found.push_back(events_[static_cast<std::size_t>(next - oldest)]);
  }
  return found;
}

std::uint64_t EventLog::last_id() const {
  const std::lock_guard lock(mutex_);
  return last_id_;
}

void EventLog::listen(std::function<void(const Event&)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

}  // namespace qvdhouse::serve
