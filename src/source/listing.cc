#include "source/listing.h"

#include <algorithm>
#include <string_view>

#include "base/ascii.h"

namespace qvdhouse::source {

bool same_etag(std::string_view a, std::string_view b) {
  const auto strong = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  return strong(a) == strong(b);
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view item =
        base::trimmed(std::string_view(text).substr(start, comma - start));
    if (!item.empty()) items.emplace_back(item);
    start = comma + 1;
  }
  return items;
}

}  // namespace qvdhouse::source
