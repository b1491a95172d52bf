#include "serve/events.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

namespace qvdhouse::serve {

struct Listening::Listener {
  std::function<void(const Event&)> call;
  std::mutex mutex;
  std::condition_variable idle;
  unsigned calls = 0;  // under way
  bool is_over = false;

  bool begin() {
    const std::lock_guard lock(mutex);
    if (is_over) return false;
    ++calls;
    return true;
  }
  void end() {
    const std::lock_guard lock(mutex);
    if (--calls == 0) idle.notify_all();
  }
};

Listening::~Listening() {
  if (!listener_) return;
  std::unique_lock lock(listener_->mutex);
  listener_->is_over = true;
  listener_->idle.wait(lock, [&] { return listener_->calls == 0; });
}

Listening& Listening::operator=(Listening&& other) noexcept {
  std::swap(listener_, other.listener_);
  return *this;
}

EventLog::EventLog(std::size_t kept) : kept_(kept) {}

std::uint64_t EventLog::add(std::string type, nlohmann::json data) {
  Event event;
  event.type = std::move(type);
  event.data = std::move(data);
  std::vector<std::shared_ptr<Listening::Listener>> listeners;
  {
    const std::lock_guard lock(mutex_);
    event.id = ++last_id_;
    events_.push_back(event);
    if (events_.size() > kept_) events_.pop_front();
    std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
    for (const auto& listener : listeners_) {
      if (auto alive = listener.lock()) listeners.push_back(std::move(alive));
    }
  }
  // Without the lock: a listener may log, and what is logged becomes an event.
  for (const auto& listener : listeners) {
    if (!listener->begin()) continue;
    listener->call(event);
    listener->end();
  }
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

Listening EventLog::listen(std::function<void(const Event&)> listener) {
  Listening listening;
  listening.listener_ = std::make_shared<Listening::Listener>();
  listening.listener_->call = std::move(listener);
  const std::lock_guard lock(mutex_);
  listeners_.push_back(listening.listener_);
  return listening;
}

}  // namespace qvdhouse::serve
