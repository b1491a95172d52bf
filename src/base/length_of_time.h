// Lengths of time as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace qvdhouse::base {

inline constexpr std::chrono::seconds kLongestLength = std::chrono::days(40 * 366);

// "1h30m": numbers, each with a unit of d, h, m or s, in all more than nothing and at most 40
// years. Empty when it is anything else.
std::optional<std::chrono::seconds> parse_length_of_time(std::string_view text);

}  // namespace qvdhouse::base
