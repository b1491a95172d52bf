// When a workflow runs: QVD_SCHEDULE as five-field cron ("0 6 * * mon-fri"), "@hourly", "@daily",
// "@weekly", "@monthly", "@yearly" (also "@annually", "@midnight"), "@every 30s", a bare length of
// time ("5m", "1h30m"), or "@never" (only when asked for). Pure: no clock, no thread.
//
// Cron fields are wall-clock times of the time zone. Where the hours are restricted, a time that
// daylight saving skips runs at the first moment after the gap, and one that it repeats runs at its
// first occurrence only; so a daily run happens once a day. A line of all 24 hours follows real
// time: nothing is made up for, and both hours of a repeat run. As in cron(8), when both day of
// month and day of week are restricted (neither begins with `*`), either matches.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::serve {

using Time = std::chrono::sys_seconds;

class Schedule {
 public:
  // `zone`: an IANA name, "UTC", or empty for the machine's ($TZ, else /etc/localtime, else UTC).
  // Throws ConfigError saying what is wrong with the text, or that there is no such zone.
  static Schedule parse(std::string_view text, std::string_view zone);

  // The first due time after `after`; none when there is none within 40 years ("0 0 30 2 *") or
  // for "@never". Lengths of time count from `anchor`, which is itself a due time (the service's
  // first start), so that a restart does not shift them.
  std::optional<Time> next(Time after, Time anchor) const;
  // The last due time after `after` and not after `until`.
  std::optional<Time> newest(Time after, Time until, Time anchor) const;
  const std::string& text() const;  // as it was set
  const std::string& zone() const;  // "Europe/Berlin", "UTC"

 private:
  struct Rule;
  explicit Schedule(std::shared_ptr<const Rule> rule) : rule_(std::move(rule)) {}
  std::shared_ptr<const Rule> rule_;  // shared by copies: it never changes
};

// Empty when the schedule is fine, else what is wrong with it, in one clause (for `config check`).
std::string schedule_error(std::string_view text);

// Empty when there is such a time zone, else what is wrong with the name, in one clause.
std::string time_zone_error(std::string_view zone);

// All time zones of this machine by name; empty without the package tzdata.
std::vector<std::string> time_zone_names();

}  // namespace qvdhouse::serve
