// The five fields of a cron line as sets of minutes, hours and days: pure calendar, no time zone.
#pragma once

#include <date/date.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::serve {

// Bit n of a set stands for the value n.
struct Cron {
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days = 0;  // of the month, from 1
  std::uint32_t months = 0;
  std::uint32_t weekdays = 0;  // 0 is Sunday
  // Both kinds of days are restricted (neither begins with `*`): then a day of either kind is due.
  bool takes_either_day = false;

  bool runs_all_hours() const { return hours == 0xFF'FFFF; }
  bool matches(date::local_days day) const;
};

// Fills `cron` from five fields in lower case. Returns what is wrong with them, in one clause;
// empty: nothing.
std::string parse_cron(const std::vector<std::string_view>& fields, Cron& cron);

}  // namespace qvdhouse::serve
