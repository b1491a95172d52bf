#include "schema/patterns.h"

namespace qvdhouse::schema {

bool matches_pattern(std::string_view name, std::string_view pattern) {
  // Each `*` first stands for nothing; on a mismatch the last one takes a character more.
  std::size_t at = 0, in_pattern = 0;
  std::size_t star = std::string_view::npos, after_star = 0;
  while (at < name.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == name[at]) {
      ++at;
      ++in_pattern;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

std::optional<std::string_view> match_star(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos || !matches_pattern(name, pattern)) return std::nullopt;
  return name.substr(star, name.size() + 1 - pattern.size());
}

}  // namespace qvdhouse::schema
