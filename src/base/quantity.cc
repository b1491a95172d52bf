#include "base/quantity.h"

#include <cstddef>

namespace qvdhouse::base {

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string format_quantity(std::uint64_t count, std::string_view noun) {
  std::string text = format_count(count);
  text.append(" ").append(noun).append(count == 1 ? "" : "s");
  return text;
}

}  // namespace qvdhouse::base
