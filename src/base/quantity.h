// Counts as people read them, in messages and in what commands print.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace qvdhouse::base {

// "1,234,567"
inline std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// "1 file", "2 files": a noun whose plural is made with "s".
inline std::string format_quantity(std::uint64_t count, std::string_view noun) {
  return format_count(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

}  // namespace qvdhouse::base
