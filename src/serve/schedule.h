// When a workflow runs: QVD_SCHEDULE as five-field cron ("0 6 * * mon-fri"), "@hourly", "@daily",
// "@weekly", "@monthly", "@yearly" (also "@annually", "@midnight"), "@every 30s", a bare length of
// time ("5m", "1h30m"), or "@never" (only when asked for). Pure: no clock, no thread.
//
// Cron fields are wall-clock times of the time zone. A time that daylight saving skips runs at the
// first moment after the gap; one that it repeats runs at its first occurrence only; fields that are
// `*` in hour keep running through both hours of a repeat. As in cron(8), when both day of month and
// day of week are restricted, either matches.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::serve {

using Time = std::chrono::sys_seconds;

class Schedule {
 public:
  // `zone`: an IANA name, "UTC", or empty for the machine's. Throws ConfigError saying what is wrong
  // with the text, or that there is no such zone.
  static Schedule parse(std::string_view text, std::string_view zone);
  ~Schedule();
  Schedule(Schedule&&) noexcept;
  Schedule& operator=(Schedule&&) noexcept;
  Schedule(const Schedule&);
  Schedule& operator=(const Schedule&);

  // The first due time after `after`; none when there is none within 40 years ("0 0 30 2 *") or
  // for "@never". Lengths of time count from `anchor` (the service's first start), so that a
  // restart does not shift them.
  std::optional<Time> next(Time after, Time anchor) const;
  const std::string& text() const;

 private:
  struct Rule;
  std::shared_ptr<const Rule> rule_;
};

// Empty when the schedule is fine, else what is wrong with it, in one clause (for `config check`).
std::string schedule_error(std::string_view text);

}  // namespace qvdhouse::serve
