#include "serve/agenda.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace qvdhouse::serve {
namespace {

using std::chrono::seconds;

// A start this late is still on time: the service looked a moment later, or a clock was set.
constexpr seconds kGrace{60};
constexpr std::uint64_t kMostCounted = 10'000;

// FNV-1a: the same in every build, so that a restart or an upgrade changes no start.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xCBF2'9CE4'8422'2325;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3;
  }
  return value ^ (value >> 32);
}

std::string identity(const Schedule& schedule) { return schedule.text() + " " + schedule.zone(); }

}  // namespace

Agenda::Agenda(std::string workflow, AgendaOptions options, AgendaState state)
    : workflow_(std::move(workflow)), options_(std::move(options)), state_(std::move(state)) {}

AgendaStep Agenda::step(Time now, bool is_running) {
  settle(now);
  AgendaStep step;
  if (state_.is_paused) return step;
  const std::optional<Time> due = newest_to_start(now);
  if (!due) return step;
  if (is_running && options_.overlap == Overlap::kBuffer) {
    is_waiting_ = true;
    return step;
  }
  const seconds late = now - start_of(*due);
  const bool was_waiting = std::exchange(is_waiting_, false);
  step.scheduled = *due;
  step.missed = count_before(*due);
  state_.last_due = *due;
  if (is_running) {
    step.due = Due::kSkip;
    step.reason = tracking::ErrorClass::kOverlap;
  } else if (!was_waiting && late > std::max(options_.catch_up, kGrace)) {
    step.due = Due::kSkip;
    step.reason = tracking::ErrorClass::kMissed;
  } else {
    step.due = Due::kRun;
    step.is_catch_up = !was_waiting && late > kGrace;
  }
  return step;
}

std::optional<Time> Agenda::wake_at(Time now) const {
  if (state_.is_paused) return std::nullopt;
  if (!is_waiting_ && newest_to_start(now)) return now;
  return next_run(now);
}

std::optional<Time> Agenda::next_run(Time now) const {
  if (state_.is_paused) return std::nullopt;
  // Its due time may have passed already, when it is put off by the jitter.
  const std::optional<Time> newest = options_.schedule.newest(base(), now, state_.anchor);
  if (newest && start_of(*newest) > now) return start_of(*newest);
  const std::optional<Time> due = next(std::max(base(), now));
  if (!due) return std::nullopt;
  return start_of(*due);
}

void Agenda::set_paused(bool paused, Time now) {
  if (state_.is_paused && !paused) state_.last_due = now;
  state_.is_paused = paused;
  is_waiting_ = false;
}

// A schedule that is not ours is another configuration's: the change to ours is not made again.
void Agenda::adopt(AgendaState stored) {
  stored.last_due = std::max(stored.last_due, state_.last_due);
  if (stored.schedule != identity(options_.schedule)) stored.schedule = state_.schedule;
  state_ = std::move(stored);
  is_waiting_ = false;
}

Time Agenda::base() const {
  return state_.last_due == Time() ? state_.anchor - seconds(1) : state_.last_due;
}

Time Agenda::start_of(Time due) const {
  if (options_.jitter <= seconds(0)) return due;
  const std::optional<Time> following = next(due);
  const seconds room = following ? *following - due - seconds(1) : options_.jitter;
  const auto choices = static_cast<std::uint64_t>(std::min(options_.jitter, room).count()) + 1;
  const std::string drawn_from = workflow_ + "@" + std::to_string(due.time_since_epoch().count());
  return due + seconds(hash(drawn_from) % choices);
}

std::optional<Time> Agenda::next(Time after) const {
  return options_.schedule.next(after, state_.anchor);
}

// Starts lie in the order of due times: so if the newest is put off beyond `now`, the one before it
// is not.
std::optional<Time> Agenda::newest_to_start(Time now) const {
  const Schedule& schedule = options_.schedule;
  const std::optional<Time> due = schedule.newest(base(), now, state_.anchor);
  if (!due || start_of(*due) <= now) return due;
  return schedule.newest(base(), *due - seconds(1), state_.anchor);
}

std::uint64_t Agenda::count_before(Time due) const {
  std::uint64_t count = 0;
  for (std::optional<Time> passed = next(base()); passed && *passed < due && count < kMostCounted;
       passed = next(*passed)) {
    ++count;
  }
  return count;
}

// Makes the state fit the moment: another schedule, or a clock that was far ahead, begins again.
void Agenda::settle(Time now) {
  std::string schedule = identity(options_.schedule);
  const bool is_changed = !state_.schedule.empty() && state_.schedule != schedule;
  if (is_changed || base() > now + kGrace) state_.last_due = now;
  state_.schedule = std::move(schedule);
}

}  // namespace qvdhouse::serve
