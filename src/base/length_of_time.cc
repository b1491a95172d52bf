#include "base/length_of_time.h"

#include <charconv>
#include <cstdint>

namespace qvdhouse::base {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

std::optional<seconds> parse_length_of_time(std::string_view text) {
  constexpr std::int64_t kMostSeconds = kLongestLength.count();
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc() || stop == end || count < 0 || count > kMostSeconds) return {};
    if (text.front() == '-') return {};
    switch (*stop) {
      case 'd':
        count *= seconds(days(1)).count();
        break;
      case 'h':
        count *= seconds(hours(1)).count();
        break;
      case 'm':
        count *= seconds(minutes(1)).count();
        break;
      case 's':
        break;
      default:
        return {};
    }
    total += count;
    if (total > kMostSeconds) return {};
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  }
  if (total == 0) return {};
  return seconds(total);
}

}  // namespace qvdhouse::base
