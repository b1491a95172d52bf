// Whether QVD_SCHEDULE can be understood: a check of its text only, pure and without a clock.
//
// Accepted: five-field cron ("0 6 * * mon-fri"), "@yearly" "@annually" "@monthly" "@weekly"
// "@daily"
// "@midnight" "@hourly", "@every 30s", and a bare length of time ("5m", "1h30m").
#pragma once

#include <string>
#include <string_view>

namespace qvdhouse::cli {

// Empty when the schedule is fine, else what is wrong with it, in one clause.
std::string schedule_error(std::string_view schedule);

}  // namespace qvdhouse::cli
