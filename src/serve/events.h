// What happens, as it happens: one sequence of events that server-sent events, metrics and alerts
// follow. The newest are kept, so that a browser that lost its connection misses nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/outcome.h"
#include "tracking/states.h"

namespace qvdhouse::serve {

// NOLINTNEXTLINE(bugprone-exception-escape): a json that is moved from throws nothing
struct Event {
  std::uint64_t id = 0;  // 1, 2, 3, …
  // run_started, run_progress, run_finished, file_started, file_finished, workflow_changed,
  // health_changed, log
  std::string type;
  nlohmann::json data;
};

class EventLog;

// While it lives, a listener is called. Its end waits for calls under way, so it must not end in
// one, and not with a lock held that the listener takes.
class Listening {
 public:
  Listening() = default;
  ~Listening();
  Listening(Listening&&) noexcept = default;
  Listening& operator=(Listening&& other) noexcept;

 private:
  friend class EventLog;
  struct Listener;
  std::shared_ptr<Listener> listener_;
};

// Thread-safe.
class EventLog {
 public:
  explicit EventLog(std::size_t kept = 1'000);
  std::uint64_t add(std::string type, nlohmann::json data);
  // Those after `id`, at most `limit`. When `id` is older than what is kept, from the oldest kept.
  std::vector<Event> after(std::uint64_t id, std::size_t limit = 100) const;
  std::uint64_t last_id() const;
  // Called for each event, from the thread that adds it, so two may come at once and out of order;
  // must be quick, and must not call the service (which may hold its lock while it tells).
  [[nodiscard]] Listening listen(std::function<void(const Event&)> listener);

 private:
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::size_t kept_;
  std::uint64_t last_id_ = 0;
  std::vector<std::weak_ptr<Listening::Listener>> listeners_;
};

// Members of an event's data, read so that a missing or strange one is empty or 0 and never an
// error: who follows events must not be ended by one.
inline std::string text_of(const nlohmann::json& data, const char* name) {
  const auto found = data.find(name);
  return found != data.end() && found->is_string() ? found->get<std::string>() : "";
}

inline double number_of(const nlohmann::json& data, const char* name) {
  const auto found = data.find(name);
  return found != data.end() && found->is_number() ? found->get<double>() : 0;
}

inline std::uint64_t count_of(const nlohmann::json& data, const char* name) {
  const auto found = data.find(name);
  return found != data.end() && found->is_number_integer() && *found >= 0
             ? found->get<std::uint64_t>()
             : 0;
}

// The objects of a list.
inline std::vector<nlohmann::json> list_of(const nlohmann::json& data, const char* name) {
  std::vector<nlohmann::json> list;
  const auto found = data.find(name);
  if (found == data.end() || !found->is_array()) return list;
  for (const nlohmann::json& one : *found) {
    if (one.is_object()) list.push_back(one);
  }
  return list;
}

// The status of a run, and of a file; empty when the event has none.
inline std::optional<tracking::RunState> run_state_of(const nlohmann::json& data) {
  return base::parse<tracking::RunState>(text_of(data, "status"));
}
inline std::optional<sync::Outcome> outcome_of(const nlohmann::json& data) {
  return base::parse<sync::Outcome>(text_of(data, "status"));
}

// Whether the run or the file needs a look.
inline bool is_bad(std::optional<tracking::RunState> state) {
  using tracking::RunState;
  return state == RunState::kFailed || state == RunState::kPartial || state == RunState::kLost;
}
inline bool is_bad(std::optional<sync::Outcome> outcome) {
  return outcome == sync::Outcome::kFailed;
}

}  // namespace qvdhouse::serve
