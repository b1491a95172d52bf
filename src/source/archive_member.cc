#include "source/archive_member.h"

#include <algorithm>

namespace qvdhouse::source {

std::string member_path(std::string_view name) {
  std::string path;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t slash = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, slash - start);
    start = slash + 1;
    if (part.empty() || part == ".") continue;
    path.append(path.empty() ? "" : "/").append(part);
  }
  return path;
}

std::string why_unnamed(std::string_view path) {
  if (path.find("::") != std::string_view::npos) {
    return "its name has a \"::\" in it, which ends a name in zip://MEMBER::PLACE; give it another";
  }
  if (path.find('\0') != std::string_view::npos) return "its name has a NUL byte in it";
  return {};
}

}  // namespace qvdhouse::source
