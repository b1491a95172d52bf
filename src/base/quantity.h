// Counts as people read them, in messages and in what commands print.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qvdhouse::base {

// "1,234,567"
std::string format_count(std::uint64_t count);
// "1 file", "2 files": a noun whose plural is made with "s".
std::string format_quantity(std::uint64_t count, std::string_view noun);

}  // namespace qvdhouse::base
