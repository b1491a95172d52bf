// What a workflow does at a moment, decided without clock or thread: due times, overlap, catch-up
// after a downtime, jitter, pause. The service asks it with the time; tests with a fake one.
//
// A due time is what the schedule says; its start is up to the jitter later, and always before the
// next due time. What a run asked for by hand does, the agenda does not see but as `is_running`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "serve/schedule.h"
#include "tracking/states.h"

namespace qvdhouse::serve {

enum class Overlap {
  kSkip,    // a run that is due while one is under way is left out, and recorded as skipped
  kBuffer,  // one of them is kept and starts when the one under way ends
};

struct AgendaOptions {
  Schedule schedule = Schedule::parse("@never", "UTC");
  Overlap overlap = Overlap::kSkip;
  // After a downtime the newest due time that was missed is made up for if it is not older than
  // this.
  std::chrono::seconds catch_up{std::chrono::hours(24)};
  // A start is put off by up to this: the same for the same workflow and due time (hashed, not
  // drawn), so that a restart does not change it.
  std::chrono::seconds jitter{0};
};

// What of a workflow survives a restart (tracking::WorkflowRecord has it).
struct AgendaState {
  Time anchor{};    // of lengths of time: when the service first saw the workflow
  Time last_due{};  // the newest due time that was run, skipped or missed; epoch: none
  bool is_paused = false;
  // Text and zone of the schedule that `last_due` belongs to. After a change nothing is made up
  // for: the new schedule begins with the moment it is first seen. Empty: not known.
  std::string schedule;
};

enum class Due { kNothing, kRun, kSkip };

struct AgendaStep {
  Due due = Due::kNothing;
  Time scheduled{};          // of kRun and kSkip
  bool is_catch_up = false;  // of kRun: more than a minute late, after a downtime
  // Why kSkip: kOverlap, or kMissed (older than the catch-up).
  tracking::ErrorClass reason = tracking::ErrorClass::kNone;
  std::uint64_t missed = 0;  // due times passed over together with this one; at most 10,000
};

class Agenda {
 public:
  Agenda(std::string workflow, AgendaOptions options, AgendaState state);

  // What is due at `now`; call until kNothing, and at once when a run has ended. Changes state() if
  // it is not kNothing, and when the schedule changed: the caller stores it before it acts.
  AgendaStep step(Time now, bool is_running);
  // When to call step() again at the latest; none: only after a change. It is never after the next
  // start, so a clock that is set forward delays nothing by more than the caller's own longest
  // wait.
  std::optional<Time> wake_at(Time now) const;
  // The start that a page shows (with jitter); none when paused or never.
  std::optional<Time> next_run(Time now) const;
  void set_paused(bool paused, Time now);  // unpausing makes up for nothing
  // Takes over what another machine has written of the workflow. `last_due` goes back for nobody.
  void adopt(AgendaState stored);
  const AgendaState& state() const { return state_; }
  const AgendaOptions& options() const { return options_; }

 private:
  Time base() const;  // due times after this one are open
  Time start_of(Time due) const;
  std::optional<Time> next(Time after) const;
  std::optional<Time> newest_to_start(Time now) const;
  std::uint64_t count_before(Time due) const;
  void settle(Time now);

  std::string workflow_;
  AgendaOptions options_;
  AgendaState state_;
  bool is_waiting_ = false;  // a run is due and kept until the one under way has ended
};

}  // namespace qvdhouse::serve
