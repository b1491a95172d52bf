// What a workflow does at a moment, decided without clock or thread: due times, overlap, catch-up
// after a downtime, jitter, pause. The service asks it with the time; tests with a fake one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serve/schedule.h"

namespace qvdhouse::serve {

enum class Overlap {
  kSkip,    // a run that is due while one is under way is left out, and recorded as skipped
  kBuffer,  // one of them is kept and starts when the one under way ends
};

struct AgendaOptions {
  Schedule schedule;
  Overlap overlap = Overlap::kSkip;
  // After a downtime the newest due time that was missed is made up for if it is no older than this.
  std::chrono::seconds catch_up{std::chrono::hours(24)};
  // A start is put off by up to this: the same for the same workflow and due time (hashed, not
  // drawn), so that a restart does not change it.
  std::chrono::seconds jitter{0};
};

// What of a workflow survives a restart (tracking::WorkflowRecord has it).
struct AgendaState {
  Time anchor{};         // of lengths of time: when the service first saw the workflow
  Time last_due{};       // the newest due time that was run, skipped or missed; epoch: none
  bool is_paused = false;
};

enum class Due { kNothing, kRun, kSkip };

struct AgendaStep {
  Due due = Due::kNothing;
  Time scheduled{};            // of kRun and kSkip
  std::string reason;          // of kSkip: "overlap", "paused", "missed"
  std::uint64_t missed = 0;    // due times passed over together with this one
};

class Agenda {
 public:
  Agenda(std::string workflow, AgendaOptions options, AgendaState state);

  // What is due at `now`; call until kNothing. Changes state(): the caller stores it before it acts.
  AgendaStep step(Time now, bool is_running);
  // When to call step() again at the latest; none: only after a change.
  std::optional<Time> wake_at(Time now) const;
  // The start that a page shows (with jitter); none when paused or never.
  std::optional<Time> next_run(Time now) const;
  void set_paused(bool paused, Time now);  // unpausing makes up for nothing
  const AgendaState& state() const { return state_; }
  const AgendaOptions& options() const { return options_; }

 private:
  std::string workflow_;
  AgendaOptions options_;
  AgendaState state_;
  std::optional<Time> buffered_;
};

}  // namespace qvdhouse::serve
